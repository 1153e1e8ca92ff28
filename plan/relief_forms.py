"""What is asked of a branch, or of the office, about an exemption or an extension."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.db.models import QuerySet

from branches.form_base import FilterForm, PortalForm
from branches.models import Branch, Committee
from branches.templatetags.portal import last_day
from documents.text import printable
from plan.models import Duty, DutyQuerySet, Plan, Relief
from plan.reliefs import Asking
from plan.relieved import named, owing

Kind = Relief.Kind
MOST_CODES = 60


def askable(plan: Plan | None) -> list[tuple[str, str]]:
    """The plan's requirements whose duties have a day of their own: what hangs on an event is sent when it was held."""
    if plan is None:
        return []
    requirements = [one for one in plan.requirements.all() if not one.spec.per_event and not one.spec.of_lines]
    return [(one.code, f"{one.code} {one.title}") for one in requirements if set(one.spec.owners) != {"committee"}]


class AskForm(PortalForm):
    """A branch's request: which of its duties, for what reason, and until when an extension is to hold."""

    name = forms.CharField(label="名称", max_length=60, help_text="如暑假、寒假、停电延期；各支部看到的就是这个名称。")
    kind = forms.ChoiceField(label="免除还是延期", choices=Kind.choices, widget=forms.RadioSelect)
    branch = forms.ModelChoiceField(Branch.objects.none(), label="哪个支部", required=False, empty_label="全部党支部")
    codes = forms.MultipleChoiceField(label="哪些要求", widget=forms.CheckboxSelectMultiple)
    from_on = forms.DateField(label="期限从", widget=forms.DateInput)
    until_on = forms.DateField(
        label="期限到", widget=forms.DateInput, help_text="所选要求中，期限在这两天之间（含首尾）的任务。"
    )
    due_on = forms.DateField(
        label="延期至", widget=forms.DateInput, required=False, help_text="申请延期时填写，当天24:00前有效。"
    )
    reason = forms.CharField(
        label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="写明为什么不能按期办理。不写个人病情、家庭等隐私。",
    )  # fmt: skip
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, committee: Committee, plan: Plan | None, year: int, branch: Branch | None = None,
        duty: Duty | None = None, branches: QuerySet[Branch] | None = None, initial: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(data, initial=initial)
        self.committee, self.own, self.duty, self.year = committee, branch, duty, year
        self.of_office = branches is not None
        if branches is None:
            del self.fields["name"], self.fields["branch"]
        else:
            self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
        if duty is not None:
            del self.fields["codes"], self.fields["from_on"], self.fields["until_on"]
        else:
            self.fields["codes"].choices = askable(plan)[:MOST_CODES]  # type: ignore[attr-defined]

    def clean_reason(self) -> str:
        return _said(printable(self.cleaned_data["reason"]), "理由")

    def clean_name(self) -> str:
        return _said(printable(self.cleaned_data["name"]), "名称")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        first, last = given.get("from_on"), given.get("until_on")
        for field in ("from_on", "until_on", "due_on"):
            self._in_reach(field, given.get(field))
        if first and last and last < first:
            self.add_error("until_on", "结束的一天早于开始的一天，请核对。")
        if given.get("kind") == Kind.EXTEND and not given.get("due_on") and "due_on" not in self.errors:
            self.add_error("due_on", "请填写延期到哪一天。")
        if not self.errors:
            self._find(given)
        return given

    def _in_reach(self, field: str, day: date | None) -> None:
        """Deadlines of the year lie within it and the month after it."""
        if day and field not in self.errors and not date(self.year, 1, 1) <= day <= date(self.year + 1, 1, 31):
            self.add_error(field, f"请填写{self.year}年1月1日到{self.year + 1}年1月31日之间的日期。")

    def _find(self, given: dict[str, Any]) -> None:
        """What it would touch; where that is nothing, why, at the field that says so."""
        every, place = self.every(), "codes" if self.duty is None else None
        settled = every.filter(settled_at__isnull=False).count()
        waived = every.filter(settled_at__isnull=True, exempted_at__isnull=False).count()
        total = every.count()
        if not total:
            self.add_error(place, "这段时间内没有所选要求的任务，请核对要求和起止日期。")
        elif total == settled + waived:
            if self.duty is not None:
                words = "这项任务已经办结" if settled else "这项任务已经免除"
                self.add_error(place, f"{words}，不需要再申请。")
            else:
                parts = [f"已办结{settled}项"] * bool(settled) + [f"已免除{waived}项"] * bool(waived)
                self.add_error(place, f"这段时间内所选要求的任务都不需要申请：{'，'.join(parts)}。")
        elif not self.touches().exists():
            latest = max(last_day(due) for due in owing(every, None).values_list("due_at", flat=True))
            self.add_error("due_on", f"延期至的日子须晚于原来的期限{latest.month}月{latest.day}日。")
        elif self.duty is not None and self._is_asked():
            self.add_error(None, "这项任务已有一份申请在等待审批，请先等待结果或撤回那一份。")
        self.left_out = (settled, waived)

    def _is_asked(self) -> bool:
        waiting = Relief.objects.filter(duties=self.duty, state__in=(Relief.State.ASKED, Relief.State.SECONDED))
        return waiting.exclude(form_key=self.cleaned_data.get("form_key") or None).exists()

    @property
    def for_branch(self) -> Branch | None:
        return self.cleaned_data.get("branch") if self.of_office else self.own

    @property
    def asking(self) -> Asking:
        """What was typed, as the door takes it; only where the form is valid."""
        given = self.cleaned_data
        day = last_day(self.duty.due_at) if self.duty else None
        return Asking(
            kind=given["kind"], reason=given["reason"], year=self.year, name=given.get("name", ""),
            codes=tuple(given.get("codes", ())), duties=(self.duty.pk,) if self.duty else (),
            from_on=day or given["from_on"], until_on=day or given["until_on"],
            due_on=given["due_on"] if given["kind"] == Kind.EXTEND else None,
        )  # fmt: skip

    def every(self) -> DutyQuerySet:
        """All duties that are meant, settled and exempt ones too."""
        if self.duty is not None:
            return Duty.objects.filter(pk=self.duty.pk)
        branch = self.for_branch
        return named(self.asking.relief(self.committee.pk, branch.pk if branch else None))

    def touches(self) -> DutyQuerySet:
        return owing(self.every(), self.asking.due_on)

    def digest(self, count: int) -> str:
        """What was shown before sending: it is sent as it was seen, or shown again."""
        return hashlib.sha256(repr((self.asking, self.for_branch and self.for_branch.pk, count)).encode()).hexdigest()


