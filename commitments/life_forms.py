"""What is asked on a pledge's page and on the wall."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch
from commitments.models import Judgement, PledgeItem, Result
from commitments.stages import Outcome
from plan.models import Filing


def _key() -> str:
    return str(uuid.uuid4())


def _lines(rows: int, **more: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **more})


class ProgressForm(PortalForm):
    """How one item goes on."""

    text = forms.CharField(label="进展", max_length=400, widget=_lines(2), help_text="做了什么、做到哪一步，写具体。")
    picture = forms.FileField(
        label="图片（可不传）", required=False, widget=forms.ClearableFileInput(attrs={"accept": "image/*"})
    )
    proof = forms.TypedChoiceField(
        label="已有的佐证记录（可不选）", required=False, coerce=int, empty_value=None,
        help_text="已经报送过的活动、材料，选上即可，不用再交一次。",
    )  # fmt: skip
    is_done = forms.BooleanField(label="这一项已经完成", required=False)
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: Any = None, *, item: PledgeItem, offered: Iterable[Filing]
    ) -> None:
        initial = {"form_key": _key(), "is_done": item.done_at is not None}
        super().__init__(data, files, prefix=f"item-{item.pk}", initial=initial)
        self.offered = {one.pk: one for one in offered}
        proof: Any = self.fields["proof"]
        proof.choices = [("", "不选"), *((pk, one.title) for pk, one in self.offered.items())]
        if not self.offered:
            del self.fields["proof"]

    @property
    def chosen(self) -> Filing | None:
        return self.offered.get(self.cleaned_data.get("proof") or 0)


class QuestionForm(PortalForm):
    """A question or remark, by name."""

    text = forms.CharField(
        label="意见或提问", max_length=300, widget=_lines(2), help_text="署本人姓名，本支部党员和上级党组织可以看到。"
    )
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix="question", initial={"form_key": _key()})


class AnswerForm(PortalForm):
    """The answer to one question."""

    text = forms.CharField(label="答复", max_length=300, widget=_lines(2))

    def __init__(self, data: Mapping[str, Any] | None = None, *, pk: int) -> None:
        super().__init__(data, prefix=f"answer-{pk}")


class NoteForm(PortalForm):
    """The reason of a step that needs one."""

    note = forms.CharField(label="原因", max_length=300, widget=_lines(2))

    def __init__(self, data: Mapping[str, Any] | None = None, *, name: str) -> None:
        super().__init__(data, prefix=name)


class OfItems(PortalForm):
    """A form with the same questions for each item of a pledge, drawn item by item."""

    parts: tuple[str, ...]

    def of(self, item: PledgeItem) -> list[Any]:
        """The fields that belong to one item."""
        return [self[f"{name}-{item.pk}"] for name in self.parts]


class SayForm(OfItems):
    """A member's word on each item; an item left open is left out."""

    parts = ("result", "reason")

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, items: Iterable[PledgeItem], mine: Mapping[int, Judgement]
    ) -> None:
        super().__init__(data, prefix="say")
        self.items = list(items)
        for item in self.items:
            known = mine.get(item.pk)
            self.fields[f"result-{item.pk}"] = forms.ChoiceField(
                label=f"第{item.position}项", choices=Result.choices, required=False, widget=forms.RadioSelect,
                initial=known.result if known else None,
            )  # fmt: skip
            self.fields[f"reason-{item.pk}"] = forms.CharField(
                label="理由（可不填）", max_length=200, required=False, initial=known.reason if known else "",
                widget=forms.TextInput(attrs={"aria-label": f"第{item.position}项的理由"}),
            )  # fmt: skip

    def said(self) -> dict[int, tuple[Result, str]]:
        given = self.cleaned_data
        return {
            item.pk: (Result(given[f"result-{item.pk}"]), given[f"reason-{item.pk}"])
            for item in self.items if given[f"result-{item.pk}"]
        }  # fmt: skip


class DecideForm(OfItems):
    """The organization's judgement of each item; what a reason is needed for, the door says."""

    parts = ("result", "reason", "excused")

    def __init__(self, data: Mapping[str, Any] | None = None, *, items: Iterable[PledgeItem]) -> None:
        super().__init__(data, prefix="decide")
        self.items = list(items)
        for item in self.items:
            self.fields[f"result-{item.pk}"] = forms.ChoiceField(
                label=f"第{item.position}项评定", choices=Result.choices, widget=forms.RadioSelect,
                initial=item.result or None,
                error_messages={"required": f"第{item.position}项还没有评定结果，请选择。"},
            )  # fmt: skip
            self.fields[f"reason-{item.pk}"] = forms.CharField(
                label="理由", max_length=300, required=False, initial=item.result_reason,
                widget=_lines(1, **{"aria-label": f"第{item.position}项评定的理由"}),
                help_text="没有全部完成的，或与党员互评多数不同的，必须写明。",
            )  # fmt: skip
            self.fields[f"excused-{item.pk}"] = forms.BooleanField(
                label="因客观原因没有完成", required=False, initial=item.is_excused
            )

    def outcomes(self) -> dict[int, Outcome]:
        def of(pk: int) -> Outcome:
            result, reason, excused = (self.cleaned_data[f"{part}-{pk}"] for part in self.parts)
            return Outcome(Result(result), reason, excused)

        return {item.pk: of(item.pk) for item in self.items}


class WallFilter(PortalForm):
    """Whose pledges, and which of them."""

    branch = forms.TypedChoiceField(label="党支部", required=False, coerce=int, empty_value=None)
    show = forms.ChoiceField(
        label="显示", required=False,
        choices=[("", "正在公开的"), ("expired", "已到期，待评诺"), ("judging", "评诺中"), ("judged", "已评定"),
                 ("mine", "我的")],
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any], *, access: Access) -> None:
        super().__init__(data)
        self.branches = list(branches_of(access))
        field: Any = self.fields["branch"]
        field.choices = [
            ("", "请选择" if access.sees_committees else "本支部"),
            *((b.pk, b.name) for b in self.branches),
        ]
        if len(self.branches) < 2:
            field.widget = forms.HiddenInput()

    @property
    def chosen(self) -> Branch | None:
        """The branch that was asked for, else the first: whoever belongs to one sees the own."""
        asked = self.cleaned_data.get("branch") if self.is_valid() else None
        return next((one for one in self.branches if one.pk == asked), next(iter(self.branches), None))

    @property
    def show_code(self) -> str:
        return str(self.cleaned_data.get("show", "")) if self.is_valid() else ""


def branches_of(access: Access) -> Iterable[Branch]:
    """The branches whose wall the person may look at, the own one first."""
    ids = access.branches
    rows = Branch.objects.filter(pk__in=ids) | Branch.objects.filter(committee__in=access.sees_committees)
    own = access.branch.pk if access.branch else access.led_branch_id
    return sorted(rows.existing_on(access.on).distinct(), key=lambda one: (one.pk != own, one.code, one.pk))
