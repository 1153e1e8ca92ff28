"""Dates, deadlines and standings read the same on every page, as an office writes them."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from branches.templatetags import portal

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2018, 7, 9, 9, 14, tzinfo=SHANGHAI)


def moment(month: int, day: int, hour: int = 0, minute: int = 0, *, year: int = 2018) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


def draw(source: str, **context: object) -> str:
    return Template("{% load portal %}" + source).render(Context({"now": NOW, **context}))


def text_of(html: str) -> str:
    """The words a reader meets, without the tags."""
    words, inside = [], False
    for character in html:
        inside = character == "<" or (inside and character != ">")
        if not inside and character != ">":
            words.append(character)
    return "".join(words).strip()


# Dates


def test_a_date_of_this_year_is_written_without_its_year():
    assert portal.cn_date(date(2018, 7, 11), NOW) == "7月11日（周三）"


def test_a_date_of_another_year_is_written_with_its_year():
    assert portal.cn_date(date(2017, 7, 11), NOW) == "2017年7月11日（周二）"
    assert portal.cn_day(date(2019, 1, 1), NOW) == "2019年1月1日"


@pytest.mark.parametrize(("day", "word"), list(enumerate("一二三四五六日", start=9)))
def test_each_day_of_the_week_has_its_own_word(day: int, word: str):
    assert portal.cn_date(date(2018, 7, day), NOW) == f"7月{day}日（周{word}）"


def test_a_moment_is_told_in_shanghai_time_wherever_it_was_stored():
    stored = datetime(2018, 7, 10, 16, 30, tzinfo=ZoneInfo("UTC"))
    assert portal.cn_date(stored, NOW) == "7月11日（周三）"
    assert portal.cn_time(stored) == "00:30"
    assert portal.cn_moment(moment(7, 12, 9, 14), NOW) == "7月12日 09:14"


def test_the_year_now_is_the_year_in_shanghai():
    new_year_in_shanghai = datetime(2018, 12, 31, 16, 30, tzinfo=ZoneInfo("UTC"))
    assert portal.cn_day(date(2019, 1, 2), new_year_in_shanghai) == "1月2日"


def test_a_bare_time_keeps_its_two_digits():
    assert portal.cn_time(time(9, 5)) == "09:05"


def test_nothing_is_written_where_nothing_is_known():
    filters = (portal.cn_date, portal.cn_day, portal.cn_moment, portal.due_by, portal.due_in, portal.due_words)
    assert [one(None, NOW) for one in filters] == [""] * len(filters)
    assert portal.cn_time(None) == ""


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError):
        portal.cn_date(datetime(2018, 7, 11, 9, 0), NOW)


def test_a_span_names_its_second_day_only_where_it_is_another_one():
    start = moment(7, 11, 19, 30)
    assert portal.cn_span(start, moment(7, 11, 21), NOW) == "7月11日（周三）19:30–21:00"
    assert portal.cn_span(start, moment(7, 12, 8), NOW) == "7月11日（周三）19:30至7月12日（周四）08:00"
    assert portal.cn_span(start, None, NOW) == "7月11日（周三）19:30"


# Deadlines


def test_an_exclusive_midnight_reads_as_the_end_of_the_day_before():
    assert portal.due_by(moment(7, 12), NOW) == "7月11日24:00前"


def test_a_deadline_within_a_day_keeps_its_clock():
    assert portal.due_by(moment(7, 11, 17), NOW) == "7月11日17:00前"


def test_the_end_of_the_year_belongs_to_the_old_year():
    assert portal.due_by(moment(1, 1, year=2019), NOW) == "12月31日24:00前"
    assert portal.due_by(moment(1, 2, year=2019), NOW) == "2019年1月1日24:00前"


@pytest.mark.parametrize(
    ("due_at", "words"),
    [
        (moment(7, 13), "还有3天 · 7月12日24:00前"),
        (moment(7, 11), "还有1天 · 7月10日24:00前"),
        (moment(7, 10), "今天24:00前"),
        (moment(7, 9, 17), "今天17:00前"),
        (moment(7, 9, 9, 14), "逾期1天"),
        (moment(7, 9), "逾期1天"),
        (moment(7, 8), "逾期2天"),
    ],
)
def test_a_deadline_is_told_from_today(due_at: datetime, words: str):
    assert portal.due_words(due_at, NOW) == words


def test_the_last_moment_is_in_time_and_the_next_is_not():
    due_at = moment(7, 12)
    assert portal.days_late(due_at, due_at - timedelta(microseconds=1)) == 0
    assert portal.due_words(due_at, due_at - timedelta(microseconds=1)) == "今天24:00前"
    assert portal.days_late(due_at, due_at) == 1


def test_days_late_grow_by_one_at_each_midnight():
    due_at = moment(7, 12)
    late = [portal.days_late(due_at, due_at + timedelta(hours=hours)) for hours in (0, 23, 24, 47, 48)]
    assert late == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("due_at", "tone", "words"),
    [
        (moment(7, 8), "late", "逾期2天 · 7月7日24:00前"),
        (moment(7, 10), "soon", "今天24:00前"),
        (moment(7, 13), "soon", "还有3天 · 7月12日24:00前"),
        (moment(7, 14), "plain", "还有4天 · 7月13日24:00前"),
    ],
)
def test_a_deadline_has_its_tone_and_always_its_words(due_at: datetime, tone: str, words: str):
    html = draw("{% due due_at now %}", due_at=due_at)
    assert f'class="due due-{tone}"' in html
    assert text_of(html) == words


def test_a_deadline_carries_its_instant_for_machines():
    stored = moment(7, 13).astimezone(ZoneInfo("UTC"))
    assert 'datetime="2018-07-13T00:00:00+08:00"' in draw("{% due due_at now %}", due_at=stored)


# Standing


LABELS = {
    "not_due": "未到期",
    "todo": "待办",
    "draft": "草稿",
    "filed": "已报送",
    "sent_back": "退回补正",
    "received": "已备案",
    "approved": "已审定",
    "kept": "已留存",
    "overdue": "逾期",
    "waived": "免",
}


@pytest.mark.parametrize(("code", "label"), LABELS.items())
def test_each_standing_is_a_word_and_a_sign(code: str, label: str):
    html = draw("{% standing code %}", code=code)
    assert portal.STANDINGS[code].sign
    assert text_of(html) == portal.STANDINGS[code].sign + label


def test_there_are_no_standings_beside_the_ten():
    assert list(portal.STANDINGS) == list(LABELS)


def test_standings_of_one_tone_differ_by_sign_or_by_word():
    assert len({(one.tone, one.sign, one.label) for one in portal.STANDINGS.values()}) == len(LABELS)


def test_an_overdue_standing_says_its_days():
    assert text_of(draw('{% standing "overdue" days=2 %}')) == "▲逾期2天"
    assert text_of(draw('{% standing "todo" text="还有3天" %}')) == "●还有3天"


def test_a_late_filing_stays_marked_beside_its_standing():
    assert text_of(draw('{% standing "received" late=True %}')) == "✓已备案 补报"
    assert "补报" not in draw('{% standing "received" %}')


def test_an_unknown_standing_is_an_error_not_an_empty_chip():
    with pytest.raises(KeyError):
        draw('{% standing "done" %}')


def test_an_overdue_line_counts_its_own_days():
    html = draw('{% line "6月主题党日" now due_at=due_at code="overdue" %}', due_at=moment(7, 8))
    assert "逾期2天" in html
    assert html.count("逾期") == 1


def test_a_line_button_is_named_after_its_thing():
    html = draw('{% line "支委会" now action_url="/x/" action_label="记录" %}')
    assert text_of(html).endswith("记录：支委会")


def test_a_board_cell_says_its_sentence_and_counts_only_several():
    several = draw('{% board_cell "overdue" "集体学习：2项" count=2 url="/x/" %}')
    assert text_of(several) == "▲2集体学习：2项"
    assert 'href="/x/"' in several
    assert text_of(draw('{% board_cell "todo" "1项" count=1 %}')) == "●1项"


def test_the_legend_explains_every_sign_of_the_board():
    words = text_of(draw("{% legend %}"))
    assert all(one.sign in words and one.label in words for one in portal.STANDINGS.values())


# Tables


COLUMNS = [{"label": "党支部", "kind": "head"}, {"label": "应办", "kind": "number"}, {"label": "状态"}]


def test_every_cell_of_a_table_knows_its_column_for_the_phone():
    rows = [{"cells": ["离退休处党支部", 41, {"standing": "received", "text": "", "late": True}]}]
    html = draw('{% data_table "办理情况" columns rows %}', columns=COLUMNS, rows=rows)
    assert all(f'data-label="{column["label"]}"' in html for column in COLUMNS)
    assert "已备案" in html
    assert "补报" in html


def test_a_row_that_does_not_fit_its_columns_is_refused():
    with pytest.raises(ValueError):
        draw('{% data_table "办理情况" columns rows %}', columns=COLUMNS, rows=[{"cells": ["离退休处党支部"]}])


def test_an_empty_table_says_so():
    html = draw('{% data_table "办理情况" columns rows empty="本月没有报送。" %}', columns=COLUMNS, rows=[])
    assert "<table" not in html
    assert "本月没有报送。" in html


def test_what_people_wrote_is_never_markup():
    rows = [{"cells": ["<b>x</b>", 1, {"text": "<i>", "url": "/x/"}]}]
    html = draw('{% data_table "t" columns rows %}', columns=COLUMNS, rows=rows)
    assert "<b>" not in html
    assert "<i>" not in html


def test_the_clock_of_these_tests_is_the_portals():
    assert timezone.get_default_timezone_name() == "Asia/Shanghai"
