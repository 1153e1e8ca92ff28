"""What a study plan's items are asked: one in its own form, or all of them in one table that is saved whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils.timezone import localdate

from branches.form_base import ErrorLine, PortalForm, PortalModelForm
from branches.models import Member
from plan.models import Filing
from study.clarity import Entry
from study.models import BranchPlan, Kind, Material, Method, PlanItem
from study.papers import days, hours
from study.plan_keeping import take

INDIVIDUAL = PlanItem.Scope.INDIVIDUAL
HOURS = dict.fromkeys(
    ("invalid", "min_value", "max_value", "max_decimal_places"), "学时填0.5到999之间的数，最多一位小数。"
)
NOT_ON_THE_ROSTER = "所选的同志不在本支部名册上，请重新选择。"
NOT_OF_THE_PLAN = "所选篇目不在本年度方案的学习重点中，请重新勾选。"


def hours_field() -> forms.DecimalField:
    return forms.DecimalField(
        label="学时", min_value=Decimal("0.5"), max_value=Decimal(999), decimal_places=1, required=False,
        help_text="以小时计，可填半小时，如2.5。", error_messages=HOURS,
    )  # fmt: skip


def check_days(form: forms.BaseForm, found: dict[str, Any], year: int) -> None:
    """Say at the field which day is not one of the year, or comes before the first."""
    first, last = found.get("starts_on"), found.get("ends_on")
    if first and last and last < first:
        form.add_error("ends_on", "截止日期早于开始日期，请核对。")
    for name in ("starts_on", "ends_on"):
        if found.get(name) and found[name].year != year:
            form.add_error(name, f"请填写{year}年内的日期。")


# One item


class PlanItemForm(PortalModelForm):
    """One session: what, when and how long, who, and in which way; what is still open may be left empty."""

    with_kinds = forms.MultipleChoiceField(
        label="同日一并开展", choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    hours = hours_field()
    edition = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    class Meta:
        model = PlanItem
        fields = (
            "scope", "kind", "with_kinds", "topic", "content", "readings", "materials", "rhythm", "starts_on",
            "ends_on", "hours", "responsible", "method", "place",
        )  # fmt: skip
        widgets = {
            "content": forms.Textarea(attrs={"rows": 3}),
            "readings": forms.CheckboxSelectMultiple,
            "materials": forms.CheckboxSelectMultiple,
            "starts_on": forms.DateInput,
            "ends_on": forms.DateInput,
        }
        help_texts = {
            "ends_on": "当天学完的，与开始日期相同。",
            "rhythm": "每周、每月固定召开的，填一条即可：从开始日期起，到截止日期止。",
            "responsible": "每次学习确定1名责任人，负责资料准备、学习组织和总结。",
        }

    def __init__(self, *args: Any, record: BranchPlan, day: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = record
        self.fields["readings"].queryset = record.plan.readings.all()  # type: ignore[attr-defined]
        cited = self.instance.materials.values_list("pk", flat=True) if self.instance.pk else []
        self.fields["materials"].queryset = Material.objects.offered_to(  # type: ignore[attr-defined]
            record.branch.committee_id, cited, record.plan.readings.values_list("title", flat=True)
        )
        people = record.branch.roster(day)
        if self.instance.responsible_id:
            people = (people | Member.objects.filter(pk=self.instance.responsible_id)).distinct()
        self.fields["responsible"].queryset = people  # type: ignore[attr-defined]
        self.fields["responsible"].empty_label = "尚未确定"  # type: ignore[attr-defined]
        self.fields["rhythm"].choices = PlanItem.Rhythm.choices  # type: ignore[attr-defined]
        self.fields["edition"].initial = record.filing.edition

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        check_days(self, found, self.record.plan.year)
        if "with_kinds" in found:
            found["with_kinds"] = [kind for kind in found["with_kinds"] if kind != found.get("kind")]
        return found


# All items, as rows


def items_of(record: BranchPlan) -> QuerySet[PlanItem]:
    """The plan's items in their order, with all that a row shows; `held` counts the records made of each."""
    held = Count("gatherings", filter=~Q(gatherings__filing__state=Filing.State.DISCARDED), distinct=True)
    return (
        record.items.select_related("responsible").prefetch_related("readings", "materials").annotate(held=held)
        .order_by("starts_on", "pk")
    )  # fmt: skip


