"""The organizational life meeting step by step: what comes next, what is missing, and what is put on file."""

from __future__ import annotations

from typing import Any

import pytest

from plan.models import Filing
from study.gathering_papers import gathering_snapshot
from study.gatherings import lacks
from study.life_meeting import STEPS, next_step
from study.minutes import Agreed
from study.models import Gathering
from tests.conftest import World, at
from tests.study.test_gatherings import NEW, add_picture, asked, kept, sitting, typed

pytestmark = pytest.mark.django_db

NEEDED = ["会前学习", "谈心谈话", "征求意见", "相互批评", "整改清单"]


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-12-12 17:30")


def steps(world: World) -> dict[str, Any]:
    """All the steps and the list of what is to be mended, as the page sends them."""
    return {
        "held_on": "2018-12-12",
        "step-study_on": "2018-12-03", "step-study_note": "集中学习半天", "step-talks_on": "2018-12-05",
        "step-opinions_on": "2018-12-06", "step-outline_on": "2018-12-10", "step-report_note": "报告一年工作",
        "step-self_criticism_note": "逐一自我批评", "step-criticism_note": "李强对陈静：少开会，多谈心。",
        "resolution-0-text": "每季度谈心一次", "resolution-0-responsible_id": world.member("secretary").pk,
        "resolution-0-due_on": "2019-03-31",
    }  # fmt: skip


def test_what_comes_next_is_said_step_by_step_with_its_rule() -> None:
    done: dict[str, dict[str, str]] = {}
    said = [next_step(done, [])]
    for step in STEPS:
        done[step.key] = {"note": "有"} if step.in_meeting else {"on": "2018-12-03"}
        said.append(next_step(done, []))
    labels = [step.label for step in STEPS] + ["整改清单"]
    assert [one.removeprefix("下一步：").partition("。")[0] for one in said] == labels
    assert "不少于半天" in said[0]
    assert "提前10天通知" in said[0]
    assert "上报" in next_step(done, [Agreed("事", 1, at("2018-12-31 00:00").date())])


def test_a_step_before_the_meeting_needs_its_day_and_one_in_it_its_words() -> None:
    assert next_step({"study": {"note": "学了"}}, []).startswith("下一步：会前学习")
    told = {step.key: {"on": "2018-12-03"} for step in STEPS}
    assert next_step(told, []).startswith("下一步：书记报告")


def test_what_is_missing_is_said_and_only_of_a_life_meeting(issued: World, login) -> None:
    found = [lack.word for lack in lacks(sitting(issued, "life_meeting"))]
    assert [word for word in found if word in NEEDED] == NEEDED
    assert not set(NEEDED) & {lack.word for lack in lacks(sitting(issued, "general_meeting"))}
    answer = asked(
        login("secretary"), NEW, typed(issued, "life_meeting", action="refresh", held_on="2018-12-12")
    ).json()
    assert "下一步：会前学习" in answer["more"]["next-step"]
    assert set(NEEDED) <= set(answer["missing"])


def test_with_all_steps_it_is_filed_and_the_paper_tells_them(issued: World, login) -> None:
    gathering = kept(issued, login, "life_meeting", **steps(issued))
    assert gathering.procedure["study"] == {"on": "2018-12-03", "note": "集中学习半天"}
    add_picture(gathering.filing)
    data = typed(issued, "life_meeting", edition=gathering.filing.edition, action="file", **steps(issued))
    assert login("secretary").post(gathering.get_edit_url(), data).url == gathering.filing.get_absolute_url()
    assert Filing.objects.get(pk=gathering.filing_id).state == "filed"
    told = dict(gathering_snapshot(gathering)["fields"])["组织生活会步骤"].splitlines()
    assert told[0] == "1. 会前学习（2018年12月3日）：集中学习半天"
    assert told[-1] == "7. 相互批评：李强对陈静：少开会，多谈心。"


@pytest.mark.parametrize("without", ["step-study_on", "step-talks_on", "step-opinions_on", "step-criticism_note",
                                     "resolution-0-due_on"])  # fmt: skip
def test_without_one_of_what_is_needed_it_stays_a_draft(issued: World, login, without: str) -> None:
    gathering = kept(issued, login, "life_meeting", **steps(issued) | {without: ""})
    add_picture(gathering.filing)
    data = typed(
        issued, "life_meeting", edition=gathering.filing.edition, action="file", **steps(issued) | {without: ""}
    )
    login("secretary").post(gathering.get_edit_url(), data)
    assert Filing.objects.get(pk=gathering.filing_id).state == "draft"


def test_what_is_not_asked_for_may_be_left_out(issued: World, login) -> None:
    less = steps(issued) | {"step-outline_on": "", "step-report_note": "", "step-self_criticism_note": ""}
    gathering = kept(issued, login, "life_meeting", **less)
    assert not set(NEEDED) & set("".join(gathering.missing_to_file()))
    assert set(gathering.procedure) == {"study", "talks", "opinions", "criticism"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"step-study_on": "2018-12-13"}, "不能晚于开会当天"),
        ({"step-talks_on": "2016-12-01"}, "核对年份"),
        ({"step-opinions_on": "2018-02-30"}, "征求意见日期"),
        ({"step-opinions_on": "0000-00-00"}, "征求意见日期"),
        ({"step-criticism_note": "长" * 301}, "相互批评说明"),
        ({"step-study_note": "a\x00b"}, "会前学习说明"),
    ],
)
def test_bad_input_is_named_at_its_step_and_writes_nothing(
    issued: World, login, changes: dict[str, str], words: str
) -> None:
    response = login("secretary").post(NEW, typed(issued, "life_meeting", **steps(issued) | changes))
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    assert "报告一年工作" in text
    assert not Gathering.objects.exists()


def test_another_kind_keeps_no_steps_whatever_is_sent(issued: World, login) -> None:
    changes = steps(issued) | {"step-study_on": "2018-12-31"}
    gathering = kept(issued, login, "general_meeting", **changes)
    assert gathering.procedure == {}


def test_the_steps_stand_in_the_form_again(issued: World, login) -> None:
    gathering = kept(issued, login, "life_meeting", **steps(issued))
    text = login("secretary").get(gathering.get_edit_url()).content.decode()
    assert 'name="step-study_on" value="2018-12-03"' in text
    assert "各步都已填写" in text
