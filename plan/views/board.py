"""The board, and the list of who owes what; both as of any moment, on the page and as a workbook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, TextChoices
from django.http import FileResponse, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localdate, localtime, make_aware

from branches.access import Access
from branches.models import Branch, Committee
from branches.requests import PortalRequest
from branches.templatetags.portal import STANDINGS, cn_moment, days_late, due_by, last_day
from documents.workbook import Column as SheetColumn
from documents.workbook import Sheet, write_to
from plan.board import (
    URGENT,
    Column,
    Row,
    Tally,
    branches_of,
    chapters_of,
    columns_of,
    owed_under,
    plan_at,
    sentence_of,
    tallies,
    words_of,
)
from plan.models import DONE, Duty, DutyQuerySet, Plan, Standing

PER_PAGE = 50
CHUNK = 500  # branches a query, when the whole board goes into a workbook
MOST_ROWS = 100_000  # of one workbook: about a quarter of a minute
MONTHS = [(str(month), f"{month}月") for month in range(1, 13)]


class AsOfForm(forms.Form):
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


# The board


class BoardFilter(AsOfForm):
    """Which chapter, which branches, which standing."""

    field_order = ["committee", "chapter", "q", "standing", "month", "at"]

    chapter = forms.ChoiceField(label="章", required=False)
    q = forms.CharField(label="党支部", max_length=80, required=False, widget=forms.TextInput(attrs={"type": "search"}))
    standing = forms.ChoiceField(
        label="有这种状态的", choices=[("", "全部"), *[(s.value, s.label) for s in Standing if s != Standing.DRAFT]],
        required=False,
    )  # fmt: skip

    def __init__(self, data: QueryDict, *, committees: QuerySet[Committee], chapters: Mapping[str, str]) -> None:
        super().__init__(data)
        self.fields["chapter"].choices = [  # type: ignore[attr-defined]
            ("", "全部"), *[(number, f"{number}、{title}") for number, title in chapters.items()]
        ]  # fmt: skip
        if len(committees) > 1:
            field = forms.ModelChoiceField(committees, label="机关党委", required=False, empty_label=None)
            self.fields["committee"] = field
            self.order_fields(self.field_order)


class Board:
    """What is asked of the board: the plan's columns, the branches that match, and the moment."""

    def __init__(self, request: PortalRequest) -> None:
        access, data = request.access, request.GET
        self.access = access
        committees = Committee.objects.filter(pk__in=access.sees_committees).order_by("pk")
        committee = _committee(access, data.get("committee", ""))
        # The moment decides the plan, and the plan the chapters to choose from.
        moment = AsOfForm(data)
        moment.is_valid()
        self.at: datetime = moment.cleaned_data.get("at") or request.now
        self.plan = plan_at(committee, self.at)
        chapters = chapters_of(self.plan.toml) if self.plan else {}
        self.form = BoardFilter(data, committees=committees, chapters=chapters)
        self.form.is_valid()
        given = self.form.cleaned_data
        self.at_given: datetime | None = given.get("at")
        self.month: int | None = given.get("month")
        self.standing: str = given.get("standing") or ""
        every = columns_of(self.plan) if self.plan else []
        self.columns = [column for column in every if given.get("chapter") in ("", None, column.chapter)]
        wide = Counter(column.chapter for column in self.columns)
        self.chapters = [(f"{n}、{title}", wide[n]) for n, title in chapters.items() if wide[n]]
        self.branches = branches_of(committee, self.plan, localdate(self.at)).order_by("code", "pk")
        if given.get("q"):
            self.branches = self.branches.filter(Q(name__icontains=given["q"]) | Q(code__startswith=given["q"]))
        if self.plan and self.standing:
            self.branches = self.branches.filter(pk__in=_of_standing(self.duties, self.standing, self.at))

    @property
    def duties(self) -> DutyQuerySet:
        assert self.plan is not None  # noqa: S101 — without a plan nothing is owed, and nobody asks
        duties = owed_under(self.access, self.plan, {column.code for column in self.columns})
        return duties.due_between(*month_span(self.plan.year, self.month)) if self.month else duties

    def rows(self, branches: Sequence[Branch]) -> dict[int, Row]:
        return tallies(self.duties, [branch.pk for branch in branches], self.at) if self.plan else {}


