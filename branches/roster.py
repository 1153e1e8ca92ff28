"""The roster against a workbook: planning what it would change, and carrying that out whole or not at all.

Planning writes nothing; every change of the roster, wherever it is made, tells whoever asked to be told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from django.db.models import Exists, OuterRef, Q

from branches import audit, personal
from branches.models import Branch, Committee, Member, Membership, PartyGroup, Post, sort_key
from branches.roster_cells import (
    AS_TEXT,
    BY_KEY,
    ELECTED,
    Line,
    Reading,
    Unreadable,
    as_written,
    day_of,
    id_number_of,
    is_full_of,
    name_of,
    phone_of,
    posts_of,
    squeezed,
    staff_number_of,
    yes_or_no_of,
)

# ------------------------------------------------------------------------------------------- changing the roster

# Called inside the transaction of every change of the roster; the floors above register here when they start.
after_roster_change: list[Callable[[Committee, datetime], object]] = []


@contextmanager
def roster_lock(*committee_ids: int) -> Iterator[None]:
    """One transaction that changes these committees' rosters; a second one waits for it."""
    with audit.together():
        list(Committee.objects.select_for_update().filter(pk__in=committee_ids).order_by("pk"))
        yield


def roster_changed(committee: Committee, at: datetime) -> None:
    """Tell the floors above that who belongs to the committee's branches, or leads them, is no longer the same."""
    for tell in after_roster_change:
        tell(committee, at)


# ---------------------------------------------------------------------------------------------------------- planning


