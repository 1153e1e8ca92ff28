"""Who may vote at a gathering, whether enough of them are there, and whether a motion is carried (有表决权的应到)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from study.models import Attendance, Kind

# A group meeting has no number that must be there: it advises, and decides nothing that binds the branch.
WITHOUT_QUORUM = {Kind.GROUP_MEETING}
# Where it is usual to vote, the page says before a vote whether it may be taken.
VOTING = (Kind.GENERAL_MEETING, Kind.COMMITTEE_MEETING)


class Motion(NamedTuple):
    """One motion with its counts; all of them zero where nobody has counted yet."""

    text: str
    ayes: int = 0
    nays: int = 0
    abstentions: int = 0

    @property
    def cast(self) -> int:
        return self.ayes + self.nays + self.abstentions


@dataclass(frozen=True)
class Electorate:
    """Those entitled to vote who should be there, and how many of them are; half of them is not yet enough."""

    entitled: int
    present: int
    quorum_needed: bool = True

    @classmethod
    def of(cls, kinds: Collection[str], lines: Iterable[Any]) -> Electorate:
        """Full members; at a meeting of the committee its members. `lines` have `is_full` and `presence`."""
        whole = set(kinds) == {Kind.COMMITTEE_MEETING}
        entitled = [line for line in lines if whole or line.is_full]
        there = sum(line.presence == Attendance.Presence.PRESENT for line in entitled)
        return cls(len(entitled), there, quorum_needed=not set(kinds) <= WITHOUT_QUORUM)

    @property
    def is_quorate(self) -> bool:
        return self.present * 2 > self.entitled or not self.quorum_needed

    @property
    def counts(self) -> str:
        return f"有表决权应到{self.entitled}人、实到{self.present}人"

    @property
    def sentence(self) -> str:
        """有表决权应到12人、实到7人，已过半数，可以表决。"""
        if not self.quorum_needed:
            return f"{self.counts}。"
        return f"{self.counts}，" + ("已过半数，可以表决。" if self.is_quorate else "未过半数，不能表决。")

    def is_carried(self, motion: Motion) -> bool:
        """More than half of those who should attend, not of those who came (§ the branch regulation's own rule)."""
        return self.is_quorate and motion.ayes * 2 > self.entitled

    def result(self, motion: Motion) -> str:
        if not motion.cast:
            return "还没有填写表决结果"
        if not self.is_quorate:
            return "实到未过半数，表决无效"
        return "通过" if self.is_carried(motion) else "未通过"

    def line(self, motion: Motion) -> str:
        """One motion as it stands in the minutes."""
        counts = f"赞成{motion.ayes}票，反对{motion.nays}票，弃权{motion.abstentions}票"
        return f"{motion.text}：{self.counts}；{counts}。{self.result(motion)}。"


def vote_lacks(electorate: Electorate, motions: Sequence[Motion]) -> list[tuple[str, str]]:
    """What stands between the votes and their filing: a word, and the sentence with its cure."""
    found = []
    if motions and not electorate.is_quorate:
        sentence = f"{electorate.counts}，未过半数，不能表决：请核对到会情况；确实未过半数的，删去表决事项，改期再议。"
        found.append(("表决", sentence))
    for place, motion in enumerate(motions, 1):
        if not motion.text.strip():
            found.append(("表决", f"第{place}项表决没有写表决事项：请写明表决什么，或删去这一项。"))
        elif not motion.cast:
            found.append(("表决", f"第{place}项表决还没有结果：请填写赞成、反对、弃权的票数，或删去这一项。"))
    return found
