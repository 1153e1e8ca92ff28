"""Every list asks as much of the database for 300 rows as for one: all pages and workbooks, as all who open them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
from django.core.files.storage import storages
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Branch, LoginSession, Member, Membership, PartyGroup, Post, User
from commitments.models import (
    ActivityWeek,
    Feature,
    FeaturePicture,
    Nomination,
    PioneerPost,
    Pledge,
    PledgeItem,
    Progress,
    Question,
    Term,
    WeekAction,
)
from inbox.models import Message, Sending
from jobs.models import Job
from plan.editing import remove_requirement, with_year
from plan.models import Claim, Duty, Filing, Move, Paper, Picture, Plan, Relief, Version
from plan.moves import frozen
from plan.opening import issue
from plan.pictures import MOST
from study.models import (
    Attendance,
    BranchPlan,
    Channel,
    Delivery,
    Gathering,
    Material,
    MemberPlan,
    PlanItem,
    Push,
    Studied,
    WeekItem,
)
from tests.conftest import ROOT, World, at
from tests.plan.filed import duty_of, filed_report, photo
from tests.records import branch_plan_of, draft_plan, member_plan_of, relief_of, sent, uploaded_roster

pytestmark = pytest.mark.django_db

NOW = at("2018-07-11 17:30")
SIZES = (1, 3, 300)


@dataclass
class Growing:
    """The world of the first branch with so many rows in every list; `to(300)` adds what is missing, in bulk."""

    world: World
    size: int = 0
    addresses: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world = self.world
        assert world.plan is not None
        self.branch_plan: BranchPlan = branch_plan_of(world, world.plan, date(2018, 7, 20))
        sent(self.branch_plan.filing, "secretary", world)
        self.own: MemberPlan = member_plan_of(world, world.plan, date(2018, 7, 9))
        Filing.objects.filter(pk=sent(self.own.filing, "member", world).pk).update(state="approved")
        self.report = filed_report(world)
        self.owed, self.draft = duty_of(world, "C1"), draft_plan(world, 2100)
        relief = relief_of(world, world.first, "secretary", "借调。")
        # What it speaks of is still owed: what was filed already no relief touches.
        Relief.objects.filter(pk=relief.pk).update(codes=["P2"], from_on=date(2018, 7, 1), until_on=date(2018, 12, 31))
        self.addresses = {
            "relief": relief.get_absolute_url(),
            "branch_detail": reverse("branches:branch_detail", args=[world.first.pk]),
            "member_detail": reverse("branches:member_detail", args=[world.member("member").pk]),
            "plan_preview": reverse("plan:plan_preview", args=[self.draft.pk]),
            "requirement": reverse("plan:requirement_detail", args=[world.plan.requirements.get(code="S12").pk]),
            "duty_detail": self.owed.get_absolute_url(),
            "filing_detail": self.report.get_absolute_url(),
            "filing_versions": reverse("plan:filing_versions", args=[self.report.pk]),
            "filing_docx": reverse("plan:filing_docx", args=[self.report.pk]),
            "branch": f"?branch={world.first.pk}",
            "reading": reverse("study:reading_detail", args=[world.plan.readings.earliest("position").pk]),
        }

    def to(self, size: int) -> None:
        new = range(self.size, size)
        self.people(new)
        self.plans(new)
        self.duties(new)
        self.filings(new)
        for _ in new:
            relief_of(self.world, self.world.first, "secretary", "借调。")
        self.study(new)
        self.one_filing(new, size)
        self.mobile(new)
        self.pioneers(new)
        self.jobs(new)
        self.inbox(new)
        self.pledges(new)
        self.boards(new)
        self.weeks(new)
        self.size = size
        upload = uploaded_roster(self.world)
        self.addresses["roster_preview"] = reverse("branches:roster_preview", args=[upload.pk])
        self.addresses["roster_errors"] = reverse("branches:roster_errors", args=[upload.pk])

    def people(self, new: range) -> None:
        """Branches with a group and a secretary; in the first branch three members a row, with accounts and groups."""
        world, since = self.world, date(2015, 1, 1)
        branches = Branch.objects.bulk_create(
            Branch(committee=world.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=since) for n in new
        )
        groups = PartyGroup.objects.bulk_create(PartyGroup(branch=branch, name="第一党小组") for branch in branches)
        PartyGroup.objects.bulk_create(PartyGroup(branch=world.first, name=f"第{n}党小组") for n in new)
        heads = self.members("书记", new)
        Membership.objects.bulk_create(
            Membership(member=head, branch=branch, group=group, from_on=since)
            for head, branch, group in zip(heads, branches, groups, strict=True)
        )
        Post.objects.bulk_create(
            Post(member=head, kind=Post.Kind.SECRETARY, branch=branch, from_on=since)
            for head, branch in zip(heads, branches, strict=True)
        )
        Post.objects.bulk_create(
            Post(member=head, kind=Post.Kind.INSPECTOR, committee=world.committee, from_on=since) for head in heads
        )
        self.branches = branches
        self.crowd = {name: self.members(name, new) for name in ("报送", "审定", "未报")}
        own = list(world.first.groups.all())
        for crowd in self.crowd.values():
            Membership.objects.bulk_create(
                Membership(member=member, branch=world.first, group=own[n % len(own)], from_on=since)
                for n, member in enumerate(crowd)
            )
        Post.objects.bulk_create(
            Post(member=member, kind=Post.Kind.GROUP_LEADER, branch=world.first, from_on=since)
            for member in self.crowd["未报"]
        )
        Membership.objects.bulk_create(
            Membership(
                member=world.member("member"), branch=world.second, from_on=date(1990, 1, 1) + timedelta(days=n),
                until_on=date(1990, 1, 2) + timedelta(days=n),
            )
            for n in new
        )  # fmt: skip
        LoginSession.objects.bulk_create(
            LoginSession(user=world.users["member"], key_mac=f"{n}", began_at=NOW, seen_at=NOW) for n in new
        )
        Post.objects.bulk_create(
            Post(
                member=world.member("member"), kind=Post.Kind.PUBLICITY, branch=world.second,
                from_on=date(1990, 1, 1) + timedelta(days=n), until_on=date(1990, 1, 2) + timedelta(days=n),
            )
            for n in new
        )  # fmt: skip

    def jobs(self, new: range) -> None:
        Job.objects.bulk_create(
            Job(
                kind="messages", key=f"messages@{n}", asked_at=NOW, next_at=NOW, committee=self.world.committee,
                asked_by=self.world.users["office"], state="failed", ended_at=NOW,
            )
            for n in new
        )  # fmt: skip

    def members(self, name: str, new: range) -> list[Member]:
        found = Member.objects.bulk_create(
            Member(
                staff_number=f"{name}{n}", name=f"{name}{n}", name_key=f"z {n}", joined_on=date(2010, 7, 1),
                confirmed_on=date(2011, 7, 1),
            )
            for n in new
        )  # fmt: skip
        User.objects.bulk_create(User(member=m, staff_number=m.staff_number, password="!") for m in found)
        return found

    def plans(self, new: range) -> None:
        Plan.objects.bulk_create(
            Plan(
                committee=self.world.committee, year=2200 + n, title="方案", toml="x", source_text="x", created_at=NOW,
                issued_at=NOW, issued_by=self.world.users["office"], effective_on=date(2018, 6, 1),
            )
            for n in new
        )  # fmt: skip

    def duties(self, new: range) -> None:
        """Of each new branch, of the first branch at four distances, of each new member, and of the one member."""
        world = self.world

        def again(duty: Duty, n: int, days: int, **changes: Any) -> Duty:
            copy = Duty.objects.get(pk=duty.pk)
            copy.pk, copy.starts_on = None, date(2030, 1, 1) + timedelta(days=n)
            copy.ends_on, copy.due_at = copy.starts_on, NOW + timedelta(days=days)
            copy.late_at = copy.due_at
            for name, value in changes.items():
                setattr(copy, name, value)
            return copy

        arrival, work, late = duty_of(world, "S12"), duty_of(world, "I2"), duty_of(world, "P3")
        lived, mine = duty_of(world, "S14", "member"), duty_of(world, "P2", "member")
        self.copies = Duty.objects.bulk_create(
            [again(arrival, n, -1, branch=branch) for n, branch in zip(new, self.branches, strict=True)]
            + [again(work, 4 * n + k, days) for n in new for k, days in enumerate((-2, 1, 15, 40))]
            + [again(lived, n, 1, member=member) for n, member in zip(new, self.crowd["未报"], strict=True)]
            + [again(late, n, -2) for n in new]
            + [again(mine, n, 3) for n in new]
            + [again(mine, n, 3, member=world.member("secretary"), code="C2") for n in new]
        )

    def filing(self, n: int, state: str, **changes: Any) -> Filing:
        facts: dict[str, Any] = {
            "kind": "paper", "committee": self.world.committee, "branch": self.world.first, "year": 2018,
            "title": "材料", "desk": "office", "handling": "inform", "state": state, "state_since": NOW,
            "created_at": NOW, "created_by": self.world.users["secretary"],
        }  # fmt: skip
        if state != "draft":
            facts |= {"first_filed_at": NOW, "filed_at": NOW, "filed_by": self.world.users["secretary"]}
            facts["receipt"] = f"{changes.get('kind', 'p')[:3]}{state[:5]}{changes.pop('mark', '')}{n}"
        return Filing(**facts | changes)

    def filings(self, new: range) -> None:
        """Papers in every state, all meant for one duty; and members' papers that wait with the branch."""
        member = self.world.member("member")
        rows = Filing.objects.bulk_create(
            [self.filing(n, state) for n in new for state in ("filed", "draft", "sent_back", "received")]
            + [self.filing(n, "filed", desk="branch", handling="approve", member=member, mark="m") for n in new]
        )
        Paper.objects.bulk_create(
            Paper(filing=row, requirement=self.owed.requirement, done_on=date(2018, 7, 1)) for row in rows
        )
        Claim.objects.bulk_create(Claim(filing=row, duty=self.owed, claimed_at=NOW) for row in rows)
        Move.objects.bulk_create(
            Move(filing=row, name="begin", made_at=NOW, made_by=row.created_by, to_state="draft") for row in rows
        )

    def study(self, new: range) -> None:
        """Plans of members, filed and approved, with two weeks each; sittings planned and held; a member's weeks."""
        world = self.world
        plan = world.plan
        assert plan is not None
        for state, name in (("filed", "报送"), ("approved", "审定")):
            filings = Filing.objects.bulk_create(
                self.filing(n, state, kind="member_plan", desk="branch", handling="approve", member=member)
                for n, member in zip(new, self.crowd[name], strict=True)
            )
            plans = MemberPlan.objects.bulk_create(
                MemberPlan(filing=filing, member_id=filing.member_id, plan=plan) for filing in filings
            )
            WeekItem.objects.bulk_create(
                WeekItem(plan=one, week_on=monday, content="研读党章")
                for one in plans
                for monday in (date(2018, 7, 2), date(2018, 7, 9))
            )
        WeekItem.objects.bulk_create(
            WeekItem(plan=self.own, week_on=date(2018, 7, 9) + timedelta(weeks=n + 1), content="研读") for n in new
        )
        people, reading = list(world.first.roster(NOW.date())), plan.readings.first()
        items = PlanItem.objects.bulk_create(
            PlanItem(
                plan=self.branch_plan, topic=f"第{n}次", content="学习", hours=2, method="reading",
                starts_on=date(2018, 7, 12 + n % 20), ends_on=date(2018, 7, 12 + n % 20),
                responsible=people[n % len(people)],
            )
            for n in new
        )  # fmt: skip
        cites = PlanItem.readings.through
        cites.objects.bulk_create(cites(planitem=item, reading=reading) for item in items)
        materials = Material.objects.bulk_create(
            Material(
                committee=world.committee, kind="book", title=f"《资料{n}》", created_at=NOW,
                created_by=world.users["office"],
            )
            for n in new
        )  # fmt: skip
        with_material = PlanItem.materials.through
        with_material.objects.bulk_create(
            with_material(planitem=item, material=material) for item, material in zip(items, materials, strict=True)
        )
        filings = Filing.objects.bulk_create(self.filing(n, "filed", kind="gathering") for n in new)
        held = Gathering.objects.bulk_create(
            Gathering(
                filing=filing, branch=world.first, title=f"活动{n}", kinds=["theme_day"],
                plan_item=item if n % 2 else None, host=people[n % len(people)],
                held_at=at("2018-07-06 14:00"), ended_at=at("2018-07-06 17:00"),
            )
            for n, filing, item in zip(new, filings, items, strict=True)
        )  # fmt: skip
        studied = Gathering.readings.through
        studied.objects.bulk_create(studied(gathering=gathering, reading=reading) for gathering in held)
        Attendance.objects.bulk_create(
            Attendance(gathering=gathering, member=people[n % len(people)], is_full=True)
            for n, gathering in enumerate(held)
        )

    def mobile(self, new: range) -> None:
        """Pushes of the branch, one of the committee that many have studied, and channels."""
        world, by = self.world, self.world.users["secretary"]
        facts: dict[str, Any] = {"committee": world.committee, "created_at": NOW, "created_by": by, "text": "学"}
        out = {"published_at": NOW, "published_by": by}
        Push.objects.bulk_create(
            Push(title=f"推送{n}", branch=world.first, **facts, **(out if draft is None else {}))
            for n in new
            for draft in (None, True)
        )
        common, _ = Push.objects.get_or_create(title="本支部的", branch=world.first, **facts, **out)
        above, _ = Push.objects.get_or_create(title="机关党委的", branch=None, **facts, **out)
        self.addresses |= {"push": common.get_absolute_url(), "common": above.get_absolute_url()}
        Studied.objects.bulk_create(Studied(push=common, member=one, studied_at=NOW) for one in self.crowd["报送"])
        channels = Channel.objects.bulk_create(
            Channel(
                committee=world.committee, branch=world.first, kind="wecom", name=f"群{n}", address_sealed="x",
                created_at=NOW, created_by=by,
            )
            for n in new
        )  # fmt: skip
        Delivery.objects.bulk_create(Delivery(push=common, channel=one, next_at=NOW) for one in channels)

    def pioneers(self, new: range) -> None:
        """Pioneer posts of the first branch with who stands there, one of them with a long history and many to come."""
        world, by, since = self.world, self.world.users["secretary"], date(2018, 7, 1)
        posts = PioneerPost.objects.bulk_create(
            PioneerPost(
                branch=world.first, name=f"岗位{n}", duties="接待", opened_on=since, created_at=NOW, created_by=by
            )
            for n in new
        )
        people = Nomination.objects.bulk_create(
            Nomination(
                branch=world.first, member=one, kind="backbone", honour="业务标兵", state="accepted",
                nominated_at=NOW, nominated_by=by, decided_at=NOW, decided_by=by,
            )
            for one in self.crowd["审定"]
        )  # fmt: skip
        begun = {"begun_at": NOW, "begun_by": by}
        first = PioneerPost.objects.filter(branch=world.first).earliest("pk")
        for post, one in zip(posts, people, strict=True):
            who = {"member": one.member, "nomination": one}
            Term.objects.create(post=post, from_on=since, until_on=date(2018, 7, 15), **begun, **who)
            Term.objects.create(post=post, from_on=date(2018, 7, 15), until_on=date(2018, 8, 15), **who)
            Term.objects.create(
                post=first, from_on=date(2017, 7, 1), until_on=since, ended_on=since, end="rotated", **begun, **who
            )
        self.addresses |= {
            "pioneer_post": first.get_absolute_url(),
            "nomination": people[0].get_absolute_url(),
        }

    def pledges(self, new: range) -> None:
        """Pledges on the wall, each with an item and a question; and one pledge with as many questions and lines."""
        world, by = self.world, self.world.users["secretary"]
        filings = Filing.objects.bulk_create(
            self.filing(n, "approved", kind="pledge", desk="branch", handling="approve", member=world.member("member"),
                        mark="c") for n in new
        )  # fmt: skip
        facts: dict[str, Any] = {"branch": world.first, "year": 2018, "valid_until": date(2018, 12, 31),
                                 "stage": "judging", "stage_since": NOW, "published_at": NOW}  # fmt: skip
        pledges = Pledge.objects.bulk_create(
            Pledge(filing=filing, member=world.member("member"), **facts) for filing in filings
        )
        PledgeItem.objects.bulk_create(PledgeItem(pledge=one, position=1, text="值班") for one in pledges)
        first = Pledge.objects.earliest("pk")
        said: dict[str, Any] = {"asked_at": NOW, "asked_by": by, "text": "？"}
        Question.objects.bulk_create(Question(pledge=one, **said) for one in pledges)
        Question.objects.bulk_create(Question(pledge=first, **said) for _ in pledges)
        item = first.items.get()
        Progress.objects.bulk_create(Progress(item=item, text="做了", told_at=NOW, told_by=by) for _ in pledges)
        self.addresses["pledge"] = first.get_absolute_url()

    def weeks(self, new: range) -> None:
        """Weeks that were kept, with actions, months still owed, and features; one of them with many pictures."""
        world, by = self.world, self.world.users["secretary"]
        filings = Filing.objects.bulk_create(
            self.filing(n, "kept", kind="week", desk="none", handling="keep", mark="w") for n in new
        )
        made = ActivityWeek.objects.bulk_create(
            ActivityWeek(
                filing=filing, branch=world.first, theme="值班", starts_on=date(2010, 1, 4) + timedelta(weeks=n)
            )
            for n, filing in zip(new, filings, strict=True)
        )
        # What the member does in this week: one action of one week, and the rest of the weeks gone by.
        WeekAction.objects.bulk_create(
            WeekAction(week=week, position=n, aim="identity", member=world.member("member"), text="值班")
            for week in made
            for n in (1, 2)
        )
        self.copies_of_a_month(new)
        facts: dict[str, Any] = {"branch": world.first, "aim": "做法", "since_on": date(2016, 1, 1), "created_at": NOW,
                                 "created_by": by, "changed_at": NOW, "changed_by": by}  # fmt: skip
        features = Feature.objects.bulk_create(Feature(name=f"特色{n}", **facts) for n in new)
        common = Feature.objects.earliest("pk")
        FeaturePicture.objects.bulk_create(
            FeaturePicture(feature=feature, sha256=f"{k}{n:063}", thumb_sha256="0" * 64, width=4, height=3,
                           added_at=NOW, added_by=by)
            for n, one in zip(new, features, strict=True) for k, feature in enumerate((one, common))
        )  # fmt: skip
        link = Feature.weeks.through
        link.objects.bulk_create(link(feature=common, activityweek=week) for week in made)
        self.addresses["feature"] = common.get_absolute_url()

    def copies_of_a_month(self, new: range) -> None:
        month = duty_of(self.world, "C5")
        copies = []
        for n in new:
            copy = Duty.objects.get(pk=month.pk)
            copy.pk, copy.starts_on = None, date(2000, 1, 1) + timedelta(days=n)
            copy.ends_on = copy.starts_on
            copies.append(copy)
        Duty.objects.bulk_create(copies)

    def inbox(self, new: range) -> None:
        """Messages of one member with as many lines, and their way out by mail."""
        told = Message.objects.bulk_create(
            Message(
                user=self.world.users["member"], kind="digest", key=f"day:{n}", title="今日提醒", told_at=NOW,
                lines=[{"text": f"第{k}项", "url": "/duties/"} for k in range(max(new) + 1)],
            )
            for n in new
        )  # fmt: skip
        Sending.objects.bulk_create(Sending(message=one, way="email", next_at=NOW, state="failed") for one in told)
        self.addresses["message"] = told[-1].get_absolute_url()

    def boards(self, new: range) -> None:
        """Pledges that hang on the wall of the first branch, each with an item, and one of the member's own."""
        filings = Filing.objects.bulk_create(self.filing(n, "approved", kind="pledge") for n in new)
        pledges = Pledge.objects.bulk_create(
            Pledge(
                filing=filing, branch=self.world.first, member=member, year=2018, valid_until=date(2018, 12, 31),
                stage="shown", stage_since=NOW, published_at=NOW, board_lines=["每周三值班。"],
            )
            for filing, member in zip(filings, self.crowd["审定"], strict=True)
        )  # fmt: skip
        PledgeItem.objects.bulk_create(PledgeItem(pledge=pledge, position=1, text="值班") for pledge in pledges)

    def one_filing(self, new: range, size: int) -> None:
        """The one report: a version and a move a row, as many duties, and as many pictures as it may have."""
        report, by = self.report, self.world.users["secretary"]
        storage: Any = storages["evidence"]
        for n in range(self.size, min(size, MOST)):
            data = photo(f"rgb({12 * n}, 99, 9)", size=(40, 30 + n)).read()
            storage.put(data)
            digest = hashlib.sha256(data).hexdigest()
            Picture.objects.create(
                filing=report, position=n, name=f"{n}.jpg", sha256=digest, thumb_sha256=digest, width=40, height=30,
                added_at=NOW, added_by=by,
            )  # fmt: skip
        text = json.dumps(frozen(report), ensure_ascii=False)
        Version.objects.bulk_create(
            Version(filing=report, number=n + 2, filed_at=NOW, filed_by=by, text=text, sha256="0" * 64) for n in new
        )
        Move.objects.bulk_create(
            Move(filing=report, name="file", made_at=NOW, made_by=by, from_state="sent_back", to_state="filed")
            for _ in new
        )
        Claim.objects.bulk_create(Claim(filing=report, duty=duty, claimed_at=NOW) for duty in self.copies[: len(new)])


