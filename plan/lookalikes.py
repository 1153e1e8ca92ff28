"""The same picture in another record: put as a question to the branch, and as a note to the office."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils.timezone import localtime

from branches import audit
from branches.access import Access
from branches.models import Committee
from documents.looks import SAME, difference, parts_of, whole
from plan.models import Filing, Picture
from plan.moves import may_edit

MOST_CANDIDATES = 2_000  # pictures of which a part looks the same; the oldest first
PARTS = ("look_1", "look_2", "look_3", "look_4")


def look_fields(look: int | None) -> dict[str, int | None]:
    """The look as the picture's row keeps it."""
    return dict(zip(PARTS, parts_of(look) if look is not None else [None] * 4, strict=True))


def find_twin(filing: Filing, sha256: str, look: int | None) -> int | None:
    """The earliest picture of another record in the same committee's tree that is the same or looks so; its id.

    Two statements at most. What was removed or belongs to a discarded record does not count. An equal picture is
    always found, before any that only looks so; of those MOST_CANDIDATES are compared.
    """
    others = (
        Picture.objects.filter(removed_at__isnull=True, filing__committee__in=_tree(filing))
        .exclude(filing=filing.pk)
        .exclude(filing__state=Filing.State.DISCARDED)
        .order_by("pk")
    )
    equal = others.filter(sha256=sha256).values_list("pk", flat=True).first()
    if equal is not None or look is None:
        return equal
    alike = Q(*((name, part) for name, part in look_fields(look).items()), _connector=Q.OR)
    for pk, *parts in others.filter(alike).values_list("pk", *PARTS)[:MOST_CANDIDATES]:
        if None not in parts and difference(look, whole(parts)) <= SAME:
            return int(pk)
    return None


def _tree(filing: Filing) -> Any:
    return Committee.objects.beside(filing.committee_id).values("pk")


@dataclass(frozen=True)
class Twin:
    """The question or the note about one picture, for one reader."""

    same: bool  # to the byte; else nearly
    other: str  # the other record, as much of it as this reader may know
    url: str
    answer: str

    @property
    def how(self) -> str:
        return "相同" if self.same else "几乎相同"

    @property
    def question(self) -> str:
        return f"这张照片与{self.other}中的照片{self.how}，是否选错了？"


@dataclass(frozen=True)
class Beside:
    """What is said beside one picture: when it was taken, and whether another record has it."""

    place: int
    taken: str
    hint: str
    twin: Twin | None

    @property
    def words(self) -> str:
        """拍摄于7月5日15:02（与活动时间不同天）; empty where the picture does not say."""
        return f"{self.taken}（{self.hint}）" if self.hint else self.taken

    @property
    def note(self) -> str:
        """The sentence for the office; no accusation: two records may well share a picture."""
        if self.twin is None:
            return ""
        answer = f"支部说明：{self.twin.answer}。" if self.twin.answer else "支部未作说明。"
        return f"第{self.place}张图片与{self.twin.other}{self.twin.how}。{answer}"


def beside(filing: Filing, pictures: Iterable[int], access: Access, now: datetime) -> dict[int, Beside]:
    """What is said beside these pictures (ids, in the order shown), for this reader; three statements at most."""
    order = list(pictures)
    rows = Picture.objects.filter(pk__in=order, filing=filing.pk).select_related("twin__filing__branch")
    by_pk = {row.pk: row for row in rows}
    twins = [row.twin for row in by_pk.values() if row.twin is not None]
    places = _places({twin.filing_id for twin in twins})
    seen = set(
        Filing.objects.visible_to(access).filter(pk__in={twin.filing_id for twin in twins}).values_list("pk", flat=True)
        if twins else ()
    )  # fmt: skip
    day = _day_of(filing)
    found = {}
    for place, pk in enumerate(order, 1):
        row = by_pk.get(pk)
        if row is not None:
            found[pk] = Beside(
                place=place,
                taken=_taken(row.taken_at, now),
                hint=_hint(row.taken_at, day),
                twin=_twin(filing, row, seen, places, access),
            )
    return found


def _twin(filing: Filing, row: Picture, seen: set[int], places: Mapping[int, int], access: Access) -> Twin | None:
    other = row.twin
    if other is None or other.removed_at or other.filing.state == Filing.State.DISCARDED:
        return None
    theirs = other.filing
    own = theirs.branch_id is not None and theirs.branch_id == filing.branch_id
    if theirs.pk not in seen:
        words, url = ("本支部的另一份记录" if own else "其他支部的一份记录"), ""
    elif filing.committee_id in access.office_of:
        whose = theirs.branch.name if theirs.branch else theirs.committee.name
        number = f"（{theirs.receipt}）" if theirs.receipt else ""
        nth = f"第{places[other.pk]}张" if other.pk in places else ""
        words, url = f"{whose}《{theirs.title}》{number}{nth}", theirs.get_absolute_url()
    else:
        words, url = f"{'本支部' if own else ''}《{theirs.title}》", theirs.get_absolute_url()
    return Twin(same=other.sha256 == row.sha256, other=words, url=url, answer=row.twin_answer)


def _places(filings: set[int]) -> dict[int, int]:
    """Which picture of its record each one is, counted from 1."""
    if not filings:
        return {}
    found: dict[int, int] = {}
    counts: dict[int, int] = {}
    for pk, filing in Picture.objects.shown().filter(filing__in=filings).values_list("pk", "filing"):
        counts[filing] = found[pk] = counts.get(filing, 0) + 1
    return found


def _day_of(filing: Filing) -> date | None:
    """The day of what the record is about; a plan has none."""
    record = filing.record
    day = getattr(record, "held_on", None) or getattr(record, "done_on", None)
    return day if isinstance(day, date) else None


def _taken(taken_at: datetime | None, now: datetime) -> str:
    if taken_at is None:
        return ""
    at = localtime(taken_at)
    year = "" if at.year == localtime(now).year else f"{at.year}年"
    return f"拍摄于{year}{at:%-m月%-d日%H:%M}"


def _hint(taken_at: datetime | None, day: date | None) -> str:
    return "与活动时间不同天" if taken_at and day and localtime(taken_at).date() != day else ""


def answer(picture: Picture, words: str, access: Access) -> bool:
    """Keep what the branch says to the question; False where the record lies elsewhere or nothing was asked."""
    with audit.act(access, audit.Kind.WRITE, "说明相同图片", picture.filing):
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=picture.filing_id)
        if not may_edit(access, filing):
            return False
        return bool(
            Picture.objects.filter(pk=picture.pk, removed_at__isnull=True, twin__isnull=False).update(
                twin_answer=words[:120]
            )
        )


def with_words(pictures: Sequence[Picture], filing: Filing, access: Access, now: datetime) -> list[Picture]:
    """The pictures of a record being written, each with `beside`: when it was taken, and the question about it."""
    said = beside(filing, [picture.pk for picture in pictures], access, now) if pictures else {}
    for picture in pictures:
        picture.beside = said.get(picture.pk)  # type: ignore[attr-defined]
    return list(pictures)