@dataclass(frozen=True)
class Change:
    """One cell that will be different: the column, what stands in the roster, what will stand there."""

    label: str
    old: str
    new: str


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be taken: the column, the reason, the cure."""

    label: str
    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.label}：{self.reason}"


@dataclass
class RowPlan:
    """What one row of the workbook would do: status `new`, `changed`, `unchanged` or `error`, and why."""

    line: Line
    staff_number: str = ""
    name: str = ""
    branch_name: str = ""
    status: str = "unchanged"
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    member: Member | None = None
    membership: Membership | None = None
    branch: Branch | None = None
    group_name: str | None = None
    moves: bool = False
    new_posts: list[str] = field(default_factory=list)
    ended_posts: list[Post] = field(default_factory=list)

    @property
    def row(self) -> int:
        return self.line.row

    def refuse(self, key: str, reason: str, cure: str) -> None:
        self.problems.append(Problem(BY_KEY[key].title, reason, cure))


@dataclass(frozen=True)
class ImportPlan:
    """All rows of a workbook against the roster as it stood under `mark`, from the day the changes take effect."""

    rows: list[RowPlan]
    effective_on: date
    mark: str
    absent: list[str]
    new_groups: list[str]

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in ("error", "new", "changed", "unchanged")}

    @property
    def is_sound(self) -> bool:
        return not any(row.problems for row in self.rows)

    @property
    def changes_anything(self) -> bool:
        return any(row.status in ("new", "changed") for row in self.rows)


# How far the comparing or the writing has come: rows done, rows in all.
Tell = Callable[[int, int], object]
STEP = 500


def quietly(done: int, total: int) -> None:
    """Nobody asked how far it is."""


# From this share of the staff numbers on, one length counts as theirs.
NEARLY_ALL = 0.9


class _Roster:
    """The roster a workbook is compared with, loaded in six queries, and the mark that says whether it has changed."""

    def __init__(self, committee: Committee, numbers: Iterable[str], day: date) -> None:
        below = Committee.objects.under(committee.pk).values("pk")
        ever_here = Membership.objects.filter(branch__committee__in=below, member=OuterRef("pk"))
        members = list(
            Member.objects.filter(Q(staff_number__in=set(numbers)) | Exists(ever_here))
            .select_related("merged_into")
            .order_by("pk")
        )
        ids = {member.pk for member in members}
        self.members = {member.staff_number: member for member in members}
        self.names = {member.pk: member.name for member in members}
        branches = list(Branch.objects.filter(committee__in=below).order_by("pk"))
        self.branch_ids = {branch.pk for branch in branches}
        # Of two branches with one name the committee's own is meant: what comes last stays.
        branches.sort(key=lambda branch: branch.committee_id == committee.pk)
        self.branches = {
            squeezed(branch.name): branch
            for branch in branches
            if branch.founded_on <= day and (branch.closed_on is None or branch.closed_on > day)
        }
        groups = list(PartyGroup.objects.filter(branch__committee__in=below).order_by("pk"))
        self.groups = {(group.branch_id, squeezed(group.name)): group for group in groups}
        memberships = [
            one
            for one in Membership.objects.filter(
                Q(branch__committee__in=below) | Q(member__staff_number__in=set(numbers))
            )
            .select_related("branch", "group")
            .order_by("pk")
            if one.member_id in ids
        ]
        posts = list(Post.objects.filter(branch__committee__in=below).order_by("pk"))
        self.current: dict[int, Membership] = {}
        self.later: dict[int, Membership] = {}
        for one in memberships:
            if one.from_on > day:
                self.later[one.member_id] = one
            elif one.until_on is None or one.until_on > day:
                self.current[one.member_id] = one
        administers = Post.objects.filter(Q(until_on__isnull=True) | Q(until_on__gt=day), kind__in=Post.ADMINISTRATORS)
        administers = administers.filter(member__staff_number__in=set(numbers))
        self.administrators = set(administers.values_list("member", flat=True))
        # Posts held on the day or taken up after it: what a new post could collide with.
        self.posts: dict[int, list[Post]] = defaultdict(list)
        self.secretaries: dict[int, list[Post]] = defaultdict(list)
        for post in posts:
            if post.until_on is None or post.until_on > day:
                self.posts[post.member_id].append(post)
                if post.kind == Post.Kind.SECRETARY and post.branch_id:
                    self.secretaries[post.branch_id].append(post)
        self.mark = _digest(
            [
                [
                    *(m.pk, m.staff_number, m.name, m.job_title, m.joined_on, m.confirmed_on, m.is_leading_cadre),
                    *(m.retired_on, m.mobile_from_on, m.mobile_place, m.id_number_index, m.phone_index),
                    m.merged_into_id,
                ]
                for m in members
            ],
            [[b.pk, b.name, b.founded_on, b.closed_on] for b in branches],
            [[g.pk, g.branch_id, g.name] for g in groups],
            [[s.pk, s.member_id, s.branch_id, s.group_id, s.from_on, s.until_on] for s in memberships],
            [[p.pk, p.member_id, p.branch_id, p.kind, p.from_on, p.until_on] for p in posts],
        )


def _digest(*tables: list[list[Any]]) -> str:
    return hashlib.sha256(json.dumps(tables, default=str).encode()).hexdigest()


def plan_import(reading: Reading, committee: Committee, effective_on: date, tell: Tell = quietly) -> ImportPlan:
    """Compare a reading with the committee's roster: what each row would change from `effective_on`; writes nothing."""
    rows = [_read_line(line, effective_on) for line in reading.lines]
    hidden = set(reading.hidden_rows)
    for row in rows:
        if row.row in hidden:
            row.notes.append("这一行在文件中是隐藏的（或被筛选掉了），也已读入。")
    _refuse_repeats(rows)
    roster = _Roster(committee, [row.staff_number for row in rows if row.staff_number], effective_on)
    _refuse_lost_zeros(rows, roster)
    for n, row in enumerate(rows):
        if n % STEP == 0:
            tell(n, len(rows))
        _compare(row, roster, effective_on)
    _refuse_others_numbers(rows)
    _refuse_second_secretaries(rows, roster)
    for row in rows:
        if row.problems:
            row.status = "error"
        elif row.member is None:
            row.status = "new"
        elif row.changes:
            row.status = "changed"
    named = {row.branch.pk for row in rows if row.branch}
    here = {row.member.pk for row in rows if row.member}
    absent = [
        f"{roster.names[member_id]}（{one.branch.name}）"
        for member_id, one in roster.current.items()
        if one.branch_id in named and member_id not in here
    ]
    new_groups = sorted(
        {
            f"{row.branch.name}“{row.group_name}”"
            for row in rows
            if row.branch and row.group_name and (row.branch.pk, squeezed(row.group_name)) not in roster.groups
        }
    )
    return ImportPlan(rows, effective_on, roster.mark, absent, new_groups)