# How many rows a page shows


def paged(response: HttpResponse) -> int:
    return response.context["page"].paginator.count


def in_sheets(response: Any) -> int:
    book = openpyxl.load_workbook(io.BytesIO(response.getvalue()))
    return sum(sheet.max_row for sheet in book)


def of(*names: str) -> Callable[[HttpResponse], int]:
    """Counts what stands in the context under these names: lists, groups of lines, or numbers."""

    def count(response: HttpResponse) -> int:
        found = [response.context[name] for name in names]
        return sum(one if isinstance(one, int) else one.total if hasattr(one, "total") else len(one) for one in found)

    return count


def entries(response: HttpResponse) -> int:
    return sum(len(cell["entries"]) for week in response.context["weeks"] for cell in week)


def reviewed(response: HttpResponse) -> int:
    return of("waiting_count", "not_filed_count")(response) + paged(response)


def marked(response: HttpResponse) -> int:
    """What is said of a push: a line for each branch, for each name and for each channel."""
    course = response.context["course"]
    return len(course.branches) + len(course.marks) + len(response.context["deliveries"])


def told_lines(response: HttpResponse) -> int:
    return len(response.context["message"].lines)


def owners(response: HttpResponse) -> int:
    return sum(total.owners for total in response.context["asked"].totals)


