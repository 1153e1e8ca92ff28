"""What the office is asked while it drafts a plan; every answer goes back into the document, comments untouched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from branches.form_base import PortalForm
from plan.cadence import day_in, parse, parse_day
from plan.document import HANDLINGS, KINDS, OWNERS, PROOFS, RECEIVERS, Document, Question, RequirementSpec
from plan.editing import set_requirement, set_setting

LARGEST = 1024 * 1024  # bytes; the plan of 2018 has 20,000


class DocumentForm(PortalForm):
    """The plan's data and the paper's text, as they stand; `seen` says which text the editor had before them."""

    toml = forms.CharField(
        label="方案数据（TOML）", max_length=LARGEST, strip=False,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code-area"}),
    )  # fmt: skip
    source_text = forms.CharField(
        label="方案原文", max_length=LARGEST, strip=False, widget=forms.Textarea(attrs={"rows": 12})
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_toml(self) -> str:
        return _lines(self.cleaned_data["toml"])

    def clean_source_text(self) -> str:
        return _lines(self.cleaned_data["source_text"])


class UploadForm(DocumentForm):
    """A plan as files or as pasted text; what a chosen file holds is kept in the text area beside it."""

    toml_file = forms.FileField(label="方案数据文件（.toml）", required=False)
    text_file = forms.FileField(label="方案原文文件（.txt）", required=False)
    field_order = ("toml_file", "toml", "text_file", "source_text")

    def __init__(self, data: Any = None, files: Any = None) -> None:
        unread = {}
        if files:
            data = data.copy()
            for name, area in (("toml_file", "toml"), ("text_file", "source_text")):
                if name in files:
                    try:
                        data[area] = _decoded(files[name])
                    except ValueError as error:
                        unread[name] = str(error)
        self.unread = unread
        super().__init__(data, files)
        del self.fields["seen"]
        for area in ("toml", "source_text"):
            # Either of the two will do, so neither bears the star of what must be filled in.
            self.fields[area].required = False
            self.fields[area].help_text = "选了文件就不用填；也可以直接把内容粘贴在这里。"

    def clean(self) -> dict[str, Any]:
        for name, area in (("toml_file", "toml"), ("text_file", "source_text")):
            if name in self.unread:
                self.add_error(name, self.unread[name])
            elif area in self.cleaned_data and not self.cleaned_data[area].strip():
                self.add_error(area, f"请上传{self.fields[name].label}，或把内容粘贴在这里。")
        return self.cleaned_data


class IssueForm(PortalForm):
    """The day from which it speaks, and the text that was previewed."""

    effective_on = forms.DateField(label="生效日期", required=False, widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput)


class SettingsForm(PortalForm):
    """One field for each question that the paper leaves open, in the document's order."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, document: Document, *args: Any, **kwargs: Any) -> None:
        self.questions = document.settings.questions
        self.year = document.year
        kwargs["initial"] = kwargs.get("initial", {}) | {q.key: self._shown(q) for q in self.questions}
        super().__init__(*args, **kwargs)
        for question in self.questions:
            self.fields[question.key] = _field_of(question)

    def _shown(self, question: Question) -> Any:
        if question.choices:
            return _choice(question.value)
        if question.key == "pledge_due":
            return day_in(self.year, *parse_day(question.value, question.key))
        if question.key == "vacation_months":
            return [str(month) for month in question.value]
        return "\n".join(question.value) if isinstance(question.value, tuple) else question.value

    def clean(self) -> dict[str, Any]:
        day = self.cleaned_data.get("pledge_due")
        if isinstance(day, date) and day.year != self.year:
            self.add_error("pledge_due", f"请选{self.year}年的日期。")
        return self.cleaned_data

    def asked(self) -> list[tuple[Question, forms.BoundField]]:
        """Each question beside its field, for the page to set the sentence above it."""
        return [(question, self[question.key]) for question in self.questions]

    def applied(self, toml: str) -> str:
        """The TOML with the changed answers; call when the form is valid."""
        for question in self.questions:
            if question.key in self.changed_data:
                toml = set_setting(toml, question.key, self._value(question))
        return toml

    def _value(self, question: Question) -> Any:
        given = self.cleaned_data[question.key]
        if question.choices:
            return next(value for value, _ in question.choices if _choice(value) == given)
        if isinstance(given, date):
            return f"{given:%m-%d}"
        if question.key == "vacation_months":
            return [int(month) for month in given]
        if question.key == "fixed_actions":
            return _nonempty(given)
        return given


