"""The form on which the office keeps a material: what it is, where it is from, its address, its text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.http import QueryDict

from branches.form_base import PortalForm
from documents.office_files import DocumentRefused
from documents.text import printable
from study.material_files import NO_FILE, taken_in
from study.models import Material

LONGEST_TEXT = 300_000
FIELDS = ("kind", "title", "source", "url", "text")
FILE_FIELDS = ("file_name", "file_format", "file_size", "file_sha256")


def seen_of(material: Material) -> str:
    """A digest of what the editor was shown, so that another's change in between is noticed."""
    return hashlib.sha256(
        json.dumps([getattr(material, name) for name in (*FIELDS, "file_sha256")]).encode()
    ).hexdigest()


class MaterialForm(PortalForm):
    """One material; its title is what plans and records cite."""

    kind = forms.ChoiceField(label="类型", choices=Material.Kind.choices)
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
    file = forms.FileField(
        label="附件", required=False, max_length=200,
        help_text="Word（.docx）、Excel（.xlsx）或 PDF 文件，不超过20 MB。",
        widget=forms.FileInput(attrs={"accept": ".docx,.xlsx,.pdf"}),
    )  # fmt: skip
    drop_file = forms.BooleanField(label="去掉现有的附件", required=False)
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, committee_id: int, material: Material | None = None,
        initial: dict[str, Any] | None = None, files: Any = None,
    ) -> None:  # fmt: skip
        self.committee_id, self.material = committee_id, material
        if material:
            initial = {name: getattr(material, name) for name in FIELDS} | {"seen": seen_of(material)}
        super().__init__(data, files, initial=initial)
        if not (material and material.file_sha256):
            self.fields.pop("drop_file")
        elif material:
            self.fields["file"].help_text = f"现有“{material.file_name}”；另选一个即替换它。"

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

    def clean_file(self) -> dict[str, Any]:
        """The file cleaned and kept, as the fields of the material; {} where none was sent."""
        file = self.cleaned_data["file"]
        if not file:
            return {}
        try:
            return taken_in(file)
        except DocumentRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

    def file_facts(self) -> dict[str, Any]:
        """What becomes of the file: the one sent, none where it is dropped, else the one that is there."""
        if sent := self.cleaned_data.get("file"):
            return sent
        if self.material is None or self.cleaned_data.get("drop_file"):
            return NO_FILE
        return {name: getattr(self.material, name) for name in FILE_FIELDS}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == Material.Kind.LINK and not cleaned.get("url") and "url" not in self.errors:
            self.add_error("url", "网页链接请填写网址。")
        asks_file = cleaned.get("kind") == Material.Kind.FILE and "file" not in self.errors
        if asks_file and not self.file_facts()["file_sha256"]:
            self.add_error("file", "类型选“附件”的，请选择要上传的文件。")
        return cleaned

    def facts(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS} | self.file_facts()

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
        file = self.file_facts()
        if file["file_sha256"] != self.material.file_sha256:
            found.append(("附件", self.material.file_name, file["file_name"]))
        return found