def touched(response: HttpResponse) -> int:
    return response.context["counts"]["duties"]


def size(response: HttpResponse) -> int:
    return len(response.content)


# Page, what it shows, and who opens it. {name} is an address of Growing.
PAGES: list[tuple[str, Callable[[Any], int], tuple[str, ...]]] = [
    ("/", of("waiting", "drafts", "late"), ("office",)),
    ("/", of("now_group", "late", "week_group", "later"), ("secretary", "deputy", "commissioner")),
    ("/", of("week_group", "pushes"), ("member",)),
    ("/todo/", of("now_group", "late", "week_group", "later"), ("office", "secretary", "deputy", "member")),
    ("/todo/?group=late", paged, ("secretary",)),
    ("/board/", paged, ("office", "inspector")),
    ("/board/?standing=overdue", paged, ("office",)),
    ("/board.xlsx", in_sheets, ("office",)),
    ("/board.docx", size, ("office",)),
    ("/board/year/", paged, ("office", "inspector")),
    ("/duties/", paged, ("office", "secretary", "member")),
    ("/duties/?standing=all", paged, ("office", "inspector")),
    ("/duties.xlsx?standing=all", in_sheets, ("office", "secretary")),
    ("/intray/", paged, ("office", "secretary")),
    ("/filings/", paged, ("office", "inspector", "secretary", "member")),
    ("/log/", paged, ("office", "auditor")),
    ("/reliefs/", paged, ("office", "inspector", "secretary", "member")),
    ("{relief}", touched, ("office", "secretary")),
    ("/plans/", paged, ("office", "member")),
    ("{plan_preview}", owners, ("office",)),
    ("{requirement}", paged, ("office",)),
    ("{duty_detail}", paged, ("office", "secretary", "member")),
    ("{filing_detail}", of("duties", "course"), ("office", "secretary", "member")),
    ("{filing_versions}", of("versions"), ("office", "secretary")),
    ("{filing_docx}", size, ("office",)),
    ("/branches/", paged, ("office", "inspector")),
    ("{branch_detail}", paged, ("office", "secretary", "member")),
    ("/members/", paged, ("office", "secretary")),
    ("{member_detail}", of("memberships", "posts"), ("office", "secretary")),
    ("/account/seen-by/", of("rows"), ("member",)),
    ("/committee/posts/", of("posts"), ("office",)),
    ("/roster/template.xlsx", in_sheets, ("office",)),
    ("/roster/export.xlsx", in_sheets, ("office", "secretary")),
    ("{roster_preview}", paged, ("office",)),
    ("{roster_errors}", in_sheets, ("office",)),
    ("/users/", paged, ("sysadmin",)),
    ("/users/{branch}", paged, ("sysadmin",)),
    ("/jobs/", paged, ("sysadmin",)),
    ("/security/", paged, ("security",)),
    ("/account/", of("logins"), ("member",)),
    ("/messages/", paged, ("member",)),
    ("/messages/?show=unread", paged, ("member",)),
    ("{message}", told_lines, ("member",)),
    ("/sendings/", paged, ("office",)),
    ("/study/gatherings/", paged, ("office", "secretary", "member")),
    ("/study/gatherings/new/", of("attendance"), ("secretary",)),
    ("/study/calendar/{branch}", entries, ("office", "secretary", "member")),
    ("/study/calendar/{branch}&view=list", size, ("secretary", "member")),
    ("/study/branch-plan/{branch}", of("count"), ("office", "secretary", "member")),
    ("/study/my-plan/", of("weeks"), ("member",)),
    ("/study/review/", reviewed, ("secretary",)),
    ("/study/progress/", paged, ("secretary",)),
    ("/study/materials/", paged, ("office", "secretary", "member")),
    ("{reading}", of("gatherings_count", "items_count"), ("office", "secretary", "member")),
    ("/study/pushes/", paged, ("office", "secretary", "member", "inspector")),
    ("/study/pushes/?show=mine", paged, ("secretary",)),
    ("/study/pushes/?show=todo", paged, ("member",)),
    ("{push}", marked, ("secretary",)),
    # commitments: pioneer posts
    ("/commitments/posts/", paged, ("office", "inspector", "secretary", "member")),
    ("/commitments/posts/people/", paged, ("office", "secretary", "member")),
    ("{pioneer_post}", paged, ("office", "secretary", "member")),
    ("/commitments/posts/register.docx{branch}", size, ("office",)),
    ("{common}", marked, ("office",)),
    ("/study/channels/", of("channels"), ("secretary",)),
    # commitments: the wall and a pledge (H2)
    ("/commitments/pledges/{branch}", paged, ("office", "inspector", "secretary", "member")),
    ("{pledge}", of("questions"), ("office", "secretary", "member")),
    # The boards' papers and screen are counted in tests/commitments/test_boards.py: 300 of them take seconds to draw.
    ("/commitments/boards/", paged, ("office", "secretary")),
    ("/commitments/boards/{branch}", paged, ("office", "secretary")),
    # commitments: activity weeks and features (H5)
    ("/commitments/weeks/", paged, ("office", "inspector", "secretary", "member")),
    ("/commitments/weeks/{branch}", paged, ("office",)),
    ("/commitments/features/", paged, ("office", "secretary", "member")),
    ("{feature}", of("photos", "weeks"), ("office", "secretary", "member")),
]  # fmt: skip


