"""The one form on which an activity week is written: twelve rows of actions that need no script, kept whole or not."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.db.models import F, Q

from branches import audit
from branches.access import Access
from branches.form_base import ErrorLine, PortalForm
from branches.models import Branch, Member
from commitments.models import ActivityWeek, WeekAction
from commitments.weeks import (
    A_WEEK,
    MOST_ACTIONS,
    done_on,
    duties_of,
    label_of,
    last_week_of,
    title_of,
    usual_week,
    weeks_of,
)
from documents.text import printable
from plan import moves
from plan.cadence import ONE_DAY
from plan.models import Duty, Filing
from plan.paper_form import OPEN, LostUpdate, desk_for

WHOLE_BRANCH = "全支部"
SHOWN_ROWS = 4  # the rows that are open on an empty form
Aim = WeekAction.Aim


@dataclass(frozen=True)
class Start:
    """A week to be begun: whose, for which month, for which duty, and the week from which its words are taken over."""

    branch: Branch
    year: int
    month: int
    duty: Duty | None = None
    copied: ActivityWeek | None = None


class ActionForm(PortalForm):
    """One row of the actions; a row in which nothing is written is none."""

    aim = forms.ChoiceField(label="类别", choices=[("", "请选择"), *Aim.choices], required=False)
    who = forms.ChoiceField(label="党员", required=False)
    text = forms.CharField(label="行动", max_length=120, required=False)
    result = forms.CharField(label="结果", max_length=200, required=False)

    def __init__(
        self, data: Mapping[str, Any] | None, *, position: int, initial: Mapping[str, Any],
        people: list[tuple[str, str]],
    ) -> None:  # fmt: skip
        super().__init__(data, prefix=f"action-{position}", initial=dict(initial))
        self.position = position
        who: Any = self.fields["who"]
        who.choices = [("", WHOLE_BRANCH), *people]
        self.fields["text"].widget.attrs["placeholder"] = "如：在服务大厅佩戴党徽值班"
        self.fields["result"].widget.attrs["placeholder"] = "活动周结束后填写"

    @property
    def is_filled(self) -> bool:
        """Whether anything is written in it; aim and person alone are offers of the form."""
        given = self.data if self.is_bound else self.initial
        names = [self.add_prefix(name) if self.is_bound else name for name in ("text", "result")]
        return any(str(given.get(name) or "").strip() for name in names)

    @property
    def is_open(self) -> bool:
        return self.position <= SHOWN_ROWS or self.is_filled or bool(self.errors)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.is_filled:
            if not given.get("text") and "text" not in self.errors:
                self.add_error("text", "请写明行动，或把这一行清空。")
            if not given.get("aim") and "aim" not in self.errors:
                self.add_error("aim", "请选择“类别”。")
        return given

    @property
    def line(self) -> str:
        """The row as one line: 亮身份 李强：佩戴党徽值班（已完成）."""
        given = self.cleaned_data
        return _line(given["aim"], dict(self.fields["who"].choices)[given["who"]], given["text"], given["result"])  # type: ignore[attr-defined]


def _line(aim: str, who: str, text: str, result: str) -> str:
    return f"{Aim(aim).label if aim else ''} {who}：{text}" + (f"（{result}）" if result else "")


class WeekForm(PortalForm):
    """What is asked about an activity week; its actions stand in `rows`. A draft may lack nearly everything."""

    starts_on = forms.TypedChoiceField(label="哪一周", coerce=date.fromisoformat)
    theme = forms.CharField(label="主题", max_length=80)
    summary = forms.CharField(
        label="开展情况和成效", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 5}),
        help_text="活动周结束后填写：做了什么、结果怎样。",
    )  # fmt: skip
    late_reason = forms.CharField(
        label="补报原因", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="已过时限，写明原因后仍可留存，并注明“补报”。",
    )  # fmt: skip
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, access: Access, late: bool, start: Start | None = None,
        week: ActivityWeek | None = None,
    ) -> None:  # fmt: skip
        self.access, self.start, self.week = access, start, week
        if week:
            self.branch, around = week.branch, week.starts_on
            initial = stored(week) | {"edition": week.filing.edition, "late_reason": week.filing.late_reason}
            rows = kept_rows(week)
        else:
            assert start is not None  # noqa: S101 — a form begins a week or goes on with one
            self.branch, around = start.branch, date(start.year, start.month, 1)
            initial, rows = begun(start, access), offered_rows(start, access.on)
        super().__init__(data, initial=initial)
        fields: dict[str, Any] = self.fields
        fields["starts_on"].choices = [(day.isoformat(), _choice(day)) for day in mondays_around(around)]
        people = self._people(rows)
        rows = [*rows, *[{} for _ in range(MOST_ACTIONS)]][:MOST_ACTIONS]
        self.rows = [ActionForm(data, position=n, initial=row, people=people) for n, row in enumerate(rows, 1)]
        if not late:
            del self.fields["late_reason"]

    def _people(self, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """Today's roster, and whoever is named in the record already."""
        named = {row["who"] for row in rows if row.get("who")}
        roster = Q(pk__in=self.branch.roster(self.access.on).values("pk"))
        members = Member.objects.filter(roster | Q(pk__in=named)).order_by("name_key", "name", "pk")
        return [(str(member.pk), member.name) for member in members]

    @property
    def first_rows(self) -> list[ActionForm]:
        return [row for row in self.rows if row.is_open]

    @property
    def more_rows(self) -> list[ActionForm]:
        return [row for row in self.rows if not row.is_open]

    def is_valid(self) -> bool:
        # All of them, so that every row says what is wrong.
        rows = [row.is_valid() for row in self.rows]
        return super().is_valid() and all(rows)

    def error_lines(self) -> list[ErrorLine]:
        return super().error_lines() + [
            ErrorLine(f"第{row.position}项：{line.text}", line.href) for row in self.rows for line in row.error_lines()
        ]

    def clean_theme(self) -> str:
        return " ".join(printable(self.cleaned_data["theme"]).split())

    def clean_starts_on(self) -> date:
        monday: date = self.cleaned_data["starts_on"]
        others = ActivityWeek.objects.filter(branch=self.branch, starts_on=monday, dropped_at__isnull=True)
        if self.week:
            others = others.exclude(pk=self.week.pk)
        elif key := self.data.get("form_key"):
            # What this very form has made is answered by the view.
            others = others.exclude(filing__form_key=key)
        if others.exists():
            raise forms.ValidationError("本支部这一周已经有活动周记录，请换一周，或到“党员活动周”打开那份记录。")
        return monday

    @property
    def actions(self) -> list[dict[str, Any]]:
        """The rows in which something is written, as columns of an action."""
        filled = [row.cleaned_data for row in self.rows if row.is_filled]
        return [
            {"position": n, "aim": row["aim"], "member_id": int(row["who"]) if row["who"] else None,
             "text": row["text"], "result": row["result"]}
            for n, row in enumerate(filled, 1)
        ]  # fmt: skip

    def begin(self) -> ActivityWeek:
        """Write a new draft; raises IntegrityError where the form was used before, or the week was begun meanwhile."""
        assert self.start is not None  # noqa: S101 — the view begins what does not exist and saves what does
        given, monday = self.cleaned_data, self.cleaned_data["starts_on"]
        duty = self.start.duty
        with audit.act(self.access, audit.Kind.WRITE, "起草活动周记录", self.branch) as entry:
            filing = entry.about = moves.begin(
                kind=Filing.Kind.WEEK, access=self.access, title=title_of(monday), year=monday.year,
                branch=self.branch, committee=duty.committee if duty else None,
                desk=desk_for(duty) if duty else Filing.Desk.NONE,
                handling=duty.requirement.handling if duty else "keep", form_key=given["form_key"] or None,
            )  # fmt: skip
            week = ActivityWeek.objects.create(
                filing=filing, branch=self.branch, starts_on=monday, theme=given["theme"], summary=given["summary"]
            )
            self._write_actions(week)
        return week

    def save(self, captions: Mapping[int, str]) -> ActivityWeek:
        """Write the changes and the pictures' captions; raises LostUpdate where the form shows an older text."""
        assert self.week is not None  # noqa: S101 — as above
        given, monday, filing = self.cleaned_data, self.cleaned_data["starts_on"], self.week.filing
        with audit.act(self.access, audit.Kind.WRITE, "修改活动周记录", filing):
            written = Filing.objects.filter(pk=filing.pk, edition=given["edition"], state__in=OPEN).update(
                title=title_of(monday), year=monday.year, edition=F("edition") + 1
            )
            if written != 1:
                raise LostUpdate
            ActivityWeek.objects.filter(pk=self.week.pk).update(
                starts_on=monday, theme=given["theme"], summary=given["summary"]
            )
            self._write_actions(self.week)
            for picture in filing.pictures.shown():
                caption = printable(captions.get(picture.pk, picture.caption)).strip()[:120]
                if caption != picture.caption:
                    filing.pictures.filter(pk=picture.pk).update(caption=caption)
        return ActivityWeek.objects.select_related("filing", "branch").get(pk=self.week.pk)

    def _write_actions(self, week: ActivityWeek) -> None:
        week.actions.all().delete()
        WeekAction.objects.bulk_create(WeekAction(week=week, **columns) for columns in self.actions)
        moves.claim(week.filing, duties_of(self.branch, self.cleaned_data["starts_on"]), self.access.now)

    def differences(self, kept: ActivityWeek) -> list[tuple[str, str, str]]:
        """Label, kept text and typed text of every field in which the two are not the same."""
        theirs, mine = stored(kept), self.cleaned_data
        pairs = [
            ("哪一周", label_of(kept.starts_on), label_of(mine["starts_on"])),
            *((str(self.fields[name].label), theirs[name], mine[name]) for name in ("theme", "summary")),
            ("行动", "\n".join(_line_of(action) for action in kept.actions.select_related("member")),
             "\n".join(row.line for row in self.rows if row.is_filled)),
        ]  # fmt: skip
        return [pair for pair in pairs if pair[1] != pair[2]]