def _field_of(question: Question) -> forms.Field:
    common: dict[str, Any] = {"label": question.title, "help_text": question.basis}
    if question.choices:
        options = [(_choice(value), words) for value, words in question.choices]
        return forms.ChoiceField(
            choices=options, widget=forms.RadioSelect, error_messages={"required": "请选择一项。"}, **common
        )
    if question.key == "vacation_months":
        months = [(str(month), f"{month}月") for month in range(1, 13)]
        return forms.MultipleChoiceField(
            choices=months, required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "months"}), **common
        )
    if question.key == "pledge_due":
        # The base form dresses the fields it knows at birth; this one comes later.
        picker = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        return forms.DateField(widget=picker, error_messages={"required": "请填写日期。"}, **common)
    if isinstance(question.value, tuple):
        common["help_text"] = common["help_text"] or "每行一项。"
        return forms.CharField(
            widget=forms.Textarea(attrs={"rows": 4}), error_messages={"required": "请至少写一项。"}, **common
        )
    return forms.IntegerField(min_value=0, max_value=366, error_messages={"required": "请填写天数。"}, **common)


OFTEN = {
    "week": "每周1次，当周周日为限",
    "month1": "每月1次，月底为限",
    "month2": "每两个月1次",
    "month3": "每季度1次",
    "month4": "每四个月1次",
    "month6": "每半年1次",
    "once_by": "每年1次，在规定的日期之前",
    "pledge_due": "每年1次，日期按设置中的承诺期限",
    "on": "每年在规定的几段时间内各1次",
    "year_end": "年底1次，从哪天算起按设置",
    "continuous": "全年持续，年底查看",
    "gathering": "每次活动结束后上报",
    "pledge": "每份承诺1次，按承诺自己的期限",
    "lines": "个人自学计划中每周1项",
}
CADENCE_FIELDS = ("often", "due_on", "before", "spans", "plus_days", "days_after")
# Where an error of the document names a key, the field of the form where it is mended.
FIELD_OF_KEY = {
    "cadence": "often", "every": "often", "months": "often", "once_by": "due_on", "on": "spans", "event": "often",
    "plus_days": "plus_days", "days_after": "days_after", "lines": "often", "year_end": "often", "continuous": "often",
}  # fmt: skip


