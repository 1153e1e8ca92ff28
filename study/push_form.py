"""The form on which a push is written: to whom, what, and what goes with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.db.models import F, Q, QuerySet

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch, Committee
from documents.text import printable
from study.models import Material, Push
from study.pushes import aimed, audience_of, audiences

LONGEST = 100_000  # characters: a long report has some thirty thousand


class LostUpdate(Exception):
    """Somebody else changed the push after this form was opened, or it is out; nothing was written."""


class PushForm(PortalForm):
    """What is asked of a push; a draft needs a title only."""

    audience = forms.ChoiceField(label="推送给")
    title = forms.CharField(label="标题", max_length=120)
    text = forms.CharField(
        label="正文", max_length=LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="可以整篇粘贴。“第一章”“一、”这样独占一行的标题会成为目录，长文在手机上一节一节地读。",
    )  # fmt: skip
    url = forms.URLField(
        label="网址", max_length=500, required=False, assume_scheme="https",
        validators=[URLValidator(schemes=["http", "https"])],
        error_messages={"invalid": "这不是网址，请写成 http 或 https 开头的。"},
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )  # fmt: skip
    material = forms.ModelChoiceField(
        label="学习资料", queryset=Material.objects.none(), required=False, empty_label="不附学习资料"
    )
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, access: Access, push: Push | None = None, material: str = ""
    ) -> None:
        self.access, self.push = access, push
        offered = audiences(access)
        if push:
            initial = stored(push) | {"edition": push.edition}
        else:
            initial = {"audience": offered[0][0], "form_key": str(uuid.uuid4()), "material": material}
        super().__init__(data, initial=initial)
        fields: dict[str, Any] = self.fields
        fields["audience"].choices = offered
        fields["material"].queryset = materials_for(access, push)
        if not fields["material"].queryset.exists():
            del self.fields["material"]

    def clean_title(self) -> str:
        title = " ".join(printable(self.cleaned_data["title"]).split())
        if not title:
            raise forms.ValidationError("请填写“标题”。")
        return title

    def clean_edition(self) -> int:
        return self.cleaned_data["edition"] or 0

    def _columns(self) -> dict[str, Any]:
        given = self.cleaned_data
        columns = {name: given[name] for name in ("title", "text", "url")}
        if "material" in self.fields:
            columns["material"] = given["material"]
        return columns | aimed(given["audience"])

    def begin(self) -> Push:
        """Write a new draft; raises IntegrityError where the form was used before."""
        access = self.access
        with audit.act(access, audit.Kind.WRITE, "起草学习推送") as entry:
            push = entry.about = Push.objects.create(
                created_at=access.now, created_by=access.actor, form_key=self.cleaned_data["form_key"] or None,
                **self._columns(),
            )  # fmt: skip
        return push

    def save(self) -> Push:
        """Write the changes of a draft; raises LostUpdate where the form shows an older text."""
        assert self.push is not None  # noqa: S101 — the view saves what exists and begins what does not
        with audit.act(self.access, audit.Kind.WRITE, "修改学习推送", self.push):
            draft = Push.objects.filter(
                pk=self.push.pk, edition=self.cleaned_data["edition"], published_at__isnull=True
            )
            if not draft.update(**self._columns(), edition=F("edition") + 1):
                raise LostUpdate
        return Push.objects.get(pk=self.push.pk)

    def differences(self, kept: Push) -> list[tuple[str, str, str]]:
        """Label, kept text and typed text of every field in which the two are not the same."""
        names = dict(self.fields["audience"].choices)  # type: ignore[attr-defined]
        theirs, mine = stored(kept), dict(self.cleaned_data)
        mine["material"] = mine["material"].pk if mine.get("material") else None
        theirs["audience"], mine["audience"] = names.get(theirs["audience"], ""), names[mine["audience"]]
        titles = {one.pk: one.title for one in Material.objects.filter(pk__in=[theirs["material"], mine["material"]])}
        theirs["material"], mine["material"] = titles.get(theirs["material"], ""), titles.get(mine["material"], "")
        return [
            (str(self.fields[name].label), str(theirs[name]), str(mine[name]))
            for name in self.fields
            if name in theirs and theirs[name] != mine[name]
        ]


def stored(push: Push) -> dict[str, Any]:
    return {
        "audience": audience_of(push), "title": push.title, "text": push.text, "url": push.url,
        "material": push.material_id,
    }  # fmt: skip


def materials_for(access: Access, push: Push | None = None) -> QuerySet[Material]:
    """The materials in use of the committees the person works for and of those above them, and the draft's own."""
    own = set(access.office_of) | set(Branch.objects.filter(pk__in=access.leads).values_list("committee", flat=True))
    above = Committee.objects.filter(Q(pk__in=own) | Q(children__in=own) | Q(children__children__in=own))
    kept = Q(pk=push.material_id) if push else Q(pk=None)
    in_use = Q(retired_at__isnull=True, committee__in=above.values("pk"))
    return Material.objects.filter(in_use | kept).order_by("title", "pk")
