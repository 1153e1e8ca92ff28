"""What becomes of pledges and posts when two entries of one member become one (`branches.merging`)."""

from __future__ import annotations

from branches.merging import DECISIONS, STAYS, Decision, Moved, moving
from branches.models import Member
from commitments.models import Judgement, Nomination, Term


def _carry_judgements(kept: Member, gone: Member) -> Moved:
    """Of an item that both entries judged, what the kept entry said stays."""
    theirs = Judgement.objects.filter(member=kept).values_list("item", flat=True)
    doubled, _ = Judgement.objects.filter(member=gone, item__in=list(theirs)).delete()
    moved = Judgement.objects.filter(member=gone).update(member=kept)
    return Moved(moved, f"另有{doubled}条两个条目都有，只留保留条目的一条" if doubled else "")


def _carry_nominations(kept: Member, gone: Member) -> Moved:
    """Where both are put forward in one branch, the gone entry's ends: one person is put forward once."""
    open_now = (Nomination.State.ASKED, Nomination.State.ACCEPTED)
    theirs = Nomination.objects.filter(member=kept, state__in=open_now).values_list("branch", flat=True)
    doubled = Nomination.objects.filter(member=gone, state__in=open_now, branch__in=list(theirs)).update(
        state=Nomination.State.WITHDRAWN
    )
    moved = Nomination.objects.filter(member=gone).update(member=kept)
    return Moved(moved, f"其中{doubled}条与保留条目重复，已退出" if doubled else "")


def _carry_terms(kept: Member, gone: Member) -> Moved:
    """Where both stand on a post today, the gone entry's term ends: one person stands on one post at a time."""
    note = ""
    here = Term.objects.running().filter(member=kept).first()
    there = Term.objects.running().filter(member=gone).first()
    if here and there:
        # The last day that both can have: where the kept entry's term began, or the other's own first day.
        Term.objects.filter(pk=there.pk).update(
            ended_on=max(there.from_on, here.from_on), end=Term.End.LEFT, end_reason="与本人另一条目合并"
        )
        note = "其中1次驻岗与保留条目重叠，已结束"
    moved = Term.objects.filter(member=gone).update(member=kept)
    return Moved(moved, note)


def register() -> None:
    DECISIONS.update(
        {
            # After the filings, which have moved by now.
            "commitments.Pledge.member": Decision("承诺", "份", moving("commitments.Pledge", "member")),
            "commitments.Judgement.member": Decision("承诺互评", "条", _carry_judgements),
            "commitments.Nomination.member": Decision("先锋岗人选", "条", _carry_nominations),
            "commitments.Term.member": Decision("驻岗", "次", _carry_terms),
            "commitments.WeekAction.member": Decision("活动周行动", "条", moving("commitments.WeekAction", "member")),
            "commitments.PledgeStep.made_by": Decision("承诺办理记录", carry=STAYS),
            "commitments.Progress.told_by": Decision("承诺进展", carry=STAYS),
            "commitments.Question.asked_by": Decision("承诺意见", carry=STAYS),
            "commitments.Question.answered_by": Decision("承诺意见", carry=STAYS),
            "commitments.PioneerPost.created_by": Decision("党员先锋岗", carry=STAYS),
            "commitments.Nomination.nominated_by": Decision("先锋岗人选", carry=STAYS),
            "commitments.Nomination.decided_by": Decision("先锋岗人选", carry=STAYS),
            "commitments.Rotation.adopted_by": Decision("驻岗安排", carry=STAYS),
            "commitments.Term.begun_by": Decision("驻岗", carry=STAYS),
            "commitments.Handover.written_by": Decision("先锋岗交接", carry=STAYS),
            "commitments.Feature.created_by": Decision("特色工作", carry=STAYS),
            "commitments.Feature.changed_by": Decision("特色工作", carry=STAYS),
            "commitments.FeaturePicture.added_by": Decision("特色工作图片", carry=STAYS),
        }
    )
