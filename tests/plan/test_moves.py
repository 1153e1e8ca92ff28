"""The table of moves and its door: each state lets through what the table says, and writes it down."""

from datetime import date

import pytest
from django.db import connection

from plan.models import Claim, Duty, Filing, Move, Paper, Standing
from plan.moves import MOVES, AlreadyMoved, MoveRefused, NotAllowed, allowed, begin, claim, missing_to_file, move
from tests.conftest import World, at

pytestmark = pytest.mark.django_db

State = Filing.State

# Written by hand from design.md: from which state each move leads where.
TABLE = {
    ("draft", "file"): "filed", ("sent_back", "file"): "filed",
    ("draft", "keep"): "kept", ("sent_back", "keep"): "kept",
    ("filed", "receive"): "received", ("filed", "approve"): "approved",
    ("filed", "send_back"): "sent_back", ("received", "send_back"): "sent_back", ("approved", "send_back"): "sent_back",
    ("kept", "correct"): "sent_back", ("filed", "correct"): "sent_back", ("received", "correct"): "sent_back",
    ("approved", "correct"): "sent_back", ("draft", "discard"): "discarded",
}  # fmt: skip


def paper(
    world: World, code: str = "I2", *, content: str = "全年述职。", desk: str = "office", handling: str = "inform"
) -> Filing:
    """A branch's paper for a requirement, as a draft that claims its duty."""
    access = world.access("secretary", at("2018-07-02 10:00"))
    requirement = world.plan.requirements.get(code=code)
    filing = begin(
        kind="paper", access=access, title="书记述职报告", year=2018, branch=world.first, desk=desk, handling=handling
    )
    Paper.objects.create(filing=filing, requirement=requirement, done_on=date(2018, 7, 1), content=content)
    duty = Duty.objects.filter(code=code, branch=world.first, member__isnull=True).order_by("starts_on").first()
    claim(filing, {duty.pk}, access.now)
    return filing


def put_into(filing: Filing, state: str, world: World) -> None:
    """The filing in any state, with the facts the database demands of it."""
    facts = {"state": state, "state_since": at("2018-07-02 11:00")}
    if state not in ("draft", "discarded"):
        facts |= {"first_filed_at": at("2018-07-02 11:00"), "filed_at": at("2018-07-02 11:00"),
                  "filed_by": world.users["secretary"], "receipt": "2018-01-0001"}  # fmt: skip
    if state == "kept":
        facts |= {"desk": "none", "handling": "keep"}
    Filing.objects.filter(pk=filing.pk).update(**facts)
    filing.refresh_from_db()


@pytest.mark.parametrize("state", [s.value for s in State])
@pytest.mark.parametrize("name", list(MOVES))
def test_each_state_lets_through_exactly_the_moves_of_the_table(issued: World, state: str, name: str) -> None:
    handling = {"approve": "approve", "keep": "keep"}.get(name, "inform")
    desk = "none" if handling == "keep" else "office"
    filing = paper(issued, desk=desk, handling=handling)
    put_into(filing, state, issued)
    Filing.objects.filter(pk=filing.pk).update(desk=desk, handling=handling)
    who = "office" if name in ("receive", "approve", "send_back") else "secretary"
    if name in ("send_back",) and desk == "none":
        pytest.fail("nothing kept is sent back")
    moves_before = Move.objects.count()
    access = issued.access(who, at("2018-07-03 09:00"))
    expected = TABLE.get((state, name))
    if expected is None:
        with pytest.raises(MoveRefused):
            move(filing, name, access=access, note="请补充。")
        assert Filing.objects.get(pk=filing.pk).state == state
        assert Move.objects.count() == moves_before
    else:
        move(filing, name, access=access, note="请补充。")
        assert Filing.objects.get(pk=filing.pk).state == expected
        step = Move.objects.latest("pk")
        assert (step.from_state, step.to_state, step.made_by) == (state, expected, issued.users[who])
        assert Move.objects.count() == moves_before + 1


