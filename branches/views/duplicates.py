"""Members entered twice: the list of likely pairs, the two entries side by side, and the merge."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from branches import audit
from branches.duplicates import facts_of, not_the_same, pairs, reasons_for
from branches.merging import CannotMerge, Decision, Moved, filled_facts, foreign_rights, merge, rehearse
from branches.models import Committee, Member, on_day
from branches.personal import FIELDS, masked
from branches.personal_forms import PairForm
from branches.requests import PortalRequest
from branches.roster import roster_changed, roster_lock
from branches.sight import kept_by
from branches.sudo import sudo_required

PER_PAGE = 30


def member_duplicates(request: PortalRequest) -> HttpResponse:
    """The likely pairs with their reasons; any two may be laid side by side by their staff numbers."""
    access = request.access
    asked = "first" in request.GET or "second" in request.GET
    form = PairForm(request.GET if asked else None, access=access)
    if asked and form.is_valid():
        first, second = form.cleaned_data["first"], form.cleaned_data["second"]
        return redirect("branches:member_pair", kept=first.pk, gone=second.pk)
    page = Paginator(pairs(access), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "branches/member_duplicates.html", {"page": page, "form": form})


def member_pair(request: PortalRequest, kept: int, gone: int) -> HttpResponse:
    """Two entries side by side: what would move to the one that stays; then the merge, or that they are two people."""
    mine = kept_by(request.access)
    staying, going = get_object_or_404(mine, pk=kept), get_object_or_404(mine.exclude(pk=kept), pk=gone)
    if request.method == "POST" and request.POST.get("action") == "differ":
        return _differ(request, staying, going)
    if request.method == "POST" and request.POST.get("action") == "merge":
        return _merge(request, staying, going)
    return _side_by_side(request, staying, going)


def _differ(request: PortalRequest, first: Member, second: Member) -> HttpResponse:
    with audit.act(request.access, audit.Kind.WRITE, "认定不是同一人", first, other=second.staff_number):
        not_the_same(request.access, first, second)
    messages.success(request, f"已记下：工号{first.staff_number}与{second.staff_number}不是同一人，不再提示。")
    return redirect("branches:member_duplicates")


@sudo_required
def _merge(request: PortalRequest, kept: Member, gone: Member) -> HttpResponse:
    """In one transaction, and only what the preview showed."""
    access = request.access
    if gone.pk == access.member_id:
        messages.error(request, "不能并掉自己正在使用的条目，请对调后保留它，或请另一位同事办理。")
        return redirect("branches:member_pair", kept=kept.pk, gone=gone.pk)
    try:
        with roster_lock(*access.office_of):
            # As they stand now: what was saved while this waited is neither undone nor overlooked.
            kept, gone = (get_object_or_404(kept_by(access), pk=member.pk) for member in (kept, gone))
            if why := foreign_rights(access, kept, gone):
                raise CannotMerge(why)
            if request.POST.get("mark") != _mark(kept, gone, rehearse(kept, gone)):
                messages.warning(request, "您打开本页之后，两个条目有了变动，没有合并。请按下面的最新情况再核对一遍。")
                return redirect("branches:member_pair", kept=kept.pk, gone=gone.pk)
            moved = merge(kept, gone)
            detail = "；".join(f"{decision.noun}{count.count}" for decision, count in moved if count.count)
            audit.note(access, audit.Kind.WRITE, "合并党员条目", kept, merged=gone.staff_number, moved=detail)
            for committee in Committee.objects.filter(pk__in=_committees(kept, request)):
                roster_changed(committee, request.now)
    except CannotMerge as refused:
        messages.error(request, f"没有合并：{refused}")
        return redirect("branches:member_pair", kept=kept.pk, gone=gone.pk)
    messages.success(request, f"已把工号{gone.staff_number}的条目并入{kept.name}（工号{kept.staff_number}）。")
    return redirect("branches:member_detail", pk=kept.pk)


def _committees(member: Member, request: PortalRequest) -> list[int]:
    """Whose rosters the member stands on today."""
    return list(member.memberships.filter(on_day(request.access.on)).values_list("branch__committee", flat=True))


def _mark(kept: Member, gone: Member, moved: list[tuple[Decision, Moved]]) -> str:
    """What the preview showed, as a fingerprint."""
    said = [(decision.noun, count) for decision, count in moved]
    return hashlib.sha256(repr((kept.pk, gone.pk, said, filled_facts(kept, gone))).encode()).hexdigest()[:16]


def _side_by_side(request: PortalRequest, kept: Member, gone: Member) -> HttpResponse:
    access = request.access
    try:
        moved, trouble = rehearse(kept, gone), foreign_rights(access, kept, gone)
    except CannotMerge as refused:
        moved, trouble = [], str(refused)
    if gone.pk == access.member_id:
        trouble = "这是您自己正在使用的条目，不能并掉。请对调，保留它。"
    context: dict[str, Any] = {
        "kept": kept, "gone": gone, "trouble": trouble, "mark": _mark(kept, gone, moved),
        "reasons": reasons_for(access, kept, gone),
        "facts": [
            {"label": label, "kept": one, "gone": other, "differs": one != other}
            for (label, one), (_, other) in zip(_facts(kept, request), _facts(gone, request), strict=True)
            if one or other
        ],
        "filled": filled_facts(kept, gone),
        "moved": [
            {"what": f"{decision.noun} {count.count} {decision.unit}" if count.count else decision.noun,
             "sentence": count.sentence}
            for decision, count in moved
        ],
        "swapped": reverse("branches:member_pair", args=[gone.pk, kept.pk]),
    }  # fmt: skip
    return render(request, "branches/member_pair.html", context)


def _facts(member: Member, request: PortalRequest) -> list[tuple[str, str]]:
    user = getattr(member, "user", None)
    account = "没有" if user is None else "使用中" if user.is_active else "已暂停"
    personal = [(field.label, masked(member, name)) for name, field in FIELDS.items()]
    return [*facts_of(member, request.access.on), *personal, ("账号", account)]