def _committee(access: Access, asked: str) -> int:
    """The committee asked for, if the person sees it; else the own one."""
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else 0
    if number in access.sees_committees:
        return number
    own = access.committee.pk if access.committee else 0
    return own if own in access.sees_committees else min(access.sees_committees)


def _of_standing(duties: DutyQuerySet, standing: str, at: datetime) -> QuerySet[Duty, Any]:
    """The branches that have a duty of this standing."""
    if standing == Standing.OVERDUE:
        return duties.overdue(at).values("branch")
    return duties.with_standing(at).filter(**{"standing": standing}).values("branch")


def month_span(year: int, month: int) -> tuple[datetime, datetime]:
    """The month's first instant and the next month's, between which its deadlines lie."""
    following = datetime(year + 1, 1, 1) if month == 12 else datetime(year, month + 1, 1)
    return make_aware(datetime(year, month, 1)), make_aware(following)


def board(request: PortalRequest) -> HttpResponse:
    """Branches by requirements, as of a moment: each cell says how the branch stands and leads to its duties."""
    asked = Board(request)
    page = Paginator(asked.branches, PER_PAGE).get_page(request.GET.get("page"))
    branches = list(page)
    rows, draw = asked.rows(branches), Drawing(asked)
    context = {
        "form": asked.form, "page": page, "plan": asked.plan, "as_of": f"截至 {cn_moment(asked.at, request.now)}",
        "chapters": asked.chapters, "columns": asked.columns,
        "table": _table(draw, asked, branches, rows), "phone": _phone(draw, asked, branches, rows),
        "has_rows": bool(branches and asked.columns), "asked": bool(request.GET),
        "reset_url": request.path if request.GET else "", "xlsx_url": _with_query("plan:board_xlsx", request.GET),
    }  # fmt: skip
    return render(request, "plan/board.html", context)


class Drawing:
    """Draws cells from escaped pieces: the same tally in the same column is put into words once."""

    def __init__(self, asked: Board) -> None:
        self.path = reverse("plan:duty_list")
        self.more = {"standing": Group.ALL.value}
        if asked.month:
            self.more["month"] = str(asked.month)
        if asked.at_given:
            self.more["at"] = f"{localtime(asked.at_given):%Y-%m-%dT%H:%M}"
        self.known: dict[tuple[Any, ...], tuple[str, str]] = {}

    def cell(self, column: Column, tally: Tally, branch_id: int) -> str:
        """A link whose every piece is escaped; the branch's number is the only thing that varies in it."""
        key = (column.code, column.of_members, tally.late, *sorted(tally.counts.items()))
        pieces = self.known.get(key)
        if pieces is None:
            standing, words = words_of(column, tally)
            sign = STANDINGS[standing]
            query = {"code": column.code, "whose": "member" if column.of_members else "branch", **self.more}
            before = format_html('<a class="cell cell-{}" href="{}?branch=', sign.tone, self.path)
            after = format_html(
                '&amp;{}" title="{}"><span aria-hidden="true">{}</span>{}</a>',
                urlencode(query), sentence_of(column, tally), sign.sign, words,
            )  # fmt: skip
            pieces = self.known[key] = (before, after)
        return f"{pieces[0]}{branch_id}{pieces[1]}"


def _table(draw: Drawing, asked: Board, branches: Sequence[Branch], rows: Mapping[int, Row]) -> SafeString:
    """The body of the board's table; 1,750 cells are joined here, where a template would take ten times as long."""
    lines = []
    for branch in branches:
        row = rows.get(branch.pk, {})
        cells = []
        for column in asked.columns:
            tally = row.get((column.code, column.of_members))
            cells.append(f"<td>{draw.cell(column, tally, branch.pk)}</td>" if tally else "<td></td>")
        head = format_html('<th scope="row"><a href="{}">{}</a></th>', branch.get_absolute_url(), branch.name)
        lines.append(f"<tr>{head}{''.join(cells)}</tr>")
    return mark_safe("\n".join(lines))  # noqa: S308 — joined from format_html and numbers only


