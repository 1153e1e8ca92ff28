"""What is not everybody's: records of the second branch and of another committee, each with a word of its own.

Whoever may not see a record must not meet its word on any page or in any file (`tests/test_nothing_foreign.py`); the
command that takes the guards away one by one (`tests/guards.py`) looks for the same words.
"""

from __future__ import annotations

import html
import io
import json
import zipfile
from datetime import date

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.urls import reverse

from branches import audit
from branches.access import Access
from branches.models import Branch, Committee, Member
from commitments.models import ActivityWeek, Feature, WeekAction
from jobs.models import Job
from plan.models import Filing, Plan, Relief
from plan.moves import begin
from study.models import BranchPlan, Channel, Gathering, MemberPlan, PlanItem, Push, WeekItem
from tests.commitments.weeks import feature_by, kept_week, week_by
from tests.conftest import at, make_world
from tests.plan.filed import duty_of, paper_by
from tests.records import WRITTEN, Records, make_records, relief_of, sent, told
from tests.study.pushed import push_by, sent_out

LEADER, OWN, ABOVE = "other_secretary", "other_member", ("office", "inspector")

# The word, and who may meet it.
WORDS: dict[str, frozenset[str]] = {
    "科研已报的活动": frozenset({LEADER, OWN, *ABOVE}),
    "科研未报的活动": frozenset({LEADER}),
    "科研已报的支部计划": frozenset({LEADER, OWN, *ABOVE}),
    "科研已报的个人计划": frozenset({LEADER, OWN, *ABOVE}),
    "科研未报的个人材料": frozenset({OWN}),
    "科研未报的支部材料": frozenset({LEADER}),
    "办公室未报的材料": frozenset({"office"}),
    "科研推了的推送": frozenset({LEADER, OWN, *ABOVE}),
    "科研申请延期的理由": frozenset({LEADER, OWN, *ABOVE}),
    "科研没推的推送": frozenset({LEADER}),
    # What one person was told is that person's alone: not the leader's, not the office's.
    "孙丽的站内消息": frozenset({OWN}),
    "机关没推的推送": frozenset({"office"}),
    # A week's draft is its leaders'; kept, it and the features are the branch's and the offices' above.
    "科研留存的活动周": frozenset({LEADER, OWN, *ABOVE}),
    "科研未留存的活动周": frozenset({LEADER}),
    "科研的特色工作": frozenset({LEADER, OWN, *ABOVE}),
    # What stands in a member's entry, and not beside the name on the branch's page that all of the branch see.
    "教务一科调研员": frozenset({"secretary", "deputy", "commissioner", *ABOVE}),
    # A branch's name: the other's members have no business that names it, its leaders may hold a gathering with it.
    "科研处党支部": frozenset({LEADER, OWN, "secretary", "deputy", "commissioner", *ABOVE, "auditor", "sysadmin"}),
    # Another committee's: nobody of this one meets them.
    "外院党委": frozenset(),
    "外院的记录": frozenset(),
    "外院的方案": frozenset(),
    "外院的支部": frozenset(),
    "欧阳外人": frozenset(),
}


def gathering(word: str, branch: Branch, access: Access) -> Gathering:
    filing = begin(kind="gathering", access=access, title=word, year=2018, branch=branch, desk="office",
                   handling="inform")  # fmt: skip
    return Gathering.objects.create(
        filing=filing, branch=branch, title=word, kinds=["theme_day"], held_at=at("2018-07-02 09:00"),
        ended_at=at("2018-07-02 11:00"), place="会议室", content=f"{word}的内容。", host=access.member,
        recorder=access.member,
    )  # fmt: skip


def member_plan(word: str, branch: Branch, access: Access, plan: Plan) -> MemberPlan:
    filing = begin(kind="member_plan", access=access, title=word, year=2018, branch=branch, member=access.member,
                   desk="branch", handling="approve")  # fmt: skip
    record = MemberPlan.objects.create(filing=filing, member=access.member, plan=plan)
    WeekItem.objects.create(plan=record, week_on=date(2018, 7, 2), content=word)
    return record


def branch_plan(word: str, branch: Branch, access: Access, plan: Plan) -> BranchPlan:
    filing = begin(kind="branch_plan", access=access, title=word, year=2018, branch=branch, desk="office",
                   handling="inform")  # fmt: skip
    record = BranchPlan.objects.create(filing=filing, branch=branch, plan=plan, outline=word)
    PlanItem.objects.create(
        plan=record, topic=word, content="第一章", starts_on=date(2018, 8, 1), ends_on=date(2018, 8, 1), hours=2,
        responsible=access.member, method="reading",
    )  # fmt: skip
    return record


