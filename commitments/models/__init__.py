"""What is promised and kept: pledges, the posts that model members stand on, the activity weeks."""

from commitments.models.pledges import (
    Judgement,
    Pledge,
    PledgeItem,
    PledgeQuerySet,
    PledgeStep,
    Progress,
    Question,
    Result,
    Stage,
)
from commitments.models.posts import (
    Handover,
    Nomination,
    NominationQuerySet,
    PioneerPost,
    PioneerPostQuerySet,
    Rotation,
    Term,
    TermQuerySet,
)
from commitments.models.weeks import ActivityWeek, Feature, FeaturePicture, FeatureQuerySet, WeekAction

__all__ = [
    "ActivityWeek",
    "Feature",
    "FeaturePicture",
    "FeatureQuerySet",
    "Handover",
    "Judgement",
    "Nomination",
    "NominationQuerySet",
    "PioneerPost",
    "PioneerPostQuerySet",
    "Pledge",
    "PledgeItem",
    "PledgeQuerySet",
    "PledgeStep",
    "Progress",
    "Question",
    "Result",
    "Rotation",
    "Stage",
    "Term",
    "TermQuerySet",
    "WeekAction",
]
