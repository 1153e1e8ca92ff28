"""How a pledge stands, in the words of its page and of the wall: what is owed now and by whom, item by item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from branches.access import Access
from branches.form_base import PortalForm
from branches.templatetags.portal import due_words
from commitments.models import Judgement, Pledge, PledgeItem, PledgeStep, Progress, Question, Result, Stage
from commitments.stages import LIVE, is_pledger
from plan.cadence import deadline
from plan.models import Filing

# Item results as standings: the sign says what the colour says.
RESULT_CODES = {Result.DONE: "kept", Result.PARTLY: "draft", Result.UNMET: "overdue"}
# The five stages that offices speak of, and the steps that lead into each.
LINE = (
    (Stage.PROPOSED, ()), (Stage.REVIEW, ("file",)), (Stage.SHOWN, ("approve",)), (Stage.KEEPING, ("keep",)),
    (Stage.JUDGING, ("judge", "reopen")),
)  # fmt: skip
ORDER = [stage for stage, _ in LINE] + [Stage.JUDGED]


def item_standing(item: PledgeItem, stage: Stage, now: datetime) -> tuple[str, str, datetime | None]:
    """Code and words of an item's standing, and its deadline while that is still spoken of."""
    if stage == Stage.JUDGED and item.result:
        result = Result(item.result)
        if item.is_excused:
            return "waived", f"{result.label}（客观原因）", None
        return RESULT_CODES[result], str(result.label), None
    if item.done_at:
        return "kept", "已报告完成", None
    if item.due_on is None or stage == Stage.WITHDRAWN:
        return "", "", None
    due_at = deadline(item.due_on)
    if stage not in LIVE:
        return "", "", due_at if stage != Stage.JUDGING else None
    return ("overdue" if due_at <= now else "not_due"), "", due_at


@dataclass
class ItemRow:
    """One item on the pledge's page."""

    item: PledgeItem
    code: str
    text: str
    due_at: datetime | None
    lines: list[Progress]
    judgements: list[Judgement]
    form: PortalForm | None = None

    @classmethod
    def of(
        cls, item: PledgeItem, stage: Stage, now: datetime, judgements: list[Judgement], form: PortalForm | None = None
    ) -> ItemRow:
        code, text, due_at = item_standing(item, stage, now)
        return cls(item, code, text, due_at, list(item.progress.all()), judgements, form)

    @property
    def counts(self) -> str:
        """How often each result was given: 完成5人、部分完成1人."""
        counts = Counter(one.result for one in self.judgements)
        return "、".join(f"{label}{counts[code]}人" for code, label in Result.choices if counts[code])

    @property
    def by_result(self) -> list[tuple[str, list[Judgement]]]:
        """Who said what, by name."""
        found = [(label, [one for one in self.judgements if one.result == code]) for code, label in Result.choices]
        return [(label, names) for label, names in found if names]


@dataclass
class Now:
    """The first thing on the page: what is owed, by whom, until when."""

    title: str
    sentences: list[str] = field(default_factory=list)
    tone: str = "plain"


def desk_words(pledge: Pledge) -> str:
    return pledge.filing.committee.office_name if pledge.filing.desk == Filing.Desk.OFFICE else pledge.branch.name


def is_over(pledge: Pledge, on: date) -> bool:
    """Shown, past its last day, and nobody has begun to judge it."""
    return Stage(pledge.stage) in LIVE and pledge.valid_until < on


def now_of(
    pledge: Pledge, rows: Sequence[ItemRow], access: Access, questions: Sequence[Question], unsaid: Sequence[str]
) -> Now:
    """What is owed now, and by whom; to the one who owes it, as 您."""
    stage, desk, now = Stage(pledge.stage), desk_words(pledge), access.now
    who = "您" if is_pledger(access, pledge) else pledge.owner_name
    if stage == Stage.PROPOSED:
        back = pledge.filing.state == Filing.State.SENT_BACK
        return Now(f"{who}{'修改后再次报送' if back else '还在起草'}", tone="soon" if back else "plain")
    if stage == Stage.REVIEW:
        return Now(f"等{desk}审诺", ["审定后随即在党内公开。"])
    if stage == Stage.JUDGING:
        left = f"还有{len(unsaid)}人没有评：{'、'.join(unsaid[:12])}{'等' if len(unsaid) > 12 else ''}。"
        return Now(f"评诺：党员互评，{desk}逐项评定", [left if unsaid else "党员都已评过，等组织评定。"], "soon")
    if stage == Stage.JUDGED:
        return Now("已评定")
    if stage == Stage.WITHDRAWN:
        return Now("已撤下", ["不再在承诺墙上显示，也不再评诺。"])
    return _while_kept(pledge, rows, who, desk, now, access.on, sum(not one.answered_at for one in questions))


def _while_kept(
    pledge: Pledge, rows: Iterable[ItemRow], who: str, desk: str, now: datetime, on: date, unanswered: int
) -> Now:
    open_rows = sorted((row for row in rows if row.due_at), key=lambda row: row.due_at or now)
    late = [row for row in open_rows if row.due_at and row.due_at <= now]
    sentences = [f"{who}还有{unanswered}条意见没有答复。"] if unanswered else []
    if is_over(pledge, on):
        return Now(f"已到期，待评诺：由{desk}开始评诺", sentences, "late")
    if late:
        numbers = "、".join(str(row.item.position) for row in late)
        sentences.insert(0, f"做完的请写明进展并勾选“这一项已经完成”；没做完的，{desk}评诺时说明原因。")
        return Now(f"{who}的第{numbers}项已过完成时限", sentences, "late")
    if open_rows:
        first = open_rows[0]
        return Now(f"{who}践诺，下一项是第{first.item.position}项：{due_words(first.due_at, now)}", sentences)
    if all(row.item.done_at for row in rows):
        return Now(f"各项都已报告完成，等{desk}开始评诺", sentences, "done")
    return Now(f"{who}践诺中", sentences)


def stage_line(pledge: Pledge, steps: Iterable[PledgeStep]) -> list[dict[str, Any]]:
    """The five stages with the day on which each was last reached."""
    reached = {step.name: step.made_at for step in steps}
    stage = Stage(pledge.stage)
    here = ORDER.index(stage) if stage in ORDER else -1
    found: list[dict[str, Any]] = []
    for n, (one, names) in enumerate(LINE):
        at = (
            max((reached[name] for name in names if name in reached), default=None)
            if names
            else pledge.filing.created_at
        )
        found.append({
            "label": one.label, "at": at if here < 0 or n <= here else None,
            "is_now": n == here, "is_done": n < here or (here < 0 and at is not None),
        })  # fmt: skip
    return found