def another_committee() -> Records:
    """A committee beside ours with the same records, all under names of its own."""
    theirs = make_records(make_world("外院党委", "7"))
    committee = theirs.world.committee
    people = [user.member_id for user in theirs.world.users.values()]
    Member.objects.filter(pk__in=people).update(name="欧阳外人", name_key="ou yang wai ren")
    Branch.objects.filter(committee=committee).update(name=Concat(Value("外院的支部"), F("code")))
    # An issued plan refuses to be changed through its own manager.
    models.QuerySet(Plan).filter(committee=committee).update(title="外院的方案")
    Filing.objects.filter(committee=committee).update(title="外院的记录")
    Gathering.objects.filter(branch__committee=committee).update(title="外院的记录", content="外院的记录")
    PlanItem.objects.filter(plan__branch__committee=committee).update(topic="外院的记录")
    WeekItem.objects.filter(plan__filing__committee=committee).update(content="外院的记录")
    Push.objects.filter(committee=committee).update(title="外院的记录", text="外院的记录")
    Channel.objects.filter(committee=committee).update(name="外院的记录")
    ActivityWeek.objects.filter(branch__committee=committee).update(theme="外院的记录")
    WeekAction.objects.filter(week__branch__committee=committee).update(text="外院的记录")
    Feature.objects.filter(branch__committee=committee).update(name="外院的记录", aim="外院的记录")
    Relief.objects.filter(committee=committee).update(reason="外院的记录")
    Job.objects.filter(committee=committee).update(said="外院的记录")
    Committee.objects.filter(pk=committee.pk).update(short_name="外院党委")
    audit.note(theirs.world.access("office", WRITTEN), audit.Kind.WRITE, "外院的记录")
    return theirs


def make_foreign(records: Records) -> Records:
    """Put every word of WORDS into a record; gives the other committee's records."""
    world, plan = records.world, records.world.plan
    assert plan is not None
    leader, own = world.access(LEADER, WRITTEN), world.access(OWN, WRITTEN)
    sent(gathering("科研已报的活动", world.second, leader).filing, LEADER, world)
    gathering("科研未报的活动", world.second, leader)
    sent(branch_plan("科研已报的支部计划", world.second, leader, plan).filing, LEADER, world)
    sent(member_plan("科研已报的个人计划", world.second, own, plan).filing, OWN, world)
    paper_by(own, duty_of(world, "P2", OWN), title="科研未报的个人材料", desk="branch")
    paper_by(leader, duty_of(world, "C1", branch=world.second), title="科研未报的支部材料")
    Filing.objects.filter(pk=records.committees_paper_draft.pk).update(title="办公室未报的材料")
    sent_out(push_by(leader, "科研推了的推送"), leader)
    push_by(leader, "科研没推的推送")
    told(world.users[OWN], "孙丽的站内消息")
    push_by(world.access("office", WRITTEN), "机关没推的推送")
    kept_week(world, LEADER, date(2018, 6, 11), WRITTEN, theme="科研留存的活动周", claims=False)
    week_by(leader, date(2018, 7, 16), theme="科研未留存的活动周", claims=False)
    feature_by(leader, "科研的特色工作")
    relief_of(world, world.second, LEADER, "科研申请延期的理由")
    Member.objects.filter(name="张三一").update(job_title="教务一科调研员")
    return another_committee()


def words_in(body: bytes) -> set[str]:
    """The words of WORDS that the answer's body holds, whatever kind of file it is."""
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            # A workbook's writer spells Chinese as character references.
            text = html.unescape("".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist()))
    else:
        text = body.decode("utf-8", "replace")
    return {word for word in WORDS if word in text or json.dumps(word)[1:-1] in text}


def lists(records: Records) -> dict[str, str]:
    """Addresses that list or find things, beside those of the access table: name → address."""
    second = records.world.second.pk
    other = Committee.objects.exclude(pk=records.world.committee.pk).earliest("pk").pk
    item = PlanItem.objects.get(topic="科研已报的支部计划").pk
    found = {}
    for name, query in (
        ("plan:duty_list", "?standing=all"), ("plan:duty_list", f"?branch={second}"), ("plan:filing_list", "?q=的"),
        ("plan:filing_list", f"?branch={second}"), ("study:gathering_list", "?q=的"),
        ("study:push_list", "?show=mine"), ("study:push_list", "?show=todo"),
        ("branches:member_list", "?q=欧阳"),
        ("study:gathering_list", f"?branch={second}"), ("study:calendar", f"?branch={second}"),
        ("study:calendar", ""), ("study:branch_plan", ""), ("study:branch_plan", f"?branch={second}"), ("plan:log", ""),
        ("branches:roster_export", f"?branch={second}"), ("plan:duty_xlsx", f"?branch={second}"),
        ("branches:member_list", "?category=left"), ("plan:board", f"?committee={other}"),
        ("plan:board_xlsx", f"?committee={other}"), ("branches:audit_xlsx", "?q=外院"),
        ("study:gathering_new", f"?item={item}"),
        ("commitments:week_list", f"?branch={second}"), ("commitments:feature_list", f"?branch={second}"),
        ("branches:user_list", "?q=欧阳"), ("branches:branch_list", "?page=1"), ("branches:audit_log", "?q=外院"),
    ):  # fmt: skip
        found[f"{name}{query}"] = reverse(name) + query
    asked = Relief.objects.get(reason="科研申请延期的理由").pk
    found[f"plan:relief_detail {asked}"] = reverse("plan:relief_detail", args=[asked])
    return found


def own_pages(records: Records) -> dict[str, str]:
    """The pages of each filing of the committee, whoever's it is."""
    found = {}
    for pk in Filing.objects.filter(committee=records.world.committee).values_list("pk", flat=True):
        for name in ("plan:filing_detail", "plan:filing_versions", "plan:filing_docx"):
            found[f"{name} {pk}"] = reverse(name, args=[pk])
    return found
