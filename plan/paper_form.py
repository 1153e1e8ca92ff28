"""The one form on which a material (佐证材料) is written, and how it is kept: as a draft, whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.db.models import F

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from documents.text import printable
from plan import moves
from plan.models import Duty, Filing, Paper

EARLIEST = date(1990, 1, 1)
OPEN = (Filing.State.DRAFT, Filing.State.SENT_BACK)


class LostUpdate(Exception):
    """Somebody else changed the material after this form was opened; nothing was written."""


def title_for(duty: Duty) -> str:
    """What a material for the duty is called at first: 党员活动周（7月）."""
    return f"{duty.requirement.title}（{duty.period}）"[:120]


def desk_for(duty: Duty) -> str:
    """To which desk a material for the duty goes; "up" is the branch for a member, the office for a branch."""
    match duty.requirement.receiver:
        case "office":
            return Filing.Desk.OFFICE
        case "branch":
            return Filing.Desk.BRANCH if duty.branch_id else Filing.Desk.OFFICE
        case "up":
            return Filing.Desk.BRANCH if duty.member_id else Filing.Desk.OFFICE
    return Filing.Desk.NONE


class PaperForm(PortalForm):
    """What is asked about a material; a draft needs a title and a day, filing asks for the content too."""

    title = forms.CharField(label="标题", max_length=120)
    done_on = forms.DateField(label="完成日期", widget=forms.DateInput)
    content = forms.CharField(
        label="主要内容", max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="写明做了什么、结果怎样；承诺写明目标、责任、措施和时限。",
    )  # fmt: skip
    late_reason = forms.CharField(
        label="补报原因", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="已过时限，写明原因后仍可报送，并注明“补报”。",
    )  # fmt: skip
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, access: Access, late: bool, duty: Duty | None = None,
        paper: Paper | None = None,
    ) -> None:  # fmt: skip
        self.access, self.paper = access, paper
        if paper:
            initial = stored(paper) | {"edition": paper.filing.edition, "late_reason": paper.filing.late_reason}
        else:
            initial = {"title": title_for(duty) if duty else "", "done_on": access.on, "form_key": str(uuid.uuid4())}
        super().__init__(data, initial=initial)
        if not late:
            del self.fields["late_reason"]

    def clean_done_on(self) -> date:
        day = self.cleaned_data["done_on"]
        if day > self.access.on:
            raise forms.ValidationError("完成日期不能晚于今天；还没有做完的，做完后再填。")
        if day < EARLIEST:
            raise forms.ValidationError("完成日期太早，请核对年份。")
        return day

    def begin(self, duty: Duty) -> Paper:
        """Write a new draft that means to settle the duty; raises IntegrityError where the form was used before."""
        given = self.cleaned_data
        with audit.act(self.access, audit.Kind.WRITE, "起草材料", duty.branch) as entry:
            filing = entry.about = moves.begin(
                kind=Filing.Kind.PAPER, access=self.access, title=given["title"], year=duty.year, branch=duty.branch,
                member=duty.member, committee=duty.committee, desk=desk_for(duty), handling=duty.requirement.handling,
                form_key=given["form_key"] or None,
            )  # fmt: skip
            paper = Paper.objects.create(
                filing=filing, requirement=duty.requirement, done_on=given["done_on"], content=given["content"]
            )
            moves.claim(filing, {duty.pk}, self.access.now)
        return paper

    def save(self, captions: Mapping[int, str]) -> Paper:
        """Write the changes and the pictures' captions; raises LostUpdate where the form shows an older text."""
        assert self.paper is not None  # noqa: S101 — the view saves what exists and begins what does not
        given = self.cleaned_data
        with audit.act(self.access, audit.Kind.WRITE, "修改材料", self.paper.filing):
            written = Filing.objects.filter(
                pk=self.paper.filing_id,
                edition=given["edition"],
                state__in=OPEN,
            ).update(title=given["title"], edition=F("edition") + 1)
            if written != 1:
                raise LostUpdate
            Paper.objects.filter(pk=self.paper.pk).update(done_on=given["done_on"], content=given["content"])
            for picture in self.paper.filing.pictures.shown():
                caption = printable(captions.get(picture.pk, picture.caption)).strip()[:120]
                if caption != picture.caption:
                    self.paper.filing.pictures.filter(pk=picture.pk).update(caption=caption)
        return Paper.objects.select_related("filing").get(pk=self.paper.pk)

    def differences(self, kept: Paper) -> list[tuple[str, str, str]]:
        """Label, kept text and typed text of every field in which the two are not the same."""
        theirs = stored(kept)
        return [
            (str(self.fields[name].label), str(theirs[name]), str(self.cleaned_data[name]))
            for name in theirs
            if str(theirs[name]) != str(self.cleaned_data[name])
        ]


def stored(paper: Paper) -> dict[str, Any]:
    return {"title": paper.filing.title, "done_on": paper.done_on, "content": paper.content}
