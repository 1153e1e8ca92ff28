"""The minutes row by row: what was said, voted and agreed, who may vote, and what is frozen of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Member
from plan.models import Duty, Filing
from plan.moves import move
from study.gathering_papers import gathering_snapshot, ordinal
from study.gatherings import Attending, lacks
from study.minutes_form import MOST
from study.models import Attendance, Gathering, Resolution, Speech, Vote
from study.voting import Electorate, Motion
from tests.conftest import World, add_member, at
from tests.study.test_gatherings import NEW, add_picture, asked, kept, queries, sitting, typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 17:30")


def rows(world: World) -> dict[str, Any]:
    """Two speeches, a vote of seven and two things agreed, as the page sends them."""
    return {
        "agenda": "学习党章\n讨论转正", "summary": "大家讲得实在。",
        "speech-0-speaker": "李强", "speech-0-text": "同意接收。",
        "speech-1-speaker": "王处长", "speech-1-text": "建议再考察。", "speech-1-is_dissent": "on",
        "vote-0-text": "同意张三五按期转正", "vote-0-ayes": "6", "vote-0-nays": "1", "vote-0-abstentions": "1",
        "resolution-0-text": "修订学习制度", "resolution-0-responsible_id": world.member("member").pk,
        "resolution-0-due_on": "2018-07-31", "resolution-1-text": "下月再议食堂意见",
    }  # fmt: skip


def counted() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Filing, Gathering, Attendance, Speech, Vote, Resolution))


# Who may vote


def lines(full: int, probationary: int, present: int) -> list[Attending]:
    """So many members, the first `present` of the full ones and all probationary ones there."""
    those = [Attending(n, f"甲{n}", True, "present" if n < present else "excused") for n in range(full)]
    return those + [Attending(1000 + n, f"乙{n}", False, "present") for n in range(probationary)]


@pytest.mark.parametrize(
    ("full", "present", "sentence"),
    [
        (12, 7, "有表决权应到12人、实到7人，已过半数，可以表决。"),
        (12, 6, "有表决权应到12人、实到6人，未过半数，不能表决。"),
        (11, 6, "有表决权应到11人、实到6人，已过半数，可以表决。"),
        (11, 5, "有表决权应到11人、实到5人，未过半数，不能表决。"),
        (0, 0, "有表决权应到0人、实到0人，未过半数，不能表决。"),
    ],
)
def test_a_vote_needs_more_than_half_of_those_entitled_and_probationary_members_do_not_count(
    full: int, present: int, sentence: str
) -> None:
    assert Electorate.of(["general_meeting"], lines(full, 5, present)).sentence == sentence


def test_at_a_committee_meeting_its_members_vote_and_a_group_needs_no_quorum() -> None:
    assert Electorate.of(["committee_meeting"], lines(3, 2, 1)).counts == "有表决权应到5人、实到3人"
    group = Electorate.of(["group_meeting"], lines(4, 0, 1))
    assert (group.is_quorate, "半数" in group.sentence) == (True, False)


@pytest.mark.parametrize(
    ("ayes", "present", "result"),
    [
        (7, 8, "通过"), (6, 8, "未通过"), (6, 6, "实到未过半数，表决无效"), (0, 12, "未通过"), (12, 12, "通过"),
    ],
)  # fmt: skip
def test_a_motion_passes_with_more_than_half_of_those_who_should_attend(ayes: int, present: int, result: str) -> None:
    motion = Motion("转正", ayes, present - ayes)
    assert Electorate.of(["general_meeting"], lines(12, 0, present)).result(motion) == result


def test_a_vote_below_quorum_is_a_lack_with_its_cure(issued: World) -> None:
    motions = [Motion("转正", 3, 0, 0)]
    held = sitting(issued, "general_meeting", attendance=lines(8, 0, 4), motions=motions)
    sentences = [lack.sentence for lack in lacks(held)]
    assert any("有表决权应到8人、实到4人，未过半数，不能表决" in said and "改期再议" in said for said in sentences)
    enough = sitting(issued, "general_meeting", attendance=lines(8, 0, 5), motions=motions)
    assert "表决" not in [lack.word for lack in lacks(enough)]


def test_the_page_says_before_a_vote_whether_it_may_be_taken(issued: World, login) -> None:
    client = login("secretary")
    data = typed(issued, "general_meeting", action="refresh")
    assert "有表决权应到8人、实到8人，已过半数，可以表决" in asked(client, NEW, data).json()["more"]["quorum"]
    for member in issued.first.roster(date(2018, 7, 11))[:5]:
        data[f"presence-{member.pk}"] = "absent"
    assert "不能表决" in asked(client, NEW, data).json()["more"]["quorum"]
    assert "表决" not in asked(client, NEW, typed(issued, "theme_day", action="refresh")).json()["more"]["quorum"]


# What is kept


def test_what_was_typed_in_the_rows_is_what_is_kept(issued: World, login) -> None:
    gathering = kept(issued, login, "general_meeting", **rows(issued))
    assert (gathering.agenda.splitlines(), gathering.summary) == (["学习党章", "讨论转正"], "大家讲得实在。")
    assert list(gathering.speeches.values_list("speaker", "text", "is_dissent")) == [
        ("李强", "同意接收。", False), ("王处长", "建议再考察。", True)
    ]  # fmt: skip
    assert list(gathering.votes.values_list("motion", "ayes", "nays", "abstentions")) == [
        ("同意张三五按期转正", 6, 1, 1)
    ]  # fmt: skip
    assert list(gathering.resolutions.values_list("text", "responsible__name", "due_on")) == [
        ("修订学习制度", "李强", date(2018, 7, 31)), ("下月再议食堂意见", None, None)
    ]  # fmt: skip
    text = login("secretary").get(gathering.get_edit_url()).content.decode()
    assert 'name="speech-1-speaker" value="王处长"' in text
    assert 'name="speech-2-speaker"' in text, "an empty row stands at the end"


def test_the_routine_form_keeps_the_rest_folded_until_it_has_content_or_the_kind_needs_it(issued: World, login) -> None:
    client = login("secretary")

    def folded(url: str) -> bool:
        return '<details class="more minutes" id="minutes">' in client.get(url).content.decode()

    assert folded(NEW)
    assert folded(kept(issued, login, "theme_day").get_edit_url())
    assert not folded(kept(issued, login, "theme_day", **rows(issued)).get_edit_url())
    assert not folded(kept(issued, login, "life_meeting").get_edit_url())


def test_a_routine_theme_day_is_filed_with_title_of_its_own_and_content_typed(issued: World, login) -> None:
    gathering = kept(issued, login, "theme_day")
    add_picture(gathering.filing)
    data = typed(issued, "theme_day", edition=gathering.filing.edition, action="file")
    assert login("secretary").post(gathering.get_edit_url(), data).status_code == 302
    assert Filing.objects.get(pk=gathering.filing_id).state == "filed"


def test_a_draft_keeps_half_filled_rows_and_says_what_they_lack(issued: World, login) -> None:
    gathering = kept(
        issued, login, "general_meeting",
        **{"speech-0-speaker": "李强", "speech-3-text": "没有写是谁说的", "vote-0-text": "转正", "vote-1-ayes": "3",
           "resolution-7-due_on": "2018-07-20"},
    )  # fmt: skip
    assert [one.position for one in gathering.speeches.all()] == [0, 1]
    assert (gathering.votes.count(), gathering.resolutions.get().due_on) == (2, date(2018, 7, 20))
    sentences = "".join(gathering.missing_to_file())
    for said in ("写明李强讲了什么", "第2条发言没有写发言人", "第1项表决还没有结果", "第2项表决没有写表决事项",
                 "第1条议定事项没有写内容"):  # fmt: skip
        assert said in sentences


def test_empty_rows_are_no_rows_and_an_emptied_row_is_gone(issued: World, login) -> None:
    gathering = kept(issued, login, "general_meeting", **rows(issued))
    data = typed(issued, "general_meeting", edition=gathering.filing.edition) | {
        "speech-0-speaker": " ",
        "speech-0-text": "",
    }
    assert login("secretary").post(gathering.get_edit_url(), data).status_code == 302
    assert not (gathering.speeches.exists() or gathering.votes.exists() or gathering.resolutions.exists())


def test_keeping_by_itself_keeps_the_rows_and_tells_their_errors(issued: World, login) -> None:
    client = login("secretary")
    answer = asked(client, NEW, typed(issued, "general_meeting", **rows(issued))).json()
    assert Gathering.objects.get().speeches.count() == 2
    wrong = asked(client, answer["url"], typed(issued, edition=answer["edition"]) | {"vote-0-ayes": "many"})
    assert wrong.status_code == 422
    assert "表决情况第1条" in wrong.json()["errors"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speech-0-speaker": "长" * 61}, "发言记录第1条，发言人"),
        ({"speech-0-text": "长" * 5001}, "发言记录第1条，发言内容"),
        ({"speech-2-text": "a\x00b"}, "发言记录第3条"),
        ({"vote-0-text": "长" * 201}, "表决情况第1条，表决事项"),
        ({"vote-0-ayes": "-1"}, "表决情况第1条，赞成"),
        ({"vote-0-nays": "many"}, "表决情况第1条，反对"),
        ({"vote-0-abstentions": "9" * 40}, "表决情况第1条，弃权"),
        ({"vote-0-text": "转正", "vote-0-ayes": "7", "vote-0-nays": "2"}, "票数不能多于实到人数"),
        ({"resolution-0-text": "长" * 1001}, "议定事项第1条"),
        ({"resolution-0-text": "事", "resolution-0-responsible_id": "999999"}, "当天不在本支部名册上"),
        ({"resolution-0-text": "事", "resolution-0-responsible_id": "x"}, "当天不在本支部名册上"),
        ({"resolution-0-text": "事", "resolution-0-due_on": "2018-07-10"}, "不能早于活动当天"),
        ({"resolution-0-text": "事", "resolution-0-due_on": "2118-07-10"}, "核对年份"),
        ({"resolution-0-text": "事", "resolution-0-due_on": "2018-02-30"}, "议定事项第1条，完成时限"),
        ({"resolution-0-text": "事", "resolution-0-pk": "x"}, "重新打开这份记录"),
        ({"agenda": "长" * 2001}, "议题"),
        ({"summary": "长" * 5001}, "主持人总结"),
        ({"dues_paid": "-1"}, "缴纳党费人数"),
        ({"dues_paid": "10"}, "当天应到9人"),
        ({"action_note-进行义务劳动": "长" * 101}, "进行义务劳动的说明"),
        ({f"speech-{n}-text": "话" for n in range(MOST + 1)}, "最多100条"),
    ],
)
def test_bad_input_in_the_minutes_is_named_at_its_field_and_writes_nothing(
    issued: World, login, changes: dict[str, Any], words: str
) -> None:
    before = counted()
    data = typed(issued, "general_meeting", "theme_day", **{"summary": "保留下来的总结"} | changes)
    response = login("secretary").post(NEW, data)
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    assert "summary" in changes or "保留下来的总结" in text
    assert counted() == before


@pytest.mark.parametrize(
    "noise",
    [
        {"speech-x-text": "x"}, {"speech--1-text": "x"}, {"speech-99999-text": "x"}, {"speech-٣-text": "x"},
        {"vote-0-": "1"}, {"resolution-0-pk": "9" * 15, "resolution-0-text": ""}, {"speech-0-is_dissent": "on"},
    ],
)  # fmt: skip
def test_noise_in_the_names_of_rows_does_no_harm(issued: World, login, noise: dict[str, Any]) -> None:
    gathering = kept(issued, login, **noise)
    assert not (gathering.speeches.exists() or gathering.votes.exists() or gathering.resolutions.exists())


def test_a_row_named_after_another_record_s_becomes_a_new_one(issued: World, login) -> None:
    other = kept(issued, login, "general_meeting", **rows(issued)).resolutions.first()
    mine = kept(issued, login, **{"resolution-0-pk": other.pk, "resolution-0-text": "我的事"})
    other.refresh_from_db()
    assert other.text == "修订学习制度"
    assert mine.resolutions.get().pk != other.pk


def test_a_lost_update_shows_the_rows_too(issued: World, login) -> None:
    gathering = kept(issued, login, "general_meeting", **rows(issued))
    edition = gathering.filing.edition
    login("deputy").post(
        gathering.get_edit_url(),
        typed(issued, "general_meeting", edition=edition) | {"speech-0-speaker": "周敏", "speech-0-text": "先存的"},
    )
    response = login("secretary").post(
        gathering.get_edit_url(), typed(issued, "general_meeting", edition=edition, **rows(issued))
    )
    assert response.status_code == 409
    differences = {label: (theirs, mine) for label, theirs, mine in response.context["differences"]}
    assert differences["发言记录"] == ("周敏：先存的", "李强：同意接收。\n王处长（不同意见）：建议再考察。")
    assert differences["议定事项"][0] == "未填写"
    assert "责任人：李强" in differences["议定事项"][1]


# Fixed actions


def test_dues_are_a_head_count_and_each_action_has_a_few_words(issued: World, login) -> None:
    notes = {"fixed_actions": ["缴纳党费", "进行义务劳动"], "dues_paid": "9", "action_note-进行义务劳动": "清扫校园",
             "action_note-重温入党誓词": "没有勾选"}  # fmt: skip
    gathering = kept(issued, login, "theme_day", **notes)
    assert (gathering.dues_paid, gathering.action_notes) == (9, {"进行义务劳动": "清扫校园"})
    done = dict(gathering_snapshot(gathering)["fields"])["固定动作完成情况"]
    assert done == "缴纳党费（9人）、进行义务劳动（清扫校园）"
    unticked = kept(issued, login, "theme_day", dues_paid="9")
    assert unticked.dues_paid is None


# Frozen


def test_one_gathering_settles_three_duties_and_makes_one_filing(issued: World, login) -> None:
    kinds = ("general_meeting", "theme_day", "collective_study")
    gathering = kept(issued, login, *kinds, month_arranged="on", **rows(issued))
    add_picture(gathering.filing)
    data = typed(issued, *kinds, month_arranged="on", edition=gathering.filing.edition, action="file", **rows(issued))
    login("secretary").post(gathering.get_edit_url(), data)
    settled = Duty.objects.filter(settled_by=gathering.filing, starts_on=date(2018, 7, 1))
    assert set(settled.values_list("code", flat=True)) == {"S7", "C7", "C8"}
    assert Filing.objects.filter(kind="gathering").count() == 1


def test_the_snapshot_has_the_minutes_in_their_order_and_leaves_out_what_is_empty(issued: World, login) -> None:
    gathering = kept(issued, login, "general_meeting", **rows(issued))
    snapshot = gathering_snapshot(gathering)
    fields = dict(snapshot["fields"])
    order = [label for label, _ in snapshot["fields"]]
    wanted = [
        "届次",
        "主持人",
        "应到人数",
        "列席人员",
        "议题、议程",
        "主要内容",
        "发言记录",
        "表决情况",
        "议定事项",
        "主持人总结",
    ]
    assert [label for label in order if label in wanted] == wanted
    assert fields["届次"] == "2018年第1次支部党员大会"
    assert fields["主持人"] == "陈静（支部书记）"
    assert fields["议题、议程"] == "1. 学习党章\n2. 讨论转正"
    assert fields["表决情况"] == (
        "同意张三五按期转正：有表决权应到8人、实到8人；赞成6票，反对1票，弃权1票。通过。"
    )  # fmt: skip
    assert fields["议定事项"].splitlines()[0] == "1. 修订学习制度（责任人：李强；完成时限：2018年7月31日）"
    assert snapshot["signatures"] == ["主持人签字", "记录人签字"]
    bare = gathering_snapshot(kept(issued, login, "theme_day"))
    assert not {"议题、议程", "发言记录", "表决情况", "议定事项", "主持人总结"} & dict(bare["fields"]).keys()
    assert bare["signatures"] == []


def test_the_number_of_a_meeting_counts_what_was_filed_before_it_in_the_year(issued: World, login) -> None:
    first = kept(issued, login, "committee_meeting", held_on="2018-07-02")
    draft = kept(issued, login, "committee_meeting", held_on="2018-07-05")
    last = kept(issued, login, "committee_meeting")
    move(first.filing, "keep", access=issued.access("secretary", at("2018-07-11 17:30")), late_reason="忘记了")
    assert ordinal(last) == "2018年第2次支委会"
    move(draft.filing, "keep", access=issued.access("secretary", at("2018-07-11 17:30")), late_reason="忘记了")
    assert ordinal(last) == "2018年第3次支委会"
    assert ordinal(first) == "2018年第1次支委会"


def filed(world: World, login, *kinds: str, **changes: Any) -> Gathering:
    gathering = kept(world, login, *kinds, **changes)
    add_picture(gathering.filing)
    data = typed(world, *kinds, edition=gathering.filing.edition, action="file", **changes)
    response = login("secretary").post(gathering.get_edit_url(), data)
    assert response.url == gathering.filing.get_absolute_url()
    return Gathering.objects.get(pk=gathering.pk)


def test_minutes_are_locked_on_filing_and_corrected_as_a_new_version_that_is_compared(
    issued: World, login, clock
) -> None:
    gathering = filed(issued, login, "collective_study", **rows(issued))
    client, url = login("secretary"), gathering.filing.get_absolute_url()
    settled = list(Duty.objects.filter(settled_by=gathering.filing).order_by("pk").values_list("pk", "settled_at"))
    assert client.get(gathering.get_edit_url()).url == url
    clock("2018-07-20 09:00")
    assert "更正" in client.get(url).content.decode()
    moved = reverse("plan:filing_move", args=[gathering.filing_id])
    assert client.post(moved, {"name": "correct", "note": ""}).status_code == 422
    client.post(moved, {"name": "correct", "note": "第二位发言人记错了。"})
    page = client.get(gathering.get_edit_url())
    assert "第二位发言人记错了。" in page.content.decode()
    done = gathering.resolutions.first()
    edition = Filing.objects.get(pk=gathering.filing_id).edition
    data = typed(issued, "collective_study", edition=edition, action="file", **rows(issued)) | {
        "speech-1-speaker": "何平", "resolution-0-pk": done.pk, "resolution-0-text": "修订学习制度并公布",
    }  # fmt: skip
    assert client.post(gathering.get_edit_url(), data).url == url
    filing = Filing.objects.get(pk=gathering.filing_id)
    assert (filing.state, filing.versions.count(), filing.is_late) == ("filed", 2, False)
    assert filing.first_filed_at == at("2018-07-11 17:30")
    assert list(Duty.objects.filter(settled_by=filing).order_by("pk").values_list("pk", "settled_at")) == settled
    assert Resolution.objects.get(pk=done.pk).text == "修订学习制度并公布"
    comparison = client.get(reverse("plan:filing_versions", args=[filing.pk])).context["comparison"]
    assert [line.label for line in comparison.differing] == ["发言记录", "议定事项"]
    assert [piece.text for piece in comparison.differing[0].new if piece.changed] == ["何平"]


def test_the_paper_form_has_the_minutes_and_the_lines_for_signing(issued: World, login) -> None:
    import io

    import docx

    gathering = filed(issued, login, "general_meeting", **rows(issued))
    answer = login("secretary").get(reverse("plan:filing_docx", args=[gathering.filing_id]))
    paper = docx.Document(io.BytesIO(b"".join(answer) if answer.streaming else answer.content))
    cells = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    for said in ("发言记录", "表决情况", "议定事项", "主持人签字", "记录人签字"):
        assert said in cells


# As many questions for three hundred rows as for one


def test_the_form_and_the_filing_ask_as_little_for_300_rows_as_for_one(issued: World, login) -> None:
    client = login("secretary")
    gathering = kept(issued, login, "general_meeting")
    member = Member.objects.get(pk=issued.member("member").pk)
    counts, shown = [], []
    for size in (1, 3, 300):
        there = gathering.speeches.count()
        new = range(there, size)
        Speech.objects.bulk_create(Speech(gathering=gathering, position=n, speaker="甲", text="话") for n in new)
        Vote.objects.bulk_create(Vote(gathering=gathering, position=n, motion="事", ayes=8) for n in new)
        Resolution.objects.bulk_create(
            Resolution(gathering=gathering, position=n, text="事", responsible=member, due_on=date(2018, 8, 1))
            for n in new
        )
        counts.append((queries(client, gathering.get_edit_url()), queries(client, gathering.filing.get_absolute_url())))
        shown.append(client.get(gathering.get_edit_url()).content.decode().count("data-row>"))
    assert len(set(counts)) == 1, counts
    assert shown[0] < shown[1] < shown[2]


def test_keeping_a_hundred_rows_asks_as_little_as_keeping_one(issued: World, login) -> None:
    client = login("secretary")
    counts = []
    for size in (1, 3, MOST):
        gathering = kept(issued, login, "general_meeting")
        data = {f"speech-{n}-text": "话" for n in range(size)} | {f"vote-{n}-text": "事" for n in range(size)}
        data |= {f"resolution-{n}-text": "事" for n in range(size)}
        client.post(gathering.get_edit_url(), typed(issued, "general_meeting", edition=gathering.filing.edition) | data)
        for n, row in enumerate(gathering.resolutions.all()):
            data[f"resolution-{n}-pk"] = row.pk
        again = typed(issued, "general_meeting", edition=Filing.objects.get(pk=gathering.filing_id).edition) | data
        with CaptureQueriesContext(connection) as captured:
            assert client.post(gathering.get_edit_url(), again).status_code == 302
        counts.append(len(captured))
        assert gathering.resolutions.count() == size
    assert counts[0] == counts[1] == counts[2], counts


def test_a_branch_of_three_hundred_votes_by_three_hundred(issued: World, login) -> None:
    for n in range(300):
        add_member(issued.first, f"同志{n}", f"7{n:04d}")
    gathering = kept(issued, login, "general_meeting", **{"vote-0-text": "章程", "vote-0-ayes": "155"})
    assert "有表决权应到308人、实到308人" in dict(gathering_snapshot(gathering)["fields"])["表决情况"]
