"""The one form on which a feature of the branch is written, and how it is kept: whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import F, Q

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch
from commitments.models import ActivityWeek, Feature
from documents.text import printable
from plan.models import Filing
from plan.paper_form import EARLIEST, LostUpdate

MOST_WEEKS = 24  # of the last two years, and those that are linked already
NAMES = ("name", "since_on", "aim", "effect")


class WeekChoice(forms.ModelMultipleChoiceField):
    def label_from_instance(self, week: Any) -> str:
        return f"{week.starts_on.year}年{week.filing.title}：{week.theme}"


class FeatureForm(PortalForm):
    """What is asked about a feature; pictures and captions stand beside it in the same form."""

    name = forms.CharField(label="名称", max_length=60)
    since_on = forms.DateField(label="开始日期", widget=forms.DateInput)
    aim = forms.CharField(
        label="做法", max_length=1000, widget=forms.Textarea(attrs={"rows": 5}),
        help_text="为什么做、怎样做、谁来做。",
    )  # fmt: skip
    effect = forms.CharField(
        label="成效", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 5}),
        help_text="可以先不填，以后每年补充。",
    )  # fmt: skip
    weeks = WeekChoice(
        label="相关活动周", queryset=ActivityWeek.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, access: Access, branch: Branch, feature: Feature | None = None
    ) -> None:
        self.access, self.branch, self.feature = access, branch, feature
        if feature:
            initial = {name: getattr(feature, name) for name in NAMES} | {
                "edition": feature.edition, "weeks": list(feature.weeks.values_list("pk", flat=True)),
            }  # fmt: skip
        else:
            initial = {"form_key": str(uuid.uuid4())}
        super().__init__(data, initial=initial)
        field: Any = self.fields["weeks"]
        field.queryset = weeks_for(branch, feature)
        if not field.queryset.exists():
            del self.fields["weeks"]

    def clean_name(self) -> str:
        name = " ".join(printable(self.cleaned_data["name"]).split())
        if not name:
            raise forms.ValidationError("请填写“名称”。")
        return name

    def clean_since_on(self) -> Any:
        day = self.cleaned_data["since_on"]
        if day > self.access.on:
            raise forms.ValidationError("开始日期不能晚于今天。")
        if day < EARLIEST:
            raise forms.ValidationError("开始日期太早，请核对年份。")
        return day

    def clean_edition(self) -> int:
        return self.cleaned_data["edition"] or 0

    @property
    def _columns(self) -> dict[str, Any]:
        written = {name: self.cleaned_data[name] for name in NAMES}
        return written | {"changed_at": self.access.now, "changed_by": self.access.actor}

    def begin(self) -> Feature:
        """Write a new page; raises IntegrityError where the form was used before."""
        access = self.access
        with audit.act(access, audit.Kind.WRITE, "新建特色工作", self.branch) as entry:
            feature = entry.about = Feature.objects.create(
                branch=self.branch, created_at=access.now, created_by=access.actor,
                form_key=self.cleaned_data["form_key"] or None, **self._columns,
            )  # fmt: skip
            feature.weeks.set(self.cleaned_data.get("weeks") or [])
        return feature

    def save(self, captions: Mapping[int, str]) -> Feature:
        """Write the changes and the captions; raises LostUpdate where the form shows an older text."""
        assert self.feature is not None  # noqa: S101 — the view saves what exists and begins what does not
        with audit.act(self.access, audit.Kind.WRITE, "修改特色工作", self.feature):
            there = Feature.objects.filter(
                pk=self.feature.pk, edition=self.cleaned_data["edition"], removed_at__isnull=True
            )
            if not there.update(**self._columns, edition=F("edition") + 1):
                raise LostUpdate
            if "weeks" in self.fields:
                self.feature.weeks.set(self.cleaned_data["weeks"])
            for picture in self.feature.pictures.shown():
                caption = printable(captions.get(picture.pk, picture.caption)).strip()[:120]
                if caption != picture.caption:
                    self.feature.pictures.filter(pk=picture.pk).update(caption=caption)
        return Feature.objects.select_related("branch").get(pk=self.feature.pk)

    def differences(self, kept: Feature) -> list[tuple[str, str, str]]:
        """Label, kept text and typed text of every field in which the two are not the same."""
        pairs = [
            (str(self.fields[name].label), str(getattr(kept, name)), str(self.cleaned_data[name])) for name in NAMES
        ]
        if "weeks" in self.fields:
            theirs = kept.weeks.select_related("filing").order_by("starts_on")
            mine = sorted(self.cleaned_data["weeks"], key=lambda week: week.starts_on)
            pairs.append(("相关活动周", _titles(theirs), _titles(mine)))
        return [pair for pair in pairs if pair[1] != pair[2]]


def _titles(weeks: Iterable[ActivityWeek]) -> str:
    return "\n".join(week.filing.title for week in weeks)


def weeks_for(branch: Branch, feature: Feature | None) -> Any:
    """The branch's last weeks that were kept, and those that are linked to the page already."""
    kept = ActivityWeek.objects.filter(branch=branch).exclude(
        filing__state__in=[Filing.State.DRAFT, Filing.State.DISCARDED]
    )
    latest = list(kept.order_by("-starts_on").values_list("pk", flat=True)[:MOST_WEEKS])
    linked = Q(features=feature) if feature else Q(pk=None)
    return (
        ActivityWeek.objects.filter(Q(pk__in=latest) | linked)
        .select_related("filing")
        .order_by("-starts_on")
        .distinct()
    )
