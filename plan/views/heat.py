"""The year's map: requirements by months and branches by months, each cell the share that is done, on time and late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from branches.models import Branch
from branches.requests import PortalRequest
from branches.templatetags.portal import STANDINGS
from plan.board import WEEK, Tally, months
from plan.models import Standing
from plan.views.conditions import Board, moments, page_of, whole_number, with_query
from plan.views.saved_views import saved_for
from plan.wording import share

ROUTE = "plan:heat"
AFTER_YEAR = 13
OF_THE_BOARD = ("standing", "month")  # its questions: here all months and standings stand beside each other


def heat(request: PortalRequest) -> HttpResponse:
    """One look at the year: where it is red and where it is still empty; each cell leads to its month of the board."""
    asked = Board(request, without=OF_THE_BOARD)
    number = whole_number(request.GET.get("branch", ""))
    branch = asked.branches.filter(pk=number).first() if number else None
    for name in OF_THE_BOARD:
        del asked.form.fields[name]
    page = page_of(asked.branches, request.GET.get("page")) if branch is None else None
    q = branch.name if branch else request.GET.get("q", "")
    context: dict[str, Any] = {
        "form": asked.form, "plan": asked.plan, "page": page, "branch": branch,
        "count": page.paginator.count if page else None, "chapters": asked.chapters,
        "moments": moments(ROUTE, request.GET, asked.at_given, request.now), "asked": bool(request.GET),
        "reset_url": request.path if request.GET else "", "saved": saved_for(request, "heat"),
        "board_url": with_query("plan:board", request.GET, branch="", q=q),
        "all_url": with_query(ROUTE, request.GET, branch=""), "now_url": with_query(ROUTE, request.GET, at=""),
    }  # fmt: skip
    if asked.plan and asked.columns and (branch or page):
        context |= _tables(asked, branch, page, request)
    return render(request, "plan/heat.html", context)


def _tables(asked: Board, branch: Branch | None, page: Any, request: PortalRequest) -> dict[str, Any]:
    assert asked.plan is not None  # noqa: S101 — asked of before
    year, at = asked.plan.year, asked.at
    this_month = localtime(at).month if localtime(at).year == year else 0
    mine = Q(branch=branch) if branch else Q(branch__in=asked.branches.order_by().values("pk"))
    of_columns = months(asked.duties.filter(mine), year, at, "code", "of_members")
    last = AFTER_YEAR if any(key[-1] == AFTER_YEAR for key in of_columns) else 12
    heads = [{"label": "次年" if n == AFTER_YEAR else f"{n}月", "current": n == this_month} for n in range(1, last + 1)]
    draw = Drawing(asked, branch, request)
    columns = [
        (
            format_html(
                '<a href="{}" title="{}"><abbr class="board-code">{}</abbr> {}</a>',
                reverse("plan:requirement_detail", args=[one.requirement_id]), one.quote, one.code, one.heading,
            ),
            [draw.cell(of_columns.get((*one.key, n)), n, one.heading, code=one.code) for n in range(1, last + 1)],
        )
        for one in asked.columns
    ]  # fmt: skip
    found: dict[str, Any] = {"heads": heads, "column_rows": _body(columns)}
    if branch is None:
        branches = list(page)
        of_branches = months(asked.duties.filter(branch__in=[one.pk for one in branches]), year, at, "branch")
        lines = [
            (
                format_html('<a href="{}">{}</a>', with_query(ROUTE, request.GET, branch=str(one.pk)), one.name),
                [draw.cell(of_branches.get((one.pk, n)), n, one.name, q=one.name) for n in range(1, last + 1)],
            )
            for one in branches
        ]
        found["branch_rows"] = _body(lines)
    return found


class Drawing:
    """Draws a cell of the map: the sign and number of what is wrong, or how many of how many are done."""

    def __init__(self, asked: Board, branch: Branch | None, request: PortalRequest) -> None:
        self.request, self.more = request, {"branch": "", "q": branch.name} if branch else {"branch": ""}

    def cell(self, tally: Tally | None, month: int, name: str, **narrowed: str) -> str:
        if tally is None:
            return "<td></td>"
        standing, words, below = words_of(tally)
        sign = STANDINGS[standing]
        month_words = "次年" if month == AFTER_YEAR else f"{month}月"
        inside = format_html(
            '<span><span aria-hidden="true">{}</span>{}</span><small>{}</small>', sign.sign, words, below
        )
        title = f"{name}，{month_words}到期：{sentence(tally)}"
        if month == AFTER_YEAR:
            return format_html('<td><span class="cell cell-{}" title="{}">{}</span></td>', sign.tone, title, inside)
        url = with_query("plan:board", self.request.GET, **self.more, **narrowed, month=str(month))
        return format_html(
            '<td><a class="cell cell-{}" href="{}" title="{}">{}</a></td>', sign.tone, url, title, inside
        )


def words_of(tally: Tally) -> tuple[Standing, str, str]:
    """The standing that gives the sign, its words, and the share that is done below: 逾期 3 | 46/50，免1.

    What was filed counts as done by its owner: whether the desk has received it is the board's question.
    """
    done = tally.accepted + tally.of(Standing.FILED)
    owed = tally.total - tally.waived
    if not owed:
        return Standing.WAIVED, STANDINGS["waived"].label, str(tally.waived)
    below = share(done, tally.total, tally.waived)
    for standing in (Standing.OVERDUE, Standing.SENT_BACK):
        if number := tally.of(standing):
            return standing, f"{STANDINGS[standing].label} {number}", below
    if tally.soon:
        return Standing.TODO, f"{WEEK} {tally.soon}", below
    if done == owed:
        return Standing.RECEIVED, "全部办结", below + ("，补报" + str(tally.late) if tally.late else "")
    return Standing.NOT_DUE, STANDINGS["not_due"].label, below


def sentence(tally: Tally) -> str:
    """What a cell counts: 按时46项、补报2项、逾期3项、退回补正1项、待办4项、免1项."""
    done = tally.accepted + tally.of(Standing.FILED)
    late = min(tally.late, done)
    parts = [("按时", done - late), ("补报", late), ("逾期", tally.of(Standing.OVERDUE)),
             ("退回补正", tally.of(Standing.SENT_BACK)), ("尚未到期", tally.of(Standing.TODO, Standing.NOT_DUE)),
             ("免", tally.waived)]  # fmt: skip
    return "、".join(f"{word}{number}项" for word, number in parts if number)


def _body(lines: Sequence[tuple[str, list[str]]]) -> SafeString:
    rows = (f'<tr><th scope="row">{head}</th>{"".join(cells)}</tr>' for head, cells in lines)
    return mark_safe("\n".join(rows))  # noqa: S308 — joined from format_html only