def test_every_list_asks_as_much_for_300_rows_as_for_one(issued: World, login, clock) -> None:
    clock("2018-07-11 17:30")
    growing = Growing(issued)
    clients = {who: login(who) for _, _, those in PAGES for who in those}
    asked: dict[tuple[str, str], list[int]] = {}
    shown: dict[tuple[str, str], list[int]] = {}
    for wanted in SIZES:
        growing.to(wanted)
        for page, count, those in PAGES:
            for who in those:
                url = page.format(**growing.addresses)
                if wanted == SIZES[0]:
                    clients[who].get(url).close()  # what a process reads only once
                with CaptureQueriesContext(connection) as captured:
                    response = clients[who].get(url)
                assert response.status_code == 200, (page, who)
                asked.setdefault((page, who), []).append(len(captured))
                shown.setdefault((page, who), []).append(count(response))
                response.close()
    assert {key: counts for key, counts in asked.items() if len(set(counts)) > 1} == {}
    # A list that did not grow would prove nothing.
    assert {key: rows for key, rows in shown.items() if not rows[0] < rows[1] < rows[2]} == {}
    assert {key: rows for key, rows in shown.items() if key[0] != "{filing_docx}" and rows[2] - rows[1] < 200} == {}


def test_a_plan_asks_as_much_for_35_requirements_as_for_one(issued: World, login, clock) -> None:
    clock("2018-07-11 17:30")
    toml = (ROOT / "plan/2018.toml").read_text(encoding="utf-8")
    codes = list(issued.plan.requirements.values_list("code", flat=True))
    plans = [issued.plan]
    for year, left in ((2019, 3), (2020, 1)):
        for code in codes[left:]:
            if f'code = "{code}"' in toml:
                toml = remove_requirement(toml, code)
        plan = Plan.objects.begin(
            committee=issued.committee, toml=with_year(toml, year), source_text=issued.plan.source_text, at=NOW
        )
        issue(plan, access=issued.access("office", NOW))
        plans.append(plan)
    for who in ("office", "member"):
        client, counts, shown = login(who), [], []
        for plan in plans:
            client.get(plan.get_absolute_url())
            with CaptureQueriesContext(connection) as captured:
                response = client.get(plan.get_absolute_url())
            counts.append(len(captured))
            shown.append(sum(len(chapter["rows"]) for chapter in response.context["chapters"]))
        assert shown == [35, 3, 1]
        assert len(set(counts)) == 1, (who, counts)
