"""The holiday notice: read as it is written, refused where it is not clear, kept once, and where it is missing."""

from __future__ import annotations

from datetime import date

import pytest

from branches.models import AuditEvent, Committee
from plan.models import Plan, SpecialDay
from plan.notices import read_notice
from plan.workdays import noticed, unknown_years
from tests.conftest import ROOT, World, at

PAGE = "/workdays/notice/"
# The notice for 2024, in its own words.
OF_2024 = """一、元旦：1月1日放假，与周末连休。
二、春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。鼓励各单位结合带薪年休假等制度落实，安排职工在除夕（2月9日）休息。
三、清明节：4月4日至6日放假调休，共3天。4月7日（星期日）上班。
四、劳动节：5月1日至5日放假调休，共5天。4月28日（星期日）、5月11日（星期六）上班。
五、端午节：6月10日放假，与周末连休。
六、中秋节：9月15日至17日放假调休，共3天。9月14日（星期六）上班。
七、国庆节：10月1日至7日放假调休，共7天。9月29日（星期日）、10月12日（星期六）上班。"""


def test_a_notice_in_its_own_words_gives_the_days_that_the_maintained_calendar_has() -> None:
    read = read_notice(OF_2024, 2024)
    assert (read.errors, read.doubts) == ([], [])
    there = {one.day: one.works for one in noticed(2024)}
    # The calendar names the weekend beside a single day's holiday too; on every day that both name they agree.
    assert {one.day: one.works for one in read.days} == {one.day: there[one.day] for one in read.days}
    assert {day for day, works in there.items() if works} == {one.day for one in read.days if one.works}
    assert len(read.days) == 36


def test_a_holiday_may_begin_in_the_year_before_and_two_may_be_one() -> None:
    read = read_notice(
        "元旦：2022年12月31日至2023年1月2日放假调休，共3天。\n中秋节、国庆节：9月29日至10月6日放假调休。", 2023
    )
    assert read.errors == []
    assert (read.days[0].day, read.days[2].day) == (date(2022, 12, 31), date(2023, 1, 2))
    assert {one.name for one in read.days} == {"元旦", "中秋节、国庆节"}
    assert read.doubts[0] == "没有写到春节、清明节、劳动节、端午节，请核对通知全文。"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("明年放假", "没有读到节日"), ("元旦：放假三天。", "“元旦”没有读到日期"),
        ("春节：2月30日放假。", "不是有效的日期"), ("春节：2月17日至10日放假。", "起止不对"),
        ("春节：2月1日至28日放假。", "最多15天"), ("春节：2023年2月10日放假。", "不在2024年"),
        ("元旦：1月1日放假。\n春节：1月1日上班。", "说法不一"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_nothing_guessed(text: str, sentence: str) -> None:
    assert sentence in "".join(read_notice(text, 2024).errors)


def test_a_working_day_named_as_worked_is_doubted() -> None:
    assert "2月5日是周一，本来就上班，请核对。" in read_notice("春节：2月5日上班。", 2024).doubts


def test_the_next_year_is_asked_about_when_its_notice_can_be_there() -> None:
    assert unknown_years(at("2018-11-30 10:00")) == []
    assert unknown_years(at("2030-10-31 23:59")) == [2030]
    assert unknown_years(at("2030-11-01 00:00")) == [2030, 2031]


# The page


@pytest.fixture
def office(issued: World, login, clock):
    clock("2030-11-09 10:00")
    return login("office")


OF_2031 = "元旦：1月1日放假。\n春节：1月23日至29日放假调休，共7天。1月19日（星期日）、2月1日（星期六）上班。"


@pytest.mark.django_db
def test_what_was_read_is_shown_first_and_kept_when_confirmed_once(office, issued: World) -> None:
    given = {"year": "2031", "text": OF_2031}
    shown = office.post(PAGE, given | {"action": "keep"})
    assert (shown.status_code, SpecialDay.objects.count()) == (200, 0)
    assert "1月23日–29日" in shown.content.decode()
    kept = given | {"action": "keep", "read": shown.context["read"]}
    for _ in range(2):
        assert office.post(PAGE, kept)["Location"] == "/workdays/?year=2031"
    assert SpecialDay.objects.filter(committee=issued.committee).count() == 10
    assert set(SpecialDay.objects.filter(works=True).values_list("day", flat=True)) == {
        date(2031, 1, 19), date(2031, 2, 1)
    }  # fmt: skip
    event = AuditEvent.objects.get(what="工作日历：填写放假通知")
    assert event.detail == {"year": "2031", "count": "10"}


@pytest.mark.django_db
def test_a_text_changed_after_reading_is_read_back_before_it_is_kept(office) -> None:
    read = office.post(PAGE, {"year": "2031", "text": OF_2031}).context["read"]
    changed = {"year": "2031", "text": "元旦：1月1日至3日放假。", "action": "keep", "read": read}
    assert office.post(PAGE, changed).status_code == 200
    assert not SpecialDay.objects.exists()


@pytest.mark.django_db
def test_what_the_office_set_otherwise_is_told_and_not_overwritten(office, issued: World) -> None:
    SpecialDay.objects.create(
        committee=issued.committee, day=date(2031, 1, 23), works=True, name="值班", set_at=at("2030-11-01 10:00"),
        set_by=issued.users["office"],
    )  # fmt: skip
    answer = office.post(PAGE, {"year": "2031", "text": OF_2031})
    assert answer.status_code == 422
    assert "1月23日已填为“值班”上班，与通知相反，请先在日历中删去。" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [{"year": ""}, {"year": "9" * 5000}, {"year": "1"}, {"text": ""}, {"text": "长" * 4001}, {"text": "a\x00b"},
     {"text": "元旦：1月" + "9" * 3000 + "日放假。"}],
)  # fmt: skip
def test_bad_input_is_said_and_nothing_is_written(office, wrong: dict[str, str]) -> None:
    assert office.post(PAGE, {"year": "2031", "text": OF_2031} | wrong).status_code == 422
    assert not SpecialDay.objects.exists()


