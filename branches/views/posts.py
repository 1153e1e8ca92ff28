"""Posts in a branch: one form in which they are taken up, laid down and handed over."""

from __future__ import annotations

from contextlib import nullcontext

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from branches.handover import VACANT, HandoverForm
from branches.hints import hints
from branches.models import Branch
from branches.organization import facts_of
from branches.requests import PortalRequest
from branches.roster import roster_changed, roster_lock


def handover(request: PortalRequest, pk: int) -> HttpResponse:
    """Several posts at once change hands on one day; what then deserves a second look is said and refuses nothing."""
    access = request.access
    acting = request.method == "POST"
    with roster_lock(*access.office_of) if acting else nullcontext():
        branch = get_object_or_404(Branch.objects.select_related("committee"), pk=pk, committee__in=access.office_of)
        leaving = request.GET.get("leaving", "")
        initial = {f"post_{leaving}": VACANT} if leaving.isascii() and leaving.isdecimal() else {}
        form = HandoverForm(request.POST if acting else None, access=access, branch=branch, initial=initial)
        if acting and form.is_valid():
            form.save()
            roster_changed(branch.committee, request.now)
            messages.success(request, f"{branch.name}{form.sentence}")
            day = form.cleaned_data["on"]
            for hint in hints(facts_of([branch], day)[branch.pk], day):
                if hint.on is None:
                    messages.warning(request, f"请留意：{hint.text}")
            return redirect(branch)
    return render(request, "branches/handover_form.html", {"form": form, "branch": branch})