@pytest.mark.parametrize(
    "who", ["member", "commissioner", "other_secretary", "office", "inspector", "auditor", "sysadmin"]
)
def test_only_secretary_and_deputy_file_for_a_branch(issued: World, who: str) -> None:
    filing = paper(issued)
    with pytest.raises(NotAllowed):
        move(filing, "file", access=issued.access(who, at("2018-07-03 09:00")))
    assert Filing.objects.get(pk=filing.pk).state == "draft"
    assert "file" not in allowed(issued.access(who, at("2018-07-03 09:00")), filing)


def test_the_deputy_files_as_the_secretary_does(issued: World) -> None:
    filing = move(paper(issued), "file", access=issued.access("deputy", at("2018-07-03 09:00")))
    assert filing.state == "filed"


def test_rights_end_with_the_post(issued: World) -> None:
    issued.member("secretary").posts.update(until_on=date(2018, 7, 3))
    filing = paper(issued)
    with pytest.raises(NotAllowed):
        move(filing, "file", access=issued.access("secretary", at("2018-07-03 00:00")))
    assert move(filing, "file", access=issued.access("secretary", at("2018-07-02 23:59"))).state == "filed"


def test_a_filing_gets_receipt_server_time_and_a_frozen_version(issued: World) -> None:
    filing = move(paper(issued), "file", access=issued.access("secretary", at("2018-07-03 09:14")))
    assert (filing.receipt, filing.filed_at) == ("2018-01-0001", at("2018-07-03 09:14"))
    version = filing.versions.get()
    assert version.is_intact
    assert ["主要内容", "全年述职。"] in version.snapshot["fields"]
    filing.paper.content = "改过的内容"
    filing.paper.save()
    assert ["主要内容", "全年述职。"] in filing.versions.get().snapshot["fields"]


def test_receipt_numbers_run_on_within_branch_and_year(issued: World) -> None:
    numbers = []
    for code in ("I2", "C1", "P3"):
        filing = paper(issued, code)
        numbers.append(move(filing, "file", access=issued.access("secretary", at("2018-07-03 09:00"))).receipt)
    assert numbers == ["2018-01-0001", "2018-01-0002", "2018-01-0003"]


def test_a_second_click_on_file_changes_nothing_and_says_when_it_was_filed(issued: World) -> None:
    filing = paper(issued)
    move(filing, "file", access=issued.access("secretary", at("2018-07-03 09:14")))
    with pytest.raises(AlreadyMoved, match=r"7月3日 09:14.*2018-01-0001"):
        move(filing, "file", access=issued.access("deputy", at("2018-07-03 09:15")))
    assert filing.versions.count() == 1


def test_what_is_missing_is_said_and_nothing_is_written(issued: World) -> None:
    filing = paper(issued, content="")
    with pytest.raises(MoveRefused, match="还缺主要内容"):
        move(filing, "file", access=issued.access("secretary", at("2018-07-03 09:00")))
    filing.refresh_from_db()
    assert (filing.state, filing.receipt, filing.versions.count()) == ("draft", None, 0)


def test_the_first_filing_decides_punctuality(issued: World) -> None:
    filing = paper(issued, "C1", handling="approve")
    access = issued.access("secretary", at("2018-07-31 23:59:59.999999"))
    move(filing, "file", access=access)
    move(
        filing,
        "send_back",
        access=issued.access("office", at("2018-08-20 09:00")),
        note="目标不具体，请写明数量和时间。",
    )
    duty = Duty.objects.get(code="C1", branch=issued.first)
    assert duty.settled_at == access.now
    now = at("2018-08-25 09:00")
    assert Duty.objects.with_standing(now).get(pk=duty.pk).standing == Standing.SENT_BACK
    move(filing, "file", access=issued.access("secretary", now))
    row = Duty.objects.with_standing(at("2018-08-26 09:00")).get(pk=duty.pk)
    assert (row.standing, row.was_late, Filing.objects.get(pk=filing.pk).is_late) == (Standing.FILED, False, False)
    assert filing.versions.count() == 2


