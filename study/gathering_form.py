"""The one form on which a gathering is recorded: its fields, who was there, and what was ticked to be settled by it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.db.models import Exists, F, OuterRef
from django.utils.timezone import localdate, localtime, make_aware

from branches import audit
from branches.access import Access
from branches.form_base import ErrorLine, PortalForm
from branches.models import Branch, Member, Post
from plan import moves
from plan.models import Duty, Filing, Picture
from study.gatherings import (
    Attending,
    Lack,
    Proposal,
    Rules,
    Sitting,
    expected,
    keep,
    lacks,
    late_for,
    may_leave_out,
    propose,
    suggested_title,
)
from study.life_meeting import next_step, procedure_lines
from study.minutes import agreed_of, motions_of, speeches_of
from study.minutes_form import MOST, ActionNotesForm, ProcedureForm, ResolutionRow, Rows, SpeechRow, VoteRow
from study.models import Attendance, Gathering, Kind, Material, Method, PlanItem
from study.voting import Electorate

LONGEST = timedelta(days=31)
FAR = timedelta(days=366)
RECENT = 40  # gatherings looked through for the last one of a kind: about half a year of a busy branch
OUT = "out"  # not of the temporary group that met
DUES = "党费"  # the fixed action of this word is told with the number of those who paid, and no sums

NOT_ON_THE_ROSTER = "所选的同志当天不在本支部名册上，请重新选择。"


def _number(text: str) -> int:
    return int(text)


def _choice(label: str, help_text: str = "") -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, required=False, coerce=_number, empty_value=None, help_text=help_text,
        error_messages={"invalid_choice": NOT_ON_THE_ROSTER},
    )  # fmt: skip


def _ticks() -> forms.CheckboxSelectMultiple:
    return forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})


class GatheringForm(PortalForm):
    """What is asked about one gathering; a draft needs no more than its day and hours, filing asks for the rest."""

    kinds = forms.MultipleChoiceField(
        label="活动类型", choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    title = forms.CharField(label="名称", max_length=120, required=False)
    plan_item = _choice("对应计划条目")
    group = _choice("党小组", "未成立党小组的，选“临时党小组”。")
    held_on = forms.DateField(label="日期", widget=forms.DateInput)
    from_time = forms.TimeField(label="开始", widget=forms.TimeInput)
    until_time = forms.TimeField(label="结束", widget=forms.TimeInput)
    until_on = forms.DateField(label="结束日期", required=False, widget=forms.DateInput, help_text="隔天结束的才填。")
    place = forms.CharField(label="地点", max_length=80, required=False)
    host = _choice("主持人")
    recorder = _choice("记录人")
    lecturer = _choice("授课人", "外请授课的留空，把姓名和职务写在“列席人员”中。")
    guests = forms.CharField(
        label="列席人员", max_length=200, required=False, help_text="上级同志、入党积极分子等，写姓名和职务。"
    )
    method = forms.ChoiceField(label="活动形式", choices=[("", "请选择"), *Method.choices], required=False)
    content = forms.CharField(
        label="主要内容", max_length=20_000, required=False, widget=forms.Textarea,
        help_text="写明做了什么、谁讲了什么、效果怎样。报送备案的至少20个字。",
    )  # fmt: skip
    agenda = forms.CharField(
        label="议题、议程", max_length=2_000, required=False, widget=forms.Textarea, help_text="一行一项。"
    )
    summary = forms.CharField(label="主持人总结", max_length=5_000, required=False, widget=forms.Textarea)
    dues_paid = forms.IntegerField(
        label="缴纳党费人数", required=False, min_value=0, max_value=9_999,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "class": "form-control"}),
    )  # fmt: skip
    month_arranged = forms.BooleanField(label="已在会上安排本月各项活动", required=False)
    fixed_actions = forms.MultipleChoiceField(label="固定动作", required=False, widget=_ticks())
    readings = forms.TypedMultipleChoiceField(label="学习篇目", coerce=_number, required=False, widget=_ticks())
    materials = forms.TypedMultipleChoiceField(
        label="学习资料", coerce=_number, required=False, widget=_ticks(),
        error_messages={"invalid_choice": "所选的资料已经停用，请核对后再保存。"},
    )  # fmt: skip
    # The reason stands below the pictures, outside the form's own tag.
    late_reason = forms.CharField(
        label="补报原因", max_length=200, required=False, widget=forms.TextInput(attrs={"form": "gathering"})
    )
    form_key = forms.CharField(required=False, widget=forms.HiddenInput)
    edition = forms.RegexField(
        r"^\d{0,9}$", label="版本", required=False, widget=forms.HiddenInput,
        error_messages={"invalid": "页面内容不完整，请从“活动记录”重新打开这份记录。"},
    )  # fmt: skip

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, branch: Branch, access: Access,
        gathering: Gathering | None = None, initial: dict[str, Any] | None = None, ticked: frozenset[int] = frozenset(),
    ) -> None:  # fmt: skip
        self.branch, self.access, self.gathering, self.ticked_at_first = branch, access, gathering, ticked
        self.filing = gathering.filing if gathering else None
        super().__init__(data, initial=initial or (stored(gathering) if gathering else {}))
        self.day = self._day()
        self.rules = Rules.of(branch.committee_id, self.day)
        self.roster = list(branch.roster(self.day))
        self.items = items_of(branch, self.day)
        self.groups = list(branch.groups.all())
        self._offer_choices()
        self._ask_for_minutes(data)
        if data is None:
            self.initial.setdefault("title", self.suggested)

    def _ask_for_minutes(self, data: Mapping[str, Any] | None) -> None:
        """The repeated rows and the small forms inside this one: as typed, else as kept."""
        kept = self.gathering if data is None else None
        people = self._field("host").choices

        def agreed(data: Mapping[str, Any] | None = None, **more: Any) -> ResolutionRow:
            return ResolutionRow(data, people=people, day=self.day, today=self.access.on, **more)

        self.speeches = Rows(SpeechRow, "speech", data, speeches_of(kept) if kept else ())
        self.votes = Rows(VoteRow, "vote", data, motions_of(kept) if kept else ())
        self.resolutions = Rows(agreed, "resolution", data, agreed_of(kept) if kept else ())
        self.procedure = ProcedureForm(data, initial=kept.procedure if kept else {}, day=self.day)
        notes = kept.action_notes if kept else {}
        self.action_notes = ActionNotesForm(data, actions=self._actions(), initial=notes)

    def _day(self) -> date:
        """The day on which the roster is asked: as typed, else as it was, else today."""
        if self.is_bound:
            try:
                typed = forms.DateField().clean(self.data.get("held_on"))
            except forms.ValidationError:
                typed = None
            # A day that cannot be is named as an error; what was tapped on the day before it stays to be seen.
            if typed and self.branch.founded_on <= typed <= self.access.on + FAR:
                return typed
        if self.gathering:
            return self.gathering.held_on
        return self.initial.get("held_on") or self.access.on

    def _offer_choices(self) -> None:
        people = [("", "请选择"), *((m.pk, m.name) for m in self.roster)]
        for name in ("host", "recorder", "lecturer"):
            self._field(name).choices = people
        self._field("group").choices = [("", "临时党小组"), *((g.pk, g.name) for g in self.groups)]
        self._field("plan_item").choices = [
            ("", "未列入计划"), *((item.pk, self._item_words(item)) for item in self.items)
        ]  # fmt: skip
        self._field("fixed_actions").choices = [(a, a) for a in self._actions()]
        readings = list(self.rules.plan.readings.all()) if self.rules.plan else []
        self._field("readings").choices = [(r.pk, r.title) for r in readings]
        planned = self.item_now.materials.values_list("pk", flat=True) if self.item_now else []
        cited = [*(self.initial.get("materials") or []), *planned]
        offered = Material.objects.offered_to(self.branch.committee_id, cited, [r.title for r in readings])
        self._field("materials").choices = list(offered.values_list("pk", "title"))

    def _item_words(self, item: Any) -> str:
        words = f"{item.starts_on.month}月{item.starts_on.day}日　{item.topic}"
        own = self.gathering is not None and self.gathering.plan_item_id == item.pk
        return f"{words}（已记录）" if item.is_recorded and not own else words

    def _actions(self) -> list[str]:
        """The plan's fixed actions, and those that an older text of the plan named and the record ticked."""
        ticked = self.gathering.fixed_actions if self.gathering else []
        return list(dict.fromkeys([*self.rules.fixed_actions, *ticked]))

    def _field(self, name: str) -> Any:
        return self.fields[name]

    # What the page shows beside the fields, right or wrong

    def _now(self, name: str) -> Any:
        """The field's value as it stands: typed and right, else as first given."""
        if not self.is_bound:
            return self.initial.get(name)
        field = self._field(name)
        try:
            return field.clean(field.widget.value_from_datadict(self.data, {}, name))
        except forms.ValidationError:
            return None

    @property
    def kinds_now(self) -> list[str]:
        """The kinds ticked, in the order of the list; what is no kind is none."""
        asked = self._raw_list("kinds")
        return [kind.value for kind in Kind if kind.value in asked]

    def _raw_list(self, name: str) -> list[str]:
        if not self.is_bound:
            return list(self.initial.get(name) or [])
        return self.data.getlist(name) if hasattr(self.data, "getlist") else list(self.data.get(name, []))

    def _moment(self, day: date | None, name: str) -> datetime | None:
        clock = self._now(name)
        return make_aware(datetime.combine(day, clock)) if day and clock else None

    @cached_property
    def sitting(self) -> Sitting:
        """The gathering as the page shows it now; what is typed wrong counts as not given."""
        held_on = self._now("held_on")
        if held_on and held_on.year != self.day.year:
            held_on = None
        until_on = self._now("until_on") or held_on
        if held_on and until_on and abs(until_on - held_on) > LONGEST:
            until_on = None
        lecturer_id = self._now("lecturer") if Kind.LECTURE in self.kinds_now else None
        return Sitting(
            branch=self.branch, rules=self.rules, kinds=self.kinds_now, filing=self.filing,
            held_at=self._moment(held_on, "from_time"),
            ended_at=self._moment(until_on, "until_time"),
            form=self._now("method") or "", place=self._now("place") or "", guests=self._now("guests") or "",
            content=self._now("content") or "", month_arranged=bool(self._now("month_arranged")),
            host_id=self._now("host"), recorder_id=self._now("recorder"),
            lecturer=next((m for m in self.roster if m.pk == lecturer_id), None),
            attendance=[line for line in self.attendance if line.presence != OUT],
            pictures=len(self.photos), speeches=self.speeches.values, motions=self.votes.values,
            agreed=self.resolutions.values,
            procedure=self.procedure.value if Kind.LIFE_MEETING in self.kinds_now else {},
        )  # fmt: skip

    @property
    def electorate(self) -> Electorate:
        return self.sitting.electorate

    @property
    def next_step(self) -> str:
        return next_step(self.sitting.procedure, self.sitting.agreed)

    @property
    def minutes_open(self) -> bool:
        """Whether the folded part of the minutes is shown: it has content or an error, or the kind needs it."""
        rows = any(group.rows for group in (self.speeches, self.votes, self.resolutions))
        written = any(self[name].value() or self[name].errors for name in ("agenda", "summary"))
        return rows or written or Kind.LIFE_MEETING in self.kinds_now

    @property
    def action_rows(self) -> list[dict[str, Any]]:
        """Each fixed action: its tick, its note, and for the dues the number of those who paid."""
        return [
            {"tick": tick, "note": self.action_notes[tick.data["value"]], "dues": DUES in tick.data["value"]}
            for tick in self["fixed_actions"]
        ]

    @cached_property
    def photos(self) -> list[Picture]:
        return list(self.filing.pictures.shown()) if self.filing else []

    @cached_property
    def proposal(self) -> Proposal:
        return propose(self.sitting, self.access.now)

    @cached_property
    def claimed(self) -> set[int]:
        """The duties to be settled: as ticked on the page, by default what a page had not yet shown."""
        if self.is_bound:
            return self.proposal.chosen(self._ids("duty"), self._ids("duty_shown"))
        if self.gathering:
            ticked = set(self.gathering.filing.claim_rows.values_list("duty", flat=True))
            return self.proposal.chosen(ticked, {offer.duty.pk for offer in self.proposal.offers})
        return self.proposal.chosen(self.ticked_at_first, frozenset())

    def _ids(self, name: str) -> set[int]:
        texts = self._raw_list(name)
        return {int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) < 19}

    @cached_property
    def group_now(self) -> Any:
        chosen = self._now("group")
        return next((g for g in self.groups if g.pk == chosen), None)

    @property
    def item_now(self) -> PlanItem | None:
        chosen = self._now("plan_item")
        return next((i for i in self.items if i.pk == chosen), None)

    @property
    def suggested(self) -> str:
        """What the record is called unless somebody calls it otherwise: as the plan's item, else by kind and day."""
        if self.item_now:
            return self.item_now.topic
        named = suggested_title(self.kinds_now, self.day)
        return f"{self.group_now.name}{named}" if self.group_now and self.kinds_now == [Kind.GROUP_MEETING] else named

    @property
    def usual(self) -> dict[str, str]:
        """What a new record's fields would begin with for the kinds, item and day now chosen, as they send it."""
        item, last = self.item_now, last_time(self.branch, self.kinds_now)
        start, end = usual_hours(last, self.day, self.access.now)
        people = _usual_people(self.branch, self.day, self.access, last)
        return {
            "held_on": f"{_day_for(item, self.access.on):%Y-%m-%d}",
            "place": (item.place if item else "") or (last.place if last else ""),
            "method": item.method if item else "",
            "from_time": f"{start:%H:%M}",
            "until_time": f"{end:%H:%M}",
        } | {name: str(person or "") for name, person in people.items()}

    @cached_property
    def attendance(self) -> list[Attending]:
        """A line for everybody expected on the day: as tapped, else as kept, else present."""
        kept: dict[int, tuple[str, str]] = {}
        signed: dict[int, datetime] = {}
        leave_out = may_leave_out(self.kinds_now, self.group_now)
        if self.gathering and not self.is_bound:
            lines_kept = self.gathering.attendance.filter(partner__isnull=True)
            kept = {a.member_id: (a.presence, a.reason) for a in lines_kept}
        if self.gathering:
            rows = self.gathering.attendance.filter(checked_in_at__isnull=False)
            signed = {a.member_id: a.checked_in_at for a in rows if a.checked_in_at}
        known = {*Attendance.Presence.values, *([OUT] if leave_out else [])}
        lines = []
        for member, is_full in expected(self.branch, self.kinds_now, self.day, self.group_now):
            if self.is_bound:
                presence = self.data.get(f"presence-{member.pk}", "")
                reason = self.data.get(f"reason-{member.pk}", "")
            else:
                # In a temporary group, whoever has no line was not of it.
                presence, reason = kept.get(member.pk, (OUT if leave_out and kept else "", ""))
            seen = self.is_bound and f"signed-{member.pk}" in self.data
            if presence not in known or (self.is_bound and member.pk in signed and not seen):
                presence = Attendance.Presence.PRESENT
            if presence != Attendance.Presence.EXCUSED or reason not in Attendance.Reason.values:
                reason = ""
            lines.append(Attending(member.pk, member.name, is_full, presence, reason, signed.get(member.pk), seen))
        return lines

    @property
    def unseen(self) -> list[str]:
        """Whom the roster of the day expects and the page had not yet shown."""
        return [line.name for line in self.attendance if f"presence-{line.member_id}" not in self.data]

    # Whether it can be kept at all

    def is_valid(self) -> bool:
        """The form and everything inside it."""
        return super().is_valid() and not self._inner_lines()

    def error_lines(self) -> list[ErrorLine]:
        return [*super().error_lines(), *self._inner_lines()]

    def _inner_lines(self) -> list[ErrorLine]:
        if not self.is_bound:
            return []
        lines = []
        for group in (self.speeches, self.votes, self.resolutions):
            if group.too_many:
                lines.append(
                    ErrorLine(f"{group.rows[0].label}最多{MOST}条，请合并或删去一些。", f"#{group.group}-rows")
                )
            lines += [line for row in group.rows[: MOST + 1] for line in row.lines]
        if Kind.LIFE_MEETING in self.kinds_now:
            lines += self.procedure.error_lines()
        if Kind.THEME_DAY in self.kinds_now:
            lines += self.action_notes.error_lines()
        return lines

    def clean_form_key(self) -> str:
        """A key that is none is as good as no key: the first one to be sent makes the record."""
        return form_key(self.cleaned_data["form_key"]) or str(uuid.uuid4())

    def clean_held_on(self) -> date:
        day = self.cleaned_data["held_on"]
        if day < self.branch.founded_on:
            raise forms.ValidationError(
                f"{self.branch.name}于{self.branch.founded_on:%Y年%-m月%-d日}成立，日期不能早于这一天。"
            )
        if day > self.access.on + FAR:
            raise forms.ValidationError("日期在一年以后，请核对年份。")
        if self.filing and self.filing.first_filed_at and day.year != self.filing.year:
            raise forms.ValidationError(f"这份记录已作为{self.filing.year}年的活动报送，日期只能在当年之内更改。")
        return day

    def clean_kinds(self) -> list[str]:
        kinds = self.kinds_now
        filing = self.filing
        if filing and filing.first_filed_at and filing.desk == Filing.Desk.NONE:
            desk, _ = self.rules.desk(kinds)
            if desk != Filing.Desk.NONE:
                raise forms.ValidationError(
                    "这份记录已按留存办理，不能改为须报机关党委办公室备案的类型；请另建一条活动记录。"
                )
        return kinds

    def clean(self) -> dict[str, Any]:
        """The hours in order, and the days of it within a month."""
        cleaned = super().clean() or self.cleaned_data
        day, last = cleaned.get("held_on"), cleaned.get("until_on")
        start, end = cleaned.get("from_time"), cleaned.get("until_time")
        if day and start and end and "until_on" not in self.errors:
            cleaned["until_on"] = None if last == day else last
            cleaned["held_at"] = make_aware(datetime.combine(day, start))
            cleaned["ended_at"] = make_aware(datetime.combine(last or day, end))
            if cleaned["ended_at"] <= cleaned["held_at"]:
                field = "until_on" if last else "until_time"
                self.add_error(field, "结束须晚于开始；隔天结束的，请填写结束日期。")
            elif cleaned["ended_at"] - cleaned["held_at"] > LONGEST:
                self.add_error("until_on", "一次活动最长31天，请核对结束日期。")
        self._count_heads(cleaned)
        return cleaned

    def _count_heads(self, cleaned: dict[str, Any]) -> None:
        """Nobody pays dues or votes who is not on the roster of the day."""
        there = [line for line in self.attendance if line.presence != OUT]
        paid = cleaned.get("dues_paid")
        if paid is not None and paid > len(there) and Kind.THEME_DAY in self.kinds_now:
            self.add_error("dues_paid", f"缴纳党费人数填了{paid}人，当天应到{len(there)}人，请核对。")
        electorate = Electorate.of(self.kinds_now, there)
        for row in self.votes.rows:
            if row.is_valid() and row.value.cast > electorate.present:
                row.add_error(
                    "ayes",
                    f"票数合计{row.value.cast}票，{electorate.counts}，票数不能多于实到人数，请核对票数或到会情况。",
                )

    def fill(self, gathering: Gathering) -> Gathering:
        """Put what was asked onto the gathering, leaving out what its kinds do not have; nothing is saved."""
        asked = self.cleaned_data
        kinds = asked["kinds"]
        gathering.branch = self.branch
        gathering.kinds = kinds
        gathering.title = asked["title"].strip() or suggested_title(kinds, asked["held_on"]) or "活动记录"
        gathering.plan_item = next((i for i in self.items if i.pk == asked["plan_item"]), None)
        gathering.group = self.group_now if set(kinds) == {Kind.GROUP_MEETING} else None
        gathering.held_at, gathering.ended_at = asked["held_at"], asked["ended_at"]
        gathering.host_id, gathering.recorder_id = asked["host"], asked["recorder"]
        gathering.lecturer_id = asked["lecturer"] if Kind.LECTURE in kinds else None
        gathering.form = asked["method"]
        gathering.month_arranged = asked["month_arranged"] and Kind.GENERAL_MEETING in kinds
        gathering.fixed_actions = asked["fixed_actions"] if Kind.THEME_DAY in kinds else []
        gathering.action_notes = self.action_notes.value(gathering.fixed_actions)
        paying = any(DUES in action for action in gathering.fixed_actions)
        gathering.dues_paid = asked["dues_paid"] if paying else None
        gathering.procedure = dict(self.sitting.procedure)
        for name in ("place", "guests", "content", "agenda", "summary"):
            setattr(gathering, name, asked[name])
        return gathering

    @cached_property
    def late(self) -> list[str]:
        """What this filing would make late if it went now."""
        return late_for(self.sitting, self.proposal, self.claimed, self.access.now)

    @cached_property
    def lacks(self) -> list[Lack]:
        """What stands between what is on the page and its filing now, the reason for lateness included."""
        found = lacks(self.sitting, self.access.now)
        if self.late and not (self._now("late_reason") or "").strip():
            found.append(Lack("补报原因", "已过报送时限，请填写补报原因；报送后将注明“补报”。"))
        return found

    def save(self) -> Gathering:
        """Keep the record with all that hangs on it, whole or not at all; a new one becomes a draft.

        Raises LostUpdate where somebody else saved, or filed, since the page was opened.
        """
        asked = self.cleaned_data
        desk, handling = self.rules.desk(asked["kinds"])
        what = "修改活动记录" if self.filing else "起草活动记录"
        with audit.act(self.access, audit.Kind.WRITE, what, self.filing) as entry:
            gathering = self.fill(self.gathering or Gathering())
            if self.filing is None:
                gathering.filing = moves.begin(
                    kind=Filing.Kind.GATHERING, access=self.access, title=gathering.title, year=asked["held_on"].year,
                    branch=self.branch, desk=desk, handling=handling, form_key=asked["form_key"],
                )  # fmt: skip
            changes: dict[str, Any] = {"title": gathering.title, "edition": F("edition") + 1}
            if not self.sitting.was_filed:
                # Until it is filed, its kinds decide where it goes; after that it stays with its desk.
                changes |= {"desk": desk, "handling": handling, "year": asked["held_on"].year}
                changes |= {"late_reason": self._late_reason()}
            swapped = Filing.objects.filter(
                pk=gathering.filing.pk, edition=int(asked["edition"] or 0),
                state__in=[Filing.State.DRAFT, Filing.State.SENT_BACK],
            ).update(**changes)  # fmt: skip
            if swapped != 1:
                raise LostUpdate
            gathering.filing.refresh_from_db()
            entry.about = gathering.filing
            gathering.save()
            gathering.readings.set(asked["readings"])
            gathering.materials.set(asked["materials"])
            keep(gathering, self.sitting, self.claimed, self.access.now)
        return gathering

    def _late_reason(self) -> str:
        """The reason as it is kept: a record that is not late has none."""
        if self.filing and self.filing.first_filed_at:
            return self.filing.late_reason
        return self.cleaned_data["late_reason"] if self.late else ""

    def differences(self, kept: Gathering) -> list[tuple[str, str, str]]:
        """Label, what is kept, what is typed: each field in which the two records differ."""
        saved, filled = stored(kept), self.fill(Gathering())
        typed = self.cleaned_data | {
            "title": filled.title, "group": filled.group_id, "lecturer": filled.lecturer_id,
            "plan_item": filled.plan_item_id, "month_arranged": filled.month_arranged,
            "fixed_actions": filled.fixed_actions, "late_reason": self._late_reason(), "dues_paid": filled.dues_paid,
        }  # fmt: skip
        found = []
        for name, field in self.fields.items():
            if isinstance(field.widget, forms.HiddenInput):
                continue
            theirs, mine = self._in_words(name, saved.get(name)), self._in_words(name, typed.get(name))
            if theirs != mine:
                found.append((str(field.label), theirs or "未填写", mine or "未填写"))
        found += self._row_differences(kept, filled)
        there = {a.member_id: (a.presence, a.reason) for a in kept.attendance.filter(partner__isnull=True)}
        words = dict(Attendance.Presence.choices)
        for line in self.attendance:
            presence, reason = there.get(line.member_id, (OUT, ""))
            if (presence, reason) != (line.presence, line.reason):
                found.append((line.name, words.get(presence, "不在内"), words.get(line.presence, "不在内")))
        return found

    def _row_differences(self, kept: Gathering, filled: Gathering) -> list[tuple[str, str, str]]:
        """The rows and the small forms, each kind as one text."""
        names = {member.pk: member.name for member in self.roster}
        vote, sitting = self.electorate.line, self.sitting
        pairs = [
            ("发言记录", [one.line for one in speeches_of(kept)], [one.line for one in sitting.speeches]),
            ("表决情况", [vote(one) for one in motions_of(kept)], [vote(one) for one in sitting.motions]),
            ("议定事项", [one.line(names) for one in agreed_of(kept)], [one.line(names) for one in sitting.agreed]),
            ("组织生活会步骤", procedure_lines(kept.procedure), procedure_lines(filled.procedure)),
            ("固定动作说明", _notes(kept.action_notes), _notes(filled.action_notes)),
        ]
        return [
            (label, "\n".join(theirs) or "未填写", "\n".join(mine) or "未填写")
            for label, theirs, mine in pairs
            if theirs != mine
        ]

    def _in_words(self, name: str, value: Any) -> str:
        choices = {str(key): str(label) for key, label in getattr(self._field(name), "choices", None) or []}
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, list):
            return "、".join(choices.get(str(one), str(one)) for one in sorted(value, key=str))
        if hasattr(value, "hour"):
            return f"{value:%H:%M}"
        return choices.get(str(value), str(value)).strip() if value not in (None, "") else ""