class RequirementForm(PortalForm):
    """One requirement in plain choices; only what was changed is written back."""

    code = forms.CharField(label="编号", max_length=4, help_text="一个大写字母加数字，如 S17。下发后各处都用它称呼。")
    clause = forms.ChoiceField(label="条款")
    title = forms.CharField(label="要求", max_length=60, help_text="用一句短语说清要做什么。")
    quotes = forms.CharField(
        label="方案原文", widget=forms.Textarea, help_text="照原文一字不差地抄录，每行一句；可展开下面的原文复制。"
    )
    owners = forms.MultipleChoiceField(
        label="谁来做", choices=list(OWNERS.items()), widget=forms.CheckboxSelectMultiple
    )
    often = forms.ChoiceField(label="多久一次", choices=list(OFTEN.items()))
    due_on = forms.DateField(label="最迟日期", required=False)
    before = forms.BooleanField(
        label="原文写的是“某日前”", required=False, help_text="是否包括当天，按设置中的答复办理。"
    )
    spans = forms.CharField(
        label="时间段", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="每行一段，写“月-日 至 月-日”，如：07-01 至 07-10。",
    )  # fmt: skip
    plus_days = forms.IntegerField(
        label="时间段结束后宽限几天", required=False, min_value=0, max_value=366, help_text="没有就填0。"
    )
    days_after = forms.IntegerField(
        label="活动结束后几天内", required=False, min_value=0, max_value=366, help_text="“第二天”填1。"
    )
    by_size = forms.BooleanField(
        label="正式党员不足7人的支部另按设置办理", required=False, help_text="用于每周召开支委会。"
    )
    proof = forms.ChoiceField(label="用什么证明", choices=list(PROOFS.items()))
    kinds = forms.MultipleChoiceField(
        label="哪几种活动可以证明", choices=list(KINDS.items()), required=False,
        widget=forms.CheckboxSelectMultiple, help_text="只在用活动记录证明时选，任一种均可。",
    )  # fmt: skip
    pictures = forms.IntegerField(label="至少几张照片", required=False, min_value=0, max_value=50)
    forms_at_least = forms.IntegerField(label="全年至少几种不同的活动形式", required=False, min_value=0, max_value=20)
    lecturer = forms.BooleanField(label="须由支部书记或处级以上党员领导干部主讲", required=False)
    evidence = forms.CharField(label="证明材料的说明", max_length=200, help_text="用一句话写清看到什么才算完成。")
    receiver = forms.ChoiceField(label="报给谁", choices=list(RECEIVERS.items()))
    handling = forms.ChoiceField(
        label="如何办理", choices=list(HANDLINGS.items()), help_text="不上报的只能留存，上报的备案或审定。"
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, document: Document, spec: RequirementSpec | None, *args: Any, **kwargs: Any) -> None:
        self.year, self.spec = document.year, spec
        kwargs["initial"] = kwargs.get("initial", {}) | self._shown(document, spec)
        super().__init__(*args, **kwargs)
        clauses = [(c.number, f"{c.number} {c.heading}") for c in document.clauses]
        self.fields["clause"].choices = clauses  # type: ignore[attr-defined]
        if spec is not None:
            del self.fields["code"]

    def _shown(self, document: Document, spec: RequirementSpec | None) -> dict[str, Any]:
        if spec is None:
            return {"often": "month1", "receiver": "none", "handling": "keep", "proof": "paper", "owners": ["branch"]}
        shown: dict[str, Any] = {
            name: getattr(spec, name)
            for name in ("clause", "title", "proof", "receiver", "handling", "evidence", "by_size")
        }
        shown |= {"owners": list(spec.owners), "kinds": list(spec.kinds), "quotes": "\n".join(spec.quotes)}
        shown |= {"pictures": spec.pictures or None, "forms_at_least": spec.forms_at_least or None}
        return shown | {"lecturer": bool(spec.lecturer)} | _cadence_shown(spec, document)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("often") == "once_by" and "due_on" not in self.errors:
            day = given.get("due_on")
            if day is None:
                self.add_error("due_on", "请填写最迟日期。")
            elif day.year != self.year:
                self.add_error("due_on", f"请选{self.year}年的日期。")
        if given.get("often") == "on":
            try:
                given["on"] = _spans(given.get("spans", ""))
                parse({"on": given["on"]}, {})
            except ValueError as error:
                self.add_error("spans", f"{str(error).rstrip('。')}。")
        return given

    def values(self) -> dict[str, Any]:
        """What to write into the document: key to value, None where a key is to go; only what was changed."""
        given, changed = self.cleaned_data, set(self.changed_data)
        whole = {
            "clause": given["clause"], "title": given["title"].strip(), "quotes": _nonempty(given["quotes"]),
            "owners": given["owners"], "cadence": self._cadence(), "by_size": given["by_size"] or None,
            "proof": given["proof"], "kinds": given["kinds"] or None, "pictures": given["pictures"] or None,
            "forms_at_least": given["forms_at_least"] or None,
            "lecturer": "secretary_or_cadre" if given["lecturer"] else None, "evidence": given["evidence"].strip(),
            "receiver": given["receiver"], "handling": given["handling"],
        }  # fmt: skip
        if self.spec is None:
            return {key: value for key, value in whole.items() if value is not None}
        if changed & set(CADENCE_FIELDS):
            changed.add("cadence")
        return {key: value for key, value in whole.items() if key in changed}

    def applied(self, toml: str) -> str:
        """The TOML with this requirement changed; for a requirement that is there already."""
        assert self.spec is not None  # noqa: S101 — a new one has no code in the document yet
        return set_requirement(toml, self.spec.code, **self.values())

    def _cadence(self) -> dict[str, Any]:
        given = self.cleaned_data
        often = given["often"]
        if often.startswith("month"):
            step = int(often.removeprefix("month"))
            return {"every": "month"} | ({"months": step} if step > 1 else {})
        if often == "once_by":
            return {"once_by": f"{given['due_on']:%m-%d}"} | ({"before": True} if given["before"] else {})
        if often == "on":
            plus = given["plus_days"] or 0
            if self.spec is not None and "plus_days" in self.spec.cadence and "plus_days" not in self.changed_data:
                plus = self.spec.cadence["plus_days"]  # it may name a setting
            return {"on": given["on"]} | ({"plus_days": plus} if plus else {})
        days = given["days_after"] or 0
        others: dict[str, dict[str, Any]] = {
            "week": {"every": "week"},
            "pledge_due": {"once_by": {"setting": "pledge_due"}},
            "year_end": {"year_end": True},
            "continuous": {"continuous": True},
            "gathering": {"days_after": days, "event": "gathering"} if days else {"event": "gathering"},
            "pledge": {"event": "pledge"},
            "lines": {"lines": "member_plan"},
        }
        return others[often]

    def add_document_errors(self, errors: Iterable[str]) -> None:
        """Set each sentence at the field whose key it names, the others above the form."""
        for sentence in errors:
            named = re.search(r"：(?:cadence 的 |cadence |缺少 |不认识 )?([a-z_]+)", sentence)
            field = FIELD_OF_KEY.get(named[1], named[1]) if named else ""
            self.add_error(field if field in self.fields else None, sentence)


