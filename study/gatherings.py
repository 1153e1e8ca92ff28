"""What one gathering can settle, what it lacks, and where it goes; asked alike of what is typed and what is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.db.models import Q
from django.utils.timezone import localdate, localtime

from branches.models import Branch, Member, PartyGroup, Post, on_day
from plan import moves, opening
from plan.calendars import calendar_after
from plan.models import Duty, Filing, Plan, Requirement
from study.life_meeting import life_meeting_lacks
from study.minutes import Agreed, Said, agreed_of, keep_rows, motions_of, row_lacks, speeches_of
from study.models import Attendance, Gathering, Kind, Method
from study.voting import VOTING, Electorate, Motion, vote_lacks

# Fewer characters than this say nothing that an office could put on file.
CONTENT_AT_LEAST = 20

# The requirement that a general meeting settles only where it laid out the month (二.2).
ARRANGES_THE_MONTH = "C8"

HALF_DAY = timedelta(hours=3, minutes=30)

COMMITTEE_POSTS = (
    Post.Kind.SECRETARY, Post.Kind.DEPUTY, Post.Kind.ORGANIZATION, Post.Kind.PUBLICITY, Post.Kind.DISCIPLINE
)  # fmt: skip

Presence = Attendance.Presence


class Attending(NamedTuple):
    """One member's line in the attendance of a gathering."""

    member_id: int
    name: str
    is_full: bool
    presence: str
    reason: str = ""
    # When the member signed in by the code; and whether the page on which the presence was tapped showed it.
    checked_in_at: datetime | None = None
    seen: bool = False


class Lack(NamedTuple):
    """One thing that stands in the way of filing: a word for the bar, and the sentence with its cure."""

    word: str
    sentence: str


@dataclass(frozen=True)
class Sitting:
    """What is known of one gathering, typed or kept, in the one shape that every question below is asked of."""

    branch: Branch
    rules: Rules
    held_at: datetime | None
    ended_at: datetime | None
    kinds: Sequence[str] = ()
    form: str = ""
    place: str = ""
    host_id: int | None = None
    recorder_id: int | None = None
    lecturer: Member | None = None
    guests: str = ""
    content: str = ""
    month_arranged: bool = False
    attendance: Sequence[Attending] = ()
    pictures: int = 0
    filing: Filing | None = None
    speeches: Sequence[Said] = ()
    motions: Sequence[Motion] = ()
    agreed: Sequence[Agreed] = ()
    procedure: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, gathering: Gathering) -> Sitting:
        """The gathering as it is kept."""
        lines = gathering.attendance.filter(partner__isnull=True).select_related("member")
        lines = lines.order_by("member__name_key", "member")
        return cls(
            branch=gathering.branch, rules=Rules.of(gathering.branch.committee_id, gathering.held_on),
            held_at=gathering.held_at, ended_at=gathering.ended_at, kinds=gathering.kinds, form=gathering.form,
            place=gathering.place, host_id=gathering.host_id, recorder_id=gathering.recorder_id,
            lecturer=gathering.lecturer, guests=gathering.guests, content=gathering.content,
            month_arranged=gathering.month_arranged, filing=gathering.filing,
            attendance=[Attending(a.member_id, a.member.name, a.is_full, a.presence, a.reason) for a in lines],
            pictures=gathering.filing.pictures.shown().count(), speeches=speeches_of(gathering),
            motions=motions_of(gathering), agreed=agreed_of(gathering), procedure=gathering.procedure,
        )  # fmt: skip

    @property
    def held_on(self) -> date | None:
        return localdate(self.held_at) if self.held_at else None

    @property
    def electorate(self) -> Electorate:
        return Electorate.of(self.kinds, self.attendance)

    @property
    def votes_expected(self) -> bool:
        """Whether the page says if a vote may be taken: where votes are usual, and where one is written down."""
        return bool(self.attendance) and (bool(self.motions) or any(kind in self.kinds for kind in VOTING))

    @property
    def was_filed(self) -> bool:
        return self.filing is not None and self.filing.first_filed_at is not None