def _notes(notes: Mapping[str, str]) -> list[str]:
    return [f"{action}：{note}" for action, note in sorted(notes.items())]


class LostUpdate(Exception):
    """Somebody else saved the record after this page was opened; nothing was written."""


def form_key(text: str) -> str | None:
    """The key of one form in its one spelling; None where the text is no key."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def items_of(branch: Branch, day: date) -> list[PlanItem]:
    """The sittings that the branch's study plan of the year has, in order, each with `is_recorded`."""
    records = Gathering.objects.filter(plan_item=OuterRef("pk")).exclude(filing__state=Filing.State.DISCARDED)
    return list(
        PlanItem.objects.filter(plan__branch=branch, plan__filing__year=day.year, scope=PlanItem.Scope.COLLECTIVE)
        .exclude(plan__filing__state=Filing.State.DISCARDED)
        .annotate(is_recorded=Exists(records))
    )


# What the form begins with


def stored(gathering: Gathering) -> dict[str, Any]:
    """The gathering as it is kept, as the form's first values."""
    start, end = localtime(gathering.held_at), localtime(gathering.ended_at)
    return {
        "kinds": gathering.kinds, "title": gathering.title, "plan_item": gathering.plan_item_id,
        "group": gathering.group_id, "held_on": start.date(), "from_time": start.time(), "until_time": end.time(),
        "until_on": end.date() if end.date() != start.date() else None, "place": gathering.place,
        "host": gathering.host_id, "recorder": gathering.recorder_id, "lecturer": gathering.lecturer_id,
        "guests": gathering.guests, "method": gathering.form, "content": gathering.content,
        "agenda": gathering.agenda, "summary": gathering.summary, "dues_paid": gathering.dues_paid,
        "month_arranged": gathering.month_arranged,
        "fixed_actions": gathering.fixed_actions, "readings": [r.pk for r in gathering.readings.all()],
        "materials": [m.pk for m in gathering.materials.all()],
        "late_reason": gathering.filing.late_reason, "edition": gathering.filing.edition,
    }  # fmt: skip


