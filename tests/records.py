"""Records of every kind in the first branch, filed and as drafts: what the tests of whole shapes ask for by address."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.core.files.uploadedfile import SimpleUploadedFile

from branches.models import Branch, LoginSession, Member, Membership, Post, RosterImport, User
from branches.roster_columns import propose, read_cells
from branches.roster_jobs import as_ready
from branches.roster_sheets import roster_sheet
from commitments.models import Pledge
from documents.workbook import write
from inbox.models import Message, Sending
from inbox.telling import Line, tell
from jobs.models import Job
from plan.attachments import add_attachments
from plan.editing import with_year
from plan.models import Duty, Filing, Move, Picture, Plan, Relief, Requirement, SavedView, Version
from plan.moves import begin, frozen
from plan.pictures import add_pictures
from study.material_files import taken_in
from study.models import (
    Attendance,
    BranchPlan,
    CheckIn,
    Gathering,
    Material,
    MemberPlan,
    Partner,
    PlanItem,
    Resolution,
    WeekItem,
)
from tests.commitments.hung import Hung, make_hung
from tests.commitments.pledged import LivePledges, live_pledges
from tests.commitments.posts import Stood, make_stood
from tests.commitments.weeks import MadeWeeks, make_weeks
from tests.conftest import ROOT, World, add_user, at, issue_2018, make_world
from tests.documents.hostile_documents import plain_docx
from tests.plan.filed import document, duty_of, paper_by, photo, pledge_by
from tests.study.pushed import Pushed, make_pushes

WRITTEN = at("2018-07-02 10:00")


@dataclass
class Records:
    """One record of each kind, by name; `draft` is the plan of 2020, which the office is still writing."""

    world: World
    draft: Plan
    duty: Duty
    members_duty: Duty
    committees_duty: Duty
    requirement: Requirement
    gathering: Gathering
    gathering_draft: Gathering
    branch_plan: BranchPlan
    branch_plan_draft: BranchPlan
    member_plan: MemberPlan
    member_plan_draft: MemberPlan
    paper: Filing
    paper_draft: Filing
    members_paper_draft: Filing
    committees_paper_draft: Filing
    roster_import: RosterImport
    branch_post: Post
    committee_post: Post
    login: LoginSession
    saved_view: SavedView
    material: Material
    pushed: Pushed
    stood: Stood
    check_in: CheckIn
    partner: Partner
    relief: Relief
    pledge: Filing
    pledge_draft: Filing
    pledges_duty: Duty
    job: Job
    message: Message
    sending: Sending
    pledges: LivePledges
    hung: Hung
    weeks: MadeWeeks

    def picture(self, filing: Filing) -> Picture:
        return filing.pictures.get()


def told(user: User, title: str) -> Message:
    """A message of two lines to one person."""
    lines = [
        Line("7月支部党员大会", "7月31日24:00前", "/duties/", "soon", "支部党员大会还没有报送"),
        Line("只在系统里说的事"),
    ]
    return tell(user, kind="digest", key=f"test:{title}", title=title, lines=lines, at=WRITTEN)


def sent(filing: Filing, who: str, world: World, moment: datetime = WRITTEN + timedelta(hours=1)) -> Filing:
    """The draft as if it had been filed, with its version and its line in the course, whatever it may lack."""
    user, number = world.users[who], Filing.objects.filter(receipt__isnull=False).count() + 1
    Filing.objects.filter(pk=filing.pk).update(
        state="filed", state_since=moment, first_filed_at=moment, filed_at=moment, filed_by=user,
        receipt=f"2018-01-9{number:03d}",
    )  # fmt: skip
    text = json.dumps(frozen(filing), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    Version.objects.create(filing=filing, number=1, filed_at=moment, filed_by=user, text=text, sha256=digest)
    Move.objects.create(filing=filing, name="file", made_at=moment, made_by=user, from_state="draft", to_state="filed")
    filing.refresh_from_db()
    if filing.kind == Filing.Kind.PLEDGE:
        Pledge.objects.filter(filing=filing).update(stage="review", stage_since=moment)
    return filing


def gathering_of(world: World, title: str, colour: str) -> Gathering:
    """A theme day of the first branch as a draft, with a picture and everybody present."""
    access = world.access("secretary", WRITTEN)
    filing = begin(kind="gathering", access=access, title=title, year=2018, branch=world.first, desk="office",
                   handling="inform")  # fmt: skip
    gathering = Gathering.objects.create(
        filing=filing, branch=world.first, title=title, kinds=["theme_day"], held_at=at("2018-07-01 09:00"),
        ended_at=at("2018-07-01 12:00"), place="行政楼301", content="学习党章，重温入党誓词。",
        host=world.member("secretary"), recorder=world.member("deputy"),
    )  # fmt: skip
    Attendance.objects.bulk_create(
        Attendance(gathering=gathering, member=member, is_full=member.is_full(access.on))
        for member in world.first.roster(access.on)
    )
    assert not add_pictures(filing, [photo(colour)], access).errors
    assert not add_attachments(filing, [document()], access).errors
    return gathering


def branch_plan_of(world: World, plan: Plan, day: date) -> BranchPlan:
    """The first branch's study plan for that plan's year, as a draft with one sitting."""
    filing = begin(kind="branch_plan", access=world.access("secretary", WRITTEN), title=f"{plan.year}年度学习计划",
                   year=plan.year, branch=world.first, desk="office", handling="inform")  # fmt: skip
    record = BranchPlan.objects.create(filing=filing, branch=world.first, plan=plan, outline="大纲")
    PlanItem.objects.create(
        plan=record, topic="学习党章", content="第一章", starts_on=day, ends_on=day, hours=2,
        responsible=world.member("deputy"), method="reading",
    )  # fmt: skip
    return record


def member_plan_of(world: World, plan: Plan, monday: date) -> MemberPlan:
    """The member's own study plan for that plan's year, as a draft of one week."""
    filing = begin(kind="member_plan", access=world.access("member", WRITTEN), title=f"李强{plan.year}年个人自学计划",
                   year=plan.year, branch=world.first, member=world.member("member"), desk="branch",
                   handling="approve")  # fmt: skip
    record = MemberPlan.objects.create(filing=filing, member=world.member("member"), plan=plan)
    WeekItem.objects.create(plan=record, week_on=monday, content="研读党章")
    return record


def draft_plan(world: World, year: int) -> Plan:
    """The plan of a later year as the office's draft."""
    return Plan.objects.begin(
        committee=world.committee, at=WRITTEN,
        toml=with_year((ROOT / "plan/2018.toml").read_text(encoding="utf-8"), year),
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"),
    )  # fmt: skip