@dataclass(frozen=True)
class Rules:
    """What the plan in force asks of gatherings by themselves; read once, asked often."""

    plan: Plan | None
    per_event: Sequence[Requirement] = field(default=())

    @classmethod
    def of(cls, committee_id: int, day: date | None) -> Rules:
        plan = Plan.objects.asking(committee_id, day.year, day) if day else None
        if plan is None:
            return cls(None)
        asked = plan.requirements.filter(proof="gathering")
        return cls(plan, [r for r in asked if r.spec.per_event])

    def covering(self, kinds: Collection[str]) -> list[Requirement]:
        """The requirements that each such gathering meets by its own filing (S6, S11)."""
        return [r for r in self.per_event if set(r.kinds) & set(kinds)]

    def desk(self, kinds: Collection[str]) -> tuple[str, str]:
        """To which desk a gathering of these kinds goes, and how it is handled there; else it is only kept."""
        for requirement in self.covering(kinds):
            return Filing.Desk.OFFICE, requirement.handling
        return Filing.Desk.NONE, "keep"

    def pictures(self, kinds: Collection[str]) -> int:
        """How many pictures the gathering needs at least."""
        return max((r.spec.pictures for r in self.covering(kinds)), default=0)

    @cached_property
    def fixed_actions(self) -> tuple[str, ...]:
        return self.plan.document.settings.fixed_actions if self.plan else ()

    def own_due(self, kinds: Collection[str], ended_at: datetime) -> datetime | None:
        """By when the gathering's own filing is due (exclusive), where the plan asks for one."""
        covering = self.covering(kinds)
        day = self.plan.effective_on if self.plan else None
        if not covering or self.plan is None or day is None or localdate(ended_at) < day:
            return None
        settings = self.plan.document.settings
        calendar = calendar_after(self.plan, settings)
        return min(r.spec.event_due_at(ended_at, settings, calendar) for r in covering)


# Who is expected


def expected(
    branch: Branch, kinds: Collection[str], day: date, group: PartyGroup | None = None
) -> list[tuple[Member, bool]]:
    """Who ought to be there on that day, each with whether a full member: branch, its committee, or one group.

    A gathering that is more than a committee or group meeting is one of the whole branch.
    """
    roster = branch.roster(day)
    if set(kinds) == {Kind.COMMITTEE_MEETING}:
        posts = Post.objects.filter(on_day(day), branch=branch, kind__in=COMMITTEE_POSTS)
        # A branch in which nobody holds a post yet meets whole.
        roster = roster.filter(pk__in=posts.values("member")) if posts.exists() else roster
    elif set(kinds) == {Kind.GROUP_MEETING} and group:
        roster = roster.filter(pk__in=branch.memberships.filter(on_day(day), group=group).values("member"))
    return [(member, member.is_full(day)) for member in roster]


def may_leave_out(kinds: Collection[str], group: PartyGroup | None) -> bool:
    """A temporary group (临时党小组) is made for the day: who is not in it is not expected."""
    return set(kinds) == {Kind.GROUP_MEETING} and group is None


# What it can settle


@dataclass(frozen=True)
class Offer:
    """A duty that the gathering can settle."""

    duty: Duty
    in_window: bool
    settled: bool

    @property
    def label(self) -> str:
        """7月集体学习; what is owed once a year goes by its title, which names the day."""
        kinds = self.duty.requirement.kinds
        if len(kinds) == 1 and "every" in self.duty.requirement.spec.cadence:
            return f"{self.duty.period}{Kind(kinds[0]).label}"
        return self.duty.requirement.title


