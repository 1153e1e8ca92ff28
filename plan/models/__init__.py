"""What is owed: the plan as issued, its requirements, the duties opened from them, and what was filed for them."""

from plan.models.duties import DONE, OPEN, Claim, Duty, DutyQuerySet, Standing, unsettled
from plan.models.evidence import Attachment, Paper, Picture, PictureQuerySet
from plan.models.filings import Filing, FilingQuerySet, Move, Receipt, Version, under
from plan.models.plans import NEAREST_FIRST, DraftChanged, DraftExists, Plan, PlanIsIssued, Reading, Requirement
from plan.models.reliefs import DutyChange, Relief
from plan.models.reminders import LeadTime, Reminder, ReminderPolicy, Said, SavedView
from plan.models.workdays import SpecialDay

__all__ = [
    "DONE",
    "NEAREST_FIRST",
    "OPEN",
    "Attachment",
    "Claim",
    "DraftChanged",
    "DraftExists",
    "Duty",
    "DutyChange",
    "DutyQuerySet",
    "Filing",
    "FilingQuerySet",
    "LeadTime",
    "Move",
    "Paper",
    "Picture",
    "PictureQuerySet",
    "Plan",
    "PlanIsIssued",
    "Reading",
    "Receipt",
    "Relief",
    "Reminder",
    "ReminderPolicy",
    "Requirement",
    "Said",
    "SavedView",
    "SpecialDay",
    "Standing",
    "Version",
    "under",
    "unsettled",
]
