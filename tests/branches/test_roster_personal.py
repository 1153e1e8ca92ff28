"""ID numbers, phones, retirement and mobile members in a roster: read, masked, sealed, and gone when not needed."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse

from branches import personal
from branches.models import Member, RosterImport
from branches.roster_jobs import purge
from documents.workbook import read
from tests.branches.test_roster import (
    HEADER,
    NEWCOMER,
    book,
    changes,
    commit,
    download,
    imported,
    planned,
    problems,
    upload,
)  # fmt: skip
from tests.conftest import PASSWORD, at

TODAY = date(2018, 6, 20)
MORE = ("是否离退休", "离退休日期", "是否流动党员", "外出流向", "公民身份号码", "手机号码")
ID, PHONE = "11010519491231002X", "13800001234"
OTHER_ID = "61010219700307123" + personal.check_character("61010219700307123")


@pytest.fixture(autouse=True)
def _today(clock):
    clock("2018-06-20 10:00")


def plan_of(world, *rows: dict[str, object]):
    """The plan of rows that give only these further columns; 工号 may be given, else it is the newcomer's."""
    lines = [
        (one.get("工号", "z9"), *NEWCOMER[1:], *(one.get(title) for title in MORE)) for one in rows
    ]  # fmt: skip
    return planned(world, *lines, header=(*HEADER, *MORE))


def test_an_id_number_and_a_phone_are_shown_masked_kept_sealed_and_the_same_twice(world):
    values = ("z9", *NEWCOMER[1:], None, None, None, None, ID, PHONE)
    plan = planned(world, values, header=(*HEADER, *MORE))
    assert ("公民身份号码", "", "110*************2X") in changes(plan)
    assert ("手机号码", "", "138****1234") in changes(plan)
    imported(world, values, header=(*HEADER, *MORE))
    member = Member.objects.get(staff_number="z9")
    assert personal.reveal(member, "id_number") == ID
    assert personal.reveal(member, "phone") == PHONE
    assert not {ID, PHONE} & set(map(str, Member.objects.filter(pk=member.pk).values_list()[0]))
    assert planned(world, values, header=(*HEADER, *MORE)).counts["unchanged"] == 1
    cleared = ("z9", *NEWCOMER[1:], None, None, None, None, "无", None)
    assert changes(planned(world, cleared, header=(*HEADER, *MORE))) == [("公民身份号码", "110*************2X", "")]
    imported(world, cleared, header=(*HEADER, *MORE))
    member.refresh_from_db()
    assert (member.id_number_sealed, personal.reveal(member, "phone")) == ("", PHONE)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (110105194912310000, ["被Excel当作数字", "设为“文本”格式"]),
        (1.10105194912e17, ["被Excel当作数字", "设为“文本”格式"]),
        ("1.10105E+17", ["被Excel当作数字", "设为“文本”格式"]),
        ("110105194912310000", ["被Excel当作数字", "设为“文本”格式"]),
        ("110105194912310021", ["最后一位与前17位对不上", "对照身份证核对"]),
        ("110105491231002", ["15位的旧号码", "填写18位"]),
        ("=A1", ["不是号码"]),
    ],
)
def test_a_number_that_excel_damaged_is_refused_with_the_cure_and_without_the_number(world, written, words):
    said = problems(plan_of(world, {"公民身份号码": written}))
    for word in words:
        assert word in said
    assert "1101051949" not in said


def test_a_number_of_somebody_else_is_refused_and_a_shared_phone_is_said(world):
    personal.set_personal(member := world.member("member"), id_number=ID, phone=PHONE)
    member.save()
    plan = plan_of(world, {"公民身份号码": ID, "手机号码": PHONE})
    assert "这个号码已登记在另一名党员名下" in problems(plan)
    assert any("这个号码已登记在另一名党员名下，请核对" in note for note in plan.rows[0].notes)
    plan = plan_of(world, {"公民身份号码": OTHER_ID}, {"工号": "z8", "公民身份号码": OTHER_ID})
    assert [one.status for one in plan.rows] == ["error", "error"]
    assert "与第3行的号码相同" in problems(plan)
    assert "李强" not in problems(plan)


