"""What becomes of the rows of background work when two entries of one member become one (`branches.merging`)."""

from branches.merging import DECISIONS, STAYS, Decision


def register() -> None:
    DECISIONS.update({"jobs.Job.asked_by": Decision("后台任务", carry=STAYS)})
