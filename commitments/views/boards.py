"""Boards of pledges: choosing what to print, the papers themselves, and the screen in the activity room."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header

from branches.models import Branch
from branches.requests import PortalRequest
from commitments import boards as hung
from commitments.models import PioneerPost, Pledge, Term
from documents import print as paper
from documents.print import FORMATS, Board, Format, Unprintable
from plan import kept_files

A_PAGE = 50
DESK = "desk"
NOT_YOURS = "承诺牌由本人、支部支委会成员或机关党委办公室打印。"


def _format(code: str) -> Format:
    if code not in FORMATS:
        raise Http404
    return FORMATS[code]


def _branch(request: PortalRequest) -> Branch | None:
    """The branch asked for; else the one the person leads or belongs to; none for those who see many."""
    access = request.access
    seen = Branch.objects.visible_to(access).select_related("committee")
    asked = request.GET.get("branch", "")
    if asked:
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 19):
            raise Http404
        return get_object_or_404(seen, pk=int(asked))
    own = access.led_branch_id or (access.branch.pk if access.branch and not access.sees_committees else None)
    return seen.filter(pk=own).first() if own else None


# Choosing


def boards(request: PortalRequest) -> HttpResponse:
    """What of the branch can be printed, in the format chosen; for those above, first which branch."""
    branch = _branch(request)
    return _list(request) if branch is None else _choose(request, branch)


def _list(request: PortalRequest) -> HttpResponse:
    """The branches a person oversees, each with how many boards hang there."""
    access = request.access
    live = Q(pledges__in=Pledge.objects.shown_on(access.on))
    rows = Branch.objects.filter(committee__in=access.sees_committees).existing_on(access.on)
    rows = rows.annotate(hanging=Count("pledges", filter=live)).order_by("committee", "code", "pk")
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    return render(request, "commitments/boards_branches.html", {"page": page})


def _choose(request: PortalRequest, branch: Branch) -> HttpResponse:
    access = request.access
    everybody = hung.may_print_all(access, branch)
    rows = hung.hanging(branch, access)
    if not everybody:
        rows = rows.filter(member=access.member_id)
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    base = hung.portal(request)
    lines: list[dict[str, Any]] = []
    for pledge in page:
        board = hung.board_of(pledge, base)
        lines.append({"pledge": pledge, "board": board, "missing": hung.what_is_missing(board)})
    chosen = FORMATS.get(request.GET.get("format", ""), FORMATS[DESK])
    context: dict[str, Any] = {
        "branch": branch, "everybody": everybody, "page": page, "lines": lines, "formats": FORMATS.values(),
        "chosen": chosen, "missing": [sentence for line in lines for sentence in line["missing"]],
        "sample": next((line for line in lines if not line["missing"]), None),
        "sees_many": bool(access.sees_committees),
    }  # fmt: skip
    return render(request, "commitments/boards.html", context)


# Paper


def _pledge(request: PortalRequest, pk: int) -> Pledge:
    """One pledge that hangs today and that this person may print."""
    rows = Pledge.objects.visible_to(request.access).shown_on(request.access.on)
    rows = rows.select_related("filing", "branch__committee", "member")
    pledge = get_object_or_404(rows, pk=pk)
    if not hung.may_print(request.access, pledge):
        raise PermissionDenied(NOT_YOURS)
    return pledge


def _one(request: PortalRequest, pk: int) -> Board:
    board = hung.board_of(_pledge(request, pk), hung.portal(request))
    if missing := hung.what_is_missing(board):
        raise Unprintable(missing)
    return board


def _refused(request: PortalRequest, error: Unprintable) -> HttpResponse:
    return render(request, "commitments/boards_refused.html", {"sentences": error.sentences}, status=422)


def board_pdf(request: PortalRequest, pk: int, format: str) -> HttpResponse:
    """One board on a page of its own size."""
    size = _format(format)
    try:
        board = _one(request, pk)
        data = paper.boards_pdf([board], size, title=f"{board.title} {board.name}", at=request.now)
    except Unprintable as error:
        return _refused(request, error)
    return kept_files.to_save(data, f"{board.title}_{board.name}_{size.code}.pdf", "pdf")


def board_png(request: PortalRequest, pk: int, format: str) -> HttpResponse:
    """One board as a picture, to be looked at on a page or saved."""
    size = _format(format)
    try:
        board = _one(request, pk)
        data = paper.board_png(board, size, at=request.now)
    except Unprintable as error:
        return _refused(request, error)
    response = HttpResponse(data, content_type="image/png")
    saved = "save" in request.GET
    response["Content-Disposition"] = content_disposition_header(saved, f"{board.title}_{board.name}.png") or "inline"
    response["Cache-Control"] = "private, no-store"
    return response


def boards_pdf(request: PortalRequest, pk: int, format: str) -> HttpResponse:
    """All boards of a branch: a page each, desk cards several to a sheet with cut marks."""
    size, access = _format(format), request.access
    branch = get_object_or_404(Branch.objects.visible_to(access).select_related("committee"), pk=pk)
    if not hung.may_print_all(access, branch):
        raise PermissionDenied(NOT_YOURS)
    base = hung.portal(request)
    made, sentences = hung.printable(hung.board_of(pledge, base) for pledge in hung.hanging(branch, access))
    try:
        if not made:
            raise Unprintable(sentences or [f"{branch.name}现在没有已公开的承诺，没有可以打印的承诺牌。"])
        title = f"{branch.name}承诺牌"
        data = paper.boards_pdf(made, size, title=title, at=request.now, on_sheets=size.code == DESK)
    except Unprintable as error:
        return _refused(request, error)
    return kept_files.to_save(data, f"{title}_{size.code}.pdf", "pdf")


def post_board_pdf(request: PortalRequest, pk: int, format: str) -> HttpResponse:
    """The board of a pioneer post, with who stands on it now."""
    size = _format(format)
    rows = PioneerPost.objects.visible_to(request.access).filter(closed_on__isnull=True)
    post = get_object_or_404(rows.select_related("branch__committee"), pk=pk)
    board = hung.post_board(post, hung.holder_of(post), hung.portal(request))
    try:
        data = paper.boards_pdf([board], size, title=f"{board.title} {post.name}", at=request.now)
    except Unprintable as error:
        return _refused(request, error)
    return kept_files.to_save(data, f"党员先锋岗_{post.name}_{size.code}.pdf", "pdf")


def term_certificate(request: PortalRequest, pk: int) -> HttpResponse:
    """The certificate of a term that was begun."""
    rows = Term.objects.filter(post__in=PioneerPost.objects.visible_to(request.access))
    term = get_object_or_404(rows.select_related("post__branch__committee", "member", "nomination"), pk=pk)
    try:
        made = hung.certificate_for(term, hung.portal(request))
        data = paper.certificate(made, at=request.now)
    except Unprintable as error:
        return _refused(request, error)
    return kept_files.to_save(data, f"党员先锋岗证书_{term.member.name}.pdf", "pdf")


# The wall


def screen(request: PortalRequest) -> HttpResponse:
    """The branch's boards one after another, for the screen in the activity room; nobody sees it without a login."""
    branch = _branch(request)
    if branch is None:
        return _list(request)
    base = hung.portal(request)
    slides = []
    for pledge in hung.hanging(branch, request.access):
        board = hung.board_of(pledge, base)
        if board.lines:
            longest = max(len(line) for line in board.lines)
            slides.append({
                "board": board, "code": paper.qr_uri(board.address),
                "lines": "short" if longest <= 20 else "usual" if longest <= 40 else "long",
                "name": "short" if len(board.name) <= 5 else "usual" if len(board.name) <= 12 else "long",
            })  # fmt: skip
    return render(request, "commitments/screen.html", {"branch": branch, "slides": slides})