def _phone(draw: Drawing, asked: Board, branches: Sequence[Branch], rows: Mapping[int, Row]) -> SafeString:
    """The same branches as a list, each with what is late, sent back or due."""
    parts = []
    for branch in branches:
        row = rows.get(branch.pk, {})
        urgent = [
            (column.heading, mark_safe(draw.cell(column, tally, branch.pk)))  # noqa: S308 — as above
            for column in asked.columns
            if (tally := row.get((column.code, column.of_members))) and tally.worst in URGENT
        ]
        lines = format_html_join("", "<li><span>{}</span>{}</li>", urgent)
        below = format_html('<ul class="board-lines">{}</ul>', lines) if urgent else NOTHING_URGENT
        head = format_html('<h2><a href="{}">{}</a></h2>', branch.get_absolute_url(), branch.name)
        parts.append(format_html('<li class="board-branch">{}{}</li>', head, below))
    return mark_safe("\n".join(parts))  # noqa: S308 — joined from format_html only


NOTHING_URGENT = format_html('<p class="muted">{}</p>', "没有逾期和待办的事项。")


def _with_query(name: str, query: QueryDict) -> str:
    kept = query.copy()
    kept.pop("page", None)
    return reverse(name) + (f"?{kept.urlencode()}" if kept else "")


def board_xlsx(request: PortalRequest) -> HttpResponseBase:
    """The same table with all its branches."""
    asked = Board(request)
    columns = [SheetColumn("支部代码", 10), SheetColumn("党支部", 32)]
    columns += [SheetColumn(f"{column.code} {column.heading}", 14) for column in asked.columns]
    as_of = f"截至 {localtime(asked.at):%Y-%m-%d %H:%M}"
    sheet = Sheet("总览", columns, _board_rows(asked), title_row="各党支部任务办理情况", notes=[as_of], frozen=2)
    return _workbook(request, sheet, f"任务总览（{localtime(asked.at):%Y-%m-%d}）.xlsx")


def _board_rows(asked: Board) -> Iterator[list[str]]:
    branches = list(asked.branches)
    for start in range(0, len(branches), CHUNK):
        chunk = branches[start : start + CHUNK]
        rows = asked.rows(chunk)
        for branch in chunk:
            row = rows.get(branch.pk, {})
            cells = ((column, row.get((column.code, column.of_members))) for column in asked.columns)
            yield [branch.code, branch.name, *[words_of(column, tally)[1] if tally else "" for column, tally in cells]]


def _workbook(request: PortalRequest, sheet: Sheet, name: str) -> FileResponse:
    """Written row by row into a file without a name, which goes away with the answer."""
    stamp = f"{request.access.name} {localtime(request.now):%Y-%m-%d %H:%M} 导出"
    file = TemporaryFile()  # noqa: SIM115 — the answer closes it
    try:
        write_to(file, [sheet], stamp=stamp)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=name)
    response["Cache-Control"] = "no-store"
    return response


# Who owes what


class Group(TextChoices):
    """Groups of standings by which the list is asked."""

    NOW = "", "应办未办"
    OPEN = "open", "全部未办结"
    OVERDUE = "overdue", "逾期"
    WEEK = "week", "本周到期"
    TO_COME = "not_due", "未到期"
    SENT_BACK = "sent_back", "退回补正"
    DONE = "done", "已办结"
    WAIVED = "waived", "免"
    ALL = "all", "全部"


class DutyFilter(AsOfForm):
    """Which requirement, whose, how it stands; the branch comes from the board or is looked for by name."""

    field_order = ["branch", "standing", "code", "whose", "q", "month", "at"]

    branch = forms.ModelChoiceField(Branch.objects.none(), required=False, widget=forms.HiddenInput)
    standing = forms.ChoiceField(label="状态", choices=Group.choices, required=False)
    code = forms.ChoiceField(label="要求", required=False)
    whose = forms.ChoiceField(
        label="谁的", choices=[("", "全部"), ("branch", "党支部"), ("member", "党员")], required=False
    )
    q = forms.CharField(
        label="支部或姓名", max_length=80, required=False, widget=forms.TextInput(attrs={"type": "search"})
    )

    def __init__(self, data: QueryDict, *, access: Access, plan: Plan | None) -> None:
        super().__init__(data)
        self.fields["branch"].queryset = Branch.objects.visible_to(access)  # type: ignore[attr-defined]
        codes = list(plan.requirements.values_list("code", "title")) if plan else []
        self.fields["code"].choices = [("", "全部要求"), *[(c, f"{c} {title}") for c, title in codes]]  # type: ignore[attr-defined]