_READERS: dict[str, Callable[[tuple[str, str]], Any]] = {
    "joined_on": day_of,
    "confirmed_on": day_of,
    "is_leading_cadre": yes_or_no_of,
    "category": is_full_of,
    "posts": posts_of,
    "is_retired": yes_or_no_of,
    "retired_on": day_of,
    "is_mobile": yes_or_no_of,
}
_PERSONAL = {"id_number": id_number_of, "phone": phone_of}
_LENGTHS = {"group": 40, "job_title": 60, "mobile_place": 60}


def _read_line(line: Line, day: date) -> RowPlan:
    """The row's own sense, before any comparison: every cell read or refused."""
    row = RowPlan(line)
    for key, reader in (("staff_number", staff_number_of), ("name", name_of)):
        if key not in line.cells:
            row.refuse(key, f"没有{BY_KEY[key].title}", "补上；如果这一行是合计或备注，请删去")
            continue
        try:
            setattr(row, key, reader(line.cells[key]))
        except Unreadable as problem:
            row.refuse(key, problem.reason, problem.cure)
    if "branch" not in line.cells:
        row.refuse("branch", "没有所在党支部", "填写支部全称")
    for key in ("branch", *_LENGTHS):
        if key not in line.cells:
            continue
        try:
            text = as_written(line.cells[key])
        except Unreadable as problem:
            row.refuse(key, problem.reason, problem.cure)
            continue
        if key == "branch":
            row.branch_name = text
        elif key == "group":
            row.group_name = text
        else:
            row.facts[key] = text
    for key, limit in _LENGTHS.items():
        length = len((row.group_name if key == "group" else row.facts.get(key)) or "")
        if length > limit:
            row.refuse(key, f"有{length}个字，最多{limit}个字", "缩短后再上传")
    for key, reads in _READERS.items():
        if key in line.cells:
            try:
                row.facts[key] = reads(line.cells[key])
            except Unreadable as problem:
                row.refuse(key, problem.reason, problem.cure)
    for key, opens in _PERSONAL.items():
        if key in line.cells:
            try:
                row.facts[key] = opens(line.cells[key], day)
            except Unreadable as problem:
                row.refuse(key, problem.reason, problem.cure)
    kinds, others = row.facts.pop("posts", ([], []))
    row.new_posts = kinds
    if others:
        row.notes.append(f"党内职务“{'、'.join(others)}”不登记为职务，其余内容照常写入。")
    return row


def _refuse_repeats(rows: list[RowPlan]) -> None:
    places: dict[str, list[RowPlan]] = defaultdict(list)
    for row in rows:
        if row.staff_number:
            places[row.staff_number].append(row)
    for number, same in places.items():
        if len(same) > 1:
            where = "、".join(str(row.row) for row in same[:10])
            for row in same:
                row.refuse("staff_number", f"工号 {number} 在第{where}行重复出现", "一名党员只留一行")


def _refuse_lost_zeros(rows: list[RowPlan], roster: _Roster) -> None:
    """A number cell of fewer digits than those that begin with 0, or than nearly all of the file or of the roster."""
    lengths = set()
    for known in (roster.members.keys(), {row.staff_number for row in rows}):
        digits = [number for number in known if number.isdigit()]
        lengths |= {len(number) for number in digits if number.startswith("0")}
        usual, often = Counter(map(len, digits)).most_common(1)[0] if digits else (0, 0)
        if often >= max(20, NEARLY_ALL * len(digits)):
            lengths.add(usual)
    for row in rows:
        is_number = row.line.cells.get("staff_number", ("",))[0] == "int"
        if is_number and row.staff_number not in roster.members and any(len(row.staff_number) < n for n in lengths):
            row.refuse(
                "staff_number",
                f"工号 {row.staff_number} 是{len(row.staff_number)}位数字，可能被 Excel 去掉了前面的0",
                AS_TEXT,
            )


