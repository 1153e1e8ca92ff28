"""What is asked of the board, the year's map and the list of who owes what: conditions, moment, and the saved ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import IntegerField, Q, QuerySet, Subquery
from django.http import QueryDict
from django.urls import reverse
from django.utils.timezone import localdate, localtime, make_aware

from branches.access import Access
from branches.form_base import FilterForm
from branches.models import Branch, BranchQuerySet, Committee
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment, local_date
from plan.board import (
    ACCEPTED,
    WEEK,
    Row,
    branches_of,
    chapters_of,
    columns_of,
    end_of_week,
    month_span,
    owed_under,
    plan_at,
    tallies,
)
from plan.models import Duty, DutyQuerySet, Standing

PER_PAGE = 50
MONTHS = [(str(month), f"{month}月") for month in range(1, 13)]
WEEK_CODE, DONE_CODE = "week", "done"
STANDING_CHOICES = [
    ("", "全部"),
    *[(s.value, s.label) for s in (Standing.OVERDUE, Standing.SENT_BACK, Standing.TODO)],
    (WEEK_CODE, WEEK),
    *[(s.value, s.label) for s in (Standing.NOT_DUE, Standing.FILED)],
    (DONE_CODE, "已办结"),
    *[(s.value, s.label) for s in (*ACCEPTED, Standing.WAIVED)],
]


class AsOfForm(FilterForm):
    """Conditions that the board and the list share: a month of the year, and the moment asked about."""

    month = forms.TypedChoiceField(
        label="到期月份", choices=[("", "全年"), *MONTHS], coerce=int, empty_value=None, required=False
    )
    at = forms.DateTimeField(
        label="截至", required=False, error_messages={"invalid": "请写成 2018-07-12 00:00 这样的时间。"},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip

    def clean_at(self) -> datetime | None:
        at = self.cleaned_data["at"]
        if at and not 1990 <= at.year <= 2100:
            raise forms.ValidationError("请填写1990年至2100年之间的时间。")
        return at


class BoardFilter(AsOfForm):
    """Which chapter or requirement, which branches, which standing."""

    field_order = ["committee", "chapter", "code", "q", "standing", "month", "at"]

    chapter = forms.ChoiceField(label="章", required=False)
    code = forms.ChoiceField(label="要求", required=False)
    q = forms.CharField(label="党支部", max_length=80, required=False, widget=forms.TextInput(attrs={"type": "search"}))
    standing = forms.ChoiceField(label="有这种状态的", choices=STANDING_CHOICES, required=False)

    def __init__(
        self, data: QueryDict, *, committees: QuerySet[Committee] | None, chapters: Mapping[str, str],
        codes: Sequence[tuple[str, str]],
    ) -> None:  # fmt: skip
        super().__init__(data)
        self.fields["chapter"].choices = [  # type: ignore[attr-defined]
            ("", "全部"), *[(number, f"{number}、{title}") for number, title in chapters.items()]
        ]  # fmt: skip
        self.fields["code"].choices = [("", "全部要求"), *[(c, f"{c} {title}") for c, title in codes]]  # type: ignore[attr-defined]
        if committees is not None:
            field = forms.ModelChoiceField(committees, label="机关党委", required=False, empty_label=None)
            if not data.get("committee"):
                field.widget.attrs["data-usual"] = ""  # always one is chosen: that alone narrows nothing
            self.fields["committee"] = field
            self.order_fields(self.field_order)


class Board:
    """What is asked of the board: the plan's columns, the branches that match, and the moment."""

    def __init__(self, request: PortalRequest, without: Sequence[str] = ()) -> None:
        access, data = request.access, request.GET.copy()
        for name in without:
            data.pop(name, None)
        self.access, self.now = access, request.now
        committee = _committee(access, data.get("committee", ""))
        # The moment decides the plan, and the plan the chapters to choose from.
        moment = AsOfForm(data)
        moment.is_valid()
        self.at: datetime = moment.cleaned_data.get("at") or request.now
        self.plan = plan_at(committee, self.at)
        chapters = chapters_of(self.plan.toml) if self.plan else {}
        every = columns_of(self.plan) if self.plan else []
        seen = access.sees_committees
        committees = Committee.objects.filter(pk__in=seen).order_by("pk") if len(seen) > 1 else None
        codes = list({column.code: column.title for column in every}.items())
        self.form = BoardFilter(data, committees=committees, chapters=chapters, codes=codes)
        self.form.is_valid()
        given = self.form.cleaned_data
        self.at_given: datetime | None = given.get("at")
        self.month: int | None = given.get("month")
        self.standing: str = given.get("standing") or ""
        self.columns = [
            column for column in every
            if given.get("chapter") in ("", None, column.chapter) and given.get("code") in ("", None, column.code)
        ]  # fmt: skip
        wide = Counter(column.chapter for column in self.columns)
        self.chapters = [(f"{n}、{title}", wide[n]) for n, title in chapters.items() if wide[n]]
        self.branches: BranchQuerySet = branches_of(committee, self.plan, localdate(self.at)).order_by("code", "pk")
        if given.get("q"):
            self.branches = self.branches.filter(Q(name__icontains=given["q"]) | Q(code__startswith=given["q"]))
        if self.plan and self.standing:
            self.branches = self.branches.filter(pk__in=_of_standing(self.duties, self.standing, self.at))

    @property
    def duties(self) -> DutyQuerySet:
        assert self.plan is not None  # noqa: S101 — without a plan nothing is owed, and nobody asks
        duties = owed_under(self.access, self.plan, {column.code for column in self.columns})
        return duties.due_between(*month_span(self.plan.year, self.month), self.at) if self.month else duties

    def rows(self, branches: Sequence[Branch]) -> dict[int, Row]:
        return tallies(self.duties, [branch.pk for branch in branches], self.at) if self.plan else {}