@dataclass(frozen=True)
class Offered:
    """What the rows of one plan may choose from, asked of the database once."""

    year: int
    people: dict[int, str]
    readings: dict[int, str]

    @classmethod
    def of(cls, record: BranchPlan, day: date, items: Iterable[PlanItem] = ()) -> Offered:
        """The roster of the day and whoever is responsible already, and the year's key readings."""
        known = {item.responsible_id: item.responsible for item in items if item.responsible}
        people = list(record.branch.roster(day))
        people += [member for member in known.values() if member not in people]
        names = [member.name for member in people]
        called = {
            m.pk: m.name if names.count(m.name) == 1 else f"{m.name}（{m.staff_number}）" for m in people
        }  # fmt: skip
        return cls(record.plan.year, called, {reading.pk: reading.title for reading in record.plan.readings.all()})


class RowForm(PortalForm):
    """One item as a row; a field that is left out of the row keeps what it was."""

    starts_on = forms.DateField(label="开始日期", widget=forms.DateInput)
    ends_on = forms.DateField(label="截止日期", required=False, widget=forms.DateInput)
    scope = forms.ChoiceField(label="学习范围", choices=PlanItem.Scope.choices)
    rhythm = forms.ChoiceField(label="周期", choices=PlanItem.Rhythm.choices, required=False)
    kind = forms.ChoiceField(label="活动类型", choices=Kind.choices)
    with_kinds = forms.MultipleChoiceField(label="同日一并开展", choices=Kind.choices, required=False)
    topic = forms.CharField(
        label="学习主题", max_length=120, widget=forms.Textarea(attrs={"rows": 1, "maxlength": 120})
    )
    content = forms.CharField(
        label="学习内容", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2, "maxlength": 400})
    )
    readings = forms.TypedMultipleChoiceField(
        label="学习篇目", coerce=int, required=False, widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": NOT_OF_THE_PLAN},
    )  # fmt: skip
    responsible = forms.TypedChoiceField(
        label="责任人", coerce=int, empty_value=None, required=False,
        error_messages={"invalid_choice": NOT_ON_THE_ROSTER},
    )  # fmt: skip
    method = forms.ChoiceField(label="学习方式", choices=[("", "尚未确定"), *Method.choices], required=False)
    hours = hours_field()
    place = forms.CharField(label="地点", max_length=60, required=False)

    def __init__(
        self, data: Any, item: PlanItem, offered: Offered, *, prefix: str = "", only: Iterable[str] = (),
        blank: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            data, initial={} if blank else known(item), prefix=prefix or None, empty_permitted=blank,
            use_required_attribute=False,
        )  # fmt: skip
        self.item, self.year = item, offered.year
        for name in set(self.fields) - set(only or self.fields):
            del self.fields[name]
        for name, choices in (("responsible", offered.people), ("readings", offered.readings)):
            if name in self.fields:
                empty = [("", "尚未确定")] if name == "responsible" else []
                self.fields[name].choices = [*empty, *choices.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        if found.get("starts_on") and "ends_on" in found and not found["ends_on"]:
            found["ends_on"] = found["starts_on"]
        check_days(self, found, self.year)
        if "ends_on" not in self.fields and found.get("starts_on"):
            found["ends_on"] = found["starts_on"]
        if "with_kinds" in found:
            found["with_kinds"] = [kind for kind in found["with_kinds"] if kind != found.get("kind")]
        return found

    @property
    def is_blank(self) -> bool:
        return self.empty_permitted and not self.has_changed()

    @property
    def words(self) -> str:
        item = self.item
        return f"{days(item.starts_on, item.ends_on)}“{item.topic}”" if item.topic else "新添的一条"

    def typed(self) -> dict[str, Any]:
        """What the row says, under the names of the item's fields."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("readings", "responsible")} | (
            {"responsible_id": self.cleaned_data["responsible"]} if "responsible" in self.cleaned_data else {}
        )

    def keep(self) -> PlanItem:
        """Put what was typed on the item, unsaved; the readings are kept apart."""
        for name, value in self.typed().items():
            setattr(self.item, name, value)
        return self.item

    def differences(self) -> list[tuple[str, str, str]]:
        """Field by field what is kept and what is typed, where they differ; both as words."""
        kept = known(self.item)
        found = []
        for name, field in self.fields.items():
            if name in self.cleaned_data and name != "remove":
                old, new = self._words(name, kept.get(name)), self._words(name, self.cleaned_data[name])
                if old != new:
                    found.append((str(field.label), old, new))
        return found

    def _words(self, name: str, value: Any) -> str:
        choices = {str(key): str(label) for key, label in getattr(self.fields[name], "choices", ())}
        if isinstance(value, list | tuple):
            return "、".join(label for key, label in choices.items() if key in {str(v) for v in value})
        if isinstance(value, date):
            return days(value, value)
        if name == "hours":
            return hours(Decimal(value)) if value not in (None, "") else ""
        return choices.get(str(value), "") if choices else str(value or "").strip()


def known(item: PlanItem) -> dict[str, Any]:
    """The item as a row shows it."""
    return {
        "starts_on": item.starts_on, "ends_on": item.ends_on, "scope": item.scope, "rhythm": item.rhythm,
        "kind": item.kind, "with_kinds": [kind for kind in item.with_kinds if kind != item.kind],
        "topic": item.topic, "content": item.content,
        "readings": [reading.pk for reading in item.readings.all()] if item.pk else [],
        "responsible": item.responsible_id, "method": item.method, "hours": hours(item.hours), "place": item.place,
    }  # fmt: skip


def entry_of(item: PlanItem, titles: Iterable[str], number: int) -> Entry:
    """The item, saved or not, as the check reads it, with the materials that it has beside these titles."""
    used = [one.title for one in item.materials.all()] if item.pk else []
    return Entry(
        pk=number, scope=item.scope, kinds=item.kinds, topic=item.topic, content=item.content,
        starts_on=item.starts_on, ends_on=item.ends_on, hours=item.hours, responsible_id=item.responsible_id,
        method=item.method, readings=frozenset([*titles, *used]), rhythm=item.rhythm,
    )  # fmt: skip


def save_rows(rows: list[RowForm], removed: Iterable[int] = ()) -> None:
    """Write the rows' items and what they cite: the kept ones, the new ones, and without the removed."""
    for row in rows:
        row.keep()
    old, new = [row for row in rows if row.item.pk], [row for row in rows if not row.item.pk]
    names = sorted({name for row in rows for name in row.typed()} - {"remove"} | {"ends_on"})
    PlanItem.objects.bulk_update([row.item for row in old], names)
    PlanItem.objects.bulk_create([row.item for row in new])
    PlanItem.objects.filter(pk__in=list(removed)).delete()
    told = [row for row in rows if "readings" in row.cleaned_data]
    cites = PlanItem.readings.through
    cites.objects.filter(planitem__in=[row.item.pk for row in told]).delete()
    cites.objects.bulk_create(
        cites(planitem=row.item, reading_id=pk) for row in told for pk in row.cleaned_data["readings"]
    )


# The table

ALONE = "individual"
IN_TABLE = ("starts_on", "ends_on", "kind", "topic", "content", "readings", "responsible", "method", "hours", "remove")
NEW_ROWS = 3


class TableRow(RowForm):
    """A row of the table: what is studied alone is one more kind there, and a row may be struck out."""

    kind = forms.ChoiceField(label="活动类型", choices=[*Kind.choices, (ALONE, "个人自学")])
    remove = forms.BooleanField(label="删去", required=False)

    def __init__(self, data: Any, item: PlanItem, offered: Offered, *, prefix: str, blank: bool = False) -> None:
        # Added by somebody else since: the row is not in what was sent, and stays as it is.
        sent = data if data is not None and (blank or f"{prefix}-topic" in data) else None
        super().__init__(sent, item, offered, prefix=prefix, only=IN_TABLE, blank=blank)
        if not blank:
            self.initial["kind"] = ALONE if item.scope == INDIVIDUAL else item.kind
        else:
            self.initial["kind"] = Kind.COLLECTIVE_STUDY
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = f"{self.words}的{field.label}"
            if name in ("topic", "content", "hours"):
                field.widget.attrs["placeholder"] = field.label
            if name not in ("readings", "remove"):
                is_choice = isinstance(field, forms.ChoiceField)
                field.widget.attrs["class"] = "form-select" if is_choice else "form-control"
                if sent is not None and self[name].errors:
                    field.widget.attrs["class"] += " is-invalid"
                    field.widget.attrs["aria-invalid"] = "true"

    @property
    def is_struck(self) -> bool:
        return self.is_bound and bool(self["remove"].value())

    @property
    def cited(self) -> int:
        return len(self["readings"].value() or [])

    def typed(self) -> dict[str, Any]:
        found = super().typed()
        found.pop("remove", None)
        if found.get("kind") == ALONE:
            del found["kind"]
            return found | {"scope": INDIVIDUAL}
        return found | {"scope": PlanItem.Scope.COLLECTIVE}

    def differences(self) -> list[tuple[str, str, str]]:
        found = super().differences()
        kept = "个人自学" if self.item.scope == INDIVIDUAL else Kind(self.item.kind).label
        typed = self._words("kind", self.cleaned_data.get("kind"))
        found = [line for line in found if line[0] != "活动类型"]
        if self.item.pk and kept != typed:
            found.append(("活动类型", kept, typed))
        return found


class EditionForm(PortalForm):
    """Which state of the plan the person had before him."""

    edition = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)


