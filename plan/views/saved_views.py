"""Saved views: a person's own names for sets of conditions, above the board, the year's map and the list of duties."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from branches import audit
from branches.form_base import PortalForm
from branches.models import User
from branches.requests import PortalRequest
from plan.models import SavedView

MOST = 30  # of one person
# The pages that have saved views, and the conditions that each of them knows.
PAGES = {
    "board": ("plan:board", ("committee", "chapter", "code", "q", "standing", "month", "at")),
    "heat": ("plan:heat", ("committee", "chapter", "code", "q", "branch", "at")),
    "duties": ("plan:duty_list", ("branch", "standing", "code", "whose", "q", "month", "at")),
}
OVERSEEN = ("board", "heat")


class SaveForm(PortalForm):
    """A name for the conditions that the page shows."""

    page = forms.ChoiceField(choices=[(name, name) for name in PAGES])
    name = forms.CharField(label="名称", max_length=30)
    query = forms.CharField(max_length=2000, required=False)


def known_conditions(page: str, query: str) -> str:
    """Of a query what the page knows, each condition once and in the page's own order; what is too long is left out."""
    given = QueryDict(query.removeprefix("?"))
    kept = QueryDict(mutable=True)
    for name in PAGES[page][1]:
        value = given.get(name, "").strip()
        if value and len(value) <= 80 and value.isprintable():
            kept[name] = value
    return kept.urlencode()


def saved_for(request: PortalRequest, page: str) -> dict[str, Any]:
    """What the page draws: the person's own views of it, which of them is shown, and whether there is one to save."""
    query = known_conditions(page, request.GET.urlencode())
    route = reverse(PAGES[page][0])
    views = [
        {"pk": one.pk, "name": one.name, "url": f"{route}?{one.query}" if one.query else route,
         "current": one.query == query}
        for one in SavedView.objects.filter(user=request.access.user, page=page)
    ]  # fmt: skip
    can_save = bool(query) and not any(one["current"] for one in views)
    return {"page": page, "views": views, "query": query, "can_save": can_save}


@require_POST
def view_save(request: PortalRequest) -> HttpResponse:
    """The present conditions under a name; the same name once more takes the new conditions."""
    access = request.access
    form = SaveForm(request.POST)
    if not form.is_valid():
        page = form.cleaned_data.get("page")
        if not page:
            raise Http404
        _demand(request, page)
        messages.error(request, "；".join(line.text for line in form.error_lines()))
        return redirect(_address(page, known_conditions(page, request.POST.get("query", "")[:2000])))
    page, name = form.cleaned_data["page"], form.cleaned_data["name"]
    _demand(request, page)
    query = known_conditions(page, form.cleaned_data["query"])
    if len(query) > 500:
        messages.error(request, "条件太长，不能保存。请去掉几个条件再试。")
        return redirect(_address(page, query))
    with audit.act(access, audit.Kind.WRITE, "保存常用视图") as entry:
        # Whoever saves twice at once waits here, so that the number holds.
        User.objects.select_for_update().get(pk=access.user.pk)  # type: ignore[union-attr]
        mine = SavedView.objects.filter(user=access.user)
        known = mine.filter(page=page, name=name).first()
        full = known is None and mine.count() >= MOST
        if full:
            entry.ok = False
        else:
            view, _ = SavedView.objects.update_or_create(
                user=access.user, page=page, name=name, defaults={"query": query, "saved_at": access.now}
            )
            entry.about = view
    if full:
        messages.error(request, f"最多保存{MOST}个常用视图。请先移除不用的，再保存。")
    else:
        messages.success(request, f"已保存为“{name}”。")
    return redirect(_address(page, query))


@require_POST
def view_remove(request: PortalRequest, pk: int) -> HttpResponse:
    """One's own view goes; the conditions that are shown stay."""
    view = get_object_or_404(SavedView, pk=pk, user=request.access.user)
    page, name = view.page, view.name
    with audit.act(request.access, audit.Kind.WRITE, "移除常用视图", view):
        view.delete()
    messages.success(request, f"已移除“{name}”。")
    return redirect(_address(page, known_conditions(page, request.POST.get("query", "")[:2000])))


def _demand(request: PortalRequest, page: str) -> None:
    """The board and the map are for those who see all branches: for others there is nothing to save of them."""
    if page in OVERSEEN and not request.access.sees_committees:
        raise Http404


def _address(page: str, query: str) -> str:
    route = reverse(PAGES[page][0])
    return f"{route}?{query}" if query else route
