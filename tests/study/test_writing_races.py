"""Two people at one record of study in the same moment: what is sent goes out once, no text is lost untold."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from branches.models import AuditEvent
from plan.models import Filing, Move, Version
from plan.moves import move
from study import pushes
from study.models import Delivery, Gathering, Studied
from tests.conftest import World, at, issue_2018, logged_in, make_world
from tests.plan.test_races import together
from tests.records import gathering_of, sent
from tests.study.pushed import channel_of, push_by, sent_out
from tests.study.test_gatherings import NEW, typed

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NOW = "2018-07-11 17:30"
CLICKS = 6
ROUNDS = 4
JSON = {"Accept": "application/json"}


@pytest.fixture
def ready(transactional_db, clock) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    clock(NOW)
    world = make_world()
    issue_2018(world)
    return world


def test_a_push_sent_out_by_two_at_once_goes_out_once(ready: World) -> None:
    accesses = [ready.access(who, at(NOW)) for who in ("secretary", "deputy")]
    channel_of(accesses[0])
    for n in range(ROUNDS):
        push = push_by(accesses[0], f"第{n}份")

        def click(k: int, push=push) -> str:
            return f"through {pushes.publish(push, accesses[k % 2], push.edition)}"

        assert sorted(together(click, CLICKS)) == ["Refused"] * (CLICKS - 1) + ["through 1"]
        assert Delivery.objects.filter(push=push).count() == 1
        push.refresh_from_db()
        assert (push.is_out, push.edition) == (True, 1)


def test_what_is_sent_out_while_another_keeps_it_is_what_was_seen(ready: World) -> None:
    """Either the new text is kept and the sender told to look again, or it goes out as seen and the writer is told."""
    access = ready.access("secretary", at(NOW))
    writer = logged_in(ready.users["deputy"])
    for n in range(ROUNDS):
        push = push_by(access, f"第{n}份", text="先前的正文")
        facts = {"audience": f"b{ready.first.pk}", "title": push.title, "text": "后来的正文", "url": "", "edition": "0"}

        def act(k: int, push=push, facts=facts) -> str:
            if k:
                return str(writer.post(f"/study/pushes/{push.pk}/edit/", facts).status_code)
            return str(pushes.publish(push, access, 0))

        answers = together(act, 2)
        push.refresh_from_db()
        if answers[0] == "Refused":
            assert (push.text, push.is_out, answers[1]) == ("后来的正文", False, "302")
        else:
            assert (push.text, push.is_out) == ("先前的正文", True)


def test_many_taps_on_studied_leave_one_mark(ready: World) -> None:
    office = ready.access("office", at(NOW))
    member = ready.access("member", at(NOW))
    for n in range(ROUNDS):
        push = sent_out(push_by(office, f"第{n}份"), office)
        answers = together(lambda k, push=push: str(pushes.mark(push, member, f"体会{k}")), CLICKS)
        assert sorted(answers) == ["False"] * (CLICKS - 1) + ["True"]
        assert Studied.objects.filter(push=push).count() == 1


def test_two_corrections_at_once_open_the_minutes_once(ready: World) -> None:
    accesses = [ready.access(who, at(NOW)) for who in ("secretary", "deputy")]
    for n in range(ROUNDS):
        filing = sent(gathering_of(ready, f"活动{n}", f"rgb(8, 8, {n})").filing, "secretary", ready)

        def click(k: int, filing: Filing = filing) -> str:
            return move(filing, "correct", access=accesses[k % 2], note=f"人数有误（{k}）").state

        assert sorted(together(click, CLICKS)) == ["AlreadyMoved"] * (CLICKS - 1) + ["sent_back"]
        assert Move.objects.filter(filing=filing, name="correct").count() == 1
        assert Version.objects.filter(filing=filing).count() == 1


def test_two_texts_for_one_correction_at_once_leave_one_and_tell_the_other(ready: World) -> None:
    clients = [logged_in(ready.users[who]) for who in ("secretary", "deputy")]
    for n in range(ROUNDS):
        gathering = gathering_of(ready, f"活动{n}", f"rgb(8, 9, {n})")
        filing = move(
            sent(gathering.filing, "secretary", ready),
            "correct",
            access=ready.access("secretary", at(NOW)),
            note="有误",
        )
        texts = [f"第{n}次，第{k}位同志更正后的内容。" for k in range(2)]

        def save(k: int, gathering=gathering, filing=filing, texts=texts) -> str:
            data = typed(ready, "theme_day", edition=filing.edition, content=texts[k])
            return str(clients[k].post(gathering.get_edit_url(), data, headers=JSON).status_code)

        answers = together(save, 2)
        assert sorted(answers) == ["200", "409"]
        gathering.refresh_from_db()
        assert gathering.content == texts[answers.index("200")]


def test_a_new_record_sent_many_times_at_once_is_one_record_filed_once(ready: World) -> None:
    client = logged_in(ready.users["secretary"])
    for n in range(ROUNDS):
        data = typed(ready, "committee_meeting", action="file", title=f"支委会{n}")
        answers = [json.loads(one) for one in together(lambda _, data=data: _body(client, data), CLICKS)]
        gathering = Gathering.objects.get(title=f"支委会{n}")
        filing = gathering.filing
        assert filing.first_filed_at is not None
        assert Version.objects.filter(filing=filing).count() == 1
        # Everybody is led to the one record, none to an error.
        assert all(str(filing.pk) in one["go"] or str(gathering.pk) in one["go"] for one in answers), answers
    assert Filing.objects.filter(kind="gathering").count() == ROUNDS
    assert AuditEvent.objects.filter(ok=True, what__in=["报送", "留存"]).count() == ROUNDS


def _body(client, data) -> str:
    return client.post(NEW, data, headers=JSON).content.decode()
