"""What hangs on the wall: a pledge as a board (承诺牌), a post with who stands on it, the certificate of a term."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.conf import settings
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest

from branches.access import Access
from branches.models import Branch
from commitments.models import PioneerPost, Pledge, PledgeItem, Term
from documents.print import Board, Certificate, Unprintable, clean, problems

LINES, LONGEST = 3, 60
NOTE = "扫码看承诺和进展（须登录）"
POST_NOTE = "扫码看岗位和驻岗情况（须登录）"
# Terms that ended so were not served: no certificate for them.
NOT_SERVED = (Term.End.CANCELLED, Term.End.WITHDRAWN)


def portal(request: HttpRequest) -> str:
    """Where the portal is found, without a slash at the end: the setting, else as it was asked for just now."""
    return settings.PORTAL_URL or f"{request.scheme}://{request.get_host()}"


def in_words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


# Pledges


def may_print(access: Access, pledge: Pledge) -> bool:
    """The one who pledged, the leaders of the branch, and the office above it."""
    if pledge.member_id is not None and pledge.member_id == access.member_id:
        return True
    return pledge.branch_id in access.leads or pledge.branch.committee_id in access.office_of


def may_print_all(access: Access, branch: Branch) -> bool:
    return branch.pk in access.leads or branch.committee_id in access.office_of


def hanging(branch: Branch, access: Access) -> QuerySet[Pledge]:
    """The branch's boards of the day: its own first, then its members' by name."""
    items = Prefetch("items", PledgeItem.objects.order_by("position"))
    return (
        Pledge.objects.visible_to(access)
        .shown_on(access.on)
        .filter(branch=branch)
        .select_related("filing", "branch__committee", "member")
        .prefetch_related(items)
        .order_by(F("member__name_key").asc(nulls_first=True), "pk")
    )


def lines_of(pledge: Pledge) -> tuple[str, ...]:
    """What stands on the board: the lines chosen for it; without any, the items short enough to stand there."""
    chosen = [clean(line) for line in pledge.board_lines if clean(line)]
    if not chosen:
        chosen = [item.text for item in pledge.items.all() if len(clean(item.text)) <= LONGEST]
    return tuple(chosen[:LINES])


def board_of(pledge: Pledge, base: str) -> Board:
    """The pledge as a board whose code leads to the portal at `base`."""
    facts = [("监督电话", pledge.phone), ("有效期至", in_words(pledge.valid_until))]
    own = pledge.member is not None
    return Board(
        title="共产党员承诺牌" if own else "党支部承诺牌",
        name=pledge.owner_name,
        lines=lines_of(pledge),
        whose=tuple(said for said in (pledge.branch.name, pledge.position) if said) if own else (),
        facts=tuple((label, said) for label, said in facts if said),
        address=f"{base}{pledge.get_absolute_url()}",
        note=NOTE,
    )


def what_is_missing(board: Board) -> list[str]:
    """Why this board cannot be printed, in sentences; empty where it can."""
    if not board.lines:
        return [f"“{board.name}”还没有写承诺牌上的内容（1至{LINES}行，每行不超过{LONGEST}字）。"]
    return problems(board)


def printable(boards: Iterable[Board]) -> tuple[list[Board], list[str]]:
    """Those that can be printed, and why the others cannot."""
    found, sentences = [], []
    for board in boards:
        missing = what_is_missing(board)
        sentences += missing
        if not missing:
            found.append(board)
    return found, sentences


# Pioneer posts


def holder_of(post: PioneerPost) -> Term | None:
    """Who stands on the post now."""
    return (
        post.terms.filter(begun_at__isnull=False, ended_on__isnull=True).select_related("member", "nomination").first()
    )


def post_board(post: PioneerPost, term: Term | None, base: str = "") -> Board:
    """The post's board: its duties, and who stands on it; an empty post says so."""
    holder = ["驻岗党员待定"]
    if term:
        holder = [f"驻岗党员：{term.member.name}", f"驻岗时间：{in_words(term.from_on)}至{in_words(last_day(term))}"]
    facts = [("所属支部", post.branch.name), ("亮牌位置", post.place)]
    return Board(
        title="党员先锋岗",
        name=post.name,
        lines=tuple(line for line in (clean(part) for part in post.duties.splitlines()) if line),
        whose=tuple(holder),
        facts=tuple((label, said) for label, said in facts if said),
        address=f"{base}{post.get_absolute_url()}" if base else "",
        note=POST_NOTE,
    )


def last_day(term: Term) -> date:
    """The last day of the term: as planned, or as it really ended."""
    return term.ended_on or term.until_on - timedelta(days=1)


def has_certificate(term: Term) -> bool:
    """A term that was begun, and not taken away."""
    return term.begun_at is not None and term.end not in NOT_SERVED


def certificate_for(term: Term, base: str = "") -> Certificate:
    """The certificate of one term on a post, the same whenever it is printed. Raises Unprintable: there is none."""
    if not has_certificate(term):
        raise Unprintable([f"{term.member.name}没有在这个岗位驻岗，没有证书。"])
    post, branch = term.post, term.post.branch
    kind = term.nomination.get_kind_display()
    return Certificate(
        title="党员先锋岗证书",
        name=f"{term.member.name}同志",
        text=(
            f"经{branch.name}评议，你作为{kind}（{clean(term.nomination.honour)}），自{in_words(term.from_on)}起至"
            f"{in_words(last_day(term))}在党员先锋岗“{post.name}”驻岗。\n特发此证。"
        ),
        issuer=branch.name,
        issued=in_words(term.from_on),
        number=f"编号：先锋岗{term.from_on.year}-{branch.code}-{term.pk:04d}",
        address=f"{base}{post.get_absolute_url()}" if base else "",
    )