def _refuse_others_numbers(rows: list[RowPlan]) -> None:
    """An ID number is one person's; a phone may be shared, which is said. Both are compared by their index only."""
    for key, kept_as in personal.FIELDS.items():
        given: dict[str, list[RowPlan]] = defaultdict(list)
        for row in rows:
            if row.facts.get(key):
                given[personal.index_of(key, row.facts[key])].append(row)
        if not given:
            continue
        kept = Member.objects.filter(merged_into__isnull=True, **{f"{key}_index__in": set(given)})
        owners = {index: pk for pk, index in kept.values_list("pk", f"{key}_index")}
        for index, same in given.items():
            for row in same:
                others = "、".join(str(one.row) for one in same[:10] if one is not row)
                if len(same) > 1:
                    said = f"与第{others}行的号码相同"
                elif index in owners and (row.member is None or owners[index] != row.member.pk):
                    said = "这个号码已登记在另一名党员名下"
                else:
                    continue
                if key == "id_number":
                    row.refuse(key, said, "核对是谁的号码；同一人登记了两次的，请先合并")
                else:
                    row.notes.append(f"{kept_as.label}{said}，请核对。")


def _compare(row: RowPlan, roster: _Roster, day: date) -> None:
    if row.branch_name:
        row.branch = _branch_named(row, roster)
    if row.branch and row.group_name and (group := roster.groups.get((row.branch.pk, squeezed(row.group_name)))):
        row.group_name = group.name
    row.member = roster.members.get(row.staff_number) if row.staff_number else None
    if row.member is None:
        _check_facts(row, day, None, None)
        _settle_states(row, day)
        _check_posts(row, roster, day)
        if not row.problems:
            _say_all(row, day)
        return
    if row.member.merged_into:
        other = row.member.merged_into.staff_number
        row.refuse("staff_number", f"工号 {row.staff_number} 已并入工号 {other}", f"改用工号 {other}")
        return
    row.membership = roster.current.get(row.member.pk)
    if row.membership and row.membership.branch_id not in roster.branch_ids:
        row.refuse("staff_number", f"工号 {row.staff_number} 登记在其他机关党委", "请对方先办理转出，或核对工号")
        return
    if later := roster.later.get(row.member.pk):
        row.refuse(
            "branch",
            f"已登记自{later.from_on:%Y-%m-%d}起转入{later.branch.name}",
            "改用更晚的生效日期",
        )
        return
    _keep_what_stands(row)
    _check_facts(row, day, row.member.joined_on, row.member.confirmed_on)
    _settle_states(row, day)
    if row.name and row.name != row.member.name:
        row.changes.append(Change("姓名", row.member.name, row.name))
        row.notes.append("同一工号的姓名不同，请核对是否同一人。")
    for key in FACTS:
        old = getattr(row.member, key)
        if key in row.facts and row.facts[key] != old:
            row.changes.append(Change(_label(key), _said(old), _said(row.facts[key])))
    for key, kept_as in personal.FIELDS.items():
        value = row.facts.get(key)
        if value is not None and personal.index_of(key, value) != getattr(row.member, f"{key}_index"):
            row.changes.append(Change(BY_KEY[key].title, personal.masked(row.member, key), kept_as.mask(value)))
    _compare_membership(row, roster, day)
    _check_posts(row, roster, day)


def _keep_what_stands(row: RowPlan) -> None:
    """A text that stands in the roster as it stands in the cell is no change, whatever else it could be read as."""
    assert row.member is not None  # noqa: S101 - called for members only
    written = {key: squeezed(text) for key, (_, text) in row.line.cells.items()}
    for key in ("job_title", "mobile_place"):
        if written.get(key) == squeezed(getattr(row.member, key)):
            row.facts.pop(key, None)
    group = row.membership.group.name if row.membership and row.membership.group else ""
    stays = row.membership and row.branch and row.membership.branch_id == row.branch.pk
    if stays and group and written.get("group") == squeezed(group):
        row.group_name = group