def test_a_merged_entry_s_number_leads_to_the_other(world):
    Member.objects.filter(pk=world.member("deputy").pk).update(merged_into=world.member("member"))
    plan = planned(world, ("18002", "周敏", "教务处党支部"), header=HEADER[:3])
    assert "工号 18002 已并入工号 18004" in problems(plan)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"是否离退休": "是", "离退休日期": "2018.6.1"}, [("离退休日期", "", "2018-06-01")]),
        ({"离退休日期": "2018.6.1"}, [("离退休日期", "", "2018-06-01")]),
        ({"是否离退休": "否"}, []),
        ({"是否流动党员": "是", "外出流向": "陕西省榆林市"},
         [("流动党员，自", "", "2018-06-20"), ("外出流向", "", "陕西省榆林市")]),
        ({"是否流动党员": "否"}, []),
    ],
)  # fmt: skip
def test_who_is_retired_or_away_is_read(world, values, told):
    plan = plan_of(world, values)
    assert not problems(plan)
    assert [one for one in changes(plan) if one[0] in ("离退休日期", "流动党员，自", "外出流向")] == told


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"是否离退休": "是"}, "已离退休，没有离退休日期"),
        ({"是否离退休": "是", "离退休日期": "2018.7.1"}, "离退休日期 2018-07-01 还没有到"),
        ({"是否离退休": "否", "离退休日期": "2018.6.1"}, "却写着没有离退休"),
        ({"外出流向": "陕西省榆林市"}, "却没有写明是流动党员"),
        ({"是否流动党员": "否", "外出流向": "陕西省榆林市"}, "却没有写明是流动党员"),
        ({"是否流动党员": "大概"}, "不是“是”或“否”"),
    ],
)
def test_what_does_not_fit_together_is_refused(world, values, word):
    assert word in problems(plan_of(world, values))


def test_who_comes_back_is_neither_retired_nor_away(world):
    Member.objects.filter(pk=world.member("member").pk).update(
        retired_on=date(2018, 1, 1), mobile_from_on=date(2018, 1, 1), mobile_place="西安"
    )
    header = ("工号", "姓名", "党支部", "是否离退休", "是否流动党员")
    imported(world, ("18004", "李强", "教务处党支部", "否", "否"), header=header)
    member = Member.objects.get(staff_number="18004")
    assert (member.retired_on, member.mobile_from_on, member.mobile_place) == (None, None, "")


# ---------------------------------------------------------------------------------------------------- what is kept


def personal_file() -> bytes:
    wrong = ("z8", "林北", "没有的支部", *NEWCOMER[3:], None, None, None, None, None, None)
    return book((*NEWCOMER, None, None, None, None, ID, PHONE), wrong, header=(*HEADER, *MORE))


def test_what_was_uploaded_is_kept_sealed_and_emptied_when_it_is_written(world, login):
    client = login("office")
    upload(client, book((*NEWCOMER, None, None, None, None, ID, PHONE), header=(*HEADER, *MORE)))
    record = RosterImport.objects.get()
    kept = json.dumps(RosterImport.objects.values("cells", "columns", "rows", "trouble").get(), ensure_ascii=False)
    for secret in (ID, PHONE, "林溪", "2010"):
        assert secret not in kept
    page = client.get(record.get_absolute_url()).content.decode()
    assert "110*************2X" in page
    assert ID not in page
    assert PHONE not in page
    commit(client, record)
    record.refresh_from_db()
    assert (record.cells, set(record.rows)) == ({}, {"effective_on", "counts"})


def test_the_export_has_neither_number(world, login):
    personal.set_personal(member := world.member("member"), id_number=ID, phone=PHONE)
    member.save()
    data = download(login("office"), "roster_export")
    texts = {cell.text for line in read(data).rows for cell in line}
    assert "李强" in texts
    assert not {ID, PHONE, "公民身份号码", "手机号码"} & texts


def test_the_office_s_own_numbers_come_back_only_after_the_password(world, login):
    client = login("office")
    upload(client, personal_file())
    record = RosterImport.objects.get()
    address = reverse("branches:roster_errors", args=[record.pk])
    asked = client.get(address)
    assert asked.status_code == 302
    assert asked.headers["Location"].startswith(reverse("branches:sudo"))
    client.post(asked.headers["Location"], {"password": PASSWORD})
    data = download(client, "roster_errors", record.pk)
    assert ID in {cell.text for line in read(data).rows for cell in line}


def test_uploads_are_emptied_after_thirty_days_once(world, login, capsys):
    client = login("office")
    upload(client, personal_file())
    record = RosterImport.objects.get()
    old = RosterImport.objects.create(
        committee=world.committee, file_name="早先.xlsx", uploaded_by=world.users["office"],
        uploaded_at=at("2018-06-19"),
        rows={"effective_on": "2018-06-19", "reading": {"lines": [[2, {"name": ["text", "林溪"]}]]}},
    )  # fmt: skip
    assert purge(record.uploaded_at + timedelta(days=30, seconds=-1)) == 1  # the one that was kept unsealed
    old.refresh_from_db()
    assert old.rows == {"effective_on": "2018-06-19"}
    record.refresh_from_db()
    assert record.cells
    assert purge(record.uploaded_at + timedelta(days=30)) == 1
    assert purge(record.uploaded_at + timedelta(days=30)) == 0
    record.refresh_from_db()
    assert (record.cells, record.rows) == ({}, {"effective_on": "2018-06-20"})
    page = client.get(record.get_absolute_url()).content.decode()
    assert "上传满30天仍未写入的，内容会清除" in page
    assert client.get(reverse("branches:roster_errors", args=[record.pk])).status_code == 302
    assert "上传的内容已清除" in commit(client, record, mark="x").content.decode()
    call_command("purge_imports")
    assert "清除了0次上传的内容" in capsys.readouterr().out
