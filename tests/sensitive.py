"""Ten sensitive fields, planted; every actor opens every page and file; each value stands only where it may.

Run by tests/test_sensitive_fields.py, which prints the counts that `make figures` reads.
"""

from __future__ import annotations

import html
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from branches import secrets
from branches.models import User
from branches.personal import check_character, set_personal
from branches.revealing import reveal_to
from inbox import outside
from inbox.mailbox import hint_of
from inbox.models import Preference
from study.models import MemberPlan
from tests.conftest import at, logged_in, trusted
from tests.records import Records
from tests.test_access_matrix import ACTORS, addresses, shut

NOW = "2018-07-04 10:00"
ID_NUMBER = "61010219750305123" + check_character("61010219750305123")
PHONE, PHONE_AS_TYPED = "13891234567", "138 9123 4567"
TOTP = "JBSWY3DPEHPK3PXPQWERTYUI"
ABSENT_ON = date(2017, 2, 13)
PLACE = "榆林市横山区"
DRAFT = "拟在年内读完的书目甲乙丙"
MAILBOX = "liqiang.home@mail.example.org"
REASON = "核对其提交的介绍信丙丁"

READERS = ("office", "secretary", "deputy", "commissioner", "member", "inspector")
REVEALERS = ("office", "secretary", "member")


@dataclass(frozen=True)
class Field:
    """What is planted, the texts that give it away, and the (actor, place) where it must and where it may stand."""

    name: str
    why: str
    needles: tuple[str, ...]
    must: frozenset[tuple[str, str]] = frozenset()
    may: frozenset[tuple[str, str]] = frozenset()


def _cells(actors: tuple[str, ...], *places: str) -> frozenset[tuple[str, str]]:
    return frozenset((who, place) for who in actors for place in places)


def plant(records: Records) -> tuple[Field, ...]:
    """Give 李强 everything that others must not learn, and say where it may be seen."""
    world = records.world
    member, user = world.member("member"), world.users["member"]
    set_personal(member, id_number=ID_NUMBER, phone=PHONE)
    member.absent_from_on, member.mobile_from_on, member.mobile_place = ABSENT_ON, date(2018, 1, 8), PLACE
    member.save()
    user.totp_sealed = secrets.seal(TOTP, "user.totp")
    user.totp_at = at("2018-01-01 08:00")
    user.activation_mac = secrets.mac("planted-code", "activation")
    user.activation_until_at = at("2018-07-06 08:00")
    user.save()
    sealed = secrets.seal(MAILBOX, outside.PURPOSE)
    Preference.objects.create(
        user=user, by_email=True, email_sealed=sealed, email_hint=hint_of(MAILBOX),
        email_confirmed_at=at("2018-01-01 08:00"), set_at=at("2018-01-01 08:00"),
    )  # fmt: skip
    MemberPlan.objects.filter(pk=records.member_plan_draft.pk).update(goal=DRAFT)
    reveal_to(world.access("office", at(NOW)), member, "phone", REASON)
    entry = _cells(READERS, "branches:member_detail@member") | _cells(
        ("office",), "branches:member_edit@member", "branches:member_pair"
    )
    exported = _cells(
        ("office", "secretary", "deputy", "commissioner", "inspector"),
        "branches:roster_export@all", "branches:roster_export@first",
    ) | _cells(("office",), "branches:roster_preview", "branches:roster_errors")  # fmt: skip
    drafts = ("study:member_plan_edit@draft", "plan:filing_detail@member_plan_draft",
              "plan:filing_docx@member_plan_draft")  # fmt: skip
    return (
        Field("公民身份号码", "L4", (ID_NUMBER, ID_NUMBER.lower(), ID_NUMBER[6:14]),
              _cells(REVEALERS, "POST reveal id_number")),
        Field("联系电话", "L4", (PHONE, PHONE_AS_TYPED, PHONE[3:]), _cells(REVEALERS, "POST reveal phone")),
        Field("两步验证密钥", "whoever has it is the member", (TOTP, user.totp_sealed, user.totp_sealed[-24:])),
        Field("提醒邮箱", "where somebody reads at home", (MAILBOX, MAILBOX.partition("@")[0], sealed)),
        Field("密码散列", "can be guessed at elsewhere", (user.password, user.password.rpartition("$")[2])),
        Field("激活码摘要", "opens the account", (user.activation_mac, "planted-code")),
        Field("长期不能参加之日", "tells of health", ("2017-02-13", "2017年2月13日"), entry, exported),
        Field("流动去向", "tells where somebody lives", (PLACE,), entry - _cells(("office",), "branches:member_pair"),
              exported | _cells(("office",), "branches:member_pair")),
        Field("他人计划的草稿", "nobody's before it is filed", (DRAFT,), _cells(("member",), *drafts),
              _cells(("member",), "study:member_plan")),
        Field("查看事由", "tells what is being looked into", (REASON,),
              _cells(("auditor",), "branches:audit_log", "branches:audit_xlsx")
              | _cells(("member",), "branches:who_sees_me")),
    )  # fmt: skip


