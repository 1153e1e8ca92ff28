"""The words and signs every page shares: dates as an office writes them, deadlines, standings, icons.

Time is always an argument, as in ``{{ duty.due_at|due_words:now }}``, so that a page can be drawn as of any moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

SPRITE = "vendor/bootstrap-icons/bootstrap-icons.svg"
WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Standing:
    """How one duty or filing stands, as word, sign and tone; the sign carries what the colour says."""

    label: str
    sign: str
    tone: str


STANDINGS: dict[str, Standing] = {
    "not_due": Standing("未到期", "○", "quiet"),
    "todo": Standing("待办", "●", "soon"),
    "draft": Standing("草稿", "◐", "plain"),
    "filed": Standing("已报送", "↑", "plain"),
    "sent_back": Standing("退回补正", "↩\ufe0e", "soon"),
    "received": Standing("已备案", "✓", "done"),
    "approved": Standing("已审定", "✓", "done"),
    "kept": Standing("已留存", "✓", "done"),
    "overdue": Standing("逾期", "▲", "late"),
    "waived": Standing("免", "–", "quiet"),
}
LATE_MARK = "补报"


# Dates and moments


def local_date(value: date | datetime) -> date:
    """The calendar day of a date or of an aware moment, in the portal's time zone."""
    if isinstance(value, datetime):
        return timezone.localtime(value).date()
    return value


def day_words(day: date, today: date) -> str:
    """``7月11日``, with the year in front only where it is not the year of ``today``."""
    words = f"{day.month}月{day.day}日"
    return words if day.year == today.year else f"{day.year}年{words}"


@register.filter
def cn_date(value: date | datetime | None, now: datetime) -> str:
    """``7月11日（周三）``; ``2017年7月11日（周二）`` in another year than ``now``; empty for None."""
    if value is None:
        return ""
    day = local_date(value)
    return f"{day_words(day, local_date(now))}（周{WEEKDAYS[day.weekday()]}）"


@register.filter
def cn_day(value: date | datetime | None, now: datetime) -> str:
    """``7月11日`` without the weekday, for narrow places; empty for None."""
    return "" if value is None else day_words(local_date(value), local_date(now))


