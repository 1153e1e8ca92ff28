"""The one form on which a pledge is written: five rows of items that need no script, kept whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.db.models import F, Q

from branches import audit
from branches.access import Access
from branches.form_base import ErrorLine, PortalForm
from branches.models import Branch, Member, Post, on_day
from commitments.models import Pledge, PledgeItem
from commitments.vagueness import Said
from commitments.writing import LINE, LINES, MOST, board_lines_of, title_of
from plan import moves
from plan.models import Duty, Filing

OPEN = (Filing.State.DRAFT, Filing.State.SENT_BACK)
FIELDS = ("angle", "text", "goal", "measures", "due_on", "success")


class LostUpdate(Exception):
    """Somebody else changed the pledge after this form was opened; nothing was written."""


@dataclass(frozen=True)
class Start:
    """A pledge to be begun: whose, for which year, whether for the year or one occasion, and what it settles."""

    branch: Branch
    member: Member | None
    year: int
    scope: str = Pledge.Scope.ANNUAL
    duty: Duty | None = None
    renews: Pledge | None = None

    @property
    def owner_name(self) -> str:
        return self.member.name if self.member else self.branch.name

    @property
    def desk(self) -> str:
        return (Filing.Desk.BRANCH if self.member else Filing.Desk.OFFICE).value


def in_year(day: date, year: int) -> date:
    """The same day of that year; the 29th of February becomes the 28th."""
    return day.replace(year=year, day=28 if (day.month, day.day) == (2, 29) else day.day)


class ItemForm(PortalForm):
    """One row of the items; a row in which nothing is written is no item."""

    text = forms.CharField(label="承诺事项", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    angle = forms.ChoiceField(label="类别", required=False)
    due_on = forms.DateField(label="完成时限", required=False, widget=forms.DateInput)
    goal = forms.CharField(label="目标", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    measures = forms.CharField(
        label="实施措施", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    success = forms.CharField(
        label="衡量标准", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Mapping[str, Any] | None, *, position: int, initial: Mapping[str, Any]) -> None:
        super().__init__(data, prefix=f"item-{position}", initial=dict(initial))
        self.position = position
        self.hints: list[str] = []
        angle: Any = self.fields["angle"]
        angle.choices = [("", "不分类"), *PledgeItem.Angle.choices]
        self.fields["text"].widget.attrs["placeholder"] = "做什么：如每周三下午到教务大厅值班，解答学生选课问题"
        self.fields["goal"].widget.attrs["placeholder"] = "做到什么程度：如当场答复率达到90%"
        self.fields["measures"].widget.attrs["placeholder"] = "怎样做：如答不了的登记，3个工作日内回复"
        self.fields["success"].widget.attrs["placeholder"] = "凭什么看出做到了：如值班登记不少于40次"

    @property
    def is_filled(self) -> bool:
        """Whether there is anything in it: typed, or kept before."""
        given = self.data if self.is_bound else self.initial
        names = [self.add_prefix(name) if self.is_bound else name for name in FIELDS if name != "angle"]
        return any(str(given.get(name) or "").strip() for name in names)

    @property
    def is_open(self) -> bool:
        return self.position <= 2 or self.is_filled or bool(self.errors)

    @property
    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data.get(name) for name in FIELDS}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.is_filled and not given.get("text") and "text" not in self.errors:
            self.add_error("text", "请写明承诺事项，或把这一项清空。")
        return given


class PledgeForm(PortalForm):
    """What is asked about a pledge as a whole; its items stand in `rows`. A draft may lack nearly everything."""

    position = forms.CharField(label="岗位或职务", max_length=40, required=False)
    phone = forms.CharField(label="监督电话", max_length=20, required=False, help_text="印在承诺牌上，办公电话即可。")
    valid_until = forms.DateField(label="有效期至", widget=forms.DateInput)
    line_1 = forms.CharField(label="承诺牌第一行", max_length=LINE, required=False)
    line_2 = forms.CharField(label="第二行", max_length=LINE, required=False)
    line_3 = forms.CharField(label="第三行", max_length=LINE, required=False)
    vague_reason = forms.CharField(
        label="说明", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="提示说不具体、而您认为这样写合适的，在这里写明理由，就可以报送；审诺时会看到。",
    )  # fmt: skip
    late_reason = forms.CharField(
        label="补报原因", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="已过时限，写明原因后仍可报送，并注明“补报”。",
    )  # fmt: skip
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, access: Access, late: bool, start: Start | None = None,
        pledge: Pledge | None = None,
    ) -> None:  # fmt: skip
        self.access, self.start, self.pledge = access, start, pledge
        if pledge:
            initial = stored(pledge) | {"edition": pledge.filing.edition, "late_reason": pledge.filing.late_reason}
            kept = [{name: getattr(item, name) for name in FIELDS} for item in pledge.items.all()]
        else:
            assert start is not None  # noqa: S101 — a form begins a pledge or goes on with one
            initial, kept = first_words(start, access) | {"form_key": str(uuid.uuid4())}, items_of(start)
        super().__init__(data, initial=initial)
        rows = [*kept, *[{} for _ in range(MOST)]][:MOST]
        self.rows = [ItemForm(data, position=n, initial=row) for n, row in enumerate(rows, 1)]
        if not (pledge.member_id if pledge else start and start.member):
            self.fields["position"].label = "责任人"
            self.fields["position"].help_text = "谁对落实负责，如：支部书记陈静。"
        if not late:
            del self.fields["late_reason"]

    def is_valid(self) -> bool:
        # All of them, so that every row says what is wrong.
        rows = [row.is_valid() for row in self.rows]
        return super().is_valid() and all(rows)

    def error_lines(self) -> list[ErrorLine]:
        lines = [
            ErrorLine(f"第{row.position}项：{line.text}", line.href) for row in self.rows for line in row.error_lines()
        ]
        return lines + super().error_lines()

    @property
    def year(self) -> int:
        if self.pledge:
            return self.pledge.year
        assert self.start is not None  # noqa: S101 — as above
        return self.start.year

    @property
    def scope(self) -> str:
        if self.pledge:
            return self.pledge.scope
        return self.start.scope if self.start else Pledge.Scope.ANNUAL

    def clean_valid_until(self) -> date:
        day = self.cleaned_data["valid_until"]
        # What is pledged for one occasion may reach into the next year.
        last = self.year + (self.scope == Pledge.Scope.AD_HOC)
        if not self.year <= day.year <= last:
            raise forms.ValidationError(f"有效期应在{self.year}年1月1日至{last}年12月31日之间。")
        return day

    @property
    def filled(self) -> list[ItemForm]:
        return [row for row in self.rows if row.is_filled]

    def said(self) -> list[Said]:
        """The rows as they are typed, for the check; what cannot be read is as if it were empty."""
        found = []
        for row in self.rows:
            row.is_valid()
            given = row.cleaned_data if row.is_bound else row.initial
            words = {name: given.get(name) or "" for name in ("text", "goal", "measures", "success")}
            found.append(Said(**words, due_on=given.get("due_on")))
        return found

    def begin(self) -> Pledge:
        """Write a new draft; raises IntegrityError where the form was used before."""
        start, given, access = self.start, self.cleaned_data, self.access
        assert start is not None  # noqa: S101 — the view begins what does not exist and saves what does
        with audit.act(access, audit.Kind.WRITE, "起草承诺书", start.branch) as entry:
            filing = entry.about = moves.begin(
                kind=Filing.Kind.PLEDGE, access=access, title=start.owner_name, year=start.year, branch=start.branch,
                member=start.member, committee=start.duty.committee if start.duty else None, desk=start.desk,
                handling="approve", form_key=given["form_key"] or None,
            )  # fmt: skip
            pledge = Pledge.objects.create(
                filing=filing, branch=start.branch, member=start.member, scope=start.scope, year=start.year,
                valid_until=given["valid_until"], stage_since=access.now, renews=start.renews,
            )  # fmt: skip
            filing.title = title_of(pledge, access.on)[:120]
            filing.save(update_fields=["title"])
            self._write(pledge, [])
            if start.duty:
                moves.claim(filing, {start.duty.pk}, access.now)
        return pledge

    def save(self) -> Pledge:
        """Write the changes; raises LostUpdate where the form shows an older text."""
        pledge = self.pledge
        assert pledge is not None  # noqa: S101 — as above
        with audit.act(self.access, audit.Kind.WRITE, "修改承诺书", pledge.filing):
            written = Filing.objects.filter(
                pk=pledge.filing_id,
                edition=self.cleaned_data["edition"],
                state__in=OPEN,
            ).update(edition=F("edition") + 1)
            if written != 1:
                raise LostUpdate
            self._write(pledge, [item.text for item in pledge.items.all()])
        return Pledge.objects.select_related("filing", "branch", "member").get(pk=pledge.pk)

    def _write(self, pledge: Pledge, before: Sequence[str]) -> None:
        """The fields and the items; lines of the board that nobody chose go along with the items' texts."""
        given = self.cleaned_data
        rows = [row.values for row in self.filled]
        lines = [given[f"line_{n}"] for n in range(1, LINES + 1) if given[f"line_{n}"]]
        if not lines or lines == board_lines_of(before):
            lines = board_lines_of([row["text"] for row in rows])
        Pledge.objects.filter(pk=pledge.pk).update(
            position=given["position"], phone=given["phone"], valid_until=given["valid_until"], board_lines=lines,
            vague_reason=given["vague_reason"],
        )  # fmt: skip
        # Rows with what hangs on them stay the same rows: they are changed in their order, the rest comes or goes.
        kept = list(pledge.items.all())
        for position, row in enumerate(rows, 1):
            facts = {name: row[name] or "" for name in FIELDS if name != "due_on"} | {"due_on": row["due_on"]}
            if position <= len(kept):
                PledgeItem.objects.filter(pk=kept[position - 1].pk).update(position=position, **facts)
            else:
                PledgeItem.objects.create(pledge=pledge, position=position, **facts)
        pledge.items.filter(pk__in=[item.pk for item in kept[len(rows) :]]).delete()

    def differences(self, kept: Pledge) -> list[tuple[str, str, str]]:
        """Label, kept text and typed text of everything in which the two are not the same."""
        theirs = stored(kept)
        mine = [(name, str(self.fields[name].label), self.cleaned_data[name]) for name in theirs]
        found = [(label, _shown(theirs[name]), _shown(typed)) for name, label, typed in mine]
        items = list(kept.items.all())
        for n, row in enumerate(self.rows):
            item = items[n] if n < len(items) else None
            for name in FIELDS:
                label = f"第{n + 1}项{row.fields[name].label}"
                found.append((label, _shown(getattr(item, name, "")), _shown(row.cleaned_data[name])))
        return [line for line in found if line[1] != line[2]]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def stored(pledge: Pledge) -> dict[str, Any]:
    return {
        "position": pledge.position, "phone": pledge.phone, "valid_until": pledge.valid_until,
        **_lines(pledge.board_lines), "vague_reason": pledge.vague_reason,
    }  # fmt: skip