def _branch_named(row: RowPlan, roster: _Roster) -> Branch | None:
    written = squeezed(row.branch_name)
    for name in (written, f"{written}党支部", re.sub(r"支部$", "党支部", written)):
        if name in roster.branches:
            return roster.branches[name]
    names = [branch.name for branch in roster.branches.values()]
    if len(names) > 12:
        near = get_close_matches(row.branch_name, names, n=5, cutoff=0.3)
        listed = f"名称相近的有：{'、'.join(near)}" if near else "全部支部名称见模板的第二张表"
    else:
        listed = f"现有支部：{'、'.join(names)}" if names else "现在还没有支部"
    row.refuse(
        "branch", f"没有名为“{row.branch_name[:40]}”的支部", f"{listed}。如是新成立的支部，请先在“支部与党员”中新建"
    )
    return None


def _check_facts(row: RowPlan, day: date, joined: date | None, confirmed: date | None) -> None:
    """Dates and category against each other, with what stands in the roster where the cell is empty."""
    joined = row.facts.get("joined_on", joined)
    confirmed = row.facts.get("confirmed_on", confirmed)
    is_full = row.facts.get("category")
    if "joined_on" in row.facts and joined and joined > day:
        row.refuse("joined_on", f"入党日期 {joined} 晚于生效日期 {day}", "核对后改正")
    if joined and confirmed and confirmed < joined:
        row.refuse("confirmed_on", f"转正日期 {confirmed} 早于入党日期 {joined}", "核对两个日期")
    elif joined and confirmed and confirmed < _a_year_after(joined):
        row.notes.append("转正距入党不足一年，请核对。")
    if is_full is True and confirmed is None:
        row.refuse("confirmed_on", "正式党员没有转正日期", "补上转正日期；预备党员请把人员类别改为“预备党员”")
    elif is_full is True and confirmed and confirmed > day:
        row.refuse("category", f"转正日期 {confirmed} 还没有到，不是正式党员", "核对人员类别和转正日期")
    elif is_full is False and confirmed and confirmed <= day:
        row.refuse("category", f"已于 {confirmed} 转正，不是预备党员", "核对人员类别和转正日期")


def _settle_states(row: RowPlan, day: date) -> None:
    """Retired and away from home as the roster keeps them: since when; with what stands where the cell is empty."""
    facts, member = row.facts, row.member
    retired, mobile = facts.pop("is_retired", None), facts.pop("is_mobile", None)
    stood = member.retired_on if member else None
    since = facts.get("retired_on", stood)
    unread = "retired_on" in row.line.cells and "retired_on" not in facts
    if retired is True and since is None and not unread:
        row.refuse("retired_on", "已离退休，没有离退休日期", "补上离退休日期")
    elif retired is True and since and since > day:
        row.refuse("is_retired", f"离退休日期 {since} 还没有到", "核对是否离退休和离退休日期")
    elif retired is False and facts.get("retired_on") and facts["retired_on"] <= day:
        row.refuse("is_retired", f"离退休日期是 {facts['retired_on']}，却写着没有离退休", "核对是否离退休和离退休日期")
    elif retired is False and "retired_on" not in facts and stood and stood <= day:
        facts["retired_on"] = None
    away_from = member.mobile_from_on if member else None
    away = bool(away_from and away_from <= day)
    if mobile is True and not away:
        facts["mobile_from_on"] = day
    elif not (mobile or (mobile is None and away)) and facts.get("mobile_place"):
        row.refuse("mobile_place", "写了外出流向，却没有写明是流动党员", "“是否流动党员”填“是”，或删去外出流向")
    elif mobile is False and away:
        facts["mobile_from_on"], facts["mobile_place"] = None, ""


def _a_year_after(day: date) -> date:
    return date(day.year + 1, day.month, min(day.day, 28))


