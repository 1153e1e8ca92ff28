"""The pages of exemptions and extensions: what is meant is shown before it is sent, and errors stand at their field."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from branches.models import Post
from plan.changing import change
from plan.models import Duty, Relief
from tests.conftest import World, at, sure
from tests.plan.filed import duty_of, filed_report
from tests.plan.test_reliefs import colleague

pytestmark = pytest.mark.django_db
NEW = reverse("plan:relief_new")


@pytest.fixture(autouse=True)
def _now(clock) -> None:
    clock("2018-07-04 10:00")


def send(client: Client, url: str, fields: dict[str, Any]) -> Any:
    """Look first, then send what was seen."""
    shown = client.post(url, {**fields, "action": "preview"})
    assert shown.status_code == 200, shown.context["form"].errors
    seen = shown.context["form"]["seen"].value()
    return client.post(url, {**fields, "seen": seen, "action": "send"})


EXTEND = {"kind": "extend", "due_on": "2019-01-15", "reason": "支部书记借调。", "form_key": "k1"}
TERM = {"kind": "exempt", "codes": ["S7"], "from_on": "2018-07-01", "until_on": "2018-10-31", "reason": "外派。",
        "form_key": "k2"}  # fmt: skip


def test_a_branch_asks_for_one_duty_and_two_persons_grant_it(issued: World, login) -> None:
    colleague(issued)
    duty = duty_of(issued, "I2")
    url = f"{NEW}?duty={duty.pk}"
    assert login("secretary").get(url).status_code == 200
    response = send(login("secretary"), url, EXTEND)
    relief = Relief.objects.get()
    assert response.url == relief.get_absolute_url()
    assert list(relief.duties.all()) == [duty]
    move = reverse("plan:relief_move", args=[relief.pk])
    office, other = login("office"), login("colleague")
    assert "须由办公室两人先后同意" in office.get(relief.get_absolute_url()).content.decode()
    office.post(move, {"name": "second"})
    assert office.post(move, {"name": "grant"}).status_code == 403
    assert "等待办公室另一人复核" in other.get(relief.get_absolute_url()).content.decode()
    other.post(move, {"name": "grant"})
    duty.refresh_from_db()
    assert duty.due_at.isoformat().startswith("2019-01-15T16:00")
    # A second click says how it stands, and changes nothing.
    page = other.post(move, {"name": "grant"}, follow=True).content.decode()
    assert "刚才的操作没有再次执行" in page


def test_nothing_is_sent_that_was_not_seen(issued: World, login) -> None:
    client = login("secretary")
    client.post(NEW, {**TERM, "action": "send"})
    assert not Relief.objects.exists()
    shown = client.post(NEW, {**TERM, "action": "preview"})
    assert shown.context["counts"] == {"duties": 4, "branches": 1}
    seen = shown.context["form"]["seen"].value()
    # Settled by somebody meanwhile: shown again, and not sent.
    july = Duty.objects.filter(code="S7", branch=issued.first, period="7月")
    july.update(settled_at=issued.plan.issued_at, done_at=issued.plan.issued_at)
    again = client.post(NEW, {**TERM, "seen": seen, "action": "send"})
    assert again.context["counts"] == {"duties": 3, "branches": 1}
    assert "另有已办结1项，不在其中" in again.content.decode()
    assert not Relief.objects.exists()


def test_what_is_settled_or_exempt_already_is_refused_at_the_field(issued: World, login) -> None:
    client, duty = login("secretary"), duty_of(issued, "I2")
    url = f"{NEW}?duty={duty.pk}"
    filed_report(issued)
    page = client.post(url, {**EXTEND, "action": "preview"})
    assert page.status_code == 422
    assert "这项任务已经办结，不需要再申请" in page.content.decode()
    assert "支部书记借调。" in page.content.decode()
    mine = Duty.objects.filter(code="S7", branch=issued.first)
    change(mine, at=issued.plan.issued_at, by=issued.users["office"], why="已免", exempt=True)
    page = client.post(NEW, {**TERM, "action": "preview"})
    assert page.status_code == 422
    assert "已免除4项" in str(page.context["form"].errors["codes"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"due_on": ""}, "due_on"), ({"due_on": "2018-12-31"}, "due_on"), ({"due_on": "2019-02-01"}, "due_on"),
        ({"due_on": "12018-99-99"}, "due_on"), ({"due_on": "9" * 5000}, "due_on"), ({"reason": " "}, "reason"),
        ({"reason": "\x00"}, "reason"), ({"reason": "长" * 201}, "reason"), ({"kind": "forget"}, "kind"),
        ({"kind": "extend", "reason": "\u200f"}, "reason"),
    ],
)  # fmt: skip
def test_bad_input_is_said_at_its_field(issued: World, login, fields: dict, field: str) -> None:
    url = f"{NEW}?duty={duty_of(issued, 'I2').pk}"
    page = login("secretary").post(url, {**EXTEND, **fields, "action": "send"})
    assert page.status_code == 422
    assert field in page.context["form"].errors


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"codes": ["S7", "X9"]}, "codes"), ({"codes": ["S6"]}, "codes"), ({"codes": []}, "codes"),
        ({"until_on": "2018-06-30"}, "until_on"), ({"from_on": "0001-01-01"}, "from_on"),
        ({"until_on": "9999-12-31"}, "until_on"), ({"from_on": "2018-07-01", "until_on": "2018-07-02"}, "codes"),
    ],
)  # fmt: skip
def test_bad_terms_are_said_at_their_field(issued: World, login, fields: dict, field: str) -> None:
    page = login("secretary").post(NEW, {**TERM, **fields, "action": "send"})
    assert page.status_code == 422
    assert field in page.context["form"].errors


@pytest.mark.parametrize("query", ["9" * 5000, "x", "-1", "0", "\x00", "９"])
def test_an_unreadable_duty_is_none(issued: World, login, query: str) -> None:
    assert login("secretary").get(NEW, {"duty": query}).status_code == 404


def test_a_branch_asks_once_for_one_duty(issued: World, login) -> None:
    url = f"{NEW}?duty={duty_of(issued, 'I2').pk}"
    send(login("secretary"), url, EXTEND)
    page = login("deputy").post(url, {**EXTEND, "form_key": "k9", "action": "preview"})
    assert "已有一份申请在等待审批" in page.content.decode()


def test_what_hangs_on_an_event_is_not_asked_for(issued: World, login) -> None:
    """The next day's filing may come late with its reason; it is no duty of the calendar."""
    page = login("secretary").get(NEW)
    codes = {code for code, _ in page.context["form"].fields["codes"].choices}
    assert "S6" not in codes
    assert {"S1", "S7", "P2"} <= codes
    assert "I4" not in codes