@dataclass(frozen=True)
class Proposal:
    """What the gathering can settle, and in sentences what it could settle were it not for one thing."""

    offers: Sequence[Offer] = ()
    reasons: Sequence[str] = ()

    @property
    def timely(self) -> list[Offer]:
        return [offer for offer in self.offers if offer.in_window or offer.settled]

    @property
    def belated(self) -> list[Offer]:
        return [offer for offer in self.offers if not offer.in_window and not offer.settled]

    def chosen(self, ticked: Collection[int], shown: Collection[int]) -> set[int]:
        """The duties to claim: what was ticked, what is settled already, and by default what was never shown."""
        return {
            offer.duty.pk
            for offer in self.offers
            if offer.settled
            or offer.duty.pk in ticked
            or (offer.in_window and offer.duty.pk not in shown)
        }  # fmt: skip


def propose(sitting: Sitting, at: datetime) -> Proposal:
    """The branch's open duties that this gathering settles, earliest window last among the belated."""
    day = sitting.held_on
    if day is None or not sitting.kinds:
        return Proposal()
    mine = Q(settled_by=sitting.filing) if sitting.filing else Q(pk__in=[])
    open_now = Q(settled_at__isnull=True, exempted_at__isnull=True, starts_on__lte=day, year=day.year)
    # A week may reach over New Year: it is the week that counts, not the year it is numbered in.
    open_now |= Q(settled_at__isnull=True, exempted_at__isnull=True, starts_on__lte=day, ends_on__gte=day)
    duties = (
        Duty.objects.of_branch([sitting.branch.pk])
        .filter(mine | open_now, requirement__proof="gathering", occasion__isnull=True)
        .select_related("requirement")
        .order_by("requirement__position", "-starts_on")
    )
    offers, reasons = [], []
    for duty in duties:
        settled = sitting.filing is not None and duty.settled_by_id == sitting.filing.pk
        in_window = duty.starts_on <= day <= duty.ends_on
        if not settled:
            if not set(duty.requirement.kinds) & set(sitting.kinds):
                continue
            reason = _why_not(duty, sitting, day)
            if reason is not None:
                if reason and in_window:
                    reasons.append(reason)
                continue
        offers.append(Offer(duty, in_window, settled))
    return Proposal(offers, reasons)


def _why_not(duty: Duty, sitting: Sitting, day: date) -> str | None:
    """Why a duty whose kind and day fit is not settled all the same, with the cure; None where it is settled."""
    spec = duty.requirement.spec
    if spec.lecturer == "secretary_or_cadre":
        return _why_not_this_lecturer(spec.title, sitting, day)
    if duty.code == ARRANGES_THE_MONTH and not sitting.month_arranged:
        return f"“{spec.title}”：会上安排了本月各项活动的，请在“做了什么”中勾选，即可一并完成。"
    if spec.forms_at_least:
        return _why_not_these_forms(spec.title, spec.forms_at_least, sitting, day)
    return None


def _why_not_this_lecturer(title: str, sitting: Sitting, day: date) -> str | None:
    if sitting.lecturer is None:
        return f"“{title}”：请选择授课人，由支部书记或处级以上党员领导干部授课的，可一并完成。"
    secretary = sitting.branch.holder(Post.Kind.SECRETARY, day)
    if sitting.lecturer == secretary or sitting.lecturer.is_leading_cadre:
        return None
    return f"“{title}”须由支部书记或处级以上党员领导干部授课，{sitting.lecturer.name}当天不是，因此不计入。"


def _why_not_these_forms(title: str, at_least: int, sitting: Sitting, day: date) -> str | None:
    others = Gathering.objects.filter(
        branch=sitting.branch, held_at__year=day.year, filing__first_filed_at__isnull=False
    ).exclude(form="")
    if sitting.filing:
        others = others.exclude(filing=sitting.filing)
    forms = set(others.values_list("form", flat=True).distinct().order_by()) | ({sitting.form} - {""})
    if len(forms) >= at_least:
        return None
    if not sitting.form:
        return ""  # most gatherings are recorded without a thought of it: no word about it until a form is chosen
    known = "、".join(method.label for method in Method if method.value in forms)
    return f"“{title}”：全年至少要有{at_least}种活动形式，连同本次只有“{known}”，达到后即可一并完成。"