def alone_in_the_office(world: World) -> None:
    """Those with a post at the committee belong to no branch any more: each of them is one actor and no other."""
    staff = [world.member(who) for who in ("office", "inspector", "auditor", "sysadmin", "security")]
    Membership.objects.filter(member__in=staff).update(until_on=date(2018, 1, 1))


def uploaded_roster(world: World) -> RosterImport:
    """The roster of today uploaded again by the office, not yet written."""
    members = Member.objects.filter(memberships__branch=world.first)
    cells = read_cells(write([roster_sheet(members, WRITTEN.date(), "党员名册")]))
    return RosterImport.objects.create(
        committee=world.committee, file_name="名册.xlsx", uploaded_by=world.users["office"], uploaded_at=WRITTEN,
        rows={"effective_on": WRITTEN.date().isoformat()},
        **as_ready(cells, propose(cells), world.committee, WRITTEN.date()),
    )  # fmt: skip


def relief_of(world: World, branch: Branch, who: str, reason: str) -> Relief:
    """The branch's request for more time for what it sums up at the year's end, as it lies with the office."""
    day = date(2018, 12, 31)
    return Relief.objects.create(
        committee=world.committee, branch=branch, kind="extend", year=2018, codes=["I2"], from_on=day, until_on=day,
        due_on=date(2019, 1, 20), reason=reason, asked_at=WRITTEN, asked_by=world.users[who],
    )  # fmt: skip


