"""Members who may have been entered twice: which two, and why one would think so."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Any

from branches.access import Access
from branches.models import Member, NotDuplicate
from branches.personal import birthday_of, reveal
from branches.secrets import Unreadable
from branches.sight import kept_by
from documents.text import normalised

# A group larger than this is no pair of doubles but a value that many have, such as an office's one telephone.
LARGEST = 6
_DOTS = re.compile(r"[\s·•・‧∙⋅.．'’-]")


@dataclass
class Pair:
    """Two entries, the earlier one first, and the reasons to take them for one person's."""

    first: Member
    second: Member
    reasons: list[str] = field(default_factory=list)

    @property
    def weight(self) -> tuple[int, str, int]:
        """The best founded first."""
        return (-len(self.reasons), self.first.name_key, self.first.pk)


def plain_name(name: str) -> str:
    """The name as it sounds: without blanks and dots, full-width letters made plain, in one case."""
    return _DOTS.sub("", normalised(name)).casefold()


def plain_number(number: str) -> str:
    """The staff number without what Excel and other systems add or take away: zeros before it, signs in it."""
    return re.sub(r"[\W_]", "", number).lstrip("0")


def pairs(access: Access) -> list[Pair]:
    """The pairs among the members whom the office keeps, without those found to be two people; in three queries."""
    members = list(kept_by(access).with_branch(access.on).order_by("pk"))
    found: dict[tuple[int, int], Pair] = {}

    def note(group: Iterable[Any], reason: str) -> None:
        some = list(group)
        if len(some) > LARGEST:
            return
        for first, second in combinations(some, 2):
            pair = found.setdefault((first.pk, second.pk), Pair(first, second))
            if reason not in pair.reasons:
                pair.reasons.append(reason)

    for namesakes in _groups((plain_name(member.name), member) for member in members):
        for first, second in combinations(namesakes[: LARGEST * 5], 2):
            if reason := _of_one_name(first, second):
                note((first, second), reason)
    for group in _groups((member.phone_index, member) for member in members):
        note(group, "联系电话相同")
    for group in _groups((plain_number(member.staff_number), member) for member in members):
        note(group, "工号只差前面的0或符号")
    ids = [member.pk for member in members]
    settled = set(NotDuplicate.objects.filter(first__in=ids).values_list("first", "second")) if found else set()
    return sorted((pair for key, pair in found.items() if key not in settled), key=lambda pair: pair.weight)


def reasons_for(access: Access, first: Member, second: Member) -> list[str]:
    """Why these two would be proposed; empty where nothing but somebody's knowledge speaks for it."""
    return next(
        (pair.reasons for pair in pairs(access) if {pair.first.pk, pair.second.pk} == {first.pk, second.pk}), []
    )


def _groups(keyed: Iterable[tuple[Hashable, Any]]) -> list[list[Any]]:
    """Those with the same key, where there are several; an empty key is nobody's."""
    groups: dict[Hashable, list[Any]] = defaultdict(list)
    for key, member in keyed:
        if key:
            groups[key].append(member)
    return [group for group in groups.values() if len(group) > 1]


def _of_one_name(first: Member, second: Member) -> str:
    """What besides the name is the same; the name alone is not enough, unless it was only written differently."""
    if first.name != second.name:
        return f"姓名写法不同：{first.name}、{second.name}"
    if first.joined_on and first.joined_on == second.joined_on:
        return "姓名和入党日期相同"
    born = _born(first)
    if born and born == _born(second):
        return "姓名和出生年份相同"
    return ""


def _born(member: Member) -> int | None:
    """The year of birth, where an ID number tells it."""
    try:
        number = reveal(member, "id_number")
    except Unreadable:
        return None
    return birthday_of(number).year if number else None


def not_the_same(access: Access, first: Member, second: Member) -> None:
    """Remember that these are two people."""
    one, other = sorted((first, second), key=lambda member: member.pk)
    NotDuplicate.objects.get_or_create(
        first=one, second=other, defaults={"said_at": access.now, "said_by": access.actor}
    )  # fmt: skip


def facts_of(member: Member, on: date) -> list[tuple[str, str]]:
    """What is laid side by side; the same labels for both."""
    branch = member.branch_on(on)
    last = member.memberships.select_related("branch").order_by("-from_on").first()
    where = branch.name if branch else f"已转出（原在{last.branch.name}）" if last else "没有组织关系"
    words = {
        "姓名": member.name, "工号": member.staff_number, "党支部": where,
        "人员类别": member.category(on), "入党日期": member.joined_on, "转正日期": member.confirmed_on,
        "行政职务": member.job_title, "离退休日期": member.retired_on, "流动党员，自": member.mobile_from_on,
        "长期不能参加活动，自": member.absent_from_on,
    }  # fmt: skip
    return [(label, str(value or "")) for label, value in words.items()]
