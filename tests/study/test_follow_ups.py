"""What was agreed with a person and a day is followed up until it is done; the minutes say only what was agreed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from plan.models import Filing
from plan.moves import move
from study.follow_ups import close, followed_up
from study.models import Gathering, Resolution
from tests.conftest import World, at, logged_in, make_world
from tests.study.test_gatherings import kept, queries, typed
from tests.study.test_minutes import filed

pytestmark = pytest.mark.django_db

URL = "/study/follow-ups/"
DONE = {"on": "2018-07-11", "note": "已修订并印发。"}


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 17:30")


def agreed(world: World, due: str = "2018-07-31") -> dict[str, Any]:
    return {
        "resolution-0-text": "修订学习制度", "resolution-0-responsible_id": world.member("member").pk,
        "resolution-0-due_on": due, "resolution-1-text": "没有责任人的一项",
    }  # fmt: skip


def listed(client) -> list[str]:
    return [row["one"].text for row in client.get(URL).context["rows"]]


def of(gathering: Gathering) -> tuple[Resolution, str]:
    resolution = gathering.resolutions.earliest("position")
    return resolution, f"{URL}{resolution.pk}/done/"


def test_what_has_a_person_and_a_day_is_followed_up_once_the_minutes_are_locked(issued: World, login) -> None:
    kept(issued, login, **agreed(issued))
    assert listed(login("secretary")) == []
    filed(issued, login, "committee_meeting", **agreed(issued))
    assert listed(login("secretary")) == ["修订学习制度"]


def test_the_responsible_member_sees_the_own_and_says_that_it_is_done(issued: World, login) -> None:
    resolution, url = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    client = login("member")
    assert "我负责的议定事项" in client.get("/").content.decode()
    assert listed(client) == ["修订学习制度"]
    assert client.post(url, DONE).url == URL
    resolution.refresh_from_db()
    assert (resolution.done_on, resolution.done_note, resolution.done_by) == (
        date(2018, 7, 11), "已修订并印发。", issued.users["member"]
    )  # fmt: skip
    again = client.post(url, DONE | {"note": "又一次"})
    resolution.refresh_from_db()
    assert (again.status_code, resolution.done_note) == (302, "已修订并印发。")
    assert "已修订并印发。" in login("secretary").get(URL).content.decode()


def test_nobody_else_sees_or_closes_it(issued: World, login) -> None:
    resolution, url = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    for who in ("other_secretary", "other_member", "office", "inspector"):
        assert who == "office" or listed(login(who)) == []
        assert login(who).post(url, DONE).status_code == 404
    resolution.refresh_from_db()
    assert resolution.done_on is None


def test_overdue_is_said_in_days(issued: World, login, clock) -> None:
    filed(issued, login, "committee_meeting", **agreed(issued, due="2018-07-12"))
    clock("2018-07-12 23:59")
    assert "逾期" not in login("secretary").get(URL).content.decode()
    clock("2018-07-14 08:00")
    assert "逾期2天" in login("secretary").get(URL).content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"on": "2018-07-12"}, "还没有到"),
        ({"on": "2018-07-10"}, "早于议定的那一天"),
        ({"on": ""}, "请填写“完成日期”"),
        ({"on": "yesterday"}, "完成日期"),
        ({"note": ""}, "请填写“完成情况”"),
        ({"note": "长" * 201}, "完成情况"),
        ({"note": "a\x00b"}, "完成情况"),
    ],
)
def test_bad_input_stands_at_its_row_and_writes_nothing(
    issued: World, login, changes: dict[str, str], words: str
) -> None:
    resolution, url = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    response = login("secretary").post(url, DONE | changes)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert "note" in changes or "已修订并印发。" in response.content.decode()
    resolution.refresh_from_db()
    assert resolution.done_on is None


def test_leaders_take_a_closing_back_and_the_responsible_member_cannot(issued: World, login) -> None:
    resolution, url = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    login("member").post(url, DONE)
    assert login("member").post(url, {"undo": "1"}).status_code == 403
    assert login("secretary").post(url, {"undo": "1"}).url == URL
    resolution.refresh_from_db()
    assert (resolution.done_on, resolution.done_by, resolution.done_note) == (None, None, "")


def test_while_the_minutes_are_corrected_nothing_is_closed_and_what_was_done_stays_done(issued: World, login) -> None:
    gathering = filed(issued, login, "committee_meeting", **agreed(issued))
    resolution, url = of(gathering)
    login("member").post(url, DONE)
    text = gathering.filing.newest.text
    assert "已修订并印发" not in text
    move(gathering.filing, "correct", access=issued.access("secretary", at("2018-07-11 17:40")), note="补一项。")
    edition = Filing.objects.get(pk=gathering.filing_id).edition
    second = {"resolution-2-text": "再办一件", "resolution-2-responsible_id": issued.member("deputy").pk,
              "resolution-2-due_on": "2018-07-20"}  # fmt: skip
    data = typed(issued, edition=edition, **agreed(issued)) | {"resolution-0-pk": resolution.pk} | second
    assert login("secretary").post(gathering.get_edit_url(), data).status_code == 302
    fresh = gathering.resolutions.get(text="再办一件")
    login("deputy").post(f"{URL}{fresh.pk}/done/", DONE)
    fresh.refresh_from_db()
    assert fresh.done_on is None
    assert "正在更正" in login("secretary").get(URL).content.decode()
    resolution.refresh_from_db()
    assert (resolution.done_on, resolution.done_note) == (date(2018, 7, 11), "已修订并印发。")


def test_the_list_asks_as_little_for_300_rows_as_for_one(issued: World, login) -> None:
    gathering = filed(issued, login, "committee_meeting", **agreed(issued))
    leader, member, counts = login("secretary"), login("member"), []
    for size in (1, 3, 300):
        for done in ({}, {"done_on": date(2018, 7, 11), "done_by": issued.users["secretary"], "done_note": "好"}):
            there = gathering.resolutions.filter(responsible__isnull=False, done_on__isnull=not done).count()
            Resolution.objects.bulk_create(
                Resolution(
                    gathering=gathering, position=10 + n + (1000 if done else 0), text=f"事{n}",
                    responsible=issued.member("member"), due_on=date(2018, 7, 20), **done,
                )
                for n in range(there, size)
            )  # fmt: skip
        counts.append([queries(one, url) for one in (leader, member) for url in (URL, f"{URL}?closed=1", "/")])
        assert leader.get(URL).context["page"].paginator.count == size
    assert counts[0] == counts[1] == counts[2], counts


def test_minutes_opened_for_correction_just_before_the_click_are_not_closed(issued: World, login) -> None:
    gathering = filed(issued, login, "committee_meeting", **agreed(issued))
    resolution, _ = of(gathering)
    access = issued.access("member", at("2018-07-11 17:45"))
    seen = followed_up(access).get(pk=resolution.pk)
    move(gathering.filing, "correct", access=issued.access("secretary", at("2018-07-11 17:40")), note="补一项。")
    assert close(access, seen, date(2018, 7, 11), "已修订。") is False
    resolution.refresh_from_db()
    assert resolution.done_on is None


# The office


def test_the_office_reads_what_its_branches_have_open_and_closes_nothing(issued: World, login) -> None:
    one, _ = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    client = login("office")
    page = client.get(URL)
    assert one.text in page.content.decode()
    assert "办结这一项" not in page.content.decode()
    assert client.post(f"{URL}{one.pk}/done/", {"on": "2018-07-11", "note": "做完了"}).status_code == 404
    assert client.get(f"{URL}?branch={issued.second.pk}").context["page"].paginator.count == 0
    assert client.get(f"{URL}?branch={issued.first.pk}").context["page"].paginator.count == 1
    assert client.get(f"{URL}?late=on").context["page"].paginator.count == 0
    Filing.objects.filter(pk=one.gathering.filing_id).update(state="draft")
    assert client.get(URL).context["page"].paginator.count == 0


def test_another_committee_s_office_reads_none_of_it(issued: World, login) -> None:
    one, _ = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    other = make_world("外院党委", "7")
    assert one.text not in logged_in(other.users["office"]).get(URL).content.decode()


def test_the_office_s_list_asks_as_much_for_many_as_for_one(issued: World, login) -> None:
    one, _ = of(filed(issued, login, "committee_meeting", **agreed(issued)))
    client, asked = login("office"), []
    for size in (1, 3, 300):
        Resolution.objects.bulk_create(
            Resolution(gathering=one.gathering, position=n + 100, text=f"事项{n}", responsible=one.responsible,
                       due_on=one.due_on) for n in range(Resolution.objects.count() - 1, size - 1)
        )  # fmt: skip
        asked.append(queries(client, URL))
    assert len(set(asked)) == 1, asked
