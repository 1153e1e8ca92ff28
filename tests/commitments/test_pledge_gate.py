"""The gate (审诺): what the desk sees, what is written down, and that nothing is decided half."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from commitments.models import Pledge
from plan import moves
from plan.models import Filing
from tests.conftest import World, at
from tests.plan.filed import PROMISED, duty_of, pledge, pledge_by

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-05 10:00")


def branchs(world: World) -> Filing:
    access = world.access("secretary", at("2018-07-03 10:00"))
    return moves.move(pledge_by(access, duty_of(world, "C1")), "file", access=access)


def gate(filing: Filing) -> str:
    return reverse("commitments:pledge_gate", args=[filing.pledge.pk])


def decision(filing: Filing, action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "gate": "committee", "gate_on": "2018-07-04", "edition": filing.edition} | more


def test_approved_at_the_gate_it_is_public_and_the_meeting_is_written_down(issued, login):
    filing = pledge(issued, "secretary")
    response = login("deputy").post(gate(filing), decision(filing, "approve", gate_opinion="同意。"))
    kept = Pledge.objects.get()
    assert response.url == filing.get_absolute_url()
    assert (kept.gate, kept.gate_on, kept.gate_opinion) == ("committee", date(2018, 7, 4), "同意。")
    assert (kept.stage, kept.published_at, kept.filing.state) == ("shown", at("2018-07-05 10:00"), "approved")
    assert kept.filing.moves.last().note == "同意。"


def test_sent_back_it_says_why_and_no_meeting_is_written_down(issued, login):
    filing = pledge(issued, "secretary")
    client = login("deputy")
    empty = client.post(gate(filing), decision(filing, "send_back"))
    assert empty.status_code == 422
    assert "请写明退回的原因，让对方知道要改什么。" in empty.content.decode()
    client.post(gate(filing), decision(filing, "send_back", note="第2项是口号。"))
    kept = Pledge.objects.get()
    assert (kept.stage, kept.gate, kept.filing.state) == ("proposed", "", "sent_back")
    assert "第2项是口号。" in login("secretary").get(kept.get_edit_url()).content.decode()


def test_the_office_gates_the_branchs_and_the_branch_its_members(issued, login):
    own, members = branchs(issued), pledge(issued, "secretary")
    assert login("office").get(gate(own)).context["form"].fields["gate"].choices == [("office", "机关党委办公室")]
    inside = login("deputy").get(gate(members)).context["form"].fields["gate"].choices
    assert inside == [("committee", "支委会"), ("general", "支部党员大会")]
    for who, filing in (("secretary", own), ("secretary", members), ("office", members)):
        assert login(who).get(gate(filing)).status_code == 403, "nobody gates the own, nor what lies elsewhere"


def test_it_does_not_pass_without_a_meeting_and_a_day_that_has_been(issued, login):
    filing = pledge(issued, "secretary")
    for wrong in ({"gate": ""}, {"gate_on": ""}, {"gate_on": "2018-07-06"}, {"gate": "office"}):
        assert login("deputy").post(gate(filing), decision(filing, "approve", **wrong)).status_code == 422
    assert Pledge.objects.get().stage == "review"


def test_a_decision_on_an_older_text_changes_nothing(issued, login):
    filing = pledge(issued, "secretary")
    login("deputy").post(gate(filing), decision(filing, "approve", edition=filing.edition + 1))
    kept = Pledge.objects.get()
    assert (kept.stage, kept.gate) == ("review", ""), "the meeting is not written down without the decision"


def test_the_desk_reads_what_is_vague_and_why_it_is_written_so(issued, login):
    access = issued.access("secretary", at("2018-07-03 10:00"))
    slogan = ("不断提高自身素质", "明显提高", "认真学习", "有所提高")
    filing = pledge_by(access, duty_of(issued, "C2", "secretary"), items=[PROMISED[0], slogan])
    Pledge.objects.filter(filing=filing).update(vague_reason="上级规定的统一表述。")
    moves.move(filing, "file", access=access)
    page = login("deputy").get(gate(filing)).content.decode()
    assert "第2项：“不断提高自身素质”只表明态度" in page
    assert "承诺人的说明：上级规定的统一表述。" in page


def test_the_filings_page_leads_to_the_gate_and_draws_no_buttons_of_its_own(issued, login):
    filing = pledge(issued, "secretary")
    page = login("deputy").get(filing.get_absolute_url()).content.decode()
    assert gate(filing) in page
    assert 'value="approve"' not in page
    assert gate(filing) not in login("secretary").get(filing.get_absolute_url()).content.decode()
    moves.move(filing, "approve", access=issued.access("deputy", at("2018-07-05 09:00")))
    again = login("deputy").get(filing.get_absolute_url()).content.decode()
    assert gate(filing) not in again
    assert 'value="send_back"' in again
    assert login("deputy").get(gate(filing)).url == filing.get_absolute_url()
