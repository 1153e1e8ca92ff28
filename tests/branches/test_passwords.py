"""What may be a password under each of the two policies, rule by rule, on both sides of each."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from branches.passwords import HELP, problems
from config.demo.people import PASSWORD as DEMO_PASSWORD
from tests.conftest import PASSWORD

NUMBER, NAME = "z1801", "欧阳静"

SHORT, KINDS, FEW, COMMON = "至少12个字符", "至少要有三种", "不同的字符至少5个", "太常见"
OF_NUMBER, OF_NAME, EXPECTED, LONG = "不能含有工号", "不能含有姓名", "人人想得到", "最长128个字符"

DENGBAO_TAKES = (
    "Morning-read", "morning-read1", "MORNING-READ1", "Morningread12", "清晨读书a1清晨读书清晨", "Az0!Az0!Kw9?",
    "Aaaaaaaa bcde", "读书的日子Reading", "x7!x7!mornings", "a1-a2-a3-b4-c5", "twenty characters lo",
    "20180102030405060789",
    "清晨读书黄昏散步周末打球假期回家看父母亲", "correct horse battery staple", "Tests-only-2018!", "Demo-only-2018!",
    "kw9?kw9?kw9?z", "S-" + "a1b2c3" * 21, "Paper&Ink2019", "Wei-cheng-18x",
)  # fmt: skip
DENGBAO_REFUSES = (
    ("Mornin-read", SHORT), ("Az0!Az0!Kw9", SHORT), ("", SHORT), ("清晨读书2018", SHORT),
    ("morning-reading", KINDS), ("morningreading", KINDS), ("morning1reading", KINDS), ("MORNING-READING", KINDS),
    ("1928374650192", KINDS), ("清晨读书黄昏散步周末打球", KINDS), ("MorningReading", KINDS),
    ("nineteen chars only", KINDS),
    ("Aa1Aa1Aa1Aa1", FEW), ("aaaaaaaaaaaaaaaaaaaaaaaa", FEW), ("Password2018!", COMMON),
    ("12345678901234567890", COMMON),
    ("My-Z1801-house", OF_NUMBER), ("My-ｚ１８０１-house", OF_NUMBER), ("我是欧阳静-Abc-12", OF_NAME),
    ("A1-" + "kwz" * 42, LONG),
)  # fmt: skip
ASVS_TAKES = (
    "morning reads", "morningreading", "MORNINGREADING", "928374650192", "清晨读书黄昏散步周末打球",
    "correct horse battery",
    "nineteen chars only", "Morning-read1", "twelve chars", "x7!x7!mornings", "a1-a2-a3-b4-c5", "Tests-only-2018!",
    "我在支部读了一整年书真高兴", "kw9?kw9?kw9?z", "longer " * 9 + "than", "S-" + "a1b2c3" * 21, "dangjian and violins",
    "Demo-only-2018!", "the year 1984 by orwell", "paper and ink",
)  # fmt: skip
ASVS_REFUSES = (
    ("morningread", SHORT), ("", SHORT), ("Az0!Az0!Kw9", SHORT), ("aaaabbbbccccdddd", FEW), ("aaaaaaaaaaaa", FEW),
    ("password2018!", COMMON), ("1234567890123", COMMON), ("!!!Iloveyou!!!", COMMON), ("my-z1801-house", OF_NUMBER),
    ("MY-Ｚ１８０１-HOUSE", OF_NUMBER), ("我是欧阳静我爱读书写字", OF_NAME), ("dangzhibu2018", EXPECTED),
    ("党支部党建2018年好", EXPECTED), ("西北政法大学2018!ab", EXPECTED), ("xibeizhengfadaxue", EXPECTED),
    ("ouyangjing2018", EXPECTED), ("OuYangJing-1990", EXPECTED), ("jiguandangwei-12", EXPECTED),
    ("nwupl-nwupl-2018", EXPECTED), ("kwz" * 43, LONG),
)  # fmt: skip


@pytest.fixture
def policy(settings):
    def choose(name: str) -> None:
        settings.PASSWORD_POLICY = name

    return choose


def test_each_side_of_each_policy_has_twenty_examples():
    for examples in (DENGBAO_TAKES, DENGBAO_REFUSES, ASVS_TAKES, ASVS_REFUSES):
        assert len(set(examples)) == 20


@pytest.mark.parametrize(
    ("name", "password"),
    [("dengbao", one) for one in DENGBAO_TAKES] + [("asvs", one) for one in ASVS_TAKES],
)
def test_a_good_password_is_taken(policy, name, password):
    policy(name)
    assert problems(password, number=NUMBER, name=NAME) == []


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("dengbao", *one) for one in DENGBAO_REFUSES] + [("asvs", *one) for one in ASVS_REFUSES],
)
def test_a_bad_password_is_refused_by_the_rule_that_it_breaks(policy, name, password, words):
    policy(name)
    assert words in "".join(problems(password, number=NUMBER, name=NAME))


@pytest.mark.parametrize("name", HELP)
def test_the_passwords_of_demo_and_tests_are_good_ones(policy, name):
    policy(name)
    assert problems(DEMO_PASSWORD) == problems(PASSWORD) == []


@pytest.mark.parametrize(
    ("name", "shown", "hidden"),
    [("dengbao", "中有三种", "种类不限"), ("asvs", "种类不限", "中有三种")],
)
def test_the_form_tells_the_rules_that_hold(policy, world, login, clock, name, shown, hidden):
    clock("2018-06-20 10:00")
    policy(name)
    page = login("member").get("/account/password/").content.decode()
    assert shown in page and hidden not in page


def test_djangos_own_command_keeps_the_same_rules(world):
    with pytest.raises(ValidationError, match="姓名"):
        validate_password("李强的密码-Abc-123", world.users["member"])
    validate_password("Morning-reading-1", world.users["member"])
