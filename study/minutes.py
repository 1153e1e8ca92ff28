"""The minutes of a gathering, row by row: speeches, votes, what was agreed; what they lack, how they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django.db.models import F

from study.models import Gathering, Resolution, Speech, Vote
from study.voting import Motion

ASIDE = 10_000  # a place that no row has, while the rows change theirs


class Said(NamedTuple):
    """One speech as typed or kept."""

    speaker: str
    text: str
    is_dissent: bool = False

    @property
    def line(self) -> str:
        return f"{self.speaker or '（未写发言人）'}{'（不同意见）' if self.is_dissent else ''}：{self.text}"


class Agreed(NamedTuple):
    """One thing agreed as typed or kept; `pk` names the row that it was before."""

    text: str
    responsible_id: int | None = None
    due_on: date | None = None
    pk: int | None = None

    def line(self, names: Mapping[int, str]) -> str:
        """修订学习制度（责任人：李强；完成时限：2018年7月31日）"""
        told = []
        if self.responsible_id:
            told.append(f"责任人：{names.get(self.responsible_id, '')}")
        if self.due_on:
            told.append(f"完成时限：{self.due_on:%Y年%-m月%-d日}")
        return self.text + (f"（{'；'.join(told)}）" if told else "")


# What was kept


def speeches_of(gathering: Gathering) -> list[Said]:
    return [Said(one.speaker, one.text, one.is_dissent) for one in gathering.speeches.order_by("position")]


def motions_of(gathering: Gathering) -> list[Motion]:
    return [Motion(one.motion, one.ayes, one.nays, one.abstentions) for one in gathering.votes.order_by("position")]


def agreed_of(gathering: Gathering) -> list[Agreed]:
    kept = gathering.resolutions.order_by("position")
    return [Agreed(one.text, one.responsible_id, one.due_on, one.pk) for one in kept]


def row_lacks(speeches: Sequence[Said], agreed: Sequence[Agreed]) -> list[tuple[str, str]]:
    """Rows half filled in: a draft keeps them, what is filed has them whole."""
    found = []
    for place, said in enumerate(speeches, 1):
        if not said.speaker:
            found.append(("发言记录", f"第{place}条发言没有写发言人：请补上，或删去这一条。"))
        elif not said.text:
            found.append(("发言记录", f"第{place}条发言没有内容：请写明{said.speaker}讲了什么，或删去这一条。"))
    found += [
        ("议定事项", f"第{place}条议定事项没有写内容：请写明定了什么事，或删去这一条。")
        for place, one in enumerate(agreed, 1)
        if not one.text
    ]
    return found


def keep_rows(
    gathering: Gathering, speeches: Sequence[Said], motions: Sequence[Motion], agreed: Sequence[Agreed]
) -> None:
    """Write the rows as they now are. What was agreed before stays the same row, with what has been done since."""
    gathering.speeches.all().delete()
    Speech.objects.bulk_create(
        Speech(gathering=gathering, position=n, speaker=one.speaker, text=one.text, is_dissent=one.is_dissent)
        for n, one in enumerate(speeches)
    )
    gathering.votes.all().delete()
    Vote.objects.bulk_create(
        Vote(gathering=gathering, position=n, motion=one.text, ayes=one.ayes, nays=one.nays,
             abstentions=one.abstentions)
        for n, one in enumerate(motions)
    )  # fmt: skip
    _keep_agreed(gathering, agreed)


def _keep_agreed(gathering: Gathering, agreed: Sequence[Agreed]) -> None:
    before = set(gathering.resolutions.values_list("pk", flat=True))
    named: set[int] = set()
    old, new = [], []
    for n, one in enumerate(agreed):
        row = Resolution(
            gathering=gathering, position=n, text=one.text, responsible_id=one.responsible_id, due_on=one.due_on
        )
        # A row of another record, or one named twice, is simply a new one here.
        if one.pk in before and one.pk not in named:
            row.pk = one.pk
            named.add(one.pk)
            old.append(row)
        else:
            new.append(row)
    gathering.resolutions.filter(pk__in=before - named).delete()
    if old:
        gathering.resolutions.update(position=F("position") + ASIDE)
        Resolution.objects.bulk_update(old, ["position", "text", "responsible", "due_on"])
    Resolution.objects.bulk_create(new)