@register.filter
def cn_time(value: time | datetime | None) -> str:
    """``19:30``, in the portal's time zone; empty for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = timezone.localtime(value).time()
    return f"{value:%H:%M}"


@register.filter
def cn_moment(value: datetime | None, now: datetime) -> str:
    """``7月12日 09:14``, for what was done; empty for None."""
    return "" if value is None else f"{cn_day(value, now)} {cn_time(value)}"


def whole_moment(value: datetime) -> str:
    """``2018年7月12日 09:14``, for what is printed or kept as a file and read in another year."""
    day = local_date(value)
    return f"{day.year}年{day.month}月{day.day}日 {cn_time(value)}"


@register.simple_tag
def cn_span(start: datetime, end: datetime | None, now: datetime) -> str:
    """``7月11日（周三）19:30–21:00``; the second day is named only where it is another one."""
    words = f"{cn_date(start, now)}{cn_time(start)}"
    if end is None:
        return words
    if local_date(end) == local_date(start):
        return f"{words}–{cn_time(end)}"
    return f"{words}至{cn_date(end, now)}{cn_time(end)}"


# Deadlines: one exclusive instant, so that 07-12T00:00 is the end of 7月11日


def last_day(due_at: datetime) -> date:
    """The last calendar day on which something due before the exclusive instant ``due_at`` is in time."""
    return (timezone.localtime(due_at) - timedelta(microseconds=1)).date()


def due_clock(due_at: datetime) -> str:
    """The clock a deadline is read by: ``24:00`` for an exclusive midnight, else ``17:00``."""
    local = timezone.localtime(due_at)
    return "24:00" if local.time() == time.min else f"{local:%H:%M}"


def days_left(due_at: datetime, now: datetime) -> int:
    """Calendar days from the day of ``now`` to the last day: 0 on that day itself; negative once it is past."""
    return (last_day(due_at) - local_date(now)).days


def days_late(due_at: datetime, now: datetime) -> int:
    """Days overdue at ``now``, every day begun counting as one; 0 while ``now`` is before the deadline."""
    return 0 if now < due_at else max(1, -days_left(due_at, now))


@register.filter
def due_by(due_at: datetime | None, now: datetime) -> str:
    """The absolute half: ``7月11日24:00前``; empty for None."""
    if due_at is None:
        return ""
    return f"{day_words(last_day(due_at), local_date(now))}{due_clock(due_at)}前"


@register.filter
def due_in(due_at: datetime | None, now: datetime) -> str:
    """The relative half: ``还有3天``, ``今天24:00前``, ``逾期2天``; empty for None."""
    if due_at is None:
        return ""
    if late := days_late(due_at, now):
        return f"逾期{late}天"
    left = days_left(due_at, now)
    return f"还有{left}天" if left else f"今天{due_clock(due_at)}前"


@register.filter
def due_words(due_at: datetime | None, now: datetime) -> str:
    """Both halves: ``还有3天 · 7月11日24:00前``; on the last day ``今天24:00前``; once past only ``逾期2天``."""
    if due_at is None:
        return ""
    if now < due_at and days_left(due_at, now) > 0:
        return f"{due_in(due_at, now)} · {due_by(due_at, now)}"
    return due_in(due_at, now)


@register.inclusion_tag("components/due.html")
def due(due_at: datetime, now: datetime, soon_days: int = 3) -> dict[str, Any]:
    """A deadline with its tone: late once past, soon within ``soon_days`` days, else plain."""
    left = days_left(due_at, now)
    tone = "late" if now >= due_at else "soon" if left <= soon_days else "plain"
    return {
        "tone": tone,
        "relative": due_in(due_at, now),
        "absolute": due_by(due_at, now) if tone == "late" or left > 0 else "",
        "due_at": timezone.localtime(due_at),
    }


# Standing


def standing_words(code: str, *, text: str = "", days: int = 0) -> str:
    """The words of a standing: ``text`` if given, ``逾期N天`` for an overdue one with ``days``, else its label.

    Raises KeyError for a code that is not one of ``STANDINGS``.
    """
    if text:
        return text
    if code == "overdue" and days:
        return f"逾期{days}天"
    return STANDINGS[code].label


@register.inclusion_tag("components/standing.html")
def standing(code: str, text: str = "", late: bool = False, days: int = 0) -> dict[str, Any]:
    """The status chip: a word and a sign, never a colour alone; ``late`` adds the lasting mark 补报.

    Raises KeyError for an unknown code.
    """
    known = STANDINGS[code]
    return {
        "code": code,
        "sign": known.sign,
        "tone": known.tone,
        "text": standing_words(code, text=text, days=days),
        "late_mark": LATE_MARK if late else "",
    }


@register.inclusion_tag("components/board_cell.html")
def board_cell(code: str, sentence: str, url: str = "", count: int = 0, late: bool = False) -> dict[str, Any]:
    """One cell of the board: sign, the count where several, and the sentence for pointer and screen reader.

    Raises KeyError for an unknown code.
    """
    known = STANDINGS[code]
    return {
        "sign": known.sign,
        "tone": known.tone,
        "sentence": sentence,
        "url": url,
        "count": count if count > 1 else 0,
        "late_mark": LATE_MARK if late else "",
    }


@register.inclusion_tag("components/legend.html")
def legend() -> dict[str, Any]:
    """What the signs of the board mean, each once, in the order of ``STANDINGS``."""
    return {"standings": list(STANDINGS.values()), "late_mark": LATE_MARK}


@register.inclusion_tag("components/line.html")
def line(
    title: str,
    now: datetime,
    *,
    url: str = "",
    sub: str = "",
    due_at: datetime | None = None,
    code: str = "",
    text: str = "",
    days: int = 0,
    late: bool = False,
    action_url: str = "",
    action_label: str = "",
    primary: bool = False,
) -> dict[str, Any]:
    """One thing to do, inside ``<ul class="lines">``: what, by when, how it stands, and at most one button.

    An overdue line says its days once, in the chip, counted from ``due_at`` unless ``days`` is given.
    """
    if code == "overdue" and due_at is not None and not days:
        days = days_late(due_at, now)
    return {
        "title": title,
        "now": now,
        "url": url,
        "sub": sub,
        "due_at": due_at,
        "code": code,
        "text": text,
        "days": days,
        "late": late,
        "action_url": action_url,
        "action_label": action_label,
        "primary": primary,
    }


# Tables and icons


@register.inclusion_tag("components/data_table.html")
def data_table(
    caption: str,
    columns: Sequence[dict[str, Any]],
    rows: Iterable[dict[str, Any]],
    empty: str = "没有记录。",
    *,
    flow: bool = False,
) -> dict[str, Any]:
    """A table of plain values that becomes cards on a phone.

    ``columns``: ``{"label", "kind"}`` with kind ``text`` (default), ``short`` (kept on one line: a date, a receipt
    number), ``number``, ``named`` or ``head`` (the row's name). With ``flow`` a card's cells run on after each other,
    without their labels, but for ``number`` and ``named``: for values that say themselves what they are.
    ``rows``: ``{"cells": [...]}``, one cell for each column, a cell being a value or ``{"text", "url", "standing",
    "late"}``. Raises ValueError where a row has more or fewer cells than there are columns.
    """
    heads = [{"label": column["label"], "kind": column.get("kind", "text")} for column in columns]
    lines = []
    for row in rows:
        cells = [{"late": False} | (cell if isinstance(cell, dict) else {"text": cell}) for cell in row["cells"]]
        lines.append([{**head, "cell": cell} for head, cell in zip(heads, cells, strict=True)])
    return {"caption": caption, "heads": heads, "lines": lines, "empty": empty, "flow": flow}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative icon from the local sprite; the word beside it says what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', static(SPRITE), name
    )
