"""What the pages about ID numbers and phones ask: registering them, why one is looked at, finding by one, one's own."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms

from branches import revealing
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Member, normal_staff_number
from branches.personal import (
    FIELDS,
    Unusable,
    birthday_of,
    masked,
    read_id_number,
    read_phone,
    reveal,
    set_personal,
    with_value,
)
from branches.secrets import Unreadable
from branches.sight import kept, kept_by

# Digits that may be a number somebody wanted to keep in a place where none is kept.
_NUMBER = re.compile(r"\d[\d\s-]{6,}[\dXx]")
FULL_AGE, PROBATION_YEARS = 18, 1


def years_later(day: date, years: int) -> date:
    """The same day of a later year; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _typed(label: str, longest: int, help_text: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, required=False, max_length=longest, help_text=help_text, widget=widget)


class PersonalFields(forms.Form):
    """The two sealed fields of a member's form: what is kept is not shown, an empty field leaves it as it is.

    `warnings` says after validation what is unusual and saved all the same.
    """

    id_number = _typed("公民身份号码", 40, "可不填。加密保存，页面上只显示前三位和后两位。")
    phone = _typed("联系电话", 40, "可不填。手机，或带区号的座机。加密保存。")
    forget_id_number = forms.BooleanField(label="删去已登记的公民身份号码", required=False)
    forget_phone = forms.BooleanField(label="删去已登记的联系电话", required=False)

    access: Access
    instance: Member

    def set_up_personal(self, access: Access) -> None:
        """Say what is kept, masked; offer to remove it only where there is something."""
        self.access, self.warnings = access, list[str]()
        for name in FIELDS:
            if getattr(self.instance, f"{name}_sealed"):
                shown = masked(self.instance, name)
                self.fields[name].help_text = f"已登记：{shown}。不改请留空；填写则替换。"
            else:
                del self.fields[f"forget_{name}"]

    def clean_id_number(self) -> str:
        try:
            number = read_id_number(self.cleaned_data["id_number"], self.access.on)
        except Unusable as problem:
            raise forms.ValidationError(str(problem)) from problem
        other = with_value("id_number", number).exclude(pk=self.instance.pk).first()
        if other is None:
            return number
        if not with_value("id_number", number).filter(kept(self.access), pk=other.pk).exists():
            raise forms.ValidationError("这个号码已登记在其他机关党委，请核对号码，或请对方先办理转出。")
        raise forms.ValidationError(
            f"这个号码已登记在{other.name}（工号{other.staff_number}）名下。请核对；如果是同一个人，请用“名册查重”合并。"
        )

    def clean_phone(self) -> str:
        try:
            return read_phone(self.cleaned_data["phone"])
        except Unusable as problem:
            raise forms.ValidationError(str(problem)) from problem

    def weigh(self, data: dict[str, Any]) -> None:
        """What is not forbidden but seldom right: joined under age, a probation of less than a year, a shared phone."""
        joined, confirmed = data.get("joined_on"), data.get("confirmed_on")
        number = data.get("id_number") or ("" if data.get("forget_id_number") else self._kept_number())
        if number and joined and joined < years_later(birthday_of(number), FULL_AGE):
            self.warnings.append(f"按公民身份号码，入党日期 {joined} 时未满{FULL_AGE}周岁，请核对。")
        if joined and confirmed and confirmed < years_later(joined, PROBATION_YEARS):
            self.warnings.append(f"转正日期 {confirmed} 距入党日期 {joined} 不满一年，请对照档案核对。")
        self.warnings += shared_phone(self.access, data.get("phone") or "", self.instance)

    def _kept_number(self) -> str:
        try:
            return reveal(self.instance, "id_number")
        except Unreadable:
            return ""

    def put_personal(self) -> list[str]:
        """Seal what was typed, or remove what was to be removed, on the instance; the columns that changed."""
        values: dict[str, str | None] = {}
        for name in FIELDS:
            forget = self.cleaned_data.get(f"forget_{name}")
            values[name] = self.cleaned_data.get(name) or ("" if forget else None)
        return set_personal(self.instance, **values)


def shared_phone(access: Access, phone: str, member: Member) -> list[str]:
    """A sentence where others have this phone too; those whom the person does not keep are not named."""
    others = with_value("phone", phone).exclude(pk=member.pk)
    known = list(others.filter(kept(access)).values_list("name", flat=True)[:3])
    if known:
        return [f"这个电话也登记在{'、'.join(known)}名下，请核对。"]
    return ["这个电话也登记在另一名党员名下，请核对。"] if access.office_of and others.exists() else []


class RevealForm(PortalForm):
    """Why a sealed field of somebody else is looked at."""

    OTHER = "other"

    reason = forms.ChoiceField(
        label="查看事由",
        widget=forms.RadioSelect,
        choices=[*((words, words) for words in revealing.REASONS), (OTHER, "其他")],
    )
    words = forms.CharField(
        label="其他事由", required=False, max_length=60, help_text="选“其他”时填写，如“核对其提交的转接介绍信”。"
    )

    def clean_words(self) -> str:
        words = re.sub(r"\s+", " ", self.cleaned_data["words"]).strip()
        if _NUMBER.search(words):
            raise forms.ValidationError("事由会记入审计日志，请不要写号码。")
        return words

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        words = data.get("words", "")
        if data.get("reason") == self.OTHER and "words" in data and len(words) < 4:
            self.add_error("words", "请用至少4个字写明为什么查看。")
        return data

    @property
    def said(self) -> str:
        """The reason as it is written down."""
        data = self.cleaned_data
        return data["words"] if data["reason"] == self.OTHER else data["reason"]


class FindForm(PortalForm):
    """A whole ID number or phone, by which a member is found; it goes into no address."""

    number = _typed("公民身份号码或联系电话", 40, "须完整填写。")

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["number"].required = True

    def clean_number(self) -> tuple[str, str]:
        """Which field it is, and the value; a text of fifteen signs or more is meant as an ID number."""
        text = self.cleaned_data["number"]
        is_id = sum(sign.isalnum() for sign in text) >= 15
        try:
            return ("id_number", read_id_number(text, self.today)) if is_id else ("phone", read_phone(text))
        except Unusable as problem:
            raise forms.ValidationError(str(problem)) from problem


class ContactForm(PortalForm):
    """One's own phone; empty removes it."""

    phone = _typed("联系电话", 40, "手机，或带区号的座机，如 029-85385111。留空则删去已登记的电话。")

    def clean_phone(self) -> str:
        try:
            return read_phone(self.cleaned_data["phone"])
        except Unusable as problem:
            raise forms.ValidationError(str(problem)) from problem


class PairForm(PortalForm):
    """Two entries to be laid side by side, by their staff numbers."""

    first = forms.CharField(label="保留的工号", max_length=30)
    second = forms.CharField(label="并入的工号", max_length=30)

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access

    def _entry(self, name: str) -> Member:
        number = normal_staff_number(self.cleaned_data[name])
        member = kept_by(self.access).filter(staff_number=number).first()
        if member is None:
            raise forms.ValidationError(f"名册中没有工号 {number}，请核对；已并入别人的条目不能再并。")
        return member

    def clean_first(self) -> Member:
        return self._entry("first")

    def clean_second(self) -> Member:
        return self._entry("second")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("first") and data.get("first") == data.get("second"):
            self.add_error("second", "两个工号是同一个条目，请填另一个。")
        return data