def test_a_late_filing_needs_a_reason_and_stays_marked(issued: World) -> None:
    filing = paper(issued, "C1", handling="approve")
    access = issued.access("secretary", at("2018-08-01 00:00"))
    assert any("补报原因" in line for line in missing_to_file(filing, access.now, ""))
    with pytest.raises(MoveRefused, match="补报原因"):
        move(filing, "file", access=access)
    move(filing, "file", access=access, late_reason="书记出差，未能按时报送")
    move(filing, "approve", access=issued.access("office", at("2018-08-02 09:00")))
    filing.refresh_from_db()
    assert filing.is_late
    assert filing.late_reason == "书记出差，未能按时报送"
    duty = Duty.objects.with_standing(at("2018-12-01 09:00")).get(code="C1", branch=issued.first)
    assert (duty.standing, duty.was_late) == (Standing.APPROVED, True)


def test_sending_back_needs_a_reason(issued: World) -> None:
    filing = move(paper(issued), "file", access=issued.access("secretary", at("2018-07-03 09:00")))
    with pytest.raises(MoveRefused, match="原因"):
        move(filing, "send_back", access=issued.access("office", at("2018-07-04 09:00")), note="  ")
    assert Filing.objects.get(pk=filing.pk).state == "filed"


def test_a_standing_in_the_past_is_what_it_was_then(issued: World) -> None:
    filing = paper(issued, "C1", handling="approve")
    move(filing, "file", access=issued.access("secretary", at("2018-07-05 10:00")))
    move(filing, "send_back", access=issued.access("office", at("2018-07-06 10:00")), note="请补充措施。")
    move(filing, "file", access=issued.access("secretary", at("2018-07-07 10:00")))
    move(filing, "approve", access=issued.access("office", at("2018-07-08 10:00")))
    course = {"2018-07-05 09:59": "not_due", "2018-07-05 10:00": "filed", "2018-07-06 12:00": "sent_back",
              "2018-07-07 12:00": "filed", "2018-07-09 00:00": "approved"}  # fmt: skip
    for moment, expected in course.items():
        found = Duty.objects.with_standing(at(moment)).get(code="C1", branch=issued.first)
        assert found.standing == expected, moment


def test_a_draft_that_is_discarded_gives_up_its_claims(issued: World) -> None:
    filing = paper(issued)
    move(filing, "discard", access=issued.access("secretary", at("2018-07-03 09:00")))
    assert not Claim.objects.filter(filing=filing).exists()
    assert not Filing.objects.visible_to(issued.access("secretary", at("2018-07-03 09:00"))).exists()


def test_nobody_receives_his_own(issued: World) -> None:
    access = issued.access("secretary", at("2018-07-03 09:00"))
    filing = begin(
        kind="paper", access=access, title="个人承诺", year=2018, branch=issued.first, member=access.member,
        desk="branch", handling="approve",
    )  # fmt: skip
    Paper.objects.create(
        filing=filing, requirement=issued.plan.requirements.get(code="C2"), done_on=date(2018, 7, 1), content="承诺。"
    )
    move(filing, "file", access=access)
    with pytest.raises(NotAllowed):
        move(filing, "approve", access=access)
    assert move(filing, "approve", access=issued.access("deputy", at("2018-07-03 10:00"))).state == "approved"


def test_the_moves_of_a_filing_cost_the_same_however_many_duties_it_settles(issued: World) -> None:
    from django.test.utils import CaptureQueriesContext

    filing = paper(issued)
    with CaptureQueriesContext(connection) as few:
        move(filing, "file", access=issued.access("secretary", at("2018-07-03 09:00")))
    assert len(few) < 45