# What it lacks


def lacks(sitting: Sitting, at: datetime | None = None) -> list[Lack]:
    """What stands between the gathering and its filing; with `at`, also whether it has ended by then."""
    found = []
    if not sitting.kinds:
        found.append(Lack("活动类型", "还缺活动类型：至少勾选一种。"))
    if not sitting.place.strip():
        found.append(Lack("地点", "还缺地点：写明在哪里开展。"))
    if sitting.host_id is None:
        found.append(Lack("主持人", "还缺主持人：请从名册中选择。"))
    if sitting.recorder_id is None:
        found.append(Lack("记录人", "还缺记录人：请从名册中选择。"))
    elif sitting.recorder_id == sitting.host_id:
        found.append(Lack("记录人", "记录人和主持人是同一人：请改由另一位同志记录。"))
    if Kind.LECTURE in sitting.kinds and sitting.lecturer is None and not sitting.guests.strip():
        found.append(Lack("授课人", "还缺授课人：请从名册中选择；外请授课的，把姓名和职务写在“列席人员”中。"))
    found += attendance_lacks(sitting)
    rules = sitting.rules
    to_office = rules.desk(sitting.kinds)[0] == Filing.Desk.OFFICE
    length = len("".join(sitting.content.split()))
    if not length:
        found.append(Lack("主要内容", "还缺主要内容：写明做了什么、谁讲了什么、定了什么事。"))
    elif to_office and length < CONTENT_AT_LEAST:
        sentence = f"主要内容只有{length}个字：报送备案的至少写{CONTENT_AT_LEAST}个字，写明做了什么、结果怎样。"
        found.append(Lack("主要内容", sentence))
    found += [
        Lack(word, sentence)
        for word, sentence in (
            *row_lacks(sitting.speeches, sitting.agreed),
            *vote_lacks(sitting.electorate, sitting.motions),
            *life_meeting_lacks(sitting.kinds, sitting.procedure, sitting.agreed),
        )
    ]
    needed = rules.pictures(sitting.kinds)
    if sitting.pictures < needed:
        found.append(Lack("图片", f"还缺图片：至少上传{needed}张现场照片。"))
    if at is not None and sitting.ended_at is not None and sitting.ended_at > at:
        ends = localtime(sitting.ended_at)
        found.append(
            Lack("结束时间", f"活动要到{ends.month}月{ends.day}日{ends:%H:%M}才结束：请结束后再报送，或改正结束时间。")
        )
    return found


def attendance_lacks(sitting: Sitting) -> list[Lack]:
    if not sitting.attendance:
        return [Lack("到会情况", "还缺到会情况：当天的名册上没有人，请核对日期和党小组。")]
    found = []
    if not any(one.presence == Presence.PRESENT for one in sitting.attendance):
        found.append(Lack("到会情况", "没有一人出席：请核对到会情况。"))
    without = [one.name for one in sitting.attendance if one.presence == Presence.EXCUSED and not one.reason]
    if without:
        names = "、".join(without[:5]) + (f"等{len(without)}人" if len(without) > 5 else "")
        found.append(Lack("请假事由", f"{names}请假还没有事由：请在姓名旁选择。"))
    return found


def missing_in_gathering(gathering: Gathering, at: datetime | None = None) -> list[str]:
    """What stands between the record and its filing, in sentences; empty when it can go."""
    return [lack.sentence for lack in lacks(Sitting.of(gathering), at)]


