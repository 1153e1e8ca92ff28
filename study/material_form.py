"""The form on which the office keeps a material: what it is, where it is from, its address, its text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.http import QueryDict

from branches.form_base import PortalForm
from documents.text import printable
from study.models import Material

LONGEST_TEXT = 300_000
FIELDS = ("kind", "title", "source", "url", "text")
# A file can not be taken in yet.
KINDS = [choice for choice in Material.Kind.choices if choice[0] != Material.Kind.FILE]


def seen_of(material: Material) -> str:
    """A digest of what the editor was shown, so that another's change in between is noticed."""
    return hashlib.sha256(json.dumps([getattr(material, name) for name in FIELDS]).encode()).hexdigest()


class MaterialForm(PortalForm):
    """One material; its title is what plans and records cite."""

    kind = forms.ChoiceField(label="类型", choices=KINDS)
    title = forms.CharField(
        label="名称", max_length=120,
        help_text="书名、片名连同书名号填写。与方案学习重点同名的，即作为该篇目的正文或网址。",
    )  # fmt: skip
    source = forms.CharField(label="作者或来源", max_length=120, required=False)
    url = forms.CharField(
        label="网址", max_length=500, required=False, widget=forms.URLInput(attrs={"inputmode": "url"}),
        validators=[URLValidator(schemes=["http", "https"], message="请填写以 http:// 或 https:// 开头的完整网址。")],
    )  # fmt: skip
    text = forms.CharField(
        label="全文", max_length=LONGEST_TEXT, required=False, strip=True, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="可粘贴全文。单独成行的“一、……”“第一章……”会列为目录。",
    )  # fmt: skip
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, committee_id: int, material: Material | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.committee_id, self.material = committee_id, material
        if material:
            initial = {name: getattr(material, name) for name in FIELDS} | {"seen": seen_of(material)}
        super().__init__(data, initial=initial)

    def clean_title(self) -> str:
        """One line, and no other material's name."""
        title = " ".join(printable(self.cleaned_data["title"]).split())
        if not title:
            raise forms.ValidationError("请填写“名称”。")
        others = Material.objects.filter(committee=self.committee_id, title=title)
        if self.material:
            others = others.exclude(pk=self.material.pk)
        if others.exists():
            raise forms.ValidationError(f"已有名为“{title}”的学习资料，请直接修改那一条，或换一个名称。")
        return title

    def clean_source(self) -> str:
        return " ".join(printable(self.cleaned_data["source"]).split())

    def clean_text(self) -> str:
        return printable(self.cleaned_data["text"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == Material.Kind.LINK and not cleaned.get("url") and "url" not in self.errors:
            self.add_error("url", "网页链接请填写网址。")
        return cleaned

    def facts(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS}

    def differences(self) -> list[tuple[str, str, str]]:
        """What is kept and what is typed, where they differ."""
        if self.material is None:
            return []
        found = []
        for name in FIELDS:
            kept, typed = getattr(self.material, name), self.cleaned_data.get(name, "")
            if kept != typed:
                words = dict(Material.Kind.choices) if name == "kind" else {}
                found.append((str(self.fields[name].label), words.get(kept, kept), words.get(typed, typed)))
        return found