# Where it is missing


@pytest.mark.django_db
def test_a_plan_for_a_year_without_holidays_says_so_before_it_is_issued(office, issued: World) -> None:
    from plan.editing import with_year

    toml = with_year((ROOT / "plan/2018.toml").read_text(encoding="utf-8"), 2031)
    draft = Plan.objects.begin(
        committee=issued.committee, at=at("2030-11-09 10:00"), toml=toml,
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"),
    )  # fmt: skip
    for page in ("preview", "settings"):
        assert "2031年的放假安排还没有" in office.get(f"/plans/{draft.pk}/{page}/").content.decode()
    top = Committee.objects.create(name="校党委", short_name="校党委", code="校党委")
    Committee.objects.filter(pk=issued.committee.pk).update(parent=top)
    SpecialDay.objects.create(
        committee=top, day=date(2031, 1, 1), works=False, name="元旦", set_at=at("2030-11-09 10:00"),
        set_by=issued.users["office"],
    )  # fmt: skip
    assert "放假安排还没有" not in office.get(f"/plans/{draft.pk}/preview/").content.decode()


@pytest.mark.django_db
def test_an_entry_is_changed_in_one_step_and_what_the_notice_says_stays_in_view(office, issued: World) -> None:
    summer = {"from_on": "2018-09-24", "until_on": "2018-09-30", "works": "0", "name": "校庆"}
    office.post("/workdays/", summer)
    page = office.get("/workdays/?year=2018").content.decode()
    assert "放假通知是国庆节上班" in page
    edit = "/workdays/?year=2018&edit=2018-09-24_2018-09-30"
    assert 'value="校庆"' in office.get(edit).content.decode()
    assert office.post(edit, summer | {"until_on": "2018-09-26", "name": "运动会"}).status_code == 302
    assert set(SpecialDay.objects.values_list("name", flat=True)) == {"运动会"}
    assert SpecialDay.objects.count() == 3
    assert AuditEvent.objects.latest("seq").what == "工作日历：改为放假"
    for nonsense in ("x", "2018-09-24_9999-99-99", "2018-09-24_2018-09-30", "_", "9" * 5000):
        assert office.get(f"/workdays/?year=2018&edit={nonsense}").context["editing"] is False
