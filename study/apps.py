from django.apps import AppConfig


class StudyConfig(AppConfig):
    name = "study"
    verbose_name = "学习与活动"

    def ready(self) -> None:
        """Say what a merge of two members' entries does here, and what people are reminded of beside their duties."""
        from study.merging import register

        register()
        from study.reminding import register as register_reminders

        register_reminders()
