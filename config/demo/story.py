"""A year of the demo's committee, done step by step through the portal's own doors, up to an instant and no further."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from random import Random

from django.conf import settings
from django.db.models import F
from django.utils.timezone import localdate

from branches.access import Access
from branches.models import Branch, Member, PartyGroup, Post
from commitments.models import ActivityWeek, WeekAction
from config.demo import pledges, posts, weeks, words
from config.demo.mobile import push_some
from config.demo.people import Cast, House
from documents.pictures import CleanPicture
from inbox.models import Message
from plan import moves, opening, reminders
from plan.cadence import SHANGHAI
from plan.editing import with_year
from plan.models import Claim, Duty, Filing, Move, Paper, Picture, Plan, Receipt, Version
from plan.workdays import ONE_DAY, is_workday, next_workday, previous_workday
from study.clarity import INDIVIDUAL
from study.drafting import draft_for, theme_day, week_contents, weeks_left
from study.gatherings import COMMITTEE_POSTS, Attending, Rules, Sitting, expected, keep, propose, suggested_title
from study.minutes import Agreed
from study.models import Attendance, BranchPlan, Gathering, Kind, Material, MemberPlan, Method, PlanItem, WeekItem

Desk, State = Filing.Desk, Filing.State
Presence = Attendance.Presence
Act = Callable[[], None]
MONTH = (Kind.GENERAL_MEETING, Kind.THEME_DAY, Kind.COLLECTIVE_STUDY)
REMINDED_DAYS = 4  # mornings before the demo's now of which the reminders are there
DOCUMENT_YEAR = 2018  # the plan's own; the other years are written from a copy of it


def moment(day: date, clock: str) -> datetime:
    """An instant in Shanghai: moment(date(2018, 7, 11), "16:30")."""
    return datetime.combine(day, time.fromisoformat(clock), SHANGHAI)


def worked(day: date) -> date:
    """The day itself if it is worked, else the next that is."""
    return day if is_workday(day) else next_workday(day)


def workdays_later(day: date, days: int) -> date:
    for _ in range(days):
        day = next_workday(day)
    return day


def issue_of(year: int) -> datetime:
    """When the demo's plan of a year is issued: 2018 in June, as the paper was, the others in January."""
    return moment(date(year, 6, 11) if year == DOCUMENT_YEAR else date(year, 1, 8), "09:00")


def tell(cast: Cast, pictures: list[CleanPicture], year: int, until: datetime, random: Random) -> Plan:
    """Issue the year's plan and write what happened until the instant `until` (exclusive of what lies after it)."""
    issued_at = issue_of(year)
    office = Access.of(cast.office, issued_at)
    folder = Path(settings.BASE_DIR) / "plan"
    toml = (folder / f"{DOCUMENT_YEAR}.toml").read_text(encoding="utf-8")
    plan = Plan.objects.begin(
        committee=cast.committee, toml=toml if year == DOCUMENT_YEAR else with_year(toml, year),
        source_text=(folder / f"{DOCUMENT_YEAR}.txt").read_text(encoding="utf-8"),
        at=issued_at - timedelta(days=3),
    )  # fmt: skip
    opening.issue(plan, access=office)
    offer_materials(cast, issued_at)
    for house in cast.houses:
        BranchYear(plan, cast, house, pictures, until, random).run()
    CommitteeYear(plan, cast, until, random).run()
    foresee(cast, localdate(until))
    push_some(cast, pictures, year, until)
    remind(until)
    return plan


def remind(until: datetime) -> None:
    """The digests of the last mornings, of what was still not done by the end; the older ones have been read."""
    day = localdate(until)
    mornings = [moment(day - ONE_DAY * n, "08:00") for n in reversed(range(REMINDED_DAYS))]
    for morning in mornings:
        if morning <= until:
            reminders.run_round({}, at=morning, tell=reminders.quietly)
            Message.objects.filter(told_at__lt=morning, read_at__isnull=True).update(read_at=morning)


def offer_materials(cast: Cast, issued_at: datetime) -> None:
    """What the office keeps to be studied beside the plan's readings; in a later year it is there already."""
    for number, (kind, title, source, url, text) in enumerate(words.MATERIALS):
        at = issued_at + timedelta(hours=1, minutes=number)
        Material.objects.get_or_create(
            committee=cast.committee, title=title,
            defaults={"kind": kind, "source": source, "url": url, "text": text, "created_at": at,
                      "created_by": cast.office},
        )  # fmt: skip