def test_the_office_sets_a_vacation_for_all_with_its_password_where_it_is_one_person(issued: World, login) -> None:
    client = login("office")
    form = client.get(f"{NEW}?vacation=1").context["form"]
    assert (form.initial["name"], form.initial["from_on"]) == ("暑假", date(2018, 7, 15))
    assert "S7" in form.initial["codes"]
    assert "S1" not in form.initial["codes"]
    fields = {"name": "暑假", "kind": "exempt", "codes": form.initial["codes"], "from_on": "2018-07-15",
              "until_on": "2018-08-25", "reason": "放假。", "form_key": "k3"}  # fmt: skip
    send(client, NEW, fields)
    relief = Relief.objects.get()
    page = client.get(relief.get_absolute_url()).content.decode()
    assert "办公室今天只有您一人" in page
    move = reverse("plan:relief_move", args=[relief.pk])
    assert client.post(move, {"name": "grant"}).url.startswith(reverse("branches:sudo"))
    assert not Duty.objects.filter(exempted_at__isnull=False).exists()
    sure(client).post(move, {"name": "grant"})
    freed = Duty.objects.filter(exempted_at__isnull=False)
    assert freed.exists()
    assert {duty.branch_id for duty in freed} == {issued.first.pk, issued.second.pk}


def test_a_refusal_without_its_reason_keeps_the_page(issued: World, login) -> None:
    send(login("secretary"), f"{NEW}?duty={duty_of(issued, 'I2').pk}", EXTEND)
    relief = Relief.objects.get()
    move = reverse("plan:relief_move", args=[relief.pk])
    page = login("office").post(move, {"name": "refuse", "note": ""})
    assert page.status_code == 422
    assert "请写明不同意的原因" in page.content.decode()
    assert login("office").post(move, {"name": "refuse", "note": "理" * 91}).status_code == 422
    login("office").post(move, {"name": "refuse", "note": "可以按期完成。"})
    relief.refresh_from_db()
    assert (relief.state, relief.note) == ("refused", "可以按期完成。")
    assert "可以按期完成。" in login("secretary").get(relief.get_absolute_url()).content.decode()


