"""A pledge from its approval to its judgement, on its pages: who may do what, once, and who is told."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commitments import life
from commitments.models import Judgement, Pledge, PledgeItem, Progress, Question, Result, Stage
from commitments.reminding import promised
from config import homes, todo
from inbox.models import Message
from plan.models import Duty, Reminder
from plan.reminders import lay, quietly, run_round
from plan.settling import may_settle, settle_url
from tests.commitments.pledged import again, in_stage, shown, step
from tests.conftest import World, at
from tests.plan.filed import filed_report, photo

pytestmark = pytest.mark.django_db

NOW = "2018-07-03 10:00"


def url(name: str, *args: object) -> str:
    return reverse(f"commitments:{name}", args=args)


def item_of(pledge: Pledge, position: int = 1) -> PledgeItem:
    return pledge.items.get(position=position)


def progress(item: PledgeItem, text: str = "6月值班两次", **more: object) -> dict[str, object]:
    return {f"item-{item.pk}-{name}": value for name, value in ({"text": text} | more).items()}


def told(world: World, who: str) -> list[str]:
    return list(
        Message.objects.filter(user=world.users[who], kind="notice").order_by("pk").values_list("title", flat=True)
    )


# Progress


def test_the_first_progress_begins_the_keeping_and_the_picture_is_a_clean_copy(issued: World, login, clock) -> None:
    clock(NOW)
    pledge, client = shown(issued), login("member")
    item, sent = item_of(pledge), photo("navy")
    original = sent.read()
    sent.seek(0)
    answer = client.post(
        url("progress_new", item.pk), progress(item, picture=sent, is_done="on", form_key="k1"), follow=True
    )
    assert "已记下进展" in answer.content.decode()
    line = Progress.objects.get()
    assert (again(pledge).stage, line.told_by, item_of(pledge).done_at) == ("keeping", issued.users["member"], at(NOW))
    shown_picture = login("commissioner").get(url("progress_picture", line.pk, "full"))
    assert shown_picture["Content-Type"] == "image/jpeg" and shown_picture.content != original
    assert login("other_member").get(url("progress_picture", line.pk, "full")).status_code == 404
    # A second click on the same form adds nothing; another line without the tick says that it goes on.
    client.post(url("progress_new", item.pk), progress(item, form_key="k1"))
    assert Progress.objects.count() == 1
    client.post(url("progress_new", item.pk), progress(item, "还有一次", form_key="k2"))
    assert (Progress.objects.count(), item_of(pledge).done_at) == (2, None)
    assert pledge.steps.filter(name="keep").count() == 1


def test_what_was_handed_in_already_is_pointed_to_and_not_handed_in_twice(issued: World, login, clock) -> None:
    clock(NOW)
    report, pledge, client = filed_report(issued), shown(issued), login("member")
    first, second = item_of(pledge), item_of(pledge, 2)
    page = client.get(pledge.get_absolute_url()).content.decode()
    assert f'<option value="{report.pk}">{report.title}' in page
    client.post(url("progress_new", first.pk), progress(first, proof=report.pk, picture=photo("red")))
    assert Progress.objects.get().proof == report
    again_ = client.post(url("progress_new", first.pk), progress(first, proof=report.pk))
    assert again_.status_code == 422 and "已经是这一项的佐证" in again_.content.decode()
    twice = client.post(url("progress_new", second.pk), progress(second, picture=photo("red")))
    assert twice.status_code == 422 and "第1项的进展里已经交过" in twice.content.decode()
    foreign = client.post(url("progress_new", second.pk), progress(second, proof=pledge.filing_id))
    assert foreign.status_code == 422
    assert Progress.objects.count() == 1


def test_a_file_that_is_no_picture_keeps_what_was_typed(issued: World, login, clock) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    clock(NOW)
    item = item_of(shown(issued))
    bad = SimpleUploadedFile("现场.jpg", b"not a picture")
    answer = login("member").post(url("progress_new", item.pk), progress(item, "值班记录见附", picture=bad))
    text = answer.content.decode()
    assert answer.status_code == 422 and "值班记录见附" in text and "现场.jpg" in text
    assert not Progress.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("secretary", 403), ("commissioner", 403), ("other_member", 404)])
def test_only_the_one_who_pledged_tells_how_it_goes_on(issued: World, login, clock, who: str, status: int) -> None:
    clock(NOW)
    item = item_of(shown(issued))
    assert login(who).post(url("progress_new", item.pk), progress(item)).status_code == status
    assert not Progress.objects.exists()


def test_a_record_that_the_reader_may_not_open_is_named_without_its_title(issued: World, login, clock) -> None:
    clock(NOW)
    from tests.records import member_plan_of, sent

    own = sent(member_plan_of(issued, issued.plan, date(2018, 7, 2)).filing, "member", issued)
    pledge = shown(issued)
    item = item_of(pledge)
    login("member").post(url("progress_new", item.pk), progress(item, proof=own.pk))
    assert own.title in login("secretary").get(pledge.get_absolute_url()).content.decode()
    issued.users["neighbour"] = _neighbour()
    seen = login("neighbour").get(pledge.get_absolute_url()).content.decode()
    assert own.title not in seen and f"个人自学计划 {own.receipt}" in seen


def _neighbour():
    from branches.models import Member
    from tests.conftest import add_user

    return add_user(Member.objects.get(name="张三一"))


# Questions and answers


def test_a_question_is_asked_by_name_answered_once_and_both_are_told(issued: World, login, clock) -> None:
    clock(NOW)
    pledge, asker, pledger = shown(issued), login("commissioner"), login("member")
    sent = {"question-text": "窗口几点开门？", "question-form_key": "q1"}
    for _ in range(2):
        asker.post(url("question_new", pledge.pk), sent)
    question = Question.objects.get()
    assert told(issued, "member")[-1] == "对您的承诺有新的意见"
    text = login("secretary").get(pledge.get_absolute_url()).content.decode()
    assert "窗口几点开门？" in text and "何平" in text
    answer = {f"answer-{question.pk}-text": "八点。"}
    assert asker.post(url("question_answer", question.pk), answer).status_code == 403
    pledger.post(url("question_answer", question.pk), answer)
    pledger.post(url("question_answer", question.pk), {f"answer-{question.pk}-text": "九点。"})
    question.refresh_from_db()
    assert (question.answer, question.answered_at) == ("八点。", at(NOW))
    assert told(issued, "commissioner") == ["您的意见有了答复"]
    outside = [line["outside"] for line in Message.objects.get(user=issued.users["commissioner"]).lines]
    assert "八点" not in "".join(outside)


@pytest.mark.parametrize(("who", "status"), [("member", 403), ("office", 403), ("other_member", 404)])
def test_questions_are_the_branchs_own(issued: World, login, clock, who: str, status: int) -> None:
    clock(NOW)
    pledge = shown(issued)
    assert login(who).post(url("question_new", pledge.pk), {"question-text": "？"}).status_code == status
    assert not Question.objects.exists()


# Judging


def say(pledge: Pledge, result: str, position: int = 1) -> dict[str, str]:
    return {f"say-result-{item_of(pledge, position).pk}": result}


def test_a_members_word_on_an_item_is_one_and_may_be_changed_until_the_decision(issued: World, login, clock) -> None:
    clock(NOW)
    pledge, peer = in_stage(issued, Stage.JUDGING), login("commissioner")
    assert peer.post(url("pledge_say", pledge.pk), {}).status_code == 422
    for result in ("done", "partly"):
        peer.post(url("pledge_say", pledge.pk), say(pledge, result))
    assert Judgement.objects.get().result == "partly"
    assert login("member").post(url("pledge_say", pledge.pk), say(pledge, "done")).status_code == 403
    desk = login("secretary")
    page = desk.get(pledge.get_absolute_url()).content.decode()
    assert "部分完成1人" in page and "何平" in page
    decision = {f"decide-result-{item_of(pledge, n).pk}": "done" for n in (1, 2)} | {"name": "decide"}
    refused = desk.post(url("pledge_step", pledge.pk), decision)
    assert refused.status_code == 422 and "党员互评多数是“部分完成”" in refused.content.decode()
    decision[f"decide-reason-{item_of(pledge).pk}"] = "值班记录齐全"
    desk.post(url("pledge_step", pledge.pk), decision)
    assert again(pledge).stage == "judged"
    assert told(issued, "member")[-1] == "您的承诺已评定"
    peer.post(url("pledge_say", pledge.pk), say(pledge, "unmet"))
    assert Judgement.objects.get().result == "partly"
    text = login("member").get(pledge.get_absolute_url()).content.decode()
    assert "值班记录齐全" in text and "完成2项" in text


def test_opening_the_judging_tells_the_one_who_pledged_and_twice_does_nothing(issued: World, login, clock) -> None:
    clock(NOW)
    pledge, client = shown(issued), login("secretary")
    assert login("commissioner").post(url("pledge_step", pledge.pk), {"name": "judge"}).status_code == 403
    for _ in range(2):
        client.post(url("pledge_step", pledge.pk), {"name": "judge"})
    assert again(pledge).stage == "judging"
    assert told(issued, "member")[-1] == "您的承诺开始评诺"
    assert pledge.steps.filter(name="judge").count() == 1
    assert client.post(url("pledge_step", pledge.pk), {"name": "steal"}).status_code == 400
    refused = client.post(url("pledge_step", pledge.pk), {"name": "withdraw"})
    assert refused.status_code == 422 and "请填写“原因”" in refused.content.decode()


def test_the_page_says_first_what_is_owed_now_and_by_whom(issued: World, login, clock) -> None:
    def first(who: str) -> str:
        text = login(who).get(pledge.get_absolute_url()).content.decode()
        return re.search(r'pledge-now">\s*<p class="notice-title">(.*?)</p>', text)[1]

    clock(NOW)
    pledge = shown(issued)
    assert first("member").startswith("您践诺，下一项是第1项：还有89天")
    assert first("secretary").startswith("李强践诺，")
    clock("2018-10-01 09:00")
    assert first("secretary") == "李强的第1项已过完成时限"
    clock("2019-01-01 09:00")
    assert first("member") == "已到期，待评诺：由教务处党支部开始评诺"
    step(pledge, "judge", issued.access("secretary", at("2019-01-02 09:00")))
    clock("2019-01-02 09:30")
    assert first("commissioner") == "评诺：党员互评，教务处党支部逐项评定"


# The wall


def test_the_wall_shows_the_own_branch_and_the_office_chooses(issued: World, login, clock) -> None:
    clock(NOW)
    own, branchs = shown(issued), shown(issued, "secretary", own=False)
    other = shown_of_second(issued)
    seen = login("member").get(url("pledge_wall")).content.decode()
    assert seen.index(branchs.get_absolute_url()) < seen.index(own.get_absolute_url())
    assert other.get_absolute_url() not in seen
    assert other.get_absolute_url() not in login("member").get(life.wall_url(issued.second.pk)).content.decode()
    office = login("office")
    assert own.get_absolute_url() in office.get(life.wall_url(issued.first.pk)).content.decode()
    assert other.get_absolute_url() in office.get(life.wall_url(issued.second.pk)).content.decode()
    clock("2019-01-01 09:00")
    assert "已到期，待评诺" in login("member").get(url("pledge_wall")).content.decode()
    step(own, "withdraw", issued.access("secretary", at("2019-01-02 09:00")))
    assert own.get_absolute_url() not in login("member").get(url("pledge_wall")).content.decode()


def shown_of_second(world: World) -> Pledge:
    """The pledge of the other branch's secretary, approved by the office where there is no deputy."""
    from plan.moves import move
    from tests.commitments.pledged import APPROVED, filed

    pledge = filed(world, "other_secretary")
    move(pledge.filing, "approve", access=world.access("office", APPROVED))
    return again(pledge)


