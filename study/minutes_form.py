"""The rows and small forms inside the form of a gathering: speeches, votes, what was agreed, steps, fixed actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms

from branches.form_base import ErrorLine, PortalForm
from study.life_meeting import STEPS, TALLEST, Procedure
from study.minutes import Agreed, Said
from study.voting import Motion

MOST = 100  # rows of a kind: a day's meeting has a tenth of it
LONGEST_NOTE = 100
A_YEAR = timedelta(days=366)
FAR = timedelta(days=3 * 366)
NOT_ON_THE_ROSTER = "所选的同志当天不在本支部名册上，请重新选择。"


def _dressed(form: forms.Form) -> None:
    """The classes that the page's own fields have: these are drawn one by one, without the form's frame."""
    for field in form.fields.values():
        widget: Any = field.widget
        tick, choice = isinstance(widget, forms.CheckboxInput), isinstance(widget, forms.Select)
        widget.attrs["class"] = "form-check-input" if tick else "form-select" if choice else "form-control"


class Row(PortalForm):
    """One repeated row; what it is called on the page, and whether anything stands in it."""

    group: ClassVar[str]
    label: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dressed(self)

    @property
    def is_empty(self) -> bool:
        return not any(self._raw(name) for name in self.fields if name != "pk")

    def _raw(self, name: str) -> str:
        if not self.is_bound:
            value = self.initial.get(name)
            return "" if value in (None, False) else str(value)
        return str(self.data.get(self.add_prefix(name), "")).strip()

    @property
    def value(self) -> Any:
        """The row as it is kept."""
        raise NotImplementedError

    @property
    def lines(self) -> list[ErrorLine]:
        """The row's errors, each with where to jump to."""
        place = int(str(self.prefix).rpartition("-")[2]) + 1
        return [ErrorLine(f"{self.label}第{place}条，{line.text}", line.href) for line in self.error_lines()]


class SpeechRow(Row):
    """Who said what."""

    group = "speech"
    label = "发言记录"
    speaker = forms.CharField(
        label="发言人", max_length=60, required=False, widget=forms.TextInput(attrs={"list": "roster-names"})
    )
    text = forms.CharField(label="发言内容", max_length=5_000, required=False, widget=forms.Textarea)
    is_dissent = forms.BooleanField(label="不同意见", required=False)

    @property
    def is_empty(self) -> bool:
        # A tick alone says nothing.
        return not (self._raw("speaker") or self._raw("text"))

    @property
    def value(self) -> Any:
        asked = self.cleaned_data
        return Said(asked["speaker"], asked["text"], asked["is_dissent"])


def _count(label: str) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"inputmode": "numeric"})
    return forms.IntegerField(label=label, min_value=0, max_value=9_999, required=False, widget=widget)


class VoteRow(Row):
    """A motion and its counts."""

    group = "vote"
    label = "表决情况"
    text = forms.CharField(label="表决事项", max_length=200, required=False)
    ayes = _count("赞成")
    nays = _count("反对")
    abstentions = _count("弃权")

    @property
    def value(self) -> Any:
        asked = self.cleaned_data
        return Motion(asked["text"], asked["ayes"] or 0, asked["nays"] or 0, asked["abstentions"] or 0)