def _cadence_shown(spec: RequirementSpec, document: Document) -> dict[str, Any]:
    cadence: Mapping[str, Any] = spec.cadence
    values = document.settings.values()
    if "every" in cadence:
        return {"often": "week" if cadence["every"] == "week" else f"month{cadence.get('months', 1)}"}
    if "once_by" in cadence:
        if isinstance(cadence["once_by"], Mapping):
            return {"often": "pledge_due"}
        day = day_in(document.year, *parse_day(cadence["once_by"], "once_by"))
        return {"often": "once_by", "due_on": day, "before": bool(cadence.get("before"))}
    if "on" in cadence:
        plus = cadence.get("plus_days", 0)
        return {
            "often": "on",
            "spans": "\n".join(f"{first} 至 {last}" for first, last in cadence["on"]),
            "plus_days": values[plus["setting"]] if isinstance(plus, Mapping) else plus,
        }
    if "event" in cadence:
        days = cadence.get("days_after", 0)
        return {
            "often": cadence["event"],
            "days_after": values[days["setting"]] if isinstance(days, Mapping) else days,
        }
    return {"often": next(key for key in ("year_end", "continuous", "lines") if key in cadence)}


def _spans(text: str) -> list[list[str]]:
    spans = []
    for line in _nonempty(text):
        days = re.findall(r"[0-9]{1,2}-[0-9]{1,2}", line)
        if len(days) != 2:
            raise ValueError(f"“{line}”不是一段时间，请写成：07-01 至 07-10。")
        spans.append(["-".join(part.zfill(2) for part in day.split("-")) for day in days])
    if not spans:
        raise ValueError("请至少写一段时间。")
    return spans


def _choice(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nonempty(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _lines(text: str) -> str:
    """One sort of line break: browsers send two characters, the files have one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(file: UploadedFile) -> str:
    """The file's text, UTF-8 or what Chinese Windows writes; ValueError in Chinese where it is no text."""
    if file.size is None or file.size > LARGEST:
        raise ValueError(f"“{file.name}”超过1兆字节，不像是方案文件，请核对。")
    content = file.read()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ValueError(f"“{file.name}”不是文本文件，请另存为 UTF-8 编码的文本后再上传。")
