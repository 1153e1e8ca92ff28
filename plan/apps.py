from datetime import datetime
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from branches.models import Committee


class PlanConfig(AppConfig):
    name = "plan"
    verbose_name = "实施方案与任务"

    def ready(self) -> None:
        """Ask the roster to be told: whoever joins owes at once what is still to come of the year's plan."""
        from branches import append_only
        from branches.roster import after_roster_change

        after_roster_change.append(_open_for_newcomers)
        # What was filed, and the course it took, is never changed and never deleted.
        append_only.protect("plan_version")
        append_only.protect("plan_move")
        from plan.merging import register

        register()
        from inbox.offered import office_allows
        from plan.policy_form import ways_of

        office_allows.append(ways_of)
        from plan.opening import after_opening
        from plan.reliefs import apply_to_new

        after_opening.append(apply_to_new)


def _open_for_newcomers(committee: "Committee", at: datetime) -> None:
    from plan.opening import open_for_newcomers

    open_for_newcomers(committee, at=at)
