"""What a member chooses to study in the weeks left, and the weeks drafted from the choice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import F
from django.http import QueryDict

from branches.form_base import PortalForm
from plan.models import Filing, Plan
from study.drafting import week_contents, weeks_left
from study.models import Material, MemberPlan, Method, WeekItem

TWO = Decimal(2)
HOURS = "学时填0.5到20之间的数，最多一位小数。"

INCOMPLETE = "页面内容不完整，请重新打开这一页。"


class LostUpdate(Exception):
    """The plan was changed in between; nothing was written."""


class WeekChoiceForm(PortalForm):
    """Which readings and materials, by title, and how many hours a week."""

    titles = forms.MultipleChoiceField(
        label="学习内容", required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        error_messages={"invalid_choice": "所选的资料已经停用或不在方案中，请重新勾选。"},
    )  # fmt: skip
    hours = forms.DecimalField(
        label="每周学时", required=False, min_value=Decimal("0.5"), max_value=Decimal(20), decimal_places=1,
        initial="2",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value", "max_decimal_places", "max_digits"), HOURS),
    )  # fmt: skip
    edition = forms.IntegerField(
        widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), INCOMPLETE),
    )  # fmt: skip

    def __init__(self, data: QueryDict | None, *, plan: Plan, committee_id: int, record: MemberPlan | None = None):
        self.keys = list(plan.readings.values_list("title", flat=True))
        kept = Material.objects.kept_for(committee_id).current().exclude(title__in=self.keys)
        # The same title kept by two committees is one thing to study.
        self.materials = dict(kept.order_by("title", "pk").values_list("title", "kind"))
        super().__init__(data, initial=self._first(record))
        # Who drafts anew says which state of the plan is to be replaced.
        self.fields["edition"].required = record is not None
        titles: Any = self.fields["titles"]
        titles.choices = [(title, title) for title in [*self.keys, *self.materials]]

    def _first(self, record: MemberPlan | None) -> dict[str, Any]:
        """All key readings; for a plan that is there already what its weeks name, and its hours."""
        if record is None:
            return {"titles": self.keys}
        weeks = [week for week in record.weeks.all() if not week.done_at]
        named = [title for title in [*self.keys, *self.materials] if any(title in week.content for week in weeks)]
        hours = f"{weeks[-1].hours:.1f}".removesuffix(".0") if weeks else "2"
        return {"titles": named or self.keys, "hours": hours, "edition": record.filing.edition}

    def clean_hours(self) -> Decimal:
        return self.cleaned_data["hours"] or TWO

    @property
    def ticks(self) -> list[tuple[str, list[Any]]]:
        """The boxes under their heads: the plan's key readings, then what the office keeps."""
        boxes = list(self["titles"])
        heads = (("方案的学习重点", boxes[: len(self.keys)]), ("学习资料", boxes[len(self.keys) :]))
        return [(head, some) for head, some in heads if some]

    def draft(self, record: MemberPlan, mondays: Sequence[date]) -> list[WeekItem]:
        """The weeks as chosen, unsaved."""
        films = {title for title, kind in self.materials.items() if kind == Material.Kind.FILM}
        titles = self.cleaned_data["titles"]
        return [
            WeekItem(
                plan=record, week_on=monday, content=content, hours=self.cleaned_data["hours"],
                method=Method.FILM if content.startswith("观看") else Method.SELF,
            )
            for monday, content in zip(mondays, week_contents(titles, len(mondays), films), strict=True)
        ]  # fmt: skip

    def redraft(self, record: MemberPlan, first: date) -> int:
        """Write the weeks from that of `first` on anew, all but those that are done; returns how many.

        Raises LostUpdate, and writes nothing, where the plan is not the one that was shown.
        """
        taken = Filing.objects.filter(
            pk=record.filing_id, edition=self.cleaned_data["edition"],
            state__in=[Filing.State.DRAFT, Filing.State.SENT_BACK],
        )  # fmt: skip
        if taken.update(edition=F("edition") + 1) != 1:
            raise LostUpdate
        kept = {week.week_on: week for week in record.weeks.select_for_update()}
        mondays = [day for day in weeks_left(record.plan.year, first) if day not in kept or not kept[day].done_at]
        drafted = self.draft(record, mondays)
        WeekItem.objects.bulk_create(week for week in drafted if week.week_on not in kept)
        changed = []
        for week in drafted:
            if old := kept.get(week.week_on):
                old.content, old.method, old.hours = week.content, week.method, week.hours
                changed.append(old)
        WeekItem.objects.bulk_update(changed, ["content", "method", "hours"])
        return len(mondays)
