"""Several people at one pledge at the same moment, on PostgreSQL: one decides, and no word comes in after it."""

from __future__ import annotations

import itertools
import threading

import pytest
from django.db import connection

from commitments import life
from commitments.models import Judgement, Pledge, PledgeStep, Result, Stage
from commitments.stages import Outcome, take
from plan.models import Duty
from plan.moves import AlreadyMoved, move
from tests.commitments.pledged import again, in_stage, shown
from tests.conftest import World, at, issue_2018, make_world
from tests.plan.test_races import CLICKS, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NOW = at("2018-07-03 10:00")


@pytest.fixture
def ready(transactional_db) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    issue_2018(world)
    return world


def test_two_deciders_at_once_make_one_decision_whole(ready: World) -> None:
    pledge = in_stage(ready, Stage.JUDGING)
    people = [ready.access(who, NOW) for who in ("secretary", "deputy")]
    items = list(pledge.items.values_list("pk", flat=True))

    def decide(n: int) -> str:
        # Each decides otherwise: what stands must be one of the two, and not some of each.
        result = Outcome(Result.DONE) if n % 2 else Outcome(Result.UNMET, "没有做。")
        return take(again(pledge), "decide", access=people[n % 2], results=dict.fromkeys(items, result)).stage

    answers = together(decide)
    assert sorted(answers) == sorted([AlreadyMoved.__name__] * (CLICKS - 1) + ["judged"])
    assert len(set(pledge.items.values_list("result", flat=True))) == 1
    step = PledgeStep.objects.get(name="decide")
    assert step.made_by == people[1 if "第1项完成" in step.note else 0].user
    assert Duty.objects.get(occasion=pledge.filing, code="C4").settled_at == NOW


def test_the_control_without_the_lock_decides_more_than_once(ready: World) -> None:
    """Look first, then write: it must double, or the test above proves nothing."""
    pledge = in_stage(ready, Stage.JUDGING)
    look, user = threading.Barrier(CLICKS), ready.users["secretary"]

    def naive(_: int) -> str:
        fresh = Pledge.objects.get(pk=pledge.pk)
        look.wait(10)
        if fresh.stage != "judging":
            return "late"
        PledgeStep.objects.create(pledge=fresh, name="decide", made_at=NOW, made_by=user, to_stage="judged")
        return "judged"

    assert together(naive).count("judged") > 1


def test_sent_back_while_it_is_begun_to_be_judged_one_wins_and_the_course_is_unbroken(ready: World) -> None:
    secretary, member = ready.access("secretary", NOW), ready.access("member", NOW)
    for title in ("第一份", "第二份", "第三份"):
        pledge = shown(ready, title=title)
        item = pledge.items.first()

        def act(n: int, pledge: Pledge = pledge, item=item) -> str:
            match n % 3:
                case 0:
                    return move(pledge.filing, "send_back", access=secretary, note="补充。").state
                case 1:
                    return take(again(pledge), "judge", access=secretary).stage
                case _:
                    return str(life.tell_progress(item, member, text="做了", is_done=False).pk)

        answers = together(act)
        assert ("sent_back" in answers) + ("judging" in answers) == 1, answers
        course = list(pledge.steps.order_by("pk").values_list("from_stage", "to_stage"))
        assert all(one[1] == other[0] for one, other in itertools.pairwise(course)), course
        assert again(pledge).stage == course[-1][1]
        assert (again(pledge).filing.state == "sent_back") == (again(pledge).stage == "proposed")


def test_many_clicks_of_one_member_are_one_word(ready: World) -> None:
    pledge = in_stage(ready, Stage.JUDGING)
    access, items = ready.access("commissioner", NOW), list(pledge.items.values_list("pk", flat=True))
    together(lambda n: str(life.say(again(pledge), access, dict.fromkeys(items, (Result.DONE, f"{n}")))))
    assert Judgement.objects.filter(member=access.member).count() == len(items)
    assert Judgement.objects.values("reason").distinct().count() == 1
