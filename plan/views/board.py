"""The board: branches by requirements, as of any moment, with the totals of all branches that match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from branches.models import Branch
from branches.requests import PortalRequest, wants_json
from branches.templatetags.portal import STANDINGS
from plan.board import (
    ACCEPTED,
    TO_COME,
    URGENT,
    WEEK,
    Column,
    Row,
    Tally,
    sentence_of,
    summed,
    totals,
    words_of,
)
from plan.models import Standing
from plan.views.conditions import WEEK_CODE, Board, as_typed, moments, page_of, with_query
from plan.views.duty_list import Group
from plan.views.saved_views import saved_for

ROUTE = "plan:board"


def board(request: PortalRequest) -> HttpResponse:
    """Each cell says how the branch stands and leads to its duties; above, how all that match stand.

    Where all branches are on the page, the totals are the sum of its rows. Else they are a question of their own, whose
    cost grows with the committee: the page does not wait for it but fetches it when it is open (`static/js/board.js`).
    """
    asked = Board(request)
    if wants_json(request):
        return _totals_alone(asked, request)
    page = page_of(asked.branches, request.GET.get("page"))
    branches = list(page)
    rows, draw = asked.rows(branches), Drawing(asked)
    is_whole = page.paginator.num_pages == 1
    total = summed(rows.values()) if is_whole else None
    if total is None and asked.plan and "totals" in request.GET:
        total = totals(asked.duties, asked.branches, asked.at)
    context = {
        "form": asked.form, "page": page, "plan": asked.plan,
        "moments": moments(ROUTE, request.GET, asked.at_given, request.now),
        "chapters": asked.chapters, "columns": _heads(asked, total, request),
        "summary": None if total is None else _summary(asked, total, request),
        "totals_url": with_query(ROUTE, request.GET, totals="1"),
        "table": _table(draw, asked, branches, rows), "phone": _phone(draw, asked, branches, rows),
        "has_rows": bool(branches and asked.columns), "asked": bool(request.GET),
        "reset_url": request.path if request.GET else "", "saved": saved_for(request, "board"),
        "now_url": with_query(ROUTE, request.GET, at=""),
        "xlsx_url": with_query("plan:board_xlsx", request.GET), "docx_url": _docx_url(request, is_whole),
        "docx_label": "导出 Word" if is_whole else "本页导出 Word",
        "heat_url": with_query("plan:heat", request.GET, month="", standing="", totals=""),
    }  # fmt: skip
    return render(request, "plan/board.html", context)


def _docx_url(request: PortalRequest, is_whole: bool) -> str:
    url = with_query("plan:board_docx", request.GET)
    page = request.GET.get("page")
    return url if is_whole or not page else f"{url}{'&' if '?' in url else '?'}{urlencode({'page': page})}"


def _totals_alone(asked: Board, request: PortalRequest) -> HttpResponse:
    """What the page's script puts in: the summary, and what is late in each column by the column's mark."""
    total = totals(asked.duties, asked.branches, asked.at) if asked.plan else {}
    summary = render_to_string("plan/parts/board_totals.html", {"summary": _summary(asked, total, request)})
    return JsonResponse({
        "summary": summary, "late": {head["mark"]: head["late"] for head in _heads(asked, total, request)},
    })  # fmt: skip


def _summary(asked: Board, total: Row, request: PortalRequest) -> list[dict[str, Any]]:
    """How everything that matches stands, each standing with the link that keeps the branches that have it."""
    every = Tally()
    for tally in total.values():
        every.add(tally)
    coming = every.of(*TO_COME) - every.soon
    parts: list[tuple[str, str, Standing, int]] = [
        (one.value, STANDINGS[one].label, one, every.of(one)) for one in (Standing.OVERDUE, Standing.SENT_BACK)
    ]
    parts += [(WEEK_CODE, WEEK, Standing.TODO, every.soon),
              (Standing.NOT_DUE.value, STANDINGS["not_due"].label, Standing.NOT_DUE, coming)]  # fmt: skip
    others = (Standing.FILED, *ACCEPTED, Standing.WAIVED)
    parts += [(one.value, STANDINGS[one].label, one, every.of(one)) for one in others]
    shown = [
        {
            "label": label, "number": f"{number:,}", "sign": STANDINGS[standing].sign, "tone": STANDINGS[standing].tone,
            "url": with_query(ROUTE, request.GET, standing="" if code == asked.standing else code, totals=""),
            "current": code == asked.standing,
        }
        for code, label, standing, number in parts
        if number or code in (Standing.OVERDUE, asked.standing)
    ]  # fmt: skip
    late = f"{every.late:,}" if every.late else ""
    return [*shown, {"label": "其中补报", "number": late, "sign": "补", "tone": "late", "url": ""}] if late else shown


def _heads(asked: Board, total: Row | None, request: PortalRequest) -> list[dict[str, str]]:
    """The columns' heads: where the plan asks it, in its own words, and what is late in it among all that match."""
    heads = []
    for column in asked.columns:
        late = total[column.key].of(Standing.OVERDUE) if total and column.key in total else 0
        heads.append({
            "code": column.code, "heading": column.heading, "mark": f"{column.code}{'m' * column.of_members}",
            "url": reverse("plan:requirement_detail", args=[column.requirement_id]),
            "title": f"条款{column.clause}　{column.quote}", "late": f"{late:,}" if late else "",
            "late_url": with_query(ROUTE, request.GET, code=column.code, standing="overdue", totals=""),
        })  # fmt: skip
    return heads


