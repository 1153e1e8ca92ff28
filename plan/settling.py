"""Where a duty is settled: the one page and button that every list, home and duty page leads to."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from branches.access import Access
from plan.models import Duty, Standing

# Settled by what others file or approve: nobody sends anything for the duty itself.
BY_ITSELF = {
    "approvals": "本支部每份个人自学计划都审定后，这项任务自动办结，无需另外报送。",
    "own_record": "本人的个人自学计划和承诺都审定后，这项任务自动办结，无需另外报送。",
    "lines": "在个人自学计划中逐周填写完成情况即可，无需另外报送。",
    "pledge": "承诺审定并公开后办结，无需另外报送。",
}


def settle_url(duty: Duty) -> tuple[str, str] | None:
    """The label and address of the page that settles the duty, or None where nothing is left to do or to send.

    Reads the annotations of `with_standing` (a filing that was sent back) and `with_draft` (an existing draft), and
    asks no query itself. Whether this person may is `may_settle`.
    """
    if getattr(duty, "standing", "") == Standing.SENT_BACK and duty.settled_by_id:
        return "查看意见并补正", reverse("plan:filing_detail", args=[duty.settled_by_id])
    if duty.settled_at or duty.exempted_at:
        return None
    begun = getattr(duty, "draft_id", None) or duty.occasion_id
    asked = "?" + urlencode({"duty": duty.pk})
    match duty.requirement.proof:
        case "branch_plan":
            return ("继续填写" if begun else "填写学习计划"), reverse("study:branch_plan")
        case "member_plan":
            return ("继续填写" if begun else "填写自学计划"), reverse("study:member_plan")
        case "approvals":
            return "审定个人计划", reverse("study:plan_review")
        case "gathering" | "paper" as proof:
            record = getattr(duty, "draft_record_id", None)
            if record:
                page = "study:gathering_edit" if proof == "gathering" else "plan:paper_edit"
                return "继续填写", reverse(page, args=[record])
            if begun:
                return "继续填写", reverse("plan:filing_detail", args=[begun])
            if proof == "gathering":
                return "记录活动", reverse("study:gathering_new") + asked
            return "填写材料", reverse("plan:paper_new") + asked
    return None


def may_settle(access: Access, duty: Duty) -> bool:
    """May this person do what settles the duty? The member, the branch's leaders, or the office for the committee."""
    if duty.member_id:
        return duty.member_id == access.member_id
    if duty.branch_id:
        who = access.files_for if duty.requirement.proof == "approvals" else access.leads
        return duty.branch_id in who
    return duty.committee_id in access.office_of


def settled_how(duty: Duty) -> str:
    """One sentence where the duty is settled by other records; empty where it has a page of its own."""
    return BY_ITSELF.get(duty.requirement.proof, "")
