"""What people did and mean to do: study plans, gatherings and the mobile branch."""

from study.models.gatherings import Attendance, CheckIn, Gathering, Partner, Resolution, Speech, Vote
from study.models.mobile import CalendarFeed, Channel, Delivery, GroupReminder, Push, PushFile, Studied
from study.models.plans import BranchPlan, Kind, Material, MemberPlan, Method, PlanItem, WeekItem

__all__ = [
    "Attendance",
    "BranchPlan",
    "CalendarFeed",
    "Channel",
    "CheckIn",
    "Delivery",
    "Gathering",
    "GroupReminder",
    "Kind",
    "Material",
    "MemberPlan",
    "Method",
    "Partner",
    "PlanItem",
    "Push",
    "PushFile",
    "Resolution",
    "Speech",
    "Studied",
    "Vote",
    "WeekItem",
]
