"""Posts of a branch change hands in one form: who lays what down, who takes it up, and the day, in one act.

Appointing, leaving and handing over are the same act with one side or the other left empty. A day to come is allowed:
posts are read by the day, so the rights follow at its midnight by themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict

from branches import audit
from branches.access import Access
from branches.exclusion import exclusive
from branches.form_base import PortalForm
from branches.forms import DayField
from branches.models import Branch, Member, Post, on_day
from branches.roster_cells import ELECTED
from branches.templatetags.portal import cn_day

VACANT, CANCEL = "vacant", "cancel"


@dataclass(frozen=True)
class Change:
    """One post: who held it (None where it was vacant), and who takes it up (None where it stays vacant)."""

    field: str
    kind: str
    old: Post | None
    new: Member | None
    cancels: bool = False

    @property
    def label(self) -> str:
        return str(Post.Kind(self.kind).label)

    @property
    def words(self) -> str:
        if self.old and self.cancels:
            return f"取消{self.old.member.name}任{self.label}"
        if self.old and self.new:
            return f"{self.label}由{self.old.member.name}交给{self.new.name}"
        if self.old:
            return f"{self.old.member.name}不再任{self.label}"
        return f"{self.new.name if self.new else ''}任{self.label}"


class HandoverForm(PortalForm):
    """Each post held or planned with its successor, the vacant ones with who takes them up, and the day for all."""

    on = DayField(label="交接日期", help_text="从这一天起由新任办理；前一天为原任的最后一天。可以填以后的日期。")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, access: Access, branch: Branch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access, self.branch = access, branch
        self.held = list(
            branch.posts.filter(Q(until_on__isnull=True) | Q(until_on__gt=access.on))
            .select_related("member")
            .order_by("from_on", "pk")
        )
        order = [kind.value for kind in Post.IN_BRANCH]
        self.held.sort(key=lambda post: order.index(post.kind))
        there = branch.memberships.filter(Q(until_on__isnull=True) | Q(until_on__gt=access.on)).values("member")
        people = Member.objects.filter(pk__in=there).order_by("name_key", "pk")
        self.people = {str(member.pk): member for member in people}
        self.changes: list[Change] = []
        text = repr([(post.pk, str(post.from_on), str(post.until_on)) for post in self.held])
        self.mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.initial = {"on": access.on, "seen": self.mark, **self.initial}
        named = [(pk, member.name) for pk, member in self.people.items()]
        for post in self.held:
            self.fields[f"post_{post.pk}"] = self._of_post(post, named)
        for kind in Post.IN_BRANCH:
            holders = [post for post in self.held if post.kind == kind]
            if kind == Post.Kind.SECRETARY and any(post.until_on is None for post in holders):
                continue
            label, none = (f"增补{kind.label}", "不增补") if holders else (f"{kind.label}（现空缺）", "仍空缺")
            self.fields[f"new_{kind}"] = forms.ChoiceField(label=label, required=False, choices=[("", none), *named])

    def _of_post(self, post: Post, named: list[tuple[str, str]]) -> forms.ChoiceField:
        others = [(pk, f"交给{name}") for pk, name in named if pk != str(post.member_id)]
        now, begun = self.access.now, post.from_on <= self.access.on
        ends = (VACANT, "离任，暂时空缺") if begun else (CANCEL, "取消这项任命")
        until = f"，至{cn_day(post.until_on, now)}离任" if post.until_on else "" if begun else "（待任）"
        return forms.ChoiceField(
            label=f"{post.get_kind_display()}　{post.member.name}", required=False,
            choices=[("", "不变"), ends, *(others if begun else [])], help_text=f"{cn_day(post.from_on, now)}起{until}",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data, day = self.cleaned_data, self.cleaned_data.get("on")
        if data.get("seen") != self.mark:
            self.add_error(None, "您打开本页之后，任职情况已有变动，没有办理。请核对下面的现任后再办理一次。")
            knowing = QueryDict(mutable=True)  # the next try is made knowing the present posts
            knowing.update(self.data)
            knowing["seen"] = self.mark
            self.data = knowing
            return data
        self.changes = self._asked(data)
        if not self.changes and not self.errors:
            self.add_error(None, "没有选择任何变动。请至少为一个职务选定接任的人，或选“离任，暂时空缺”。")
        if day:
            for change in self.changes:
                if why := self._refused(change, day):
                    self.add_error(change.field, why)
            self._one_secretary(day)
        return data

    def _asked(self, data: dict[str, Any]) -> list[Change]:
        asked = []
        for post in self.held:
            name = f"post_{post.pk}"
            if given := data.get(name):
                asked.append(Change(name, post.kind, post, self.people.get(given), cancels=given == CANCEL))
        for kind in Post.IN_BRANCH:
            name = f"new_{kind}"
            if given := data.get(name):
                asked.append(Change(name, kind, None, self.people[given]))
        return asked

    def _refused(self, change: Change, day: date) -> str:
        """Why this one cannot be done on that day; empty if it can."""
        old, new = change.old, change.new
        if old and not change.cancels:
            if day <= old.from_on:
                return f"{old.member.name}自 {old.from_on} 起担任{change.label}，交接日期须晚于这一天。"
            if old.until_on and old.until_on < day:
                return f"{old.member.name}已登记于 {old.until_on} 离任，交接日期不能晚于这一天。"
        return self._unfit(new, change, day) if new else ""

    def _unfit(self, new: Member, change: Change, day: date) -> str:
        """Why this member cannot take the post up on that day; empty if so."""
        if not new.memberships.filter(on_day(day), branch=self.branch).exists():
            return f"{new.name}在 {day} 不在{self.branch.name}的名册上，请先办理组织关系转接，或改日期。"
        if change.kind in ELECTED and not new.is_full(day):
            return f"{new.name}在这一天是预备党员，不能担任{change.label}。"
        if sum(one.kind == change.kind and one.new == new for one in self.changes) > 1:
            return f"{new.name}在本次交接中两次担任{change.label}，请只选一处。"
        leaving = {one.old.pk for one in self.changes if one.old}
        holding = new.posts.filter(Q(until_on__isnull=True) | Q(until_on__gt=day)).exclude(pk__in=leaving)
        for post in holding:
            if (post.kind, post.branch_id) == (change.kind, self.branch.pk):
                return f"{new.name}已自 {post.from_on} 起担任{change.label}。"
        if clash := exclusive({change.kind, *(post.kind for post in holding)}):
            return (
                f"{new.name}任有{'、'.join(one for one in clash if one != change.label)}，不能同时担任{change.label}。"
            )
        return ""

    def _one_secretary(self, day: date) -> None:
        """From that day on there is at most one at any time."""
        kind = Post.Kind.SECRETARY
        coming = [change for change in self.changes if change.kind == kind and change.new]
        ended = {change.old.pk for change in self.changes if change.old}
        staying = [
            post
            for post in self.held
            if post.kind == kind and post.pk not in ended and (post.until_on is None or post.until_on > day)
        ]
        if coming and (staying or len(coming) > 1):
            names = "、".join(f"{post.member.name}（{post.from_on}起）" for post in staying)
            why = f"已登记{names}任支部书记，请先让其离任或取消这项任命。" if names else "请只选一名接任的人。"
            self.add_error(coming[-1].field, f"一个支部只有一名书记。{why}")

    def save(self) -> None:
        """End the old and begin the new, each with its line in the audit log; call inside `roster_lock`."""
        day: date = self.cleaned_data["on"]
        rights = audit.Kind.RIGHTS
        for change in self.changes:
            old = change.old
            if old and change.cancels:
                audit.note(self.access, rights, "取消任命", old, from_on=old.from_on, of=self.branch)
                Post.objects.filter(pk=old.pk).delete()
                self._back_in_office(old)
            elif old and old.until_on != day:
                Post.objects.filter(pk=old.pk).update(until_on=day)
                audit.note(self.access, rights, "免去职务", old, until=day)
        for change in self.changes:
            if change.new:
                post = Post.objects.create(member=change.new, kind=change.kind, branch=self.branch, from_on=day)
                audit.note(self.access, rights, "任命", post, from_on=day, of=self.branch)

    def _back_in_office(self, cancelled: Post) -> None:
        """Whoever was to lay the post down for the one that is now cancelled keeps it."""
        touched = {change.old.pk for change in self.changes if change.old}
        before = [
            post
            for post in self.held
            if post.kind == cancelled.kind and post.until_on == cancelled.from_on and post.pk not in touched
        ]
        if len(before) == 1:
            Post.objects.filter(pk=before[0].pk).update(until_on=None)
            audit.note(self.access, audit.Kind.RIGHTS, "继续任职", before[0], of=self.branch)

    @property
    def sentence(self) -> str:
        """What was done, for the line after it."""
        return f"自 {self.cleaned_data['on']} 起：{'；'.join(change.words for change in self.changes)}。"