def _line_of(action: WeekAction) -> str:
    return _line(action.aim, action.member.name if action.member else WHOLE_BRANCH, action.text, action.result)


def _choice(monday: date) -> str:
    """A week as it is offered; one that runs into the next month says until when it must be kept all the same."""
    ready = done_on(monday)
    note = "" if ready == monday + A_WEEK - ONE_DAY else f"，跨月，{ready.month}月{ready.day}日就要留存"
    return f"{label_of(monday)}{note}"


def mondays_around(day: date) -> list[date]:
    """The weeks of the month before, of the day's own, and of the one after."""
    this = (day.year, day.month)
    before = day.replace(day=1) - ONE_DAY
    return [monday for month in ((before.year, before.month), this, next_month(*this)) for monday in weeks_of(*month)]


def next_month(year: int, month: int) -> tuple[int, int]:
    return (year, month + 1) if month < 12 else (year + 1, 1)


def stored(week: ActivityWeek) -> dict[str, Any]:
    return {"starts_on": week.starts_on, "theme": week.theme, "summary": week.summary}


def kept_rows(week: ActivityWeek, *, results: bool = True) -> list[dict[str, Any]]:
    return [
        {"aim": action.aim, "who": str(action.member_id or ""), "text": action.text,
         "result": action.result if results else ""}
        for action in week.actions.order_by("position")
    ]  # fmt: skip


def begun(start: Start, access: Access) -> dict[str, Any]:
    """What stands in the form before anything is typed."""
    year, month, last = start.year, start.month, last_week_of(start.branch)
    if start.duty is None and last and (last.starts_on.year, last.starts_on.month) == (year, month):
        # This month has its week: whoever begins another plans the next month's.
        year, month = next_month(year, month)
    monday = usual_week(year, month, last.starts_on if last else None, access.on)
    return {
        "starts_on": monday, "form_key": str(uuid.uuid4()), "theme": start.copied.theme if start.copied else "",
    }  # fmt: skip


def offered_rows(start: Start, on: date) -> list[dict[str, Any]]:
    """The actions of the week that is taken over, without their results; else one row for each of the three aims.

    What somebody did who has left the branch since is not taken over.
    """
    if start.copied is None:
        return [{"aim": aim.value} for aim in Aim]
    there = {"", *(str(pk) for pk in start.branch.roster(on).values_list("pk", flat=True))}
    return [row for row in kept_rows(start.copied, results=False) if row["who"] in there]
