"""What the system administrator's list of background work is narrowed by."""

from __future__ import annotations

from django import forms

from branches.form_base import FilterForm
from jobs.models import Job, JobQuerySet
from jobs.queue import kinds


def _kinds() -> list[tuple[str, str]]:
    return [("", "全部"), *((name, work.label) for name, work in kinds().items())]


class JobFilter(FilterForm):
    """Conditions of the list; what cannot be meant narrows nothing."""

    state = forms.ChoiceField(label="状态", choices=[("", "全部"), *Job.State.choices], required=False)
    kind = forms.ChoiceField(label="任务", choices=_kinds, required=False)

    def applied(self, jobs: JobQuerySet) -> JobQuerySet:
        wanted = self.cleaned_data if self.is_valid() else {}
        for name in ("state", "kind"):
            if wanted.get(name):
                jobs = jobs.filter(**{name: wanted[name]})
        return jobs

    @property
    def is_narrowed(self) -> bool:
        return any(self.cleaned_data.values()) if self.is_valid() else False