class DutyAsk:
    """What is asked of the list: the duties that match, as of a moment, in the order of their deadlines."""

    def __init__(self, request: PortalRequest) -> None:
        access = request.access
        committee = access.committee.pk if access.committee else min(access.sees_committees, default=0)
        moment = AsOfForm(request.GET)
        moment.is_valid()
        self.at: datetime = moment.cleaned_data.get("at") or request.now
        self.plan = plan_at(committee, self.at)
        self.form = DutyFilter(request.GET, access=access, plan=self.plan)
        self.form.is_valid()
        given = self.form.cleaned_data
        self.branch: Branch | None = given.get("branch")
        self.group: str = given.get("standing") or Group.NOW
        duties = Duty.objects.visible_to(access)
        if self.branch:
            duties = duties.filter(branch=self.branch)
        if given.get("code"):
            duties = duties.filter(code=given["code"])
        if given.get("whose"):
            # What the committee itself owes is neither a branch's nor a member's.
            duties = duties.filter(branch__isnull=False, member__isnull=given["whose"] == "branch")
        if given.get("q"):
            duties = duties.filter(Q(branch__name__icontains=given["q"]) | Q(member__name__contains=given["q"]))
        if given.get("month"):
            year = self.plan.year if self.plan else localtime(self.at).year
            duties = duties.due_between(*month_span(year, given["month"]))
        self.duties: Any = _in_group(duties.with_standing(self.at), self.group, self.at).order_by(
            "due_at", "branch__code", "member__name_key", "pk"
        )


def _in_group(duties: Any, group: str, at: datetime) -> Any:
    """The annotated duties of one group; what was sent back is settled, yet somebody has to act."""
    sent_back = Q(standing=Standing.SENT_BACK)
    match group:
        case Group.NOW:
            return duties.filter(sent_back | Q(pk__in=Duty.objects.unsettled(at).filter(due_at__lte=_next_monday(at))))
        case Group.ALL:
            return duties
        case Group.OVERDUE:
            return duties.overdue(at)
        case Group.WEEK:
            return duties.unsettled(at).filter(late_at__gt=at, due_at__lte=_next_monday(at))
        case Group.TO_COME:
            return duties.unsettled(at).filter(late_at__gt=at)
        case Group.SENT_BACK:
            return duties.filter(sent_back)
        case Group.DONE:
            return duties.filter(standing__in=[s for s in DONE if s != Standing.WAIVED])
        case Group.WAIVED:
            return duties.filter(standing=Standing.WAIVED)
    return duties.exclude(standing__in=DONE)


def _next_monday(at: datetime) -> datetime:
    """The instant at which the week of `at` ends."""
    day = localdate(at)
    return make_aware(datetime.combine(day + timedelta(days=7 - day.weekday()), datetime.min.time()))


DUTY_COLUMNS = [("要求", "head"), ("谁来做", "text"), ("时段", "short"), ("期限", "short"), ("状态", "short")]
# Said where nothing matches, by the group that was asked for.
NOTHING = {
    Group.NOW: "没有逾期、退回补正和本周到期的任务。", Group.OPEN: "没有未办结的任务。",
    Group.OVERDUE: "没有逾期的任务。", Group.WEEK: "本周没有到期的任务。",
    Group.TO_COME: "没有未到期的任务。", Group.SENT_BACK: "没有退回补正的任务。", Group.DONE: "还没有办结的任务。",
    Group.WAIVED: "没有免除的任务。", Group.ALL: "还没有任务。",
}  # fmt: skip


