from django.apps import AppConfig


class CommitmentsConfig(AppConfig):
    name = "commitments"
    verbose_name = "承诺践诺"

    def ready(self) -> None:
        """Say what a merge of two members' entries does here, and what people are reminded of beside their duties."""
        from commitments.merging import register

        register()
        from commitments.reminding import register as register_reminders

        register_reminders()