def beginning(
    branch: Branch, access: Access, *, duty: Duty | None = None, item: PlanItem | None = None
) -> dict[str, Any]:
    """What a new record is prefilled with: the plan's item, the duty's kind, the last place and the usual people."""
    day = access.on
    kinds = item.kinds if item else duty.requirement.kinds if duty else []
    last = last_time(branch, kinds)
    initial: dict[str, Any] = {"form_key": str(uuid.uuid4()), "place": last.place if last else ""}
    if duty is not None:
        initial["kinds"] = kinds if len(kinds) == 1 else []
        day = max(day, duty.starts_on)
    if item is not None:
        day = _day_for(item, access.on)
        initial |= {
            "plan_item": item.pk, "kinds": item.kinds, "title": item.topic, "method": item.method,
            "place": item.place or initial["place"], "readings": [reading.pk for reading in item.readings.all()],
            "materials": [material.pk for material in item.materials.all()],
        }  # fmt: skip
    initial["held_on"] = day
    initial["from_time"], initial["until_time"] = usual_hours(last, day, access.now)
    initial |= _usual_people(branch, day, access, last)
    return initial


def _day_for(item: PlanItem | None, today: date) -> date:
    """Today, or for an item of the plan the day of it that is nearest to today."""
    return min(max(today, item.starts_on), item.ends_on) if item else today