def duty_list(request: PortalRequest) -> HttpResponse:
    """Who owes what: by default whatever is not yet done, the nearest deadline first."""
    asked = DutyAsk(request)
    duties = asked.duties.select_related("requirement", "branch", "member", "committee").defer(
        "requirement__data", "requirement__quotes"
    )
    page = Paginator(duties, PER_PAGE).get_page(request.GET.get("page"))
    given = any(value for name, value in request.GET.items() if name != "page")
    alone = not request.access.sees_committees and not request.access.leads
    context = {
        "form": asked.form, "page": page, "branch": asked.branch,
        "rows": [{"cells": _duty_cells(duty, asked.at)} for duty in page],
        "columns": [{"label": label, "kind": kind} for label, kind in DUTY_COLUMNS],
        "as_of": f"截至 {cn_moment(asked.at, request.now)}", "nothing": NOTHING[Group(asked.group)],
        "asked": given, "reset_url": request.path if given else "",
        "heading": "欠报清单" if request.access.sees_committees else "任务清单",
        "note": "逾期、退回补正和本周到期的，" if asked.group == Group.NOW else "",
        "xlsx_url": "" if alone else _with_query("plan:duty_xlsx", request.GET),
    }  # fmt: skip
    return render(request, "plan/duty_list.html", context)


def _owner(duty: Duty) -> str:
    if duty.member:
        return f"{duty.member}（{duty.branch}）"
    return str(duty.branch or duty.committee)


def _duty_cells(duty: Any, at: datetime) -> list[Any]:
    words = f"逾期{days_late(duty.due_at, at)}天" if duty.standing == Standing.OVERDUE else ""
    return [
        {"text": f"{duty.code} {duty.requirement.title}", "url": duty.get_absolute_url()},
        _owner(duty),
        duty.period,
        due_by(duty.due_at, at),
        {"standing": duty.standing, "text": words, "late": duty.was_late},
    ]


def duty_xlsx(request: PortalRequest) -> HttpResponseBase:
    """The same list, all its pages; refused where it would be more than one workbook reads well."""
    asked = DutyAsk(request)
    total = asked.duties.count()
    if total > MOST_ROWS:
        messages.warning(request, f"共{total:,}项，一次最多导出{MOST_ROWS:,}项。请先用筛选缩小范围，再导出。")
        return redirect(_with_query("plan:duty_list", request.GET))
    columns = [
        SheetColumn("编号", 8), SheetColumn("要求", 42), SheetColumn("党支部", 32), SheetColumn("党员", 16),
        SheetColumn("时段", 24), SheetColumn("最迟", 13, "date"), SheetColumn("状态", 11),
        SheetColumn("逾期天数", 10, "int"), SheetColumn("补报", 8), SheetColumn("完成时间", 18, "datetime"),
        SheetColumn("回执号", 15),
    ]  # fmt: skip
    as_of = f"截至 {localtime(asked.at):%Y-%m-%d %H:%M}"
    group = Group(asked.group).label
    sheet = Sheet("任务清单", columns, _duty_rows(asked), title_row=f"任务清单（{group}）", notes=[as_of])
    return _workbook(request, sheet, f"任务清单（{group}，{localtime(asked.at):%Y-%m-%d}）.xlsx")


def _duty_rows(asked: DutyAsk) -> Iterator[tuple[Any, ...]]:
    fields = ("code", "requirement__title", "branch__name", "committee__name", "member__name", "period", "due_at",
              "standing", "was_late", "settled_at", "settled_by__receipt")  # fmt: skip
    for row in asked.duties.values_list(*fields).iterator(chunk_size=2000):
        code, title, branch, committee, member, period, due_at, standing, late, settled_at, receipt = row
        settled = settled_at if settled_at and settled_at <= asked.at else None
        is_late, is_back = standing == Standing.OVERDUE, standing == Standing.SENT_BACK
        yield (
            code, title, branch or committee, member or "", period, last_day(due_at), STANDINGS[standing].label,
            days_late(due_at, asked.at) if is_late else "", "补报" if late else "", "" if is_back else settled,
            receipt if settled and receipt else "",
        )  # fmt: skip
