"""ID numbers and phones: what is taken and what is refused, how much is shown, what the database keeps of them."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from datetime import date

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from branches import secrets
from branches.models import Member
from branches.personal import (
    Unusable,
    check_character,
    mask_id_number,
    mask_phone,
    masked,
    read_id_number,
    read_phone,
    reveal,
    set_personal,
    with_value,
)
from tests.conftest import ROOT

TODAY = date(2018, 7, 4)
GOOD = "610102197503051234"
MOBILE = "13891234567"

# ------------------------------------------------------------------------------------------------- reading ID numbers

TAKEN = [
    ("11010519491231002X", "11010519491231002X"),
    ("11010519491231002x", "11010519491231002X"),
    ("440524188001010014", None),  # a birth year of 18xx
    ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
    (" 110105 19491231 002X ", "11010519491231002X"),
    ("'11010519491231002X", "11010519491231002X"),
    ("110105-19491231-002X", "11010519491231002X"),
    ("110105\u200b19491231002X", "11010519491231002X"),
    ("", ""),
    ("  ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), TAKEN, ids=lambda value: repr(value))
def test_an_id_number_is_read_however_it_was_typed(text, found):
    if found is None:
        with pytest.raises(Unusable, match="19或20"):
            read_id_number(text, TODAY)
    else:
        assert read_id_number(text, TODAY) == found


def numbered(first: str) -> str:
    return first + check_character(first)


REFUSED = [
    ("6.10103E+17", "Excel"),
    ("6.1010319700101E17", "Excel"),
    ("6E+17", "Excel"),
    ("610103197001011000", "Excel"),  # the last three digits became zeros and the check no longer holds
    ("110105491231002", "15位"),
    ("11010519491231002", "18位，现在是17位"),
    ("11010519491231002XX", "18位，现在是19位"),
    ("1101051949123100O2X"[:18], "只能是数字"),
    ("11010519491231002Y", "数字或字母X"),
    ("01010519491231002X", "不以0开头"),
    (numbered("11010521491231002"), "19或20"),
    (numbered("99010519491231002"), "省级行政区代码"),
    (numbered("11010519491331002"), "不是真实的日期"),
    (numbered("11010519490230002"), "不是真实的日期"),
    (numbered("11010519000229002"), "不是真实的日期"),  # 1900 was no leap year
    (numbered("11010520180705002"), "还没有到"),
    ("110105194912310021", "对不上"),
    ("110105194912310 02", "18位，现在是17位"),
    ("身份证号码一十八个字在这里写着的数", "18位，现在是17位"),
    ("²10105194912310021"[:18], "对不上"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=lambda value: repr(value))
def test_a_faulty_id_number_is_refused_with_what_is_wrong_and_what_to_do(text, why):
    with pytest.raises(Unusable, match=why) as refused:
        read_id_number(text, TODAY)
    sentence = str(refused.value)
    assert sentence.endswith("。") and "请" in sentence
    assert text.strip() not in sentence, "the number itself is not repeated"


def test_a_number_cell_is_never_taken_for_an_id_number():
    sound = numbered("61010319700101100")
    with pytest.raises(Unusable, match="Excel"):
        read_id_number(GOOD, TODAY, was_number=True)
    assert len(sound) == 18


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999), st.sampled_from(["610102", "110101", "820000"]))
def test_every_number_with_a_right_check_is_taken_and_no_other_check_is(day, serial, area):
    first = f"{area}{day:%Y%m%d}{serial:03d}"
    assert read_id_number(numbered(first), TODAY) == numbered(first)
    for other in set("0123456789X") - {check_character(first)}:
        with pytest.raises(Unusable):
            read_id_number(first + other, TODAY)


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(place, step):
    wrong = GOOD[:place] + str((int(GOOD[place]) + step) % 10) + GOOD[place + 1 :]
    with pytest.raises(Unusable):
        read_id_number(wrong, TODAY)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_read_or_refused_with_a_sentence(text):
    for read in (lambda: read_id_number(text, TODAY), lambda: read_phone(text)):
        try:
            read()
        except Unusable as refused:
            assert str(refused).endswith("。")


# ----------------------------------------------------------------------------------------------------- reading phones


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MOBILE, MOBILE), ("138 9123 4567", MOBILE), ("138-9123-4567", MOBILE), ("１３８９１２３４５６７", MOBILE),
        ("+86 13891234567", MOBILE), ("008613891234567", MOBILE), ("8613891234567", MOBILE),
        ("13891234567.0", MOBILE), ("'13891234567", MOBILE),
        ("029-85385111", "029-85385111"), ("029 85385111", "029-85385111"), ("(029)85385111", "029-85385111"),
        ("（029）８５３８５１１１", "029-85385111"), ("02985385111", "029-85385111"),
        ("029-85385111-802", "029-85385111-802"), ("029-85385111转802", "029-85385111-802"),
        ("029—85385111", "029-85385111"), ("010-62751407", "010-62751407"), ("0912-3891234", "0912-3891234"),
        ("0755-26534000", "0755-26534000"), ("", ""),
    ],
)  # fmt: skip
def test_a_phone_is_read_however_it_was_written(text, found):
    assert read_phone(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1389123456", "11位，现在是10位"), ("138912345678", "11位，现在是12位"), ("12891234567", "13至19"),
        ("10000000000", "13至19"), ("85385111", "区号"), ("3891234", "区号"), ("1.38912E+10", "科学计数法"),
        ("13891234567/13991234567", "只填一个"), ("13891234567，85385111", "只填一个"), ("没有", "只能是数字"),
        ("4008123123", "不是手机号码"), ("029-15385111", "不是手机号码"), ("099", "不是手机号码"),
        ("0000000", "不是手机号码"),
    ],
)  # fmt: skip
def test_a_faulty_phone_is_refused_with_what_is_wrong(text, why):
    with pytest.raises(Unusable, match=why):
        read_phone(text)


# ------------------------------------------------------------------------------------------------------------ masking

MASKED = [
    (mask_id_number, "61010219750305123X", "610*************3X"),
    (mask_id_number, GOOD, "610*************34"),
    (mask_id_number, "11010519491231002X", "110*************2X"),
    (mask_id_number, "820000199001010019", "820*************19"),
    (mask_id_number, "", ""),
    (mask_id_number, "6", "*"),
    (mask_id_number, "61", "**"),
    (mask_id_number, "610", "***"),
    (mask_id_number, "6101", "****"),
    (mask_id_number, "61010", "*****"),
    (mask_id_number, "610102", "******"),
    (mask_id_number, "6101021", "610**21"),
    (mask_id_number, "61010219", "610***19"),
    (mask_id_number, "610102197503051", "610**********51"),
    (mask_id_number, "护照E12345678", "护照E******78"),
    (mask_phone, "13812341234", "138****1234"),
    (mask_phone, MOBILE, "138****4567"),
    (mask_phone, "19900000000", "199****0000"),
    (mask_phone, "", ""),
    (mask_phone, "1", "*"),
    (mask_phone, "12", "**"),
    (mask_phone, "123", "***"),
    (mask_phone, "1234", "****"),
    (mask_phone, "12345", "*****"),
    (mask_phone, "123456", "******"),
    (mask_phone, "1234567", "*******"),
    (mask_phone, "12345678", "********"),
    (mask_phone, "123456789", "*********"),
    (mask_phone, "1234567890", "123***7890"),
    (mask_phone, "138123412345", "138*****2345"),
    (mask_phone, "029-85385111", "029-******11"),
    (mask_phone, "010-62751407", "010-******07"),
    (mask_phone, "0912-3891234", "0912-*****34"),
    (mask_phone, "0755-26534000", "0755-******00"),
    (mask_phone, "029-85385111-802", "029-******11"),
    (mask_phone, "0912-3891234-1", "0912-*****34"),
    (mask_phone, "029-", "029-"),
    (mask_phone, "029-1", "029-*"),
    (mask_phone, "029-12", "029-**"),
    (mask_phone, "029-123", "029-*23"),
    (mask_phone, "-12345678", "-******78"),
    (mask_phone, "13812341234-1", "***********-*"),
    (mask_phone, "8613812341234", "861******1234"),
]  # fmt: skip


def test_the_table_of_masks_is_as_long_as_was_asked_for():
    assert len(MASKED) >= 40


@pytest.mark.parametrize(("mask", "text", "shown"), MASKED)
def test_a_mask_shows_this_much(mask, text, shown):
    assert mask(text) == shown


@given(st.text(max_size=60))
def test_no_mask_ever_shows_more_than_its_number_of_characters(text):
    for mask, most in ((mask_id_number, 5), (mask_phone, 7)):
        shown = mask(text.replace("*", ""))
        assert sum(character != "*" for character in shown) <= most


@given(st.integers(0, 10**7 - 1))
def test_masked_mobiles_that_differ_only_where_it_is_hidden_look_the_same(number):
    text = f"{number:07d}"
    assert mask_phone(f"138{text}"[:7] + "4567") == "138****4567"


# ------------------------------------------------------------------------------------------------------------ sealing


@pytest.fixture
def member(db) -> Member:
    return Member.objects.create(staff_number="20180", name="李强")


def keep(member: Member, **values: str) -> Member:
    set_personal(member, **values)
    member.save()
    return Member.objects.get(pk=member.pk)


def test_what_was_set_comes_back_and_is_shown_masked(member):
    member = keep(member, id_number=GOOD, phone=MOBILE)
    assert (reveal(member, "id_number"), reveal(member, "phone")) == (GOOD, MOBILE)
    assert (masked(member, "id_number"), masked(member, "phone")) == ("610*************34", "138****4567")
    assert list(with_value("id_number", GOOD)) == [member] == list(with_value("phone", MOBILE))
    assert not with_value("phone", "13891234568").exists() and not with_value("phone", "").exists()


def test_none_leaves_an_empty_text_clears_and_the_same_value_changes_nothing(member):
    member = keep(member, id_number=GOOD, phone=MOBILE)
    before = member.phone_sealed
    assert set_personal(member, id_number=GOOD, phone=MOBILE) == [] and member.phone_sealed == before
    assert set_personal(member, phone="") == ["phone_sealed", "phone_index"]
    assert (member.phone_sealed, member.phone_index, reveal(member, "phone")) == ("", "", "")
    assert reveal(member, "id_number") == GOOD


def test_one_id_number_belongs_to_one_entry_unless_the_other_was_merged(member):
    keep(member, id_number=GOOD)
    other = Member(staff_number="20181", name="李强")
    set_personal(other, id_number=GOOD)
    with pytest.raises(IntegrityError, match=r"member_id_number_once|id_number_index"), transaction.atomic():
        other.save()
    other.merged_into = member
    other.save()
    assert list(with_value("id_number", GOOD)) == [member]


def test_one_phone_may_serve_several_members_and_many_have_none(member):
    keep(member, phone=MOBILE)
    other = keep(Member.objects.create(staff_number="20181", name="王芳"), phone=MOBILE)
    Member.objects.create(staff_number="20182", name="赵敏")
    assert set(with_value("phone", MOBILE)) == {member, other}


def test_a_new_key_seals_the_old_one_opens_and_the_index_still_finds(member, settings):
    settings.FIELD_KEYS = {"a": "k" * 40}
    member = keep(member, id_number=GOOD)
    settings.FIELD_KEYS = {"a": "k" * 40, "b": "m" * 40}
    other = keep(Member.objects.create(staff_number="20181", name="王芳"), phone=MOBILE)
    assert member.id_number_sealed.startswith("a1:a:") and other.phone_sealed.startswith("a1:b:")
    assert reveal(member, "id_number") == GOOD and reveal(other, "phone") == MOBILE
    assert list(with_value("id_number", GOOD)) == [member] and list(with_value("phone", MOBILE)) == [other]
    settings.FIELD_KEYS = {"b": "m" * 40}
    with pytest.raises(secrets.Unreadable, match="没有名为“a”的密钥"):
        reveal(member, "id_number")
    assert masked(member, "id_number") == "无法读取，请联系系统管理员"


@pytest.mark.parametrize("what", ["bit", "cut", "other field", "other member's", "algorithm", "not base64", "no parts"])
def test_a_sealed_value_that_was_changed_is_refused_with_a_sentence(member, what):
    member = keep(member, id_number=GOOD, phone=MOBILE)
    algorithm, name, body = member.phone_sealed.split(":")
    raw = bytearray(base64.b64decode(body))
    raw[-1] ^= 1
    member.phone_sealed = {
        "bit": f"{algorithm}:{name}:{base64.b64encode(raw).decode()}", "cut": f"{algorithm}:{name}:{body[:8]}",
        "other field": member.id_number_sealed, "algorithm": f"a9:{name}:{body}",
        "other member's": secrets.seal(MOBILE, "user.totp"), "not base64": f"{algorithm}:{name}:手机",
        "no parts": MOBILE,
    }[what]  # fmt: skip
    with pytest.raises(secrets.Unreadable) as refused:
        reveal(member, "phone")
    assert str(refused.value).endswith("。")
    assert masked(member, "phone").startswith("无法读取")


WRITER = """
import django; django.setup()
from django.db import connection
from branches.models import Member
from branches.personal import set_personal
from tests.databases import tables
tables()
connection.cursor().execute("PRAGMA wal_autocheckpoint=0")
member = Member(staff_number="20180", name="李强", job_title="planted-in-the-open")
set_personal(member, id_number={id_number!r}, phone={phone!r})
member.save()
found = Member.objects.get()
assert found.phone_sealed and found.id_number_index
print("written", flush=True)
import os; os._exit(0)  # without closing: the log stays beside the file
"""


def test_a_planted_number_is_found_neither_in_the_database_file_nor_in_its_log(tmp_path):
    path = tmp_path / "people.sqlite3"
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{path}", "SECRET_KEY": "k" * 50, "VAR_DIR": str(tmp_path),
           "DJANGO_SETTINGS_MODULE": "config.settings"}  # fmt: skip
    code = WRITER.format(id_number=GOOD, phone=MOBILE)
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True)
    assert "written" in done.stdout, done.stderr
    files = {file.name: file.read_bytes() for file in tmp_path.glob("people.sqlite3*")}
    assert "people.sqlite3-wal" in files
    everything = b"".join(files.values())
    assert b"planted-in-the-open" in everything, "what is not sealed is found, so the search works"
    for planted in (GOOD, GOOD[:17], GOOD[6:14], MOBILE, MOBILE[3:]):
        for spelled in (planted.encode(), planted.encode("utf-16-le"), base64.b64encode(planted.encode())[:-4]):
            assert spelled not in everything, planted