def _said(text: str, label: str) -> str:
    """What is left of a text whose characters could not be printed."""
    if not text.strip():
        raise forms.ValidationError(f"请填写“{label}”。")
    return text


class MoveForm(PortalForm):
    """What a button of the relief's page sends."""

    name = forms.CharField(max_length=20, widget=forms.HiddenInput)
    note = forms.CharField(label="意见或原因", max_length=90, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_note(self) -> str:
        return printable(self.cleaned_data["note"])


class ReliefFilter(FilterForm):
    """Conditions of the list: how far a request is, its kind, and whose it is."""

    state = forms.ChoiceField(label="状态", required=False, choices=[("", "全部"), *Relief.State.choices])
    kind = forms.ChoiceField(label="种类", required=False, choices=[("", "全部"), *Kind.choices])
    q = forms.CharField(label="党支部", max_length=80, required=False, widget=forms.TextInput(attrs={"type": "search"}))

    def __init__(self, data: Any, *, several: bool) -> None:
        super().__init__(data)
        if not several:
            del self.fields["q"]


def months_span(year: int, months: Sequence[int]) -> tuple[date, date]:
    """From the first day of the first of these months to the last day of the last: what a vacation begins with."""
    first, last = min(months), max(months)
    following = date(year + 1, 1, 1) if last == 12 else date(year, last + 1, 1)
    return date(year, first, 1), date.fromordinal(following.toordinal() - 1)
