"""Make-up study: who owes it, who closes it, and that a correction of the minutes neither loses nor invents it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from branches.models import AuditEvent, Membership
from plan.models import Filing
from plan.moves import begin, move
from study.make_ups import closed_in, own_open
from study.models import Attendance, Gathering
from tests.conftest import World, add_member, at, logged_in, make_world
from tests.study.test_gatherings import queries, typed
from tests.study.test_minutes import filed

pytestmark = pytest.mark.django_db

URL = "/study/make-ups/"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 17:30")


def missed_by(world: World, **presence: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for who, how in presence.items():
        changes[f"presence-{world.member(who).pk}"] = how
        if how == "excused":
            changes[f"reason-{world.member(who).pk}"] = "sick"
    return changes


def owing(client) -> list[str]:
    return [line.member.name for line in client.get(URL).context["page"]]


@pytest.mark.parametrize(
    ("kind", "owed"),
    [
        ("collective_study", True), ("seminar", True), ("lecture", True), ("theme_day", True),
        ("committee_meeting", False), ("general_meeting", False), ("life_meeting", False),
    ],
)  # fmt: skip
def test_whoever_missed_a_study_owes_it_and_a_meeting_is_not_made_up(
    issued: World, login, kind: str, owed: bool
) -> None:
    changes = missed_by(issued, deputy="excused", commissioner="absent") | {"recorder": issued.member("member").pk}
    changes |= {"lecturer": issued.member("secretary").pk}
    gathering = kept_as(issued, login, kind, **changes)
    assert (owing(login("secretary")) == ["何平", "周敏"]) is owed, gathering.kinds


def kept_as(world: World, login, kind: str, **changes: Any) -> Gathering:
    """Filed whatever it lacks: what is asked here is who was there."""
    from tests.study.test_gatherings import kept

    gathering = kept(world, login, kind, **changes)
    Filing.objects.filter(pk=gathering.filing_id).update(
        state="filed", first_filed_at=at("2018-07-11 17:20"), filed_at=at("2018-07-11 17:20"),
        filed_by=world.users["secretary"], receipt=f"2018-01-{gathering.pk:04d}",
    )  # fmt: skip
    return gathering


def test_a_draft_makes_nobody_owe(issued: World, login) -> None:
    from tests.study.test_gatherings import kept

    kept(issued, login, "collective_study", **missed_by(issued, member="absent"))
    assert owing(login("secretary")) == []


def test_many_are_closed_at_once_with_the_day_and_the_way(issued: World, login) -> None:
    gathering = kept_as(issued, login, "collective_study", **missed_by(issued, member="excused", commissioner="absent"))
    owed = list(gathering.attendance.exclude(presence="present").values_list("pk", flat=True))
    client = login("deputy")
    response = client.post(URL, {"line": owed, "on": "2018-07-11", "note": "单独讲解，补记笔记。"})
    assert response.url == URL
    lines = gathering.attendance.filter(pk__in=owed)
    assert set(lines.values_list("made_up_on", "made_up_note", "made_up_by")) == {
        (date(2018, 7, 11), "单独讲解，补记笔记。", issued.users["deputy"].pk)
    }
    assert owing(client) == []
    assert "单独讲解，补记笔记。" in client.get(URL).content.decode()
    event = AuditEvent.objects.latest("seq")
    assert (event.what, event.detail) == ("登记补学", {"count": "2"})
    again = client.post(URL, {"line": owed, "on": "2018-07-11", "note": "又一次"})
    assert (again.status_code, lines.filter(made_up_note="又一次").exists()) == (302, False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"on": "2018-07-12"}, "还没有到"),
        ({"on": "2018-07-10"}, "早于李强缺的"),
        ({"on": ""}, "请填写“补学日期”"),
        ({"on": "2018-02-30"}, "补学日期"),
        ({"note": " "}, "请填写“补学方式”"),
        ({"note": "长" * 201}, "补学方式"),
        ({"note": "a\x00b"}, "补学方式"),
        ({"line": []}, "请先勾选"),
    ],
)
def test_bad_input_is_named_keeps_the_ticks_and_writes_nothing(
    issued: World, login, changes: dict[str, Any], words: str
) -> None:
    gathering = kept_as(issued, login, "collective_study", **missed_by(issued, member="excused"))
    line = gathering.attendance.get(member=issued.member("member"))
    response = login("secretary").post(URL, {"line": [line.pk], "on": "2018-07-11", "note": "补记笔记"} | changes)
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    assert (f'value="{line.pk}" checked' in text) is ("line" not in changes)
    assert not Attendance.objects.filter(made_up_on__isnull=False).exists()


@pytest.mark.parametrize("line", ["x", "9" * 40, "-1", "٣"])
def test_what_names_no_line_is_not_found_and_does_no_harm(issued: World, login, line: str) -> None:
    for data in ({"line": [line], "on": "2018-07-11", "note": "补"}, {"undo": line}):
        assert login("secretary").post(URL, data).status_code == 404


def test_another_branch_closes_nothing_here(issued: World, login) -> None:
    gathering = kept_as(issued, login, "collective_study", **missed_by(issued, member="excused"))
    line = gathering.attendance.get(member=issued.member("member"))
    client = login("other_secretary")
    client.post(URL, {"line": [line.pk], "on": "2018-07-11", "note": "补记笔记"})
    assert client.post(URL, {"undo": line.pk}).status_code == 404
    line.refresh_from_db()
    assert line.made_up_on is None
    assert login("member").get(URL).status_code == 403


def test_what_was_closed_by_mistake_is_taken_back(issued: World, login) -> None:
    gathering = kept_as(issued, login, "collective_study", **missed_by(issued, member="excused"))
    line = gathering.attendance.get(member=issued.member("member"))
    client = login("secretary")
    client.post(URL, {"line": [line.pk], "on": "2018-07-11", "note": "补记笔记"})
    assert client.post(URL, {"undo": line.pk}).url == URL
    line.refresh_from_db()
    assert (line.made_up_on, line.made_up_by, line.made_up_note) == (None, None, "")
    assert owing(client) == ["李强"]


def corrected(world: World, login, gathering: Gathering, **changes: Any) -> None:
    move(gathering.filing, "correct", access=world.access("secretary", at("2018-07-11 17:40")), note="核对到会情况。")
    edition = Filing.objects.get(pk=gathering.filing_id).edition
    data = typed(world, "collective_study", edition=edition, action="file", **changes)
    assert login("secretary").post(gathering.get_edit_url(), data).status_code == 302


def test_a_correction_keeps_what_was_made_up_and_clears_it_for_whom_it_shows_present(issued: World, login) -> None:
    missing = missed_by(issued, member="excused", commissioner="absent")
    gathering = filed(issued, login, "collective_study", **missing)
    owed = list(gathering.attendance.exclude(presence="present").values_list("pk", flat=True))
    login("secretary").post(URL, {"line": owed, "on": "2018-07-11", "note": "补记笔记"})
    corrected(issued, login, gathering, **missed_by(issued, member="excused"))
    lines = {line.member.name: line for line in gathering.attendance.select_related("member")}
    assert (lines["李强"].made_up_on, lines["李强"].made_up_note) == (date(2018, 7, 11), "补记笔记")
    assert (lines["何平"].presence, lines["何平"].made_up_on, lines["何平"].made_up_by) == ("present", None, None)
    assert Filing.objects.get(pk=gathering.filing_id).versions.count() == 2


def test_the_member_sees_the_own_and_nobody_is_changed_by_it(issued: World, login) -> None:
    kept_as(issued, login, "collective_study", **missed_by(issued, member="excused"))
    assert "补学后请支部登记" in login("member").get("/").content.decode()
    assert "补学后请支部登记" not in login("other_member").get("/").content.decode()
    assert not own_open(issued.access("deputy", at("2018-07-11 18:00"))).exists()


def test_who_has_left_the_branch_is_not_waited_for(issued: World, login) -> None:
    kept_as(issued, login, "collective_study", **missed_by(issued, member="excused"))
    Membership.objects.filter(member=issued.member("member")).update(until_on=date(2018, 7, 11))
    assert owing(login("secretary")) == []


def test_what_was_made_up_is_no_part_of_what_was_filed(issued: World, login) -> None:
    gathering = filed(issued, login, "collective_study", **missed_by(issued, member="excused"))
    before = gathering.filing.newest.text
    line = gathering.attendance.get(member=issued.member("member"))
    login("secretary").post(URL, {"line": [line.pk], "on": "2018-07-11", "note": "补记笔记"})
    assert Filing.objects.get(pk=gathering.filing_id).newest.text == before
    assert closed_in([issued.first.pk]).get() == line


def test_the_list_asks_as_little_for_300_lines_as_for_one(issued: World, login) -> None:
    access, client, counts = issued.access("secretary", at("2018-07-11 17:30")), login("secretary"), []
    people = [add_member(issued.first, f"同志{n}", f"7{n:04d}") for n in range(3)]
    for size in (1, 3, 300):
        for n in range(Gathering.objects.count(), size):
            filing = begin(kind="gathering", access=access, title=f"学习{n}", year=2018, branch=issued.first,
                           desk="office", handling="inform")  # fmt: skip
            Filing.objects.filter(pk=filing.pk).update(
                state="filed", first_filed_at=access.now, filed_at=access.now, filed_by=access.user, receipt=f"r{n}"
            )
            gathering = Gathering.objects.create(
                filing=filing, branch=issued.first, title=f"学习{n}", kinds=["collective_study"],
                held_at=at("2018-07-02 09:00"), ended_at=at("2018-07-02 11:00"),
            )  # fmt: skip
            Attendance.objects.bulk_create(
                [
                    Attendance(gathering=gathering, member=people[n % 3], is_full=True, presence="absent"),
                    Attendance(
                        gathering=gathering, member=people[(n + 1) % 3], is_full=True, presence="absent",
                        made_up_on=date(2018, 7, 3), made_up_by=access.user, made_up_note="补",
                    ),
                ]
            )  # fmt: skip
        counts.append((queries(client, URL), queries(client, f"{URL}?closed=1"), queries(client, "/")))
        assert client.get(URL).context["page"].paginator.count == size
    assert len(set(counts)) == 1, counts


# The office


def test_the_office_reads_who_has_to_make_up_and_registers_nothing(issued: World, login) -> None:
    gathering = kept_as(issued, login, "collective_study", **missed_by(issued, member="absent", commissioner="absent"))
    client = login("office")
    page = client.get(URL)
    assert [line.member.name for line in page.context["page"]] == ["何平", "李强"]
    assert "登记补学" not in page.content.decode().replace("还没有登记补学", "")
    assert client.post(URL, {"on": "2018-07-11", "note": "补了", "line": ["1"]}).status_code == 403
    assert client.get(f"{URL}?branch={issued.second.pk}").context["page"].paginator.count == 0
    assert client.get(f"{URL}?late=on").context["page"].paginator.count == 0
    Filing.objects.filter(pk=gathering.filing_id).update(state="draft")
    assert client.get(URL).context["page"].paginator.count == 0


def test_another_committee_s_office_reads_no_absence_of_ours(issued: World, login) -> None:
    kept_as(issued, login, "collective_study", **missed_by(issued, member="absent"))
    other = make_world("外院党委", "7")
    assert logged_in(other.users["office"]).get(URL).context["page"].paginator.count == 0


def test_the_office_s_list_asks_as_much_for_many_as_for_one(issued: World, login) -> None:
    gathering = kept_as(issued, login, "collective_study", **missed_by(issued, member="absent"))
    client, asked = login("office"), []
    for size in (1, 3, 300):
        for n in range(Attendance.objects.filter(presence="absent").count(), size):
            member = add_member(issued.first, f"某{n}", f"8{n:04d}")
            Attendance.objects.create(gathering=gathering, member=member, is_full=True, presence="absent")
        asked.append(queries(client, URL))
    assert len(set(asked)) == 1, asked