class Table:
    """All items of a plan at once: kept whole, or not at all."""

    def __init__(self, record: BranchPlan, day: date, data: QueryDict | None = None) -> None:
        self.record = record
        self.edition = EditionForm(data, initial={"edition": record.filing.edition})
        items = list(items_of(record))
        self.offered = Offered.of(record, day, items)
        self.rows = [TableRow(data, item, self.offered, prefix=f"item-{item.pk}") for item in items]
        self.new = [
            TableRow(data, PlanItem(plan=record), self.offered, prefix=f"new-{n}", blank=True) for n in range(NEW_ROWS)
        ]
        held = {f"item-{item.pk}" for item in items}
        # Struck out by somebody else while they were being changed here.
        self.gone = sorted(
            data.get(name, "") for name in data or () if name.startswith("item-") and name.endswith("-topic")
            and name.removesuffix("-topic") not in held
        ) if data is not None else []  # fmt: skip

    @property
    def _sent(self) -> list[TableRow]:
        return [row for row in [*self.rows, *self.new] if row.is_bound and not row.is_blank]

    def is_valid(self) -> bool:
        # What is struck out need not be right.
        return all([self.edition.is_valid(), *[row.is_struck or row.is_valid() for row in self._sent]])

    def error_lines(self) -> list[ErrorLine]:
        """Every error, with the item it belongs to."""
        lines = self.edition.error_lines()
        for row in self._sent:
            if not row.is_struck:
                lines += [ErrorLine(f"{row.words}：{line.text}", line.href) for line in row.error_lines()]
        return lines

    def months(self) -> list[tuple[int, list[TableRow]]]:
        """The rows under the month of the kept day, so that nothing jumps while it is typed; the empty months too."""
        begun_on = localdate(self.record.filing.created_at)
        first = begun_on.month if begun_on.year == self.offered.year else 1
        first = min([first, *[row.item.starts_on.month for row in self.rows]])
        return [(n, [row for row in self.rows if row.item.starts_on.month == n]) for n in range(first, 13)]

    def differences(self) -> list[tuple[str, str, str]]:
        """What is kept and what is typed, where they differ; for a lost update."""
        found = [(f"“{topic}”", "已被别人删去", "不再保留") for topic in self.gone]
        for row in self._sent:
            if row.is_struck:
                found.append((row.words, "保留", "删去"))
            elif row.item.pk:
                for label, old, new in row.differences():
                    found.append((f"{row.words}的{label}", old or "（空）", new or "（空）"))
            else:
                found.append((row.cleaned_data["topic"], "没有", "新添"))
        return found

    def entries(self) -> list[Entry]:
        """The plan as it would be: the typed rows where they can be read, the kept ones where not."""
        found = []
        numbered = [(row.item.pk, row) for row in self.rows] + [(-1 - n, row) for n, row in enumerate(self.new)]
        for pk, row in numbered:
            if row.is_struck or (row.empty_permitted and (not row.is_bound or row.is_blank or not row.is_valid())):
                continue
            titles = [reading.title for reading in row.item.readings.all()] if row.item.pk else []
            if row.is_bound and row.is_valid():
                titles = [self.offered.readings[one] for one in row.cleaned_data["readings"]]
                row.keep()
            found.append(entry_of(row.item, titles, pk))
        return sorted(found, key=lambda entry: (entry.starts_on, entry.pk))

    def save(self) -> tuple[int, int, int]:
        """Keep everything, if the plan is still the one that was opened; how many were changed, added, struck out.

        Raises LostUpdate, with nothing written.
        """
        rows = [row for row in self._sent if not row.is_struck and (not row.item.pk or row.differences())]
        struck = [row.item.pk for row in self._sent if row.is_struck and row.item.pk]
        counts = (sum(bool(row.item.pk) for row in rows), sum(not row.item.pk for row in rows), len(struck))
        take(self.record.filing, self.edition.cleaned_data["edition"])
        save_rows(list(rows), struck)
        return counts