def test_the_list_shows_first_what_waits(issued: World, login) -> None:
    for n, code in enumerate(("I2", "C1", "S1")):
        send(login("secretary"), f"{NEW}?duty={duty_of(issued, code).pk}", {**EXTEND, "form_key": f"k{n}"})
    newest = Relief.objects.latest("pk")
    login("secretary").post(reverse("plan:relief_move", args=[newest.pk]), {"name": "withdraw"})
    url = reverse("plan:relief_list")
    page = login("office").get(url)
    assert [one.state for one in page.context["page"]] == ["asked", "asked", "withdrawn"]
    assert page.context["waiting"] == 2
    assert [one.pk for one in login("office").get(url, {"state": "withdrawn"}).context["page"]] == [newest.pk]
    assert login("office").get(url, {"state": "\x00", "q": "9" * 5000, "page": "9" * 500}).status_code == 200
    assert login("other_member").get(url).context["page"].paginator.count == 0
    # The in-tray says how many wait.
    assert "免除与延期 2 份待批" in login("office").get(reverse("plan:intray")).content.decode()


def test_a_secretary_who_works_in_the_office_asks_for_the_branch_from_its_duty(issued: World, login) -> None:
    Post.objects.create(
        member=issued.member("secretary"), kind=Post.Kind.OFFICE, committee=issued.committee, from_on=date(2016, 1, 1)
    )
    client = login("secretary")
    assert client.get(NEW).context["of_office"]
    assert not client.get(f"{NEW}?duty={duty_of(issued, 'I2').pk}").context["of_office"]
    theirs = duty_of(issued, "I2", branch=issued.second)
    page = client.get(f"{NEW}?duty={theirs.pk}")
    assert page.context["of_office"]
    assert page.context["form"].initial["branch"] == issued.second


def test_the_workbook_tells_why_something_is_exempt_and_from_which_day_it_was_moved(issued: World, login) -> None:
    access = issued.access("office", at("2018-07-04 10:00"))
    free, moved = duty_of(issued, "C1"), duty_of(issued, "I2")
    given = {"at": access.now, "by": access.user}
    change(Duty.objects.filter(pk=free.pk), why="借调到省里", exempt=True, **given)
    change(Duty.objects.filter(pk=moved.pk), why="停电", due_at=at("2019-01-16 00:00"), **given)
    got = login("secretary").get(reverse("plan:duty_xlsx"), {"standing": "all"})
    rows = list(openpyxl.load_workbook(io.BytesIO(got.getvalue())).active.values)
    head = next(row for row in rows if "免除理由" in row)
    why, was, last, code = (head.index(name) for name in ("免除理由", "延期（原期限）", "最迟", "编号"))
    told = {row[code]: row for row in rows if row[code] in ("C1", "I2", "I3")}
    assert (told["C1"][why], told["C1"][was]) == ("借调到省里", None)
    assert told["I2"][was].date() == date(2018, 12, 31)
    assert told["I2"][last].date() == date(2019, 1, 15)
    assert told["I2"][why] is None