class ResolutionRow(Row):
    """Something agreed, with who sees to it and until when."""

    group = "resolution"
    label = "议定事项"
    pk = forms.RegexField(
        r"^\d{0,15}$", label="行号", required=False, widget=forms.HiddenInput,
        error_messages={"invalid": "页面内容不完整，请从“活动记录”重新打开这份记录。"},
    )  # fmt: skip
    text = forms.CharField(label="议定事项", max_length=1_000, required=False)
    responsible_id = forms.TypedChoiceField(
        label="责任人", required=False, coerce=int, empty_value=None,
        error_messages={"invalid_choice": NOT_ON_THE_ROSTER},
    )  # fmt: skip
    due_on = forms.DateField(label="完成时限", required=False, widget=forms.DateInput)

    def __init__(self, *args: Any, people: Sequence[tuple[Any, str]], day: date, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.day, self.today = day, today
        field: Any = self.fields["responsible_id"]
        field.choices = people

    def clean_due_on(self) -> date | None:
        due: date | None = self.cleaned_data["due_on"]
        if due and due < self.day:
            raise forms.ValidationError("完成时限不能早于活动当天。")
        if due and due > self.today + FAR:
            raise forms.ValidationError("完成时限在三年以后，请核对年份。")
        return due

    @property
    def value(self) -> Any:
        asked = self.cleaned_data
        return Agreed(
            asked["text"], asked["responsible_id"], asked["due_on"], int(asked["pk"]) if asked["pk"] else None
        )


class Rows:
    """The repeated rows of one kind, as typed or as kept; an empty one at the end is there to be filled in."""

    def __init__(
        self, make: Callable[..., Row], group: str, data: Mapping[str, Any] | None, kept: Sequence[Any] = ()
    ) -> None:
        self.group, self._make = group, make
        self._kept = list(kept) if data is None else None
        if data is None:
            self.rows = [make(prefix=f"{group}-{n}", initial=_initial(one)) for n, one in enumerate(kept)]
        else:
            rows = [make(data, prefix=f"{group}-{n}") for n in typed_places(group, data)[: 2 * MOST]]
            self.rows = [row for row in rows if not row.is_empty]

    @property
    def too_many(self) -> bool:
        return len(self.rows) > MOST

    @property
    def values(self) -> list[Any]:
        """What can be read of the rows; a row with something wrong is left out."""
        if self._kept is not None:
            return self._kept
        return [row.value for row in self.rows if row.is_valid()]

    @property
    def blank(self) -> Row:
        """An empty row, at the next place that no row has."""
        return self._make(prefix=f"{self.group}-{self.next_place}")

    @property
    def pattern(self) -> Row:
        """What the page's script makes further rows from."""
        return self._make(prefix=f"{self.group}-__n__")

    @property
    def next_place(self) -> int:
        places = [int(str(row.prefix).rpartition("-")[2]) for row in self.rows]
        return max(places, default=-1) + 1


def _initial(one: Any) -> dict[str, Any]:
    """What was kept, as the row's first values; counts that nobody has made yet are left empty."""
    values: dict[str, Any] = one._asdict()
    if isinstance(one, Motion) and not one.cast:
        values |= dict.fromkeys(("ayes", "nays", "abstentions"))
    return values


def typed_places(group: str, data: Mapping[str, Any]) -> list[int]:
    """The places of the rows that were sent, in their order; a name that is none is passed over."""
    found = (re.fullmatch(rf"{group}-([0-9]{{1,4}})-[a-z_]+", str(name), re.ASCII) for name in data)
    return sorted({int(one[1]) for one in found if one})


class ProcedureForm(PortalForm):
    """The steps of a life meeting: the days of those before it, and a few words to each."""

    def __init__(self, data: Mapping[str, Any] | None, *, initial: Procedure, day: date) -> None:
        super().__init__(data, prefix="step", initial={
            f"{key}_{name}": value for key, said in initial.items() for name, value in said.items()
        })  # fmt: skip
        self.day = day
        for step in STEPS:
            if not step.in_meeting:
                self.fields[f"{step.key}_on"] = forms.DateField(
                    label=f"{step.label}日期", required=False, widget=forms.DateInput(attrs={"type": "date"})
                )
            self.fields[f"{step.key}_note"] = forms.CharField(
                label=f"{step.label}说明", max_length=TALLEST, required=False
            )
        _dressed(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            if isinstance(value, date) and value > self.day:
                self.add_error(name, "这一步在开会之前，日期不能晚于开会当天。")
            elif isinstance(value, date) and value < self.day - A_YEAR:
                self.add_error(name, "日期比开会早一年以上，请核对年份。")
        return cleaned

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Each step with its fields, as the page shows them."""
        return [
            {"step": step, "on": None if step.in_meeting else self[f"{step.key}_on"], "note": self[f"{step.key}_note"]}
            for step in STEPS
        ]  # fmt: skip

    @property
    def value(self) -> dict[str, dict[str, str]]:
        """What is told of each step, as it is kept; what is typed wrong counts as not told."""
        if self.is_bound:
            self.is_valid()
        asked: Mapping[str, Any] = self.cleaned_data if self.is_bound else self.initial
        told = {}
        for step in STEPS:
            on, note = asked.get(f"{step.key}_on"), asked.get(f"{step.key}_note")
            told[step.key] = {name: str(value) for name, value in (("on", on), ("note", note)) if value}
        return {key: said for key, said in told.items() if said}


class ActionNotesForm(PortalForm):
    """What each fixed action was in a few words, by its name."""

    def __init__(self, data: Mapping[str, Any] | None, *, actions: Sequence[str], initial: Mapping[str, str]) -> None:
        super().__init__(data, prefix="action_note", initial=dict(initial))
        for action in actions:
            self.fields[action] = forms.CharField(label=f"{action}的说明", max_length=LONGEST_NOTE, required=False)
        _dressed(self)

    def value(self, ticked: Iterable[str]) -> dict[str, str]:
        if self.is_bound:
            self.is_valid()
        asked = self.cleaned_data if self.is_bound else self.initial
        return {action: asked[action] for action in ticked if asked.get(action)}
