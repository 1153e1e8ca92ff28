"""Signing in while the form is saved, and several of one branch at once: nobody is lost, nothing is doubled."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection

from branches.access import Access
from plan.models import Filing
from study import joint
from study.check_in import sign
from study.models import Attendance, CheckIn, Gathering, Partner
from tests.conftest import World, add_member, add_user, at, issue_2018, logged_in, make_world
from tests.plan.test_races import together
from tests.records import gathering_of
from tests.study.test_gatherings import typed

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NOW = "2018-07-11 14:30"
SIGNERS = 6


@pytest.fixture
def ready(transactional_db, clock) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    clock(NOW)
    world = make_world()
    issue_2018(world)
    return world


def gathering_today(world: World, n: int) -> Gathering:
    gathering = gathering_of(world, f"活动{n}", f"rgb(9, 9, {n})")
    Gathering.objects.filter(pk=gathering.pk).update(held_at=at("2018-07-11 14:00"), ended_at=at("2018-07-11 17:00"))
    gathering.refresh_from_db()
    return gathering


def code_of(world: World, gathering: Gathering) -> CheckIn:
    return CheckIn.objects.create(
        gathering=gathering, nonce=f"n{gathering.pk}", opened_at=at("2018-07-11 14:28"),
        closes_at=at("2018-07-11 14:28") + timedelta(minutes=5), opened_by=world.users["secretary"],
    )  # fmt: skip


def test_nobody_who_signs_in_while_the_form_is_saved_is_lost(ready: World) -> None:
    accounts = [add_user(add_member(ready.first, f"签到{n}", f"5000{n}")) for n in range(SIGNERS)]
    for n in range(4):
        gathering = gathering_today(ready, n)
        code = code_of(ready, gathering)
        data = typed(ready, "theme_day", edition=gathering.filing.edition)
        for member in ready.first.roster(date(2018, 7, 11)):
            data[f"presence-{member.pk}"] = "absent"
        client = logged_in(ready.users["secretary"])

        def act(k: int, code=code, client=client, data=data, gathering=gathering) -> str:
            if k == SIGNERS:
                return str(client.post(gathering.get_edit_url(), data).status_code)
            own = CheckIn.objects.select_related("gathering__filing", "gathering__branch").get(pk=code.pk)
            return sign(own, Access.of(accounts[k], at(NOW))).presence

        assert together(act, SIGNERS + 1) == ["present"] * SIGNERS + ["302"]
        lines = Attendance.objects.filter(gathering=gathering, member__in=[one.member_id for one in accounts])
        assert {line.presence for line in lines} == {"present"}
        assert all(line.checked_in_at for line in lines)


def test_many_first_clicks_of_an_invited_branch_begin_one_filing(ready: World) -> None:
    for n in range(4):
        gathering = gathering_today(ready, n)
        code = code_of(ready, gathering)
        partner = Partner.objects.create(
            gathering=gathering, branch=ready.second, invited_at=at(NOW), invited_by=ready.users["secretary"]
        )
        access = ready.access("other_secretary", at(NOW))

        def act(k: int, partner=partner, access=access, code=code) -> str:
            if k == 0:
                own = CheckIn.objects.select_related("gathering__filing", "gathering__branch").get(pk=code.pk)
                return sign(own, ready.access("other_member", at(NOW))).presence
            found = joint.partners_of([ready.second.pk]).get(pk=partner.pk)
            return "kept" if joint.save(found, joint.attendance_of(found), set(), 0, access) else ""

        answers = together(act, 6)
        assert answers[0] == "present"
        assert sorted(answers[1:]) == ["LostUpdate"] * 4 + ["kept"]
        assert Filing.objects.filter(kind="joint", joint=partner).count() == 1
        line = Attendance.objects.get(gathering=gathering, member=ready.member("other_member"))
        assert (line.presence, bool(line.checked_in_at)) == ("present", True)
    assert Filing.objects.filter(kind="joint").count() == 4
