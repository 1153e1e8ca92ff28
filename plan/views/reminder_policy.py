"""The office's rules for reminding, and what they come to in sentences."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from branches import audit
from branches.requests import PortalRequest
from plan.calendars import calendar_of
from plan.models import ReminderPolicy
from plan.policy_form import PolicyForm, policy_of, sentences
from plan.views.plans import own_committee


def reminder_policy(request: PortalRequest) -> HttpResponse:
    """The rules of the own committee: seen, tried out without keeping them, and kept."""
    access = request.access
    committee = own_committee(access)
    policy = policy_of(committee, access)
    form = PolicyForm(request.POST if request.method == "POST" else None, instance=policy)
    valid = form.is_bound and form.is_valid()
    if valid and request.POST.get("action") != "preview":
        _keep(request, policy, form)
        messages.success(request, "提醒规则已保存，从下一次提醒起照此办理。")
        return redirect("plan:reminder_policy")
    # A form that is wrong has not changed the rules: then what is kept is told.
    told = policy if valid or not form.is_bound else policy_of(committee, access)
    said = sentences(told, access.on, calendar_of(committee.pk))
    lead = 1 if said[0].endswith("：") else 0
    context = {
        "form": form, "committee": committee, "kept": policy.pk is not None,
        "example": "".join(said[:lead]), "sentences": said[lead:], "tried": valid,
    }  # fmt: skip
    return render(request, "plan/reminder_policy.html", context, status=422 if form.is_bound and not valid else 200)


def _keep(request: PortalRequest, policy: ReminderPolicy, form: PolicyForm) -> None:
    """Two first savings at once are one row: the later one's values."""
    access = request.access
    values = {name: form.cleaned_data[name] for name in form.fields}
    with audit.act(access, audit.Kind.SETTING, "提醒规则", policy.committee, fields="、".join(form.changed_labels)):
        ReminderPolicy.objects.update_or_create(
            committee=policy.committee, defaults=values | {"set_at": access.now, "set_by": access.actor}
        )