def hints(sitting: Sitting) -> list[str]:
    """What the plan recommends and the record does not show; nobody is stopped by it."""
    lasted = sitting.ended_at - sitting.held_at if sitting.held_at and sitting.ended_at else None
    if Kind.THEME_DAY in sitting.kinds and lasted is not None and lasted < HALF_DAY:
        return ["主题党日“一般不少于半天”，现在填写的时长不足3.5小时，请核对起止时间。"]
    return []


# Whether it comes late


def late_for(sitting: Sitting, proposal: Proposal, claimed: Collection[int], at: datetime) -> list[str]:
    """What would be late if this went now, as short labels; the first filing decides, so a later one makes nothing."""
    if sitting.was_filed or sitting.ended_at is None:
        return []
    late = []
    own_due = sitting.rules.own_due(sitting.kinds, sitting.ended_at)
    if own_due is not None and own_due <= at:
        late.append("活动结束后第二天报送")
    for offer in proposal.offers:
        if offer.duty.pk in claimed and not offer.settled and sitting.ended_at >= offer.duty.due_at:
            late.append(offer.label)
    return late


# Titles


def suggested_title(kinds: Iterable[str], day: date | None) -> str:
    """7月集体学习暨主题党日; the weekly 支委会 by its day; empty while there is nothing to say."""
    asked = set(kinds)
    labels = [kind.label for kind in Kind if kind in asked]
    if day and asked == {Kind.COMMITTEE_MEETING}:
        return f"{day.month}月{day.day}日{labels[0]}"
    return f"{day.month}月{'暨'.join(labels[:2])}{'等' if len(labels) > 2 else ''}" if labels and day else ""


# Keeping it


def keep(gathering: Gathering, sitting: Sitting, claimed: set[int], at: datetime) -> None:
    """Write the lines that hang on a gathering just saved: who was there, what it settles, what it makes due.

    Call inside the transaction that saved it; the gathering's own filing must be the row as it now is.
    """
    filing = gathering.filing
    _keep_attendance(gathering, with_signed(gathering, sitting.attendance))
    keep_rows(gathering, sitting.speeches, sitting.motions, sitting.agreed)
    opening.open_event_duties(filing, kinds=list(gathering.kinds), ended_at=gathering.ended_at, at=at)
    moves.claim(filing, claimed, at)


def _keep_attendance(gathering: Gathering, lines: Sequence[Attending]) -> None:
    own = gathering.attendance.filter(partner__isnull=True)
    own.exclude(member__in=[line.member_id for line in lines]).delete()
    # Who turns out to have been there owes no study, and made up none.
    there = [line.member_id for line in lines if line.presence == Presence.PRESENT]
    own.filter(member__in=there, made_up_on__isnull=False).update(made_up_on=None, made_up_by=None, made_up_note="")
    # A draft is kept again every few seconds, mostly as it was: only what differs is written.
    kept = set(own.values_list("member", "is_full", "presence", "reason"))
    rows = [
        (one.member_id, one.is_full, one.presence, one.reason if one.presence == Presence.EXCUSED else "")
        for one in lines
    ]
    Attendance.objects.bulk_create(
        [
            Attendance(gathering=gathering, member_id=pk, is_full=is_full, presence=presence, reason=reason)
            for pk, is_full, presence, reason in rows
            if (pk, is_full, presence, reason) not in kept
        ],
        update_conflicts=True, unique_fields=["gathering", "member"], update_fields=["is_full", "presence", "reason"],
    )  # fmt: skip


def with_signed(gathering: Gathering, lines: Sequence[Attending]) -> list[Attending]:
    """The lines as tapped; but whoever signed in after the page was drawn is there, whatever the page still said.

    The record's row is locked by now, and signing in locks it too: what is read here is what holds.
    """
    rows = gathering.attendance.filter(partner__isnull=True, checked_in_at__isnull=False)
    signed = set(rows.values_list("member_id", flat=True))
    return [
        line._replace(presence=Presence.PRESENT, reason="") if line.member_id in signed and not line.seen else line
        for line in lines
    ]
