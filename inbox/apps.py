from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "inbox"
    verbose_name = "消息"

    def ready(self) -> None:
        from inbox.merging import register

        register()