def _lines(lines: Sequence[str]) -> dict[str, str]:
    return {f"line_{n}": lines[n - 1] if n <= len(lines) else "" for n in range(1, LINES + 1)}


def first_words(start: Start, access: Access) -> dict[str, Any]:
    """What stands in a new form: from the pledge that is taken over, else from the roster."""
    until = date(start.year, 12, 31)
    if start.renews:
        return stored(start.renews) | {"valid_until": until, "vague_reason": ""}
    return {"position": _position(start, access.on), "valid_until": until}


def _position(start: Start, on: date) -> str:
    """A member's posts in the branch and at work; for the branch who answers for it."""
    owner = Q(member=start.member) if start.member else Q(kind=Post.Kind.SECRETARY)
    posts = list(Post.objects.filter(on_day(on), owner, branch=start.branch).select_related("member").order_by("pk"))
    if start.member is None:
        return f"支部书记{posts[0].member.name}" if posts else ""
    labels = [start.member.job_title, *[post.get_kind_display() for post in posts]]
    return "、".join(dict.fromkeys(label for label in labels if label))[:40]


def items_of(start: Start) -> list[dict[str, Any]]:
    """The items of the pledge that is taken over, their days moved to this year."""
    if start.renews is None:
        return []
    return [
        {name: getattr(item, name) for name in FIELDS}
        | {"due_on": in_year(item.due_on, start.year) if item.due_on else None}
        for item in start.renews.items.all()
    ]