def _committee(access: Access, asked: str) -> int:
    """The committee asked for, if the person sees it; else the own one."""
    number = whole_number(asked)
    if number in access.sees_committees:
        return number
    own = access.committee.pk if access.committee else 0
    return own if own in access.sees_committees else min(access.sees_committees)


def whole_number(text: str) -> int:
    """What was typed, if it can be the number of a row; else 0."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _of_standing(duties: DutyQuerySet, standing: str, at: datetime) -> QuerySet[Duty, Any]:
    """The branches that have a duty of this standing."""
    if standing == Standing.OVERDUE:
        return duties.overdue(at).values("branch")
    if standing == WEEK_CODE:
        return duties.to_come(at).due_until(end_of_week(at), at).values("branch")
    wanted = ACCEPTED if standing == DONE_CODE else (standing,)
    return duties.with_standing(at).filter(**{"standing__in": wanted}).values("branch")


class _Number(Subquery):
    """How many rows a query has: asked once, where a window would have the database lay all of them out for a page."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) matching)"
    output_field = IntegerField()


def page_of(branches: BranchQuerySet, asked: str | None) -> Page[Branch]:
    """The page asked for, read together with the number of all in one query; beyond the last one, the last."""
    paginator = Paginator(branches, PER_PAGE)
    number = max(1, whole_number(asked or ""))
    # Beyond what a database can skip to there is no page anyway.
    start = min(number - 1, 2**40) * PER_PAGE
    of_all = _Number(branches.order_by().values("pk"))
    rows: list[Any] = list(branches.annotate(of_all=of_all)[start : start + PER_PAGE])
    if not rows and number > 1:
        return paginator.get_page(paginator.num_pages)
    paginator.count = rows[0].of_all if rows else 0
    page = paginator.page(number)
    page.object_list = rows
    return page


def with_query(name: str, query: QueryDict, **changed: str) -> str:
    """The address with the same conditions, some of them changed, or left out where empty; from the first page on."""
    kept = query.copy()
    kept.pop("page", None)
    for field, value in changed.items():
        if value:
            kept[field] = value
        else:
            kept.pop(field, None)
    return reverse(name) + (f"?{kept.urlencode()}" if kept else "")


# The moment


@dataclass(frozen=True)
class Choice:
    """One moment to jump to, as a plain link."""

    label: str
    url: str
    title: str
    current: bool


@dataclass(frozen=True)
class Moments:
    """The moment that a page speaks of, in words, and the ones near it."""

    words: str
    choices: list[Choice]
    back: str = ""  # the address of a day earlier
    on: str = ""  # of a day later
    is_past: bool = False
    is_future: bool = False


def as_typed(at: datetime) -> str:
    """A moment as the field of the form writes it: 2018-07-12T00:00."""
    return f"{localtime(at):%Y-%m-%dT%H:%M}"


def as_of_words(at: datetime, now: datetime) -> str:
    """截至 7月12日 00:00; of a moment to come what is known today says: 按目前已报的情况推算到 12月25日 00:00."""
    return f"按目前已报的情况推算到 {cn_moment(at, now)}" if at > now else f"截至 {cn_moment(at, now)}"


def moments(name: str, query: QueryDict, at_given: datetime | None, now: datetime) -> Moments:
    """The moments to choose from on the page of that name, with its conditions as they are."""
    today = make_aware(datetime.combine(local_date(now), datetime.min.time()))
    day, at = timedelta(days=1), at_given or now
    first = today.replace(day=1)
    known: list[tuple[str, datetime | None]] = [
        ("上月底", first), ("昨天", today), ("现在", None), ("今天", today + day), ("明天", today + 2 * day),
        ("12月25日", today.replace(month=12, day=25)), ("年底", today.replace(year=today.year + 1, month=1, day=1)),
    ]  # fmt: skip
    choices = []
    for label, moment in known:
        title = as_of_words(moment, now) if moment else "按现在的情况"
        midnight = "" if moment is None or label == "12月25日" else "24:00"
        url = with_query(name, query, at=as_typed(moment) if moment else "")
        choices.append(Choice(label + midnight, url, title, moment == at_given))
    step = localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return Moments(
        as_of_words(at, now), choices,
        with_query(name, query, at=as_typed(step - day if step == at else step)),
        with_query(name, query, at=as_typed(step + day)),
        is_past=at < now, is_future=at > now,
    )  # fmt: skip