class Drawing:
    """Draws cells from escaped pieces: the same tally in the same column is put into words once."""

    def __init__(self, asked: Board) -> None:
        self.path = reverse("plan:duty_list")
        self.more = {"standing": Group.ALL.value}
        if asked.month:
            self.more["month"] = str(asked.month)
        if asked.at_given:
            self.more["at"] = as_typed(asked.at_given)
        self.known: dict[tuple[Any, ...], tuple[str, str]] = {}

    def cell(self, column: Column, tally: Tally, branch_id: int) -> str:
        """A link whose every piece is escaped; the branch's number is the only thing that varies in it."""
        key = (column.key, tally.late, tally.soon, *sorted(tally.counts.items()))
        pieces = self.known.get(key)
        if pieces is None:
            standing, words = words_of(column, tally)
            sign = STANDINGS[standing]
            query = {"code": column.code, "whose": "member" if column.of_members else "branch", **self.more}
            before = format_html('<a class="cell cell-{}" href="{}?branch=', sign.tone, self.path)
            after = format_html(
                '&amp;{}" title="{}"><span aria-hidden="true">{}</span>{}</a>',
                urlencode(query), sentence_of(column, tally), sign.sign, _parts(words),
            )  # fmt: skip
            pieces = self.known[key] = (before, after)
        return f"{pieces[0]}{branch_id}{pieces[1]}"


def _parts(words: str) -> str:
    """Words of several parts break between them, and nowhere else."""
    *first, last = words.split("，")
    if not first:
        return words
    parts = [f"{part}，" for part in first] + [last]
    return format_html(
        '<span class="cell-words">{}</span>', format_html_join("", "<span>{}</span>", ((part,) for part in parts))
    )


def _table(draw: Drawing, asked: Board, branches: Sequence[Branch], rows: Mapping[int, Row]) -> SafeString:
    """The body of the board's table; 1,750 cells are joined here, where a template would take ten times as long."""
    lines = []
    for branch in branches:
        row = rows.get(branch.pk, {})
        cells = []
        for column in asked.columns:
            tally = row.get(column.key)
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
            if (tally := row.get(column.key)) and words_of(column, tally)[0] in URGENT
        ]
        lines = format_html_join("", "<li><span>{}</span>{}</li>", urgent)
        below = format_html('<ul class="board-lines">{}</ul>', lines) if urgent else NOTHING_URGENT
        head = format_html('<h2><a href="{}">{}</a></h2>', branch.get_absolute_url(), branch.name)
        parts.append(format_html('<li class="board-branch">{}{}</li>', head, below))
    return mark_safe("\n".join(parts))  # noqa: S308 — joined from format_html only


NOTHING_URGENT = format_html('<p class="muted">{}</p>', "没有逾期、退回补正和本周到期的事项。")
