"""The tree of committees: what stands under what, how strong it is, and the acts that change it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from branches import audit
from branches.access import Access
from branches.forms import CommitteeForm
from branches.hints import Facts, Hint, Level, hints, listed
from branches.models import Branch, Committee
from branches.organization import Sum, facts_of, sums_of
from branches.requests import PortalRequest
from branches.roster import roster_changed, roster_lock
from branches.sudo import sudo_required
from branches.views.people import changed_labels

PER_PAGE = 50
MOST_HINTS = 20
MOST_SET_IN = 3

TREE_COLUMNS = [
    {"label": "党组织", "kind": "head"}, {"label": "类别", "kind": "named"}, {"label": "上级", "kind": "named"},
    {"label": "党支部", "kind": "number"}, {"label": "党员", "kind": "number"}, {"label": "其中正式", "kind": "number"},
    {"label": "书记空缺", "kind": "number"},
]  # fmt: skip
BRANCH_COLUMNS = [
    {"label": "党支部", "kind": "head"}, {"label": "代码", "kind": "named"}, {"label": "类型", "kind": "named"},
    {"label": "党小组", "kind": "named"}, {"label": "党员", "kind": "number"},
    {"label": "其中正式", "kind": "number"}, {"label": "留意", "kind": "named"},
]  # fmt: skip


def organization(request: PortalRequest) -> HttpResponse:
    """The tree with its totals, and below it the branches of the committee chosen."""
    access = request.access
    day = access.on
    seen = access.organizes | access.inspects
    committees = list(Committee.objects.filter(pk__in=seen).select_related("parent").order_by("pk"))
    branches = list(
        Branch.objects.filter(committee__in=seen).existing_on(day).prefetch_related("groups").order_by("code", "pk")
    )
    facts = facts_of(branches, day)
    tree = sums_of(committees, branches, facts)
    chosen = next((line for line in tree if str(line.committee.pk) == request.GET.get("committee")), None)
    line = chosen or next((one for one in tree if one.own), tree[0])
    page = Paginator(line.own, PER_PAGE).get_page(request.GET.get("page"))
    told = sorted(
        ((hint, branch) for branch in branches for hint in hints(facts[branch.pk], day) if hint.level < Level.NOTE),
        key=lambda pair: (pair[0].level, pair[0].on or day, pair[1].code),
    )
    context = {
        "tree": _tree_rows(tree), "tree_columns": TREE_COLUMNS,
        "line": line, "page": page, "columns": BRANCH_COLUMNS,
        "rows": [{"cells": _branch_cells(branch, facts[branch.pk], access)} for branch in page],
        "hints": [_told(hint, branch, access) for hint, branch in told[:MOST_HINTS]], "hints_count": len(told),
        "may_edit": line.committee.pk in access.organizes, "may_found": bool(access.organizes),
        "one": len(tree) == 1,
    }  # fmt: skip
    return render(request, "branches/organization.html", context)


def _tree_rows(tree: list[Sum]) -> list[dict[str, Any]]:
    """Each set in by how far it stands below the top of what is shown, at most as far as the page can."""
    depths: dict[int, int] = {}
    for line in tree:
        depths[line.committee.pk] = min(depths.get(line.committee.parent_id or 0, -1) + 1, MOST_SET_IN)
    return [{"cells": _tree_cells(line, depths[line.committee.pk])} for line in tree]


def _tree_cells(line: Sum, below: int) -> list[Any]:
    url = f"{reverse('branches:organization')}?committee={line.committee.pk}"
    return [
        {"text": line.committee.name, "url": url, "below": below},
        line.committee.get_kind_display(),
        line.committee.parent.short_name if line.committee.parent else "无",
        str(line.branches),
        str(line.members),
        str(line.full_members),
        str(line.vacancies),
    ]


def _branch_url(branch: Branch, access: Access) -> str:
    """The branch's page; for the system's keeper, who reads no branch's business, the form of its facts."""
    if branch.committee_id in access.sees_committees:
        return branch.get_absolute_url()
    return reverse("branches:branch_edit", args=[branch.pk])


def _branch_cells(branch: Branch, facts: Facts, access: Access) -> list[Any]:
    groups = len(branch.groups.all())
    return [
        {"text": branch.name, "url": _branch_url(branch, access)},
        branch.code,
        branch.get_kind_display(),
        f"{groups}个" if groups else "不分",
        str(facts.members),
        str(facts.full_members),
        listed(facts, access.on),
    ]


def _told(hint: Hint, branch: Branch, access: Access) -> dict[str, Any]:
    return {"branch": branch.name, "url": _branch_url(branch, access), "text": hint.text, "tone": hint.level.tone}


def committee_new(request: PortalRequest) -> HttpResponse:
    """A committee is set up below one of one's own."""
    access = request.access
    if request.method == "POST":
        with roster_lock(*access.organizes):
            form = CommitteeForm(request.POST, access=access)
            if form.is_valid():
                committee = form.save()
                audit.note(access, audit.Kind.SETTING, "新建党组织", committee, parent=committee.parent)
                messages.success(request, f"已新建{committee.name}。下一步：登记它的办公室人员，新建所属支部。")
                return redirect(f"{reverse('branches:organization')}?committee={committee.pk}")
    else:
        parent = request.GET.get("parent", "")
        form = CommitteeForm(access=access, initial={"kind": Committee.Kind.GENERAL, "parent": parent})
    return render(request, "branches/committee_form.html", {"form": form, "committee": None})


@sudo_required
def committee_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """Kind, names and place in the tree; under a new parent the branches owe what its plan still asks."""
    access = request.access
    if request.method == "POST":
        with roster_lock(*access.organizes):
            committee = get_object_or_404(Committee, pk=pk, pk__in=access.organizes)
            form = CommitteeForm(request.POST, instance=committee, access=access)
            if form.is_valid():
                form.save()
                audit.note(access, audit.Kind.SETTING, "修改党组织", committee, fields=changed_labels(form))
                if "parent" in form.changed_data:
                    roster_changed(committee, request.now)
                messages.success(request, f"已保存{committee.name}的内容。")
                return redirect(f"{reverse('branches:organization')}?committee={committee.pk}")
    else:
        committee = get_object_or_404(Committee, pk=pk, pk__in=access.organizes)
        form = CommitteeForm(instance=committee, access=access)
    return render(request, "branches/committee_form.html", {"form": form, "committee": committee})