def test_what_is_not_yet_shown_is_seen_by_nobody_but_those_who_write_and_gate_it(issued: World, login, clock) -> None:
    from tests.commitments.pledged import filed

    clock(NOW)
    pledge = filed(issued)
    issued.users["neighbour"] = _neighbour()
    assert login("neighbour").get(pledge.get_absolute_url()).status_code == 404
    assert login("secretary").get(pledge.get_absolute_url()).status_code == 200
    assert login("member").get(url("pledge_of", pledge.filing_id)).url == pledge.get_absolute_url()


# Reminders and to-do lists


def lines(world: World, who: str, text: str) -> list[dict]:
    found = Message.objects.filter(user=world.users[who], kind="digest")
    return [line for message in found.order_by("told_at") for line in message.lines if text in line["text"]]


def test_each_item_is_reminded_of_before_on_and_after_its_day_and_not_once_it_is_done(issued: World) -> None:
    pledge = shown(issued)
    pledge.items.filter(position=1).update(due_on=date(2018, 7, 12))
    pledge.items.filter(position=2).update(due_on=date(2018, 7, 12), done_at=at(NOW))
    for text in ("2018-07-09 08:00", "2018-07-12 08:00", "2018-07-13 08:00"):
        run_round({}, at=at(text), tell=quietly)
        assert len(lines(issued, "member", "承诺第1项")) > 0, text
    said = set(Reminder.objects.filter(source="pledge_item", outcome="said").values_list("stage", flat=True))
    assert said == {"before", "day", "late"}
    assert not lines(issued, "member", "承诺第2项")
    assert all("窗口" not in line["outside"] for line in lines(issued, "member", "承诺第1项"))
    step(pledge, "judge", issued.access("secretary", at("2018-07-13 09:00")))
    assert not promised().exists()