def foresee(cast: Cast, today: date) -> None:
    """What is to come: 财务处's term ends in sixty days, and in 人事处 the deputy takes the secretary's place."""
    by_name = {house.branch.name.removesuffix("党支部"): house for house in cast.houses}
    ends = today + timedelta(days=60)
    elected = ends.replace(year=ends.year - 2, day=min(ends.day, 28))
    Branch.objects.filter(pk=by_name["财务处"].branch.pk).update(elected_on=elected, term_years=2)
    house, day = by_name["人事处"], (today + timedelta(days=40)).replace(day=1)
    leaving = Post.objects.filter(branch=house.branch, kind__in=[Post.Kind.SECRETARY, Post.Kind.DEPUTY])
    leaving.update(until_on=day)
    follows = {Post.Kind.SECRETARY: house.posts[Post.Kind.DEPUTY], Post.Kind.DEPUTY: house.members[5]}
    Post.objects.bulk_create(
        Post(member=member, kind=kind, branch=house.branch, from_on=day) for kind, member in follows.items()
    )


class Year:
    """Acts in the order of their instants; an act may bring others about, and what lies after `until` never happens."""

    def __init__(self, plan: Plan, cast: Cast, until: datetime, random: Random) -> None:
        assert plan.issued_at is not None  # noqa: S101 — the story begins with the issue
        self.plan, self.cast, self.until, self.random = plan, cast, until, random
        self.year, self.begins = plan.year, plan.issued_at
        self.requirements = {requirement.code: requirement for requirement in plan.requirements.all()}
        self._acts: list[tuple[datetime, int, Act]] = []
        self._count = 0
        self._access: dict[int, Access] = {}

    def then(self, at: datetime, act: Act) -> None:
        """Do `act` at the instant `at`, unless it lies after the end of the story or before the plan."""
        if self.begins <= at <= self.until:
            self._count += 1
            heapq.heappush(self._acts, (at, self._count, act))

    def play(self) -> None:
        while self._acts:
            heapq.heappop(self._acts)[2]()

    def access(self, member: Member, at: datetime) -> Access:
        """The member's rights at that instant; posts do not change in the demo, so they are read once."""
        if member.pk not in self._access:
            self._access[member.pk] = Access.of(self.cast.users[member.pk], at)
        return replace(self._access[member.pk], now=at, on=localdate(at))

    def office(self, at: datetime) -> Access:
        return self.access(self.cast.office.member, at)

    def settle_with_paper(
        self, code: str, access: Access, *, title: str, desk: str, duties: Iterable[Duty],
        house: House | None = None, member: Member | None = None,
    ) -> Filing:  # fmt: skip
        """A material for one requirement, drafted and claimed; it is not yet sent."""
        requirement = self.requirements[code]
        filing = moves.begin(
            kind=Filing.Kind.PAPER, access=access, title=title, year=self.year, desk=desk, member=member,
            branch=house.branch if house else None, committee=self.cast.committee, handling=requirement.handling,
        )  # fmt: skip
        Paper.objects.create(
            filing=filing, requirement=requirement, done_on=localdate(access.now), content=words.PAPERS[code]
        )
        moves.claim(filing, {duty.pk for duty in duties}, access.now)
        return filing


class CommitteeYear(Year):
    """What the committee's office itself owes: its inspections and their circulars."""

    def run(self) -> None:
        owed = Duty.objects.filter(committee=self.cast.committee, branch__isnull=True, code__in=["I3", "I4", "S3"])
        for duty in owed.order_by("due_at", "pk"):
            day = worked(duty.ends_on - timedelta(days=2)) if duty.code == "I3" else worked(duty.ends_on + 4 * ONE_DAY)
            if duty.code == "S3":
                day = date(self.year, 9, 12)
            at = moment(day, "15:20")
            self.then(at, partial(self._keep, duty, at))
        self.play()

    def _keep(self, duty: Duty, at: datetime) -> None:
        title = f"{duty.period}{self.requirements[duty.code].title}"
        filing = self.settle_with_paper(duty.code, self.office(at), title=title, desk=Desk.NONE, duties=[duty])
        moves.move(filing, "keep", access=self.office(at))


# What the chapter of commitments asks for has records of its own.
COMMITMENTS = {"C1": pledges.write, "C2": pledges.write, "C5": weeks.write, "C6": posts.write}


@dataclass
class Kept:
    """A record that nobody has to move by hand: written with others in one go, its rows as the door writes them."""

    filing: Filing
    record: Gathering | Paper | ActivityWeek
    lines: Sequence[Attendance | WeekAction]
    duties: list[Duty]
    done_at: datetime
    steps: Sequence[tuple[str, str, Member, datetime]]  # move, state it leads to, by whom, when