def _compare_membership(row: RowPlan, roster: _Roster, day: date) -> None:
    here = row.membership
    if row.branch is None:
        return
    if here is None:
        row.moves = True
        row.changes.append(Change("所在党支部", "（不在册）", f"{row.branch.name}，自{day:%Y-%m-%d}"))
        if row.group_name:
            row.changes.append(Change("所在党小组", "", row.group_name))
        return
    old_group = here.group.name if here.group else ""
    if here.branch_id != row.branch.pk:
        row.moves = True
        row.changes.append(Change("所在党支部", here.branch.name, f"{row.branch.name}，自{day:%Y-%m-%d}"))
        if old_group or row.group_name:
            row.changes.append(Change("所在党小组", old_group, row.group_name or ""))
        assert row.member is not None  # noqa: S101 - who has a membership is a member
        row.ended_posts = [post for post in roster.posts[row.member.pk] if post.branch_id == here.branch_id]
        for post in row.ended_posts:
            words = f"{post.get_kind_display()}（{here.branch.name}）"
            if post.from_on >= day:
                row.refuse("branch", f"{words}自{post.from_on}起任职，不早于转出日期", "先在支部页面办理离任")
            row.changes.append(Change("党内职务", words, f"至{day:%Y-%m-%d}离任"))
    elif row.group_name is not None and row.group_name != old_group:
        row.moves = True
        row.changes.append(Change("所在党小组", old_group, row.group_name))


def _check_posts(row: RowPlan, roster: _Roster, day: date) -> None:
    """Keep of the posts named in the row those that are not yet held in its branch."""
    if row.branch is None:
        row.new_posts = []
        return
    held = {post.kind for post in roster.posts[row.member.pk]} if row.member else set()
    if row.ended_posts:
        held = set()
    row.new_posts = [kind for kind in row.new_posts if kind not in held]
    if row.new_posts and row.member and row.member.pk in roster.administrators:
        row.refuse("posts", "系统、安全、审计管理员不兼其他职务", "删去党内职务，或先由安全管理员收回原职务")
    confirmed = row.facts.get("confirmed_on", row.member.confirmed_on if row.member else None)
    for kind in row.new_posts:
        label = Post.Kind(kind).label
        if kind in ELECTED and not (confirmed and confirmed <= day):
            row.refuse("posts", f"预备党员不能担任{label}", "核对人员类别、转正日期和党内职务")
        row.changes.append(Change("党内职务", "", f"{label}，自{day:%Y-%m-%d}"))


def _refuse_second_secretaries(rows: list[RowPlan], roster: _Roster) -> None:
    leaving = {post.pk for row in rows for post in row.ended_posts if not row.problems}
    coming: dict[int, list[RowPlan]] = defaultdict(list)
    for row in rows:
        if row.branch and Post.Kind.SECRETARY in row.new_posts:
            coming[row.branch.pk].append(row)
    for branch_id, new in coming.items():
        staying = [post for post in roster.secretaries[branch_id] if post.pk not in leaving]
        for row in new:
            assert row.branch is not None  # noqa: S101 - grouped by it
            if staying:
                name = roster.names.get(staying[0].member_id, "另一名党员")
                row.refuse("posts", f"{row.branch.name}现任支部书记是{name}", "先在支部页面办理书记交接")
            elif len(new) > 1:
                where = "、".join(str(one.row) for one in new[:10])
                row.refuse("posts", f"第{where}行都写着{row.branch.name}的支部书记", "一个支部只能有一名书记")


def _say_all(row: RowPlan, day: date) -> None:
    """For a newcomer the preview shows every cell that will be written."""
    assert row.branch is not None  # noqa: S101 - a row without a branch has been refused
    posts = row.changes
    row.changes = [Change("所在党支部", "", f"{row.branch.name}，自{day:%Y-%m-%d}")]
    if row.group_name:
        row.changes.append(Change("所在党小组", "", row.group_name))
    for key in FACTS:
        if row.facts.get(key):
            row.changes.append(Change(_label(key), "", _said(row.facts[key])))
    for key, kept_as in personal.FIELDS.items():
        if row.facts.get(key):
            row.changes.append(Change(BY_KEY[key].title, "", kept_as.mask(row.facts[key])))
    if not row.facts.get("confirmed_on"):
        row.changes.append(Change("人员类别", "", "预备党员"))
    row.changes += posts


