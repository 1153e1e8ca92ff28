"""What the office reads of its branches: open follow-ups and make-ups, from what was filed; it closes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from branches.access import Access
from branches.form_base import FilterForm
from branches.models import Branch, Membership, on_day
from plan.models import Filing
from study.make_ups import missed
from study.models import Resolution

# A make-up has no deadline; after so many days it deserves a word.
LONG = timedelta(days=30)


class OfficeFilter(FilterForm):
    """One branch of all, and only what is late."""

    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部支部")
    late = forms.BooleanField(label="只看逾期的", required=False)

    def __init__(self, data: QueryDict, *, access: Access, late_label: str) -> None:
        super().__init__(data)
        branches = Branch.objects.filter(committee__in=access.office_of).order_by("committee", "code")
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
        self.fields["late"].label = late_label
        self.is_valid()

    @property
    def branch_given(self) -> Branch | None:
        return self.cleaned_data.get("branch")

    @property
    def late_only(self) -> bool:
        return bool(self.cleaned_data.get("late"))


def open_follow_ups(access: Access, asked: OfficeFilter) -> QuerySet[Resolution]:
    """What was agreed in filed minutes of the office's branches and is not done, the nearest day first."""
    rows = Resolution.objects.filter(
        gathering__branch__committee__in=access.office_of, responsible__isnull=False, due_on__isnull=False,
        done_on__isnull=True, gathering__filing__first_filed_at__isnull=False,
    ).exclude(gathering__filing__state__in=(Filing.State.DISCARDED, Filing.State.DRAFT))  # fmt: skip
    if asked.branch_given:
        rows = rows.filter(gathering__branch=asked.branch_given)
    if asked.late_only:
        rows = rows.filter(due_on__lt=access.on)
    rows = rows.select_related("responsible", "gathering__filing", "gathering__branch")
    return rows.order_by("due_on", "gathering__branch__code", "gathering__held_at", "position", "pk")


def open_make_ups(access: Access, asked: OfficeFilter) -> QuerySet[Any]:
    """Who has still to make up a study that was filed, the oldest first; who has left the branch is not waited for."""
    here: Any = Membership.objects.filter(on_day(access.on), branch=OuterRef("at_branch"), member=OuterRef("member"))
    mine = Q(partner__isnull=True, gathering__branch__committee__in=access.office_of)
    mine |= Q(partner__branch__committee__in=access.office_of)
    rows: Any = missed().filter(mine, Exists(here), made_up_on__isnull=True)
    draft = Q(partner__isnull=True, gathering__filing__state=Filing.State.DRAFT)
    rows = rows.exclude(draft | Q(partner__filing__state=Filing.State.DRAFT))
    if asked.branch_given:
        rows = rows.filter(at_branch=asked.branch_given.pk)
    if asked.late_only:
        rows = rows.filter(gathering__held_at__lte=access.now - LONG)
    rows = rows.select_related("member", "gathering__branch", "partner__branch")
    return rows.order_by("gathering__held_at", "gathering", "member__name_key", "pk")
