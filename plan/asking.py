"""What issuing a plan would ask of whom, counted before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q

from branches.models import COMMITTEE_FROM, Branch, Committee, Membership, Post, on_day
from plan.document import OWNERS, REQUIREMENT_KEYS, Document, PreviewLine, RequirementSpec, Settings, preview
from plan.reach import reach
from plan.workdays import NOTICES, Calendar

# The keys of a requirement as an amendment names them.
KEY_WORDS = {
    "clause": "条款", "title": "名称", "quotes": "引文", "owners": "谁来做", "cadence": "多久一次与期限",
    "proof": "用什么证明", "receiver": "报给谁", "handling": "如何办理", "evidence": "证明材料的说明",
    "kinds": "哪几种活动可以证明",
    "forms_at_least": "至少几种形式", "pictures": "至少几张照片", "lecturer": "主讲人", "by_size": "小支部另行办理",
}  # fmt: skip


@dataclass(frozen=True)
class OwnerTotal:
    """What one kind of owner would owe: how many they are, their duties together, and the most that one of them has."""

    words: str
    owners: int
    duties: int
    each: int


@dataclass(frozen=True)
class Asked:
    """What issuing would open: line by line, by kind of owner, and in sittings (gatherings that must be held)."""

    lines: tuple[PreviewLine, ...]
    totals: tuple[OwnerTotal, ...]
    duties: int
    sittings: int
    sittings_each: int


def owners_on(committee: Committee, day: date) -> dict[str, int]:
    """How many there are of each kind of owner on `day`, small branches apart; the same people as opening finds."""
    asked = [pk for pk, until in reach(committee.pk, day.year).items() if until is None or day < until]
    branches = Branch.objects.filter(committee__in=asked).existing_on(day)
    members = Membership.objects.filter(on_day(day), branch__in=branches)
    cadre = Q(member__is_leading_cadre=True)
    secretary = Exists(
        Post.objects.filter(on_day(day), member=OuterRef("member"), branch=OuterRef("branch"), kind=Post.Kind.SECRETARY)
    )
    count = branches.count()
    small = branches.with_full_members(day).filter(full_members__lt=COMMITTEE_FROM)  # type: ignore[misc]
    return {
        "committee": 1,
        "branch": count,
        "small_branch": small.count(),
        "secretary": count,
        "member": members.count(),
        "cadre": members.filter(cadre).count(),
        "leader": members.filter(cadre | secretary).count(),
    }


def ask(document: Document, owners: dict[str, int], day: date, calendar: Calendar = NOTICES) -> Asked:
    """What issuing on `day` would open, given how many owners there are (see `owners_on`)."""
    lines = tuple(preview(document, owners, day, calendar))
    totals = []
    for kind, words in OWNERS.items():
        mine = [line for line in lines if kind in line.requirement.owners and line.windows]
        each = sum(len(line.windows) for line in mine)
        duties = sum(_share(line, kind, owners) for line in mine)
        if mine:
            totals.append(OwnerTotal(words, owners[kind], duties, each))
    sittings = [line for line in lines if _is_sitting(line.requirement)]
    return Asked(
        lines=lines,
        totals=tuple(totals),
        duties=sum(line.duties for line in lines),
        sittings=sum(line.duties for line in sittings),
        sittings_each=sum(len(line.windows) for line in sittings),
    )


def _share(line: PreviewLine, kind: str, owners: dict[str, int]) -> int:
    """The duties of one kind of owner; what small branches are spared is taken from the branches."""
    whole = owners[kind] * len(line.windows)
    spared = line.owners * len(line.windows) - line.duties
    return whole - spared if kind == "branch" else whole


def _is_sitting(spec: RequirementSpec) -> bool:
    """Something has to be held for it; a year's variety of forms is met by what is held anyway."""
    return spec.proof == "gathering" and not spec.per_event and not spec.forms_at_least


def changes(earlier: Document, later: Document) -> list[str]:
    """What an amendment changes, in sentences; empty where both ask for the same."""
    before = {spec.code: spec for spec in earlier.requirements}
    after = {spec.code: spec for spec in later.requirements}
    sentences = [f"新增 {code} {spec.title}。" for code, spec in after.items() if code not in before]
    sentences += [f"不再要求 {code} {spec.title}。" for code, spec in before.items() if code not in after]
    for code, spec in after.items():
        if code in before and (keys := _changed(before[code], spec)):
            sentences.append(f"{code} {spec.title}：改了{'、'.join(keys)}。")
    return sentences + _answers(earlier.settings, later.settings)


def _changed(before: RequirementSpec, after: RequirementSpec) -> list[str]:
    old, new = before.as_dict(), after.as_dict()
    return [KEY_WORDS[key] for key in REQUIREMENT_KEYS if key in KEY_WORDS and old[key] != new[key]]


def _answers(before: Settings, after: Settings) -> list[str]:
    old: dict[str, Any] = {question.key: question for question in before.questions}
    return [
        f"{question.title}由“{old[question.key].answer}”改为“{question.answer}”。"
        for question in after.questions
        if question.key in old and old[question.key].value != question.value
    ]
