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
    "pledge": "承诺审定后随即公开，到期评诺后自动办结，无需另外报送。",
    "posts": "设立先锋岗并有党员驻岗后，这项任务自动办结，无需另外报送。",
}


# Proofs with a record of their own: what the button says, and the pages that begin one and go on with one.
RECORDS = {
    "gathering": ("记录活动", "study:gathering"),
    "paper": ("填写材料", "plan:paper"),
    "pledge_form": ("填写承诺书", "commitments:pledge"),
    "week": ("填写活动周", "commitments:week"),
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
        case "pledge" if duty.occasion_id:
            return "打开承诺", reverse("commitments:pledge_of", args=[duty.occasion_id])
        case "posts":
            return "安排驻岗", reverse("commitments:post_list")
        case proof if proof in RECORDS:
            label, page = RECORDS[proof]
            record = getattr(duty, "draft_record_id", None)
            if record:
                return "继续填写", reverse(f"{page}_edit", args=[record])
            if begun:
                return "继续填写", reverse("plan:filing_detail", args=[begun])
            return label, reverse(f"{page}_new") + asked
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
