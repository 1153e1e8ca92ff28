from django.apps import AppConfig


class CommitmentsConfig(AppConfig):
    name = "commitments"
    verbose_name = "承诺践诺"

    def ready(self) -> None:
        """Say what a merge of members does here, what is reminded of, and what follows an opening."""
        from commitments.merging import register

        register()
        from commitments.reminding import register as register_reminders

        register_reminders()
        from commitments.posting import settle_opened
        from plan.opening import after_opening

        # Who stands on a pioneer post when a year's duties are opened has done what that year asks.
        after_opening.append(settle_opened)
