"""Signing in by a code: for some minutes, on the day, who is on that day's roster, and never lost to an open form."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from branches.models import AuditEvent, Membership
from plan.models import Filing
from study import check_in
from study.models import Attendance, CheckIn, Gathering
from tests.conftest import World, at
from tests.study.test_gatherings import kept, typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 14:25")


@pytest.fixture
def gathering(issued: World, login) -> Gathering:
    return kept(issued, login, "collective_study")


def opened(gathering: Gathering, login, minutes: int = 5) -> CheckIn:
    page = reverse("study:check_in", args=[gathering.pk])
    assert login("secretary").post(page, {"action": "open", "minutes": minutes}).status_code == 302
    return CheckIn.objects.latest("pk")


def sign(login, who: str, code: CheckIn) -> Any:
    return login(who).post(f"/study/sign-in/{code.nonce}/")


def line(gathering: Gathering, world: World, who: str) -> Attendance:
    return gathering.attendance.get(member=world.member(who))


# The code


@pytest.mark.parametrize("minutes", [5, 10, 15])
def test_the_code_is_open_for_the_minutes_chosen_and_no_longer(
    issued: World, gathering: Gathering, login, clock, minutes: int
) -> None:
    code = opened(gathering, login, minutes)
    assert code.closes_at - code.opened_at == timedelta(minutes=minutes)
    assert len(code.nonce) >= 22  # 128 bits
    text = login("secretary").get(reverse("study:check_in", args=[gathering.pk])).content.decode()
    assert "data:image/svg+xml" in text
    assert f"http://testserver/study/sign-in/{code.nonce}/" in text
    clock(f"2018-07-11 14:{24 + minutes}:59")
    assert sign(login, "member", code).status_code == 200
    clock(f"2018-07-11 14:{25 + minutes}")
    response = sign(login, "deputy", code)
    assert response.status_code == 422
    assert "签到时间已过" in response.content.decode()
    assert line(gathering, issued, "member").checked_in_at
    assert line(gathering, issued, "deputy").checked_in_at is None


@pytest.mark.parametrize("minutes", ["", "4", "60", "x", "5.5"])
def test_other_minutes_are_refused(issued: World, gathering: Gathering, login, minutes: str) -> None:
    page = reverse("study:check_in", args=[gathering.pk])
    assert login("secretary").post(page, {"action": "open", "minutes": minutes}).status_code == 422
    assert not CheckIn.objects.exists()


def test_there_is_no_code_on_another_day_nor_once_the_record_is_filed(
    issued: World, gathering: Gathering, login, clock
) -> None:
    page = reverse("study:check_in", args=[gathering.pk])
    code = opened(gathering, login, 15)
    moment = at("2018-07-11 14:30")
    Filing.objects.filter(pk=gathering.filing_id).update(
        state="kept", first_filed_at=moment, filed_at=moment, filed_by=issued.users["secretary"], receipt="x"
    )
    assert login("secretary").post(page, {"action": "open", "minutes": 5}).status_code == 422
    assert "已经报送" in sign(login, "member", code).content.decode()
    Filing.objects.filter(pk=gathering.filing_id).update(
        state="draft", first_filed_at=None, filed_at=None, filed_by=None, receipt=None
    )
    clock("2018-07-12 09:00")
    response = login("secretary").post(page, {"action": "open", "minutes": 5})
    assert response.status_code == 422
    assert "7月11日" in response.content.decode()


def test_a_second_code_ends_the_first(issued: World, gathering: Gathering, login, clock) -> None:
    first = opened(gathering, login)
    clock("2018-07-11 14:26")
    second = opened(gathering, login)
    assert sign(login, "member", first).status_code == 422
    assert sign(login, "member", second).status_code == 200


def test_an_ended_code_signs_nobody_in(issued: World, gathering: Gathering, login, clock) -> None:
    code = opened(gathering, login)
    clock("2018-07-11 14:26")
    login("deputy").post(reverse("study:check_in", args=[gathering.pk]), {"action": "stop"})
    assert sign(login, "member", code).status_code == 422


# Signing in


def test_looking_at_the_page_signs_nobody_in_and_tapping_twice_signs_in_once(
    issued: World, gathering: Gathering, login, clock
) -> None:
    code = opened(gathering, login)
    assert "签到" in login("member").get(f"/study/sign-in/{code.nonce}/").content.decode()
    assert line(gathering, issued, "member").checked_in_at is None
    sign(login, "member", code)
    clock("2018-07-11 14:27")
    assert "已签到 14:25" in sign(login, "member", code).content.decode()
    assert line(gathering, issued, "member").checked_in_at == at("2018-07-11 14:25")
    assert gathering.attendance.filter(member=issued.member("member")).count() == 1
    assert AuditEvent.objects.filter(what="扫码签到").count() == 1


def test_who_was_excused_and_came_is_there(issued: World, gathering: Gathering, login) -> None:
    gathering.attendance.filter(member=issued.member("member")).update(presence="excused", reason="sick")
    sign(login, "member", opened(gathering, login))
    one = line(gathering, issued, "member")
    assert (one.presence, one.reason) == ("present", "")


def test_who_is_not_on_the_roster_of_the_day_is_told_so(issued: World, gathering: Gathering, login) -> None:
    code = opened(gathering, login)
    response = sign(login, "other_member", code)
    assert response.status_code == 403
    assert "不在这次活动当天的名册上" in response.content.decode()
    Membership.objects.filter(member=issued.member("member")).update(until_on=date(2018, 7, 11))
    Membership.objects.create(member=issued.member("member"), branch=issued.second, from_on=date(2018, 7, 11))
    assert sign(login, "member", code).status_code == 403
    assert not gathering.attendance.filter(checked_in_at__isnull=False).exists()


def test_an_unknown_code_is_not_found(issued: World, login) -> None:
    assert login("member").get("/study/sign-in/nothing/").status_code == 404


# Beside the form


def test_who_signs_in_while_the_form_is_open_stays_present(issued: World, gathering: Gathering, login) -> None:
    """The secretary's page was drawn before: it still says 缺席, and knows nothing of the code."""
    gathering.filing.refresh_from_db()
    data = typed(
        issued, "collective_study", edition=gathering.filing.edition,
        **{f"presence-{issued.member('member').pk}": "absent"},
    )  # fmt: skip
    sign(login, "member", opened(gathering, login))
    assert login("secretary").post(gathering.get_edit_url(), data).status_code == 302
    one = line(gathering, issued, "member")
    assert (one.presence, one.checked_in_at) == ("present", at("2018-07-11 14:25"))