class BranchYear(Year):
    """One branch: its plans, its gatherings, what it keeps and what it sends, and what the office says to it."""

    def __init__(
        self, plan: Plan, cast: Cast, house: House, pictures: list[CleanPicture], until: datetime, random: Random
    ) -> None:
        super().__init__(plan, cast, until, Random(random.random()))  # noqa: S311 — a story, nothing secret
        self.house, self.branch, self.pictures = house, house.branch, pictures
        self.number = int(house.branch.code)
        self.rules = Rules.of(cast.committee.pk, localdate(self.begins))
        self.first_day = localdate(self.begins)
        self.secretary = house.secretary
        self.writer = house.posts.get(Post.Kind.ORGANIZATION) or house.deputy or house.secretary
        self.recorder = self.writer if self.writer != self.secretary else house.members[1]
        self.open = list(
            Duty.objects.of_branch([self.branch.pk]).filter(requirement__proof="gathering").order_by("starts_on", "pk")
        )
        self.readings = [reading.title for reading in plan.readings.all()]
        self.queue: list[Kept] = []
        self.items: dict[tuple[str, int], PlanItem] = {}
        self.done_weeks: list[WeekItem] = []

    def run(self) -> None:
        self._branch_plan()
        for member in self.house.members:
            self._member_plan(member)
        self._months()
        self._weeks()
        self._papers()
        self.play()
        self._leave_a_draft()
        self._write_down()
        WeekItem.objects.bulk_create(
            self.done_weeks, batch_size=1000, update_conflicts=True, unique_fields=["plan", "week_on"],
            update_fields=["done_at", "note"],
        )  # fmt: skip

    # The way of a filing

    def file(self, filing: Filing, who: Member, at: datetime, late_reason: str = "") -> Filing:
        self._write_down()  # receipts are numbered in the order of time
        name = "keep" if filing.desk == Desk.NONE else "file"
        return moves.move(filing, name, access=self.access(who, at), late_reason=late_reason)

    def desk(self, filing: Filing, at: datetime) -> Access:
        """Who handles it: the office, or the secretary, whose own goes to the deputy or, without one, to the office."""
        if filing.desk == Desk.OFFICE:
            return self.office(at)
        if filing.member_id != self.secretary.pk:
            return self.access(self.secretary, at)
        return self.access(self.house.deputy, at) if self.house.deputy else self.office(at)

    def _handle(self, filing: Filing, filed_at: datetime) -> None:
        """The desk receives or approves some working days later."""
        name = "receive" if filing.handling == "inform" else "approve"
        at = moment(workdays_later(localdate(filed_at), self.random.randint(1, 8)), self._hour("09:10", "10:40"))
        self.then(at, lambda: self._move(filing, name, at))

    def _move(self, filing: Filing, name: str, at: datetime, note: str = "") -> None:
        moves.move(filing, name, access=self.desk(filing, at), note=note)

    def _return(self, filing: Filing, filed_at: datetime, note: str, who: Member, mend: Callable[[], object]) -> None:
        """The desk sends it back; two working days later it is mended and sent again."""
        back = moment(workdays_later(localdate(filed_at), 1), self._hour("09:10", "10:40"))
        again = moment(workdays_later(localdate(back), 2), self._hour("15:10", "17:20"))

        def refile() -> None:
            mend()
            Filing.objects.filter(pk=filing.pk).update(edition=F("edition") + 1)
            self._handle(self.file(filing, who, again), again)

        self.then(back, lambda: self._move(filing, "send_back", back, note))
        self.then(again, refile)

    def _hour(self, first: str, last: str) -> str:
        a, b = (int(text[:2]) * 60 + int(text[3:]) for text in (first, last))
        minute = self.random.randint(a, b)
        return f"{minute // 60:02}:{minute % 60:02}"

    # The year's plan of the branch

    def _branch_plan(self) -> None:
        """Most in good time, one sent back, one in the last hour, two after it, one never."""
        due = date(self.year, 7, 11)
        if self.year == DOCUMENT_YEAR:
            filed = moment(worked(due - timedelta(days=self.random.randint(2, 12))), self._hour("09:00", "17:30"))
        else:
            filed = moment(worked(date(self.year, 1, 22) + timedelta(days=4 * self.number)), "15:30")
        begun, late = filed - timedelta(days=3, hours=1), ""
        match self.branch.code:
            case "08":
                return
            case "04" | "11":
                begun, late = moment(due, "10:05" if self.number == 4 else "16:40"), words.PLAN_LATE
                filed = moment(due + ONE_DAY, "10:20" if self.number == 4 else "08:40")
            case "07":
                begun, filed = moment(due, "15:02"), moment(due, "23:12")
        self.then(begun, lambda: self._draft_branch_plan(begun, filed, late))

    def _draft_branch_plan(self, begun: datetime, filed: datetime, late: str) -> None:
        filing = moves.begin(
            kind=Filing.Kind.BRANCH_PLAN, access=self.access(self.writer, begun), branch=self.branch,
            title=f"{self.branch.name}{self.year}年度学习计划", year=self.year, desk=Desk.OFFICE, handling="inform",
        )  # fmt: skip
        record = BranchPlan.objects.create(filing=filing, branch=self.branch, plan=self.plan, outline=words.OUTLINE)
        self._items(record, localdate(begun))
        duties = Duty.objects.of_branch([self.branch.pk]).filter(year=self.year, requirement__proof="branch_plan")
        moves.claim(filing, set(duties.values_list("pk", flat=True)), begun)

        def send() -> None:
            sent = self.file(filing, self.secretary, filed, late)
            if self.branch.code == "06":
                self._return(sent, filed, words.PLAN_SENT_BACK, self.secretary, lambda: self._mend_items(record))
            else:
                self._handle(sent, filed)

        self.then(filed, send)

    def _items(self, record: BranchPlan, since: date) -> None:
        """The items that the portal itself proposes for the rest of the year."""
        readings = {reading.title: reading.pk for reading in self.plan.readings.all()}
        place = words.PLACES[self.number % len(words.PLACES)]
        entries = draft_for(self.branch, self.plan, since)
        items = PlanItem.objects.bulk_create(
            PlanItem(
                plan=record, scope=entry.scope, kind=entry.kinds[0], with_kinds=list(entry.kinds[1:]),
                topic=entry.topic, content=entry.content, starts_on=entry.starts_on, ends_on=entry.ends_on,
                hours=entry.hours, responsible_id=entry.responsible_id, method=entry.method,
                rhythm=entry.rhythm, place=place if entry.scope != INDIVIDUAL else "",
            )
            for entry in entries
        )  # fmt: skip
        link = PlanItem.readings.through
        link.objects.bulk_create(
            link(planitem_id=item.pk, reading_id=readings[title])
            for item, entry in zip(items, entries, strict=True)
            for title in entry.readings
        )
        self._plan_the_film([item for item in items if Kind.THEME_DAY in item.kinds])
        for item in items:
            if item.scope != INDIVIDUAL and not item.rhythm:
                self.items |= {(kind, item.ends_on.month): item for kind in item.kinds}

    def _plan_the_film(self, theme_days: list[PlanItem]) -> None:
        """Two branches of three mean to watch the office's film on their second theme day."""
        if self.number % 3 and len(theme_days) > 1:
            theme_days[1].materials.add(Material.objects.get(committee=self.cast.committee, title=words.FILM))

    def _mend_items(self, record: BranchPlan) -> None:
        BranchPlan.objects.filter(pk=record.pk).update(outline=words.OUTLINE + "各月责任人和学时已逐项写明。")

    # A member's own plan

    def _member_plan(self, member: Member) -> None:
        fate = self.random.random()
        if self.number % 3:
            fate = max(fate, 0.08)  # in two branches of three nobody is late
        if member.staff_number in ("member", "secretary", "deputy"):
            fate = 0.5
        if fate < 0.03:
            return
        due = date(self.year, 7, 10)
        if self.year == DOCUMENT_YEAR:
            day = due - timedelta(days=self.random.choice((0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 9, 12, 14)))
        else:
            day = date(self.year, 1, 15) + timedelta(days=self.random.randint(0, 60))
        if fate < 0.08:
            day = due + timedelta(days=self.random.randint(1, 9))
        filed = moment(day, self._hour("08:30", "21:50"))
        begun = filed - timedelta(days=1)
        self.then(begun, lambda: self._draft_member_plan(member, begun, filed, sent_back=0.08 <= fate < 0.13))

    def _draft_member_plan(self, member: Member, begun: datetime, filed: datetime, *, sent_back: bool) -> None:
        filing = moves.begin(
            kind=Filing.Kind.MEMBER_PLAN, access=self.access(member, begun), member=member, branch=self.branch,
            title=f"{member.name}{self.year}年度个人自学计划", year=self.year, desk=Desk.BRANCH, handling="approve",
        )  # fmt: skip
        goal = self.random.choice(words.GOALS)
        record = MemberPlan.objects.create(filing=filing, member=member, plan=self.plan, goal=goal)
        mondays = weeks_left(self.year, localdate(filed))
        readings = self.random.sample(self.readings, len(self.readings))
        weeks = [
            WeekItem(plan=record, week_on=monday, content=content, hours=2)
            for monday, content in zip(mondays, week_contents(readings, len(mondays)), strict=True)
        ]
        WeekItem.objects.bulk_create(weeks, batch_size=1000)
        duties = Duty.objects.filter(member=member, year=self.year, requirement__proof="member_plan")
        moves.claim(filing, set(duties.values_list("pk", flat=True)), begun)

        def send() -> None:
            late = words.MEMBER_LATE[member.pk % 2] if localdate(filed) > date(self.year, 7, 10) else ""
            sent = self.file(filing, member, filed, late)
            if sent_back:
                better = MemberPlan.objects.filter(pk=record.pk)
                self._return(sent, filed, words.MEMBER_SENT_BACK, member, lambda: better.update(goal=words.GOALS[1]))
            else:
                self._approve(sent, filed)
            self._tick(weeks, filed, 0.95 if member.staff_number == "member" else self.random.uniform(0.6, 0.97))

        self.then(filed, send)

    def _approve(self, filing: Filing, filed: datetime) -> None:
        """Within three working days; most secretaries are done by their own deadline, 11 July."""
        day = workdays_later(localdate(filed), self.random.randint(1, 3))
        at = moment(day, self._hour("09:10", "10:40"))
        last = date(self.year, 7, 11)
        if self.number % 4 and localdate(filed) < last < day:
            at = moment(last, self._hour("15:00", "21:30"))
        self.then(at, lambda: self._move(filing, "approve", at))

    def _tick(self, weeks: list[WeekItem], filed: datetime, diligence: float) -> None:
        for week in weeks:
            done = moment(week.week_on + timedelta(days=self.random.randint(3, 6)), self._hour("12:20", "21:40"))
            if filed < done <= self.until and self.random.random() < diligence:
                week.done_at = done
                week.note = self.random.choice(words.WEEK_NOTES) if self.random.random() < 0.7 else ""
                self.done_weeks.append(week)

    # Gatherings that go to the office

    def _months(self) -> None:
        for month in range(self.first_day.month, 13):
            day = theme_day(self.branch.theme_day, self.year, month)
            if day <= self.first_day:
                # The plan came out in the middle of the month: its first theme day is held after it.
                day = workdays_later(self.first_day, 4 + self.number % 5)
            if self.random.random() > 0.04:
                fixed = [*(["重温入党誓词"] if month in (1, 6, 7, 10) else []), "缴纳党费", "开展“三会一课”"]
                study = self.random.choice(words.STUDIES)
                form = (Method.READING, Method.LECTURE, Method.FILM, Method.VISIT)[(month + self.number) % 4]
                self._hold(MONTH, moment(day, "14:00"), 4, study, form=form, fixed=fixed)
            if month % 2 == 0 and self.random.random() > 0.05:
                day = worked(date(self.year, month, 17) + timedelta(days=self.number % 9))
                content = self.random.choice(words.SEMINARS)
                self._hold((Kind.SEMINAR,), moment(day, "15:00"), 2, content, form=Method.SEMINAR)
            if month == 6 and self.number != 9:
                day = worked(date(self.year, 6, 21) + timedelta(days=self.number % 6))
                kinds = (Kind.LECTURE, Kind.THEMED_ACTIVITY)
                self._hold(kinds, moment(day, "08:30"), 4, words.ACTIVITIES, form=Method.VISIT, lecturer=self.secretary)
        if self.number != 10:
            day = worked(date(self.year, 12, 8) + timedelta(days=self.number))
            self._hold((Kind.LIFE_MEETING, Kind.APPRAISAL), moment(day, "14:30"), 3, words.LIFE, form=Method.SEMINAR)

    def _hold(
        self, kinds: tuple[Kind, ...], held_at: datetime, hours: float, content: str, *,
        form: str = "", fixed: Iterable[str] = (), lecturer: Member | None = None,
    ) -> None:  # fmt: skip
        """Held, written down the same day, sent on that day or the next; now and then too late or sent back."""
        ended_at = held_at + timedelta(hours=hours)
        begun = ended_at + timedelta(minutes=self.random.randint(20, 50))
        fate, late = self.random.random(), ""
        filed = begun + timedelta(minutes=self.random.randint(25, 70))
        if fate < 0.08:
            filed = moment(workdays_later(localdate(held_at), self.random.randint(3, 5)), self._hour("09:00", "16:30"))
            late = self.random.choice(words.LATE)
        elif fate < 0.6:
            filed = moment(localdate(held_at) + ONE_DAY, self._hour("09:00", "20:30"))

        def record() -> None:
            gathering = self._draft(kinds, held_at, ended_at, begun, content, form, list(fixed), lecturer)

            def send() -> None:
                sent = self.file(gathering.filing, self.secretary, filed, late)
                if 0.08 <= fate < 0.15:
                    better = Gathering.objects.filter(pk=gathering.pk)
                    note, more = self.random.choice(words.SENT_BACK), content + "议定事项由支部委员分工落实，下月通报。"
                    self._return(sent, filed, note, self.secretary, lambda: better.update(content=more))
                else:
                    self._handle(sent, filed)

            self.then(filed, send)

        self.then(begun, record)

    def _draft(
        self, kinds: tuple[Kind, ...], held_at: datetime, ended_at: datetime, at: datetime, content: str, form: str,
        fixed: list[str], lecturer: Member | None,
    ) -> Gathering:  # fmt: skip
        day, access = localdate(held_at), self.access(self.writer, at)
        desk, handling = self.rules.desk(kinds)
        title = suggested_title(kinds, day)
        filing = moves.begin(
            kind=Filing.Kind.GATHERING, access=access, title=title, year=self.year, branch=self.branch, desk=desk,
            handling=handling,
        )  # fmt: skip
        gathering = Gathering(
            filing=filing, branch=self.branch, title=title, kinds=list(kinds), form=form, held_at=held_at,
            ended_at=ended_at, place=words.PLACES[(self.number + day.month) % len(words.PLACES)], host=self.secretary,
            recorder=self.recorder, lecturer=lecturer, content=content, fixed_actions=fixed,
            month_arranged=Kind.GENERAL_MEETING in kinds, plan_item=self._item(kinds, day.month),
        )  # fmt: skip
        gathering.save()
        readings = list(self.plan.readings.all()) if Kind.COLLECTIVE_STUDY in kinds else []
        gathering.readings.set(self.random.sample(readings, 2) if readings else [])
        if Kind.THEME_DAY in kinds and self.number % 3 == 1:
            gathering.materials.add(Material.objects.get(committee=self.cast.committee, title=words.FILM))
        lines = self._attending(expected(self.branch, kinds, day))
        sitting = Sitting(
            branch=self.branch, rules=self.rules, held_at=held_at, ended_at=ended_at, kinds=kinds, form=form,
            place=gathering.place, host_id=self.secretary.pk, recorder_id=self.recorder.pk, lecturer=lecturer,
            content=content, month_arranged=gathering.month_arranged, attendance=lines, filing=filing,
        )  # fmt: skip
        if Kind.LIFE_MEETING in kinds:
            # Its steps before the meeting, and the list of what is to be mended until spring.
            gathering.procedure = {
                step: {"on": f"{day - timedelta(days=before)}", "note": note} if before else {"note": note}
                for step, before, note in words.LIFE_STEPS
            }
            gathering.save(update_fields=["procedure"])
            until = day + timedelta(days=90)
            people = (self.secretary, self.recorder)
            agreed = [Agreed(text, people[n % 2].pk, until) for n, text in enumerate(words.LIFE_AGREED)]
            sitting = replace(sitting, procedure=gathering.procedure, agreed=agreed)
        claimed = {offer.duty.pk for offer in propose(sitting, at).timely}
        keep(gathering, sitting, claimed, at)
        self._photograph(filing, kinds, held_at, access)
        return gathering

    def _item(self, kinds: tuple[Kind, ...], month: int) -> PlanItem | None:
        return next((self.items[kind, month] for kind in kinds if (kind, month) in self.items), None)

    def _attending(self, those: list[tuple[Member, bool]]) -> list[Attending]:
        lines = []
        for member, is_full in those:
            chance, presence, reason = self.random.random(), Presence.PRESENT, ""
            if member not in (self.secretary, self.recorder):
                if chance < 0.09:
                    presence, reason = Presence.EXCUSED, self.random.choice(list(Attendance.Reason)[:5]).value
                elif chance < 0.1:
                    presence = Presence.ABSENT
            lines.append(Attending(member.pk, member.name, is_full, presence.value, reason))
        return lines

    def _photograph(self, filing: Filing, kinds: tuple[Kind, ...], held_at: datetime, access: Access) -> None:
        chosen = self.random.sample(self.pictures, self.random.randint(2, 3))
        Picture.objects.bulk_create(
            Picture(
                filing=filing, position=n, name=f"IMG_{held_at:%m%d}_{n + 1}.jpg", caption=f"{kinds[-1].label}现场",
                sha256=picture.sha256, thumb_sha256=picture.thumb_sha256, width=picture.width, height=picture.height,
                taken_at=held_at + timedelta(minutes=20 + 15 * n), added_at=access.now, added_by=access.user,
            )
            for n, picture in enumerate(chosen)
        )  # fmt: skip

    # What is only kept

    def _weeks(self) -> None:
        """The branch committee each week, the groups each month."""
        groups: list[PartyGroup | None] = [*self.house.groups] or [None]
        weekly = self.house.deputy is not None
        day = self.first_day
        while day.year == self.year:
            if weekly and day.weekday() == self.number % 4 and is_workday(day) and self.random.random() > 0.03:
                self._meet(Kind.COMMITTEE_MEETING, day, "16:30", None)
            day += ONE_DAY
        for month in range(self.first_day.month, 13):
            for n, group in enumerate(groups):
                day = worked(date(self.year, month, 13) + timedelta(days=(self.number + 2 * n) % 12))
                if self.random.random() > 0.04:
                    self._meet(Kind.GROUP_MEETING, day, "15:40", group)

    def _meet(self, kind: Kind, day: date, clock: str, group: PartyGroup | None) -> None:
        ended_at = moment(day, clock) + timedelta(minutes=50)
        kept_at = ended_at + timedelta(minutes=self.random.randint(10, 40))
        self.then(kept_at, lambda: self._keep_meeting(kind, ended_at, kept_at, group))

    def _keep_meeting(self, kind: Kind, ended_at: datetime, at: datetime, group: PartyGroup | None) -> None:
        day = localdate(ended_at)
        weekly = kind == Kind.COMMITTEE_MEETING
        title = suggested_title([kind], day) if not weekly else f"{day.month}月{day.day}日支委会"
        if group:
            title = f"{group.name}{day.month}月党小组会"
        filing = Filing(
            kind=Filing.Kind.GATHERING, committee=self.cast.committee, branch=self.branch, year=self.year, title=title,
            desk=Desk.NONE, handling="keep",
        )  # fmt: skip
        gathering = Gathering(
            branch=self.branch, group=group, title=title, kinds=[kind.value], held_at=ended_at - timedelta(minutes=50),
            ended_at=ended_at, place=words.PLACES[2], host=self.secretary, recorder=self.recorder,
            content=self.random.choice(words.COMMITTEE_MEETINGS if weekly else words.GROUP_MEETINGS),
            form=Method.SEMINAR if not weekly else "",
        )  # fmt: skip
        lines = [
            Attendance(member_id=a.member_id, is_full=a.is_full, presence=a.presence, reason=a.reason)
            for a in self._attending(self._expected(kind, day, group))
        ]
        mine = [
            duty for duty in self.open
            if duty.settled_at is None and duty.requirement_id == self.requirements["C9" if weekly else "C10"].pk
            and duty.starts_on <= day <= duty.ends_on
        ]  # fmt: skip
        for duty in mine:
            duty.settled_at = at
        self.queue.append(
            Kept(filing, gathering, lines, mine, ended_at, [
                ("begin", State.DRAFT, self.writer, at), ("keep", State.KEPT, self.secretary, at),
            ])
        )  # fmt: skip

    def _expected(self, kind: Kind, day: date, group: PartyGroup | None) -> list[tuple[Member, bool]]:
        """As study.gatherings.expected, from the rosters at hand: the demo's do not change."""
        if kind == Kind.COMMITTEE_MEETING:
            those = [self.house.posts[post] for post in COMMITTEE_POSTS if post in self.house.posts]
        elif group:
            those = self.house.members[self.house.groups.index(group) :: len(self.house.groups)]
        else:
            those = self.house.members
        return [(member, member.is_full(day)) for member in those]

    # Materials

    def _papers(self) -> None:
        asked = {*words.PAPERS, *COMMITMENTS}
        duties = Duty.objects.filter(branch=self.branch, year=self.year, code__in=asked).select_related(
            "member", "requirement"
        )
        for duty in duties.order_by("due_at", "pk"):
            if self.random.random() < 0.07:
                continue
            day = self._day_of(duty)
            at = moment(day, self._hour("09:00", "17:20"))
            if write := COMMITMENTS.get(duty.code):
                write(self, duty, at)
                continue
            act = self._send_paper if duty.code == "I2" else self._keep_paper
            self.then(at, partial(act, duty, at))

    def _day_of(self, duty: Duty) -> date:
        """A working day on which the material is ready, before it is due."""
        if duty.code == "C5":
            day = duty.starts_on + timedelta(days=14 + self.number % 10)
            if day < self.first_day:
                day = self.first_day + timedelta(days=9 + self.number % 8)
        elif duty.code in ("C6", "P1", "S3"):
            since = max(self.first_day + timedelta(days=20), date(self.year, 3, 1))
            day = since + timedelta(days=self.random.randint(0, (date(self.year, 11, 30) - since).days))
        else:
            day = duty.ends_on - timedelta(days=self.random.randint(3, 14))
        return day if is_workday(day) else next_workday(day)

    def _paper_desk(self, duty: Duty) -> str:
        return {
            "office": Desk.OFFICE, "branch": Desk.BRANCH, "none": Desk.NONE,
            "up": Desk.BRANCH if duty.member_id else Desk.OFFICE,
        }[duty.requirement.receiver].value  # fmt: skip

    def _paper_title(self, duty: Duty) -> str:
        period = "" if duty.period.endswith("年") else duty.period
        return f"{duty.member.name if duty.member else ''}{period}{duty.requirement.title}"

    def _send_paper(self, duty: Duty, at: datetime) -> None:
        who = duty.member or self.secretary
        filing = self.settle_with_paper(
            duty.code, self.access(who, at), title=self._paper_title(duty), desk=self._paper_desk(duty), duties=[duty],
            house=self.house, member=duty.member,
        )  # fmt: skip
        self._handle(self.file(filing, who, at), at)

    def _keep_paper(self, duty: Duty, at: datetime) -> None:
        desk = self._paper_desk(duty)
        who = duty.member or self.secretary
        filing = Filing(
            kind=Filing.Kind.PAPER, committee=self.cast.committee, branch=self.branch, member=duty.member,
            year=self.year, title=self._paper_title(duty), desk=desk, handling=duty.requirement.handling,
        )  # fmt: skip
        steps = [("begin", State.DRAFT, who, at), ("keep", State.KEPT, who, at)]
        if desk != Desk.NONE:
            steps[1] = ("file", State.FILED, who, at)
            received = moment(workdays_later(localdate(at), self.random.randint(1, 5)), self._hour("09:00", "11:00"))
            if received <= self.until:
                by = self.desk(filing, received).member
                assert by is not None  # noqa: S101 — desks are people
                steps.append(("receive", State.RECEIVED, by, received))
        paper = Paper(requirement=duty.requirement, done_on=localdate(at), content=words.PAPERS[duty.code])
        self.queue.append(Kept(filing, paper, [], [duty], at, steps))

    # Writing down

    def _write_down(self) -> None:
        """Write what waits in the queue with a statement a table: the rows are those that the door would write."""
        queue, self.queue = self.queue, []
        if not queue:
            return
        users = self.cast.users
        counter, _ = Receipt.objects.get_or_create(
            committee=self.cast.committee, branch=self.branch, year=self.year, defaults={"last": 0}
        )
        for kept in queue:
            counter.last += 1
            (_, _, author, begun), (_, _, sender, filed), (_, state, _, since) = *kept.steps[:2], kept.steps[-1]
            filing = kept.filing
            filing.receipt = f"{self.year}-{self.branch.code}-{counter.last:04d}"
            filing.created_at, filing.created_by = begun, users[author.pk]
            filing.first_filed_at = filing.filed_at = filed
            filing.filed_by, filing.state, filing.state_since = users[sender.pk], state, since
            filing.edition = len(kept.steps) - 1
        counter.save()
        Filing.objects.bulk_create(kept.filing for kept in queue)
        for kept in queue:
            kept.record.filing = kept.filing
        # The lines below need the keys that their records get here.
        Gathering.objects.bulk_create(kept.record for kept in queue if isinstance(kept.record, Gathering))
        Paper.objects.bulk_create(kept.record for kept in queue if isinstance(kept.record, Paper))
        ActivityWeek.objects.bulk_create(kept.record for kept in queue if isinstance(kept.record, ActivityWeek))
        for kept in queue:
            for line in kept.lines:
                setattr(line, "gathering_id" if isinstance(line, Attendance) else "week_id", kept.record.pk)
        lines = [line for kept in queue for line in kept.lines]
        Attendance.objects.bulk_create(line for line in lines if isinstance(line, Attendance))
        WeekAction.objects.bulk_create(line for line in lines if isinstance(line, WeekAction))
        Claim.objects.bulk_create(
            Claim(filing=kept.filing, duty=duty, claimed_at=kept.steps[0][3]) for kept in queue for duty in kept.duties
        )
        versions, steps = [], []
        for kept in queue:
            text = json.dumps(moves.frozen(kept.filing), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            _, _, sender, filed = kept.steps[1]
            versions.append(
                Version(
                    filing=kept.filing, number=1, filed_at=filed, filed_by=users[sender.pk], text=text,
                    sha256=hashlib.sha256(text.encode()).hexdigest(),
                )
            )  # fmt: skip
            came_from = ""
            for name, state, who, at in kept.steps:
                steps.append(
                    Move(filing=kept.filing, name=name, made_at=at, made_by=users[who.pk], from_state=came_from,
                         to_state=state)
                )  # fmt: skip
                came_from = state
            for duty in kept.duties:
                Duty.objects.filter(pk=duty.pk, settled_at__isnull=True).update(
                    settled_at=kept.steps[1][3],
                    done_at=kept.done_at,
                    settled_by=kept.filing,
                    judged_due_at=F("due_at"),
                )
        Version.objects.bulk_create(versions)
        Move.objects.bulk_create(steps)

    def _leave_a_draft(self) -> None:
        """Where the story stops, some have begun to record the last working day's seminar and were called away."""
        day = previous_workday(localdate(self.until))
        begun = moment(day, "17:20")
        if self.number in (4, 5, 9) and self.begins < moment(day, "15:00"):
            held_at, ended_at = moment(day, "15:00"), moment(day, "17:00")
            self._draft((Kind.SEMINAR,), held_at, ended_at, begun, "", Method.SEMINAR, [], None)