def test_peers_are_told_in_their_digest_once_however_many_are_judged(issued: World) -> None:
    pledges = [shown(issued), shown(issued, "commissioner")]
    for pledge in pledges:
        step(pledge, "judge", issued.access("secretary", at("2018-07-03 10:00")))
    access = issued.access("commissioner", at("2018-07-03 11:00"))
    life.say(again(pledges[0]), access, {i.pk: (Result.DONE, "") for i in pledges[0].items.all()})
    lay(at("2018-07-03 12:00"))
    run_round({}, at=at("2018-07-04 08:00"), tell=quietly)
    run_round({}, at=at("2018-07-05 08:00"), tell=quietly)
    # The others of those lines are on behalf of members who cannot log in.
    (line,) = [line for line in lines(issued, "secretary", "承诺互评") if line["url"] == life.wall_url(show="judging")]
    assert "2份承诺" in line["note"]
    assert "1份承诺" in lines(issued, "member", "承诺互评")[0]["note"], "one is the own"
    assert not lines(issued, "commissioner", "承诺互评"), "said, and the other is the own"


def titles(world: World, who: str, moment: str) -> dict[str, list[str]]:
    groups = todo.groups_of(world.access(who, at(moment)), only={"pledges"})
    return {name: [f"{line.title} {line.text}".strip() for line in group.lines] for name, group in groups.items()}