# What stands on the member's own row, in the order in which a newcomer's is shown.
FACTS = (
    "joined_on", "confirmed_on", "job_title", "is_leading_cadre", "retired_on", "mobile_from_on", "mobile_place",
)  # fmt: skip


def _label(key: str) -> str:
    return BY_KEY[key].title if key in BY_KEY else "流动党员，自"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "" if value is None else str(value)


# --------------------------------------------------------------------------------------------------------- doing it


def carry_out(plan: ImportPlan, tell: Tell = quietly) -> None:
    """Write a sound plan; call it inside `roster_lock`, with a plan made inside the same lock.

    Raises ValueError for a plan with a row that was refused.
    """
    if not plan.is_sound:
        raise ValueError("a plan with refused rows is not carried out")
    day = plan.effective_on
    rows = [row for row in plan.rows if row.status in ("new", "changed")]
    groups = _groups_of(rows)
    # Posts end before any begin: who comes to a branch may take the post that another row gives up.
    Post.objects.filter(pk__in=[post.pk for row in rows for post in row.ended_posts]).update(until_on=day)
    for start in range(0, len(rows), STEP):
        tell(start, len(rows))
        some = rows[start : start + STEP]
        _write_members(some)
        _write_memberships(some, groups, day)
        Post.objects.bulk_create(
            Post(member=row.member, branch=row.branch, kind=kind, from_on=day)
            for row in some
            for kind in row.new_posts
            if row.member and row.branch
        )
    tell(len(rows), len(rows))


def _write_members(rows: list[RowPlan]) -> None:
    for row in rows:
        if row.member is None:
            row.member = Member(staff_number=row.staff_number)
        values = {"name": row.name, **row.facts}
        for key in ("name", *FACTS):
            if key in values:
                setattr(row.member, key, values[key])
        row.member.name_key = sort_key(row.member.name)
        personal.set_personal(row.member, id_number=values.get("id_number"), phone=values.get("phone"))
    # bulk_create passes Member.save by: the number is in its one spelling already, the sort key is set above.
    Member.objects.bulk_create([row.member for row in rows if row.member and row.status == "new"])
    sealed = [f"{key}_{half}" for key in personal.FIELDS for half in ("sealed", "index")]
    # Not bulk_update: its CASE over all rows costs the square of a batch, a quarter of a minute for 5,000 rows.
    Member.objects.bulk_create(
        [row.member for row in rows if row.member and row.status == "changed"],
        update_conflicts=True,
        update_fields=["name", *FACTS, "name_key", *sealed],
        unique_fields=["id"],
    )


def _write_memberships(rows: list[RowPlan], groups: dict[tuple[int, str], PartyGroup], day: date) -> None:
    ended: list[int] = []
    righted: dict[tuple[Branch, PartyGroup | None], list[int]] = defaultdict(list)
    begun: list[Membership] = []
    for row in rows:
        if row.member is None or row.branch is None or not (row.moves or row.status == "new"):
            continue
        group = groups.get((row.branch.pk, row.group_name or ""))
        if row.membership and row.membership.from_on == day:
            # What began on this very day never lasted one: it is put right rather than ended.
            righted[row.branch, group].append(row.membership.pk)
            continue
        if row.membership:
            ended.append(row.membership.pk)
        begun.append(Membership(member=row.member, branch=row.branch, group=group, from_on=day))
    Membership.objects.filter(pk__in=ended).update(until_on=day)
    for (branch, group), ids in righted.items():
        Membership.objects.filter(pk__in=ids).update(branch=branch, group=group)
    Membership.objects.bulk_create(begun)


def _groups_of(rows: list[RowPlan]) -> dict[tuple[int, str], PartyGroup]:
    wanted = {(row.branch.pk, row.group_name) for row in rows if row.branch and row.group_name}
    PartyGroup.objects.bulk_create(
        [PartyGroup(branch_id=branch_id, name=name) for branch_id, name in sorted(wanted)], ignore_conflicts=True
    )
    groups = PartyGroup.objects.filter(branch__in={branch_id for branch_id, _ in wanted})
    return {(group.branch_id, group.name): group for group in groups}
