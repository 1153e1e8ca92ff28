"""The table of a pledge's steps: every stage × every step × every person, and what the steps make of the duties."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from django.db import transaction

from commitments import life, stages
from commitments.models import Judgement, Pledge, PledgeItem, PledgeStep, Result, Stage
from commitments.stages import Outcome, allowed, take
from plan.models import Duty, Standing
from plan.moves import AlreadyMoved, MoveRefused, NotAllowed, move
from tests.commitments.pledged import again, all_done, draft, filed, in_stage, shown, step
from tests.conftest import World, at

pytestmark = pytest.mark.django_db

NOW = at("2018-07-03 10:00")
PEOPLE = ("member", "secretary", "deputy", "commissioner", "neighbour", "other_secretary", "other_member", "office",
          "inspector")  # fmt: skip

# Written by hand, and nothing of it read from the code: stage, step → who may, for a member's own pledge (李强's).
DESK, NOBODY = {"secretary", "deputy"}, set[str]()
OWN_TABLE: dict[tuple[str, str], set[str]] = {
    ("shown", "keep"): {"member"},
    ("shown", "judge"): DESK, ("keeping", "judge"): DESK,
    ("judging", "decide"): DESK,
    ("judged", "reopen"): DESK,
    ("shown", "withdraw"): DESK, ("keeping", "withdraw"): DESK, ("judging", "withdraw"): DESK,
}  # fmt: skip
# The branch's own pledge: its leaders keep it, its secretary or the office opens the judging, the office judges.
LEADERS, OPENERS, OFFICE = {"secretary", "deputy", "commissioner"}, {"secretary", "deputy", "office"}, {"office"}
BRANCH_TABLE: dict[tuple[str, str], set[str]] = {
    ("shown", "keep"): LEADERS,
    ("shown", "judge"): OPENERS, ("keeping", "judge"): OPENERS,
    ("judging", "decide"): OFFICE,
    ("judged", "reopen"): OFFICE,
    ("shown", "withdraw"): OFFICE, ("keeping", "withdraw"): OFFICE, ("judging", "withdraw"): OFFICE,
}  # fmt: skip
STAGES = ("proposed", "review", "shown", "keeping", "judging", "judged", "withdrawn")
STEPS = ("file", "approve", "send_back", "correct", "keep", "judge", "decide", "reopen", "withdraw")
LEADS_TO = {"keep": "keeping", "judge": "judging", "decide": "judged", "reopen": "judging", "withdraw": "withdrawn"}


@pytest.fixture
def peopled(issued: World) -> World:
    """With a neighbour: a member of the first branch with no post."""
    from branches.models import Member
    from tests.conftest import add_user

    issued.users["neighbour"] = add_user(Member.objects.get(name="张三一"))
    return issued


@pytest.mark.parametrize(("table", "who", "own"), [(OWN_TABLE, "member", True), (BRANCH_TABLE, "secretary", False)])
def test_every_step_in_every_stage_by_everybody_does_what_the_table_says(peopled: World, table, who, own) -> None:
    assert set(STAGES) == {stage.value for stage in Stage}
    assert set(STEPS) == set(stages.STEPS)
    pledge = shown(peopled, who, own=own)
    people = {name: peopled.access(name, NOW) for name in PEOPLE}
    for stage in STAGES:
        Pledge.objects.filter(pk=pledge.pk).update(stage=stage)
        for name, access in people.items():
            may = {one for one in STEPS if name in table.get((stage, one), NOBODY)}
            assert set(allowed(access, again(pledge))) == may, (stage, name)
            for one in STEPS:
                with transaction.atomic():
                    if one in may:
                        taken = take(again(pledge), one, access=access, note="原因。", results=all_done(pledge))
                        assert taken.stage == again(pledge).stage == LEADS_TO[one]
                        last = PledgeStep.objects.latest("pk")
                        assert (last.name, last.from_stage, last.to_stage) == (one, stage, LEADS_TO[one])
                        assert (last.made_by, last.made_at) == (access.user, NOW)
                    else:
                        before = PledgeStep.objects.count()
                        with pytest.raises((NotAllowed, AlreadyMoved)):
                            take(again(pledge), one, access=access, note="原因。", results=all_done(pledge))
                        assert (again(pledge).stage, PledgeStep.objects.count()) == (stage, before), (one, name)
                    transaction.set_rollback(True)


def test_nobody_judges_the_own_pledge_not_even_the_secretary(peopled: World) -> None:
    pledge = shown(peopled, "secretary")
    assert allowed(peopled.access("secretary", NOW), pledge) == ["keep"]
    assert allowed(peopled.access("deputy", NOW), pledge) == ["judge", "withdraw"]
    assert allowed(peopled.access("office", NOW), pledge) == []


@pytest.mark.parametrize("name", ["reopen", "withdraw"])
def test_a_step_that_needs_a_reason_is_refused_without_one(issued: World, name: str) -> None:
    pledge = in_stage(issued, Stage.JUDGED if name == "reopen" else Stage.KEEPING)
    with pytest.raises(MoveRefused, match="原因"):
        step(pledge, name, issued.access("secretary", NOW), note=" ")
    assert again(pledge).stage == ("judged" if name == "reopen" else "keeping")


# What the filing's own moves make of it


def test_the_filings_moves_lead_the_first_stages_and_each_is_written_down(issued: World) -> None:
    pledge = draft(issued)
    member, secretary = issued.access("member", NOW), issued.access("secretary", NOW)
    for name, access, stage in (
        ("file", member, "review"), ("send_back", secretary, "proposed"), ("file", member, "review"),
        ("correct", member, "proposed"), ("file", member, "review"), ("approve", secretary, "shown"),
        ("send_back", secretary, "proposed"), ("file", member, "review"), ("approve", secretary, "shown"),
    ):  # fmt: skip
        move(again(pledge).filing, name, access=access, note="请写具体。", late_reason="补报。")
        assert again(pledge).stage == stage, name
    course = list(PledgeStep.objects.order_by("pk").values_list("from_stage", "to_stage"))
    assert len(course) == 9
    assert all(one[1] == other[0] for one, other in itertools.pairwise(course))
    assert PledgeStep.objects.filter(name="send_back").latest("pk").note == "请写具体。"


def test_it_is_public_from_the_approval_on_and_keeps_its_first_day(issued: World) -> None:
    pledge = shown(issued, moment=at("2018-06-22 10:00"))
    assert pledge.published_at == at("2018-06-22 10:00")
    neighbour = issued.access("commissioner", NOW)
    assert Pledge.objects.visible_to(neighbour).filter(pk=pledge.pk).exists()
    move(pledge.filing, "send_back", access=issued.access("secretary", NOW), note="补充。")
    other = issued.access("other_member", NOW)
    assert not Pledge.objects.visible_to(other).exists()
    move(again(pledge).filing, "file", access=issued.access("member", NOW))
    move(again(pledge).filing, "approve", access=issued.access("secretary", NOW))
    assert again(pledge).published_at == at("2018-06-22 10:00")


@pytest.mark.parametrize("stage", [Stage.JUDGING, Stage.JUDGED, Stage.WITHDRAWN])
@pytest.mark.parametrize("name", ["send_back", "correct"])
def test_once_it_is_judged_nothing_promised_is_changed(issued: World, stage: Stage, name: str) -> None:
    pledge = in_stage(issued, stage)
    access = issued.access("secretary" if name == "send_back" else "member", NOW)
    with pytest.raises(MoveRefused, match="内容不能再改"):
        move(pledge.filing, name, access=access, note="改。")
    assert again(pledge).filing.state == "approved"


# The duties that hang on it


def duty(pledge: Pledge, code: str) -> Duty:
    return Duty.objects.get(occasion=pledge.filing, code=code)


def standing(pledge: Pledge, code: str) -> str:
    return Duty.objects.with_standing(NOW).get(occasion=pledge.filing, code=code).standing


def test_approval_opens_and_settles_the_publication_and_opens_the_judgement(issued: World) -> None:
    pledge = filed(issued)
    assert not Duty.objects.filter(occasion=pledge.filing).exists()
    move(pledge.filing, "approve", access=issued.access("secretary", at("2018-06-22 10:00")))
    public, judged = duty(pledge, "C3"), duty(pledge, "C4")
    assert public.settled_by == pledge.filing
    assert public.settled_at == public.done_at == at("2018-06-22 10:00")
    # Fifteen days after the last day that an item names, 30 November.
    assert judged.due_at == at("2018-12-16 00:00") and judged.settled_at is None
    assert (judged.branch, judged.member, judged.period) == (issued.first, None, "李强")


def test_without_a_day_the_judgement_is_due_after_the_pledges_validity(issued: World) -> None:
    pledge = filed(issued)
    pledge.items.update(due_on=None)
    move(pledge.filing, "approve", access=issued.access("secretary", at("2018-06-22 10:00")))
    assert duty(pledge, "C4").due_at == at("2019-01-16 00:00")


def test_filed_and_approved_again_with_another_day_moves_the_judgement_and_settles_nothing(issued: World) -> None:
    pledge = shown(issued)
    move(pledge.filing, "send_back", access=issued.access("secretary", NOW), note="时限太晚。")
    pledge.items.update(due_on=date(2018, 8, 31))
    move(again(pledge).filing, "file", access=issued.access("member", NOW))
    assert duty(pledge, "C4").settled_at is None, "filing it is not judging it"
    move(again(pledge).filing, "approve", access=issued.access("secretary", NOW))
    judged = duty(pledge, "C4")
    assert judged.due_at == judged.late_at == at("2018-09-16 00:00")
    assert judged.settled_at is None
    change = judged.changes.get()
    assert (change.due_before, change.why) == (at("2018-12-16 00:00"), "承诺的完成时限有变")
    assert Duty.objects.filter(occasion=pledge.filing).count() == 2


def test_the_decision_settles_the_judgement_once(issued: World) -> None:
    pledge = in_stage(issued, Stage.JUDGING)
    step(pledge, "decide", issued.access("secretary", NOW))
    assert duty(pledge, "C4").settled_at == NOW
    step(pledge, "reopen", issued.access("secretary", at("2018-07-04 10:00")))
    step(pledge, "decide", issued.access("secretary", at("2018-07-05 10:00")))
    assert duty(pledge, "C4").settled_at == NOW
    assert standing(pledge, "C4") == Standing.APPROVED


def test_taken_down_it_is_no_longer_to_be_judged(issued: World) -> None:
    pledge = in_stage(issued, Stage.KEEPING)
    step(pledge, "withdraw", issued.access("secretary", NOW), note="已调离。")
    assert standing(pledge, "C4") == Standing.WAIVED
    assert duty(pledge, "C4").exempt_reason == "承诺已撤下：已调离。"
    assert standing(pledge, "C3") == Standing.APPROVED


def test_where_no_plan_asks_for_it_a_pledge_lives_all_the_same(world: World) -> None:
    pledge = in_stage(world, Stage.JUDGED)
    assert not Duty.objects.exists()
    assert pledge.stage == "judged"


# The judgement


def judging(world: World, *said: str) -> tuple[Pledge, PledgeItem]:
    """A pledge that is judged, of whose first item the peers said these results."""
    pledge = in_stage(world, Stage.JUDGING)
    item = pledge.items.get(position=1)
    peers = life.peers(pledge, world.access("secretary", NOW)).order_by("pk")
    for one, result in zip(peers, said, strict=False):
        Judgement.objects.create(item=item, member=one.member, result=result, said_at=NOW)
    return pledge, item


def decide(world: World, pledge: Pledge, first: Outcome) -> Pledge:
    items = list(pledge.items.all())
    results = {items[0].pk: first, items[1].pk: Outcome(Result.DONE)}
    return take(pledge, "decide", access=world.access("secretary", NOW), results=results)


def test_every_item_needs_a_result(issued: World) -> None:
    pledge, item = judging(issued)
    with pytest.raises(MoveRefused, match="第2项还没有评定结果"):
        take(pledge, "decide", access=issued.access("secretary", NOW), results={item.pk: Outcome(Result.DONE)})
    assert set(pledge.items.values_list("result", flat=True)) == {""}


def test_what_is_unmet_needs_a_reason_and_keeps_whether_it_was_good(issued: World) -> None:
    pledge, item = judging(issued)
    with pytest.raises(MoveRefused, match="第1项没有全部完成，请写明原因"):
        decide(issued, pledge, Outcome(Result.UNMET, " "))
    decide(issued, pledge, Outcome(Result.UNMET, "窗口7月停办", True))
    item.refresh_from_db()
    assert (item.result, item.result_reason, item.is_excused) == ("unmet", "窗口7月停办", True)
    # The course keeps what was decided, whatever a later decision says.
    assert PledgeStep.objects.latest("pk").note == "第1项未完成（客观原因）：窗口7月停办；第2项完成。"


def test_done_for_a_good_reason_is_no_excuse(issued: World) -> None:
    pledge, item = judging(issued)
    decide(issued, pledge, Outcome(Result.DONE, "", True))
    item.refresh_from_db()
    assert not item.is_excused


@pytest.mark.parametrize(
    ("said", "most"),
    [(("partly", "partly", "done"), "部分完成"), (("partly", "done"), ""), (("done", "done", "partly"), "")],
)
def test_whoever_departs_from_the_majority_of_the_peers_says_why(issued: World, said, most: str) -> None:
    pledge, _ = judging(issued, *said)
    if most:
        with pytest.raises(MoveRefused, match=f"党员互评多数是“{most}”"):
            decide(issued, pledge, Outcome(Result.DONE))
    assert decide(issued, pledge, Outcome(Result.DONE, "有值班记录为证" if most else "")).stage == "judged"