def test_the_to_do_list_names_what_waits_for_whom(issued: World) -> None:
    own, branchs = shown(issued), shown(issued, "secretary", own=False)
    assert titles(issued, "member", NOW)["later"] == ["每月到窗口值班2次", "带教1名新进人员"]
    assert len(titles(issued, "commissioner", NOW)["later"]) == 2, "the branch's"
    assert titles(issued, "member", "2018-10-01 09:00")["late"] == ["每月到窗口值班2次"]
    life.ask(again(own), issued.access("commissioner", at(NOW)), "几点开门？")
    assert titles(issued, "member", NOW)["now"] == ["李强2018年承诺书 有意见待答复"]
    for pledge in (own, branchs):
        step(pledge, "judge", issued.access("secretary", at(NOW)))
    assert titles(issued, "office", NOW)["now"] == ["教务处党支部2018年承诺书 待评定"]
    assert titles(issued, "deputy", NOW)["now"] == ["李强2018年承诺书 请互评", "教务处党支部2018年承诺书 请互评"]
    # What the branch judges of its members is its duty, with a button that opens the pledge.
    duty = Duty.objects.with_standing(at(NOW)).with_draft(at(NOW)).get(occasion=own.filing, code="C4")
    assert settle_url(duty) == ("打开承诺", url("pledge_of", own.filing_id))
    assert may_settle(issued.access("secretary", at(NOW)), duty)
    assert titles(issued, "other_member", NOW) == {"now": [], "late": [], "week": [], "later": []}


def test_a_member_finds_the_own_pledges_with_the_next_deadline_at_home(issued: World, login, clock) -> None:
    clock(NOW)
    pledge = shown(issued)
    pledge.items.filter(position=1).update(done_at=at(NOW))
    group = homes.own_pledges(issued.access("member", at(NOW)))
    assert [(line.title, line.due_at) for line in group.lines] == [("李强2018年承诺书", at("2018-12-01 00:00"))]
    assert 'id="pledges"' in login("member").get("/").content.decode()


def test_the_page_asks_as_much_however_many_items_and_words_there_are(issued: World, login, clock) -> None:
    clock(NOW)
    pledge, client, asked = in_stage(issued, Stage.JUDGING), login("secretary"), []
    for more in (0, 3):
        for n in range(more):
            PledgeItem.objects.create(pledge=pledge, position=10 + n, text="再一项")
            Question.objects.create(pledge=pledge, text="？", asked_at=at(NOW), asked_by=issued.users["deputy"])
            Progress.objects.create(item=item_of(pledge), text="做了", told_at=at(NOW), told_by=issued.users["member"])
        client.get(pledge.get_absolute_url())
        with CaptureQueriesContext(connection) as captured:
            client.get(pledge.get_absolute_url())
        asked.append(len(captured))
    assert asked[0] == asked[1], asked