def places(records: Records) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Every address that the access matrix knows, searches for parts of what is hidden, and the two acts that show."""
    found = {name: ("GET", url, dict[str, str]()) for name, (url, _) in addresses(records).items()}
    listed, member = reverse("branches:member_list"), records.world.member("member")
    for name, query in (("name", "李强"), ("part of the phone", "4567"), ("absent", "")):
        found[f"search {name}"] = ("GET", f"{listed}?q={query}&category={'absent' if not query else ''}", {})
    found["search accounts"] = ("GET", reverse("branches:user_list") + "?q=李强", {})
    found["search the log"] = ("GET", reverse("branches:audit_log") + "?q=李强&kind=write", {})
    found["POST find"] = ("POST", reverse("branches:member_find"), {"number": PHONE_AS_TYPED})
    for name in ("id_number", "phone"):
        url = reverse("branches:member_reveal", args=[member.pk, name])
        found[f"POST reveal {name}"] = ("POST", url, {"reason": "核对党员名册"})
    found["nowhere"] = ("GET", "/no/such/page/", {})
    return found


def text_of(response: HttpResponse) -> str:
    """Everything that came over: headers, the page as it is read, or all parts of a workbook or document."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    head = "\n".join(f"{name}: {value}" for name, value in response.items())
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            body = b"\n".join(parts.read(name) for name in parts.namelist())
    return head + html.unescape(body.decode("utf-8", "replace"))


@dataclass
class Survey:
    """How many cells were looked at, where something stood that may not, and where something that must did not."""

    cells: int = 0
    shown: set[tuple[str, str, str]] = field(default_factory=set)
    leaks: list[tuple[str, str, str]] = field(default_factory=list)
    missing: list[tuple[str, str, str]] = field(default_factory=list)


def _client(user: User | None) -> Client:
    return Client() if user is None else trusted(logged_in(user), at(NOW) + timedelta(minutes=10))


def _answers(records: Records, actors: tuple[str, ...], within: str) -> Iterator[tuple[str, str, str]]:
    """Who, where, and all that was answered; each request is taken back."""
    asked = {place: found for place, found in places(records).items() if place.startswith(within)}
    for who in actors:
        closed = shut(who)
        key = _client(None if who == "anonymous" else records.world.users[who]).cookies.get(
            settings.SESSION_COOKIE_NAME
        )  # fmt: skip
        for place, (method, url, data) in asked.items():
            if place in closed:
                continue
            client = Client()
            if key is not None:
                client.cookies[settings.SESSION_COOKIE_NAME] = key.value
            with transaction.atomic():
                answer = getattr(client, method.lower())(url, data)
                yield who, place, text_of(answer)
                transaction.set_rollback(True)


def survey(records: Records, actors: tuple[str, ...] = ACTORS, within: str = "") -> Survey:
    """Plant, open everything that opens as everybody, and compare with what each may see.

    `within` looks only at the places whose names begin so.
    """
    fields, found = plant(records), Survey()
    for who, place, text in _answers(records, actors, within):
        for one in fields:
            found.cells += 1
            stands, cell = any(needle in text for needle in one.needles), (one.name, who, place)
            if stands:
                found.shown.add(cell)
            if stands and (who, place) not in one.must | one.may:
                found.leaks.append(cell)
            if not stands and (who, place) in one.must:
                found.missing.append(cell)
    return found