def last_time(branch: Branch, kinds: Sequence[str]) -> Gathering | None:
    """The branch's last gathering that was most like one of these kinds; without kinds, simply the last."""
    recent = Gathering.objects.filter(branch=branch).exclude(filing__state=Filing.State.DISCARDED)
    found = list(recent.select_related("recorder")[:RECENT])
    return max(found, key=lambda one: len(set(kinds) & set(one.kinds)), default=None)


def usual_hours(last: Gathering | None, day: date, now: datetime) -> tuple[Any, Any]:
    """From when until when: as the last time; without one, the two hours until now; else an afternoon.

    What would still be going on ends just now: a record is mostly begun when the gathering is over.
    """
    at = localtime(now).replace(second=0, microsecond=0)
    if last is not None and localdate(last.held_at) == localdate(last.ended_at):
        start, end = localtime(last.held_at).time(), localtime(last.ended_at).time()
        just_now = at.replace(minute=at.minute - at.minute % 5).time()
        return start, just_now if day == at.date() and start < just_now < end else end
    hour = at.replace(minute=0)
    if day == hour.date() and hour.hour >= 2:
        return (hour - timedelta(hours=2)).time(), hour.time()
    return datetime(day.year, day.month, day.day, 15).time(), datetime(day.year, day.month, day.day, 17).time()


def _usual_people(branch: Branch, day: date, access: Access, last: Gathering | None) -> dict[str, Any]:
    """The secretary hosts; the last recorder, the writer or the commissioner records, whoever is not the host."""
    host = branch.holder(Post.Kind.SECRETARY, day)
    usual = branch.holder(Post.Kind.ORGANIZATION, day)
    candidates: Sequence[Member | None] = (last.recorder if last else None, access.member, usual)
    recorder = next((m for m in candidates if m is not None and m != host), None)
    return {
        "host": host.pk if host else None,
        "recorder": recorder.pk if recorder else None,
        "lecturer": host.pk if host else None,
    }