def test_the_form_shows_who_signed_in_and_what_is_tapped_then_holds(issued: World, gathering: Gathering, login) -> None:
    sign(login, "member", opened(gathering, login))
    number = issued.member("member").pk
    text = login("secretary").get(gathering.get_edit_url()).content.decode()
    assert "已签到 14:25" in text
    assert f'name="signed-{number}"' in text
    gathering.filing.refresh_from_db()
    data = typed(
        issued, "collective_study", edition=gathering.filing.edition,
        **{f"presence-{number}": "absent", f"signed-{number}": "1"},
    )  # fmt: skip
    login("secretary").post(gathering.get_edit_url(), data)
    assert line(gathering, issued, "member").presence == "absent"


def test_closing_marks_the_others_absent_and_leaves_the_excused(issued: World, gathering: Gathering, login) -> None:
    gathering.attendance.filter(member=issued.member("deputy")).update(presence="excused", reason="duty")
    sign(login, "member", opened(gathering, login))
    gathering.filing.refresh_from_db()
    before = typed(issued, "collective_study", edition=gathering.filing.edition)
    login("secretary").post(reverse("study:check_in", args=[gathering.pk]), {"action": "absent"})
    found = {one.member.name: one.presence for one in gathering.attendance.select_related("member")}
    assert found.pop("李强") == "present"
    assert found.pop("周敏") == "excused"
    assert set(found.values()) == {"absent"}
    # A form that was open meanwhile is told, and does not write everybody present again.
    assert login("secretary").post(gathering.get_edit_url(), before).status_code == 409


def test_closing_a_list_that_was_filed_in_between_changes_nobody(
    issued: World, gathering: Gathering, login, monkeypatch
) -> None:
    moment = at("2018-07-11 14:25")
    asked = check_in.why_not

    def filed_meanwhile(*args: Any) -> str:
        said = asked(*args)
        Filing.objects.filter(pk=gathering.filing_id).update(
            state="kept", first_filed_at=moment, filed_at=moment, filed_by=issued.users["secretary"], receipt="x"
        )
        return said

    monkeypatch.setattr(check_in, "why_not", filed_meanwhile)
    response = login("secretary").post(reverse("study:check_in", args=[gathering.pk]), {"action": "absent"})
    assert response.status_code == 422
    assert not gathering.attendance.filter(presence="absent").exists()


def test_the_list_is_fetched_with_the_seconds_that_are_left(issued: World, gathering: Gathering, login, clock) -> None:
    sign(login, "member", opened(gathering, login))
    clock("2018-07-11 14:28")
    said = login("secretary").get(reverse("study:check_in_state", args=[gathering.pk])).json()
    assert (said["seconds"], said["open"]) == (120, True)
    assert "李强" in said["list"]
    clock("2018-07-11 14:30")
    assert login("secretary").get(reverse("study:check_in_state", args=[gathering.pk])).json()["open"] is False
