"""Today's sitting: the secretary's next thing until somebody begins to record it."""

from __future__ import annotations

from datetime import date

import pytest

from plan.moves import begin
from study.models import BranchPlan, Gathering, PlanItem
from tests.conftest import at

pytestmark = pytest.mark.django_db

NOW = "2018-07-05 17:30"


@pytest.fixture
def item(issued, clock) -> PlanItem:
    access = issued.access("secretary", at("2018-06-20 10:00"))
    filing = begin(kind="branch_plan", access=access, title="2018年学习计划", year=2018, branch=issued.first,
                   desk="office", handling="inform")  # fmt: skip
    plan = BranchPlan.objects.create(filing=filing, branch=issued.first, plan=issued.plan, outline="大纲")
    clock(NOW)
    return PlanItem.objects.create(
        plan=plan, kind="theme_day", with_kinds=["lecture"], topic="重温入党誓词", place="行政楼301",
        starts_on=date(2018, 7, 5), ends_on=date(2018, 7, 5),
    )  # fmt: skip


def test_todays_sitting_is_the_next_thing(item, login):
    page = login("secretary").get("/")
    line = page.context["next"]
    assert (line.text, line.title, line.action_label) == ("今天的活动", "重温入党誓词", "记录这次活动")
    assert line.sub == "主题党日、党课　行政楼301"
    form = login("secretary").get(line.action_url).context["form"]
    assert form.initial["plan_item"] == item.pk
    assert set(form.kinds_now) == {"theme_day", "lecture"}


def test_another_branch_and_another_day_have_their_own_next_thing(item, login, clock):
    assert login("other_secretary").get("/").context["next"].text != "今天"
    clock("2018-07-06 08:00")
    assert login("secretary").get("/").context["next"].text != "今天"


def test_what_somebody_has_begun_is_gone_on_with(item, login):
    client = login("secretary")
    form = client.get(client.get("/").context["next"].action_url).context["form"]
    fields = {
        "kinds": ["theme_day"], "plan_item": item.pk, "held_on": "2018-07-05", "from_time": "15:00",
        "until_time": "17:00", "form_key": form.initial["form_key"], "action": "save",
    }  # fmt: skip
    client.post("/study/gatherings/new/", fields)
    gathering = Gathering.objects.get()
    assert gathering.plan_item == item
    line = client.get("/").context["next"]
    assert (line.action_label, line.action_url) == ("继续填写", gathering.get_edit_url())
    gathering.filing.state = "discarded"
    gathering.filing.save()
    assert client.get("/").context["next"].action_label == "记录这次活动"