def make_records(world: World | None = None) -> Records:
    """The whole world: the plan of 2018 issued, and in the first branch a record of each kind, sent and as a draft."""
    world = world or make_world()
    issue_2018(world)
    alone_in_the_office(world)
    world.users["nobody"] = add_user(
        Member.objects.create(staff_number=f"{world.users['office'].staff_number}1", name="过客")
    )
    plan, draft, later = world.plan, draft_plan(world, 2020), draft_plan(world, 2019)
    assert plan is not None
    Plan.objects.filter(pk=later.pk).update(
        issued_at=WRITTEN, issued_by=world.users["office"], effective_on=date(2019, 1, 1)
    )
    secretary, office = world.access("secretary", WRITTEN), world.access("office", WRITTEN)
    gathering, gathering_draft = gathering_of(world, "七一主题党日", "red"), gathering_of(world, "参观学习", "blue")
    Resolution.objects.create(
        gathering=gathering,
        position=0,
        text="修订学习制度",
        responsible=world.member("member"),
        due_on=date(2018, 7, 10),
    )
    sent(gathering.filing, "secretary", world)
    # Each has a picture that the other has, too, as far as the portal believes: so there is a question to answer.
    filed, drafted = gathering.filing.pictures.get(), gathering_draft.filing.pictures.get()
    Picture.objects.filter(pk=filed.pk).update(twin=drafted)
    Picture.objects.filter(pk=drafted.pk).update(twin=filed)
    branch_plan = branch_plan_of(world, plan, date(2018, 8, 1))
    sent(branch_plan.filing, "secretary", world)
    member_plan = member_plan_of(world, plan, date(2018, 7, 2))
    sent(member_plan.filing, "member", world)
    paper = sent(paper_by(secretary, duty_of(world, "I2"), title="书记述职报告"), "secretary", world)
    committees_duty = Duty.objects.filter(code="I4", committee=world.committee).earliest("starts_on")
    message = told(world.users["member"], "李强的消息")
    return Records(
        world=world, draft=draft, duty=duty_of(world, "P1"), members_duty=duty_of(world, "P2", "member"),
        committees_duty=committees_duty, requirement=plan.requirements.get(code="S12"),
        gathering=gathering, gathering_draft=gathering_draft,
        branch_plan=branch_plan, branch_plan_draft=branch_plan_of(world, later, date(2019, 1, 8)),
        member_plan=member_plan, member_plan_draft=member_plan_of(world, later, date(2019, 1, 7)),
        paper=paper, paper_draft=paper_by(secretary, duty_of(world, "P3"), title="先锋岗总结"),
        members_paper_draft=paper_by(
            world.access("member", WRITTEN), duty_of(world, "P2", "member"), title="半年自评", desk="branch"
        ),
        committees_paper_draft=paper_by(office, committees_duty, title="督查安排", desk="none", handling="keep"),
        roster_import=uploaded_roster(world),
        branch_post=Post.objects.get(kind=Post.Kind.SECRETARY, branch=world.first),
        committee_post=Post.objects.get(kind=Post.Kind.INSPECTOR, committee=world.committee),
        pushed=make_pushes(world),
        stood=make_stood(world, WRITTEN),
        saved_view=SavedView.objects.create(
            user=world.users["member"], page="duties", name="本月", query="month=7", saved_at=at("2018-07-01 09:00")
        ),
        login=LoginSession.objects.create(
            user=world.users["member"], key_mac=f"{world.committee.pk:064}", began_at=WRITTEN, seen_at=WRITTEN
        ),
        material=Material.objects.create(
            committee=world.committee, kind="film", title="《榜样》", created_at=WRITTEN,
            created_by=world.users["office"], **taken_in(SimpleUploadedFile("榜样.docx", plain_docx())),
        ),
        check_in=CheckIn.objects.create(
            gathering=gathering_draft, nonce=f"code-of-{world.committee.pk}", opened_at=WRITTEN,
            closes_at=WRITTEN + timedelta(minutes=5), opened_by=world.users["secretary"],
        ),
        partner=Partner.objects.create(
            gathering=gathering, branch=world.second, invited_at=WRITTEN, invited_by=world.users["secretary"]
        ),
        relief=relief_of(world, world.first, "secretary", "支部书记借调，8月返回。"),
        pledge=sent(pledge_by(secretary, duty_of(world, "C2", "secretary")), "secretary", world),
        pledge_draft=pledge_by(
            world.access("member", WRITTEN), branch=world.first, member=world.member("member"), title="李强的承诺"
        ),
        pledges_duty=duty_of(world, "C1"),
        job=Job.objects.create(
            kind="open_duties", key=f"open_duties:{plan.pk}", committee=world.committee, asked_at=WRITTEN,
            asked_by=world.users["office"], next_at=WRITTEN, state="failed", ended_at=WRITTEN,
        ),
        message=message,
        pledges=live_pledges(world),
        weeks=make_weeks(world),
        sending=Sending.objects.create(
            message=message, way="email", state="failed", tries=6, next_at=WRITTEN, error="连不上邮件服务器"
        ),
        hung=make_hung(world),
    )  # fmt: skip
