"""Materials for requirements without a page of their own: written once, kept as a draft, sent where the plan says."""

import re
import uuid

import pytest

from plan.models import Duty, Filing, Paper, Requirement
from plan.moves import move
from tests.conftest import World, at
from tests.plan.filed import duty_of, photo

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def new(duty: Duty) -> str:
    return f"/papers/new/?duty={duty.pk}"


def words(**changes) -> dict:
    return {"title": "党员活动周", "done_on": "2018-07-02", "content": "擦亮窗口，亮明身份。", "action": "save",
            "form_key": str(uuid.uuid4())} | changes  # fmt: skip


def test_the_form_is_prefilled_and_shows_the_sentence_that_it_answers(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    duty = duty_of(issued, "P1")
    body = login("secretary").get(new(duty)).content.decode()
    assert f'value="{duty.requirement.title}（{duty.period}）"' in body
    assert 'value="2018-07-02"' in body
    assert duty.requirement.quotes[0] in body


@pytest.mark.parametrize(
    ("code", "who", "asked", "desk", "handling"),
    [
        ("I2", "secretary", {}, "office", "inform"), ("P1", "secretary", {}, "none", "keep"),
        ("P2", "secretary", {}, "office", "inform"), ("P2", "member", {}, "branch", "inform"),
        # As a plan may have it, though none of 2018 asks so for a material.
        ("I2", "secretary", {"handling": "approve"}, "office", "approve"),
        ("P2", "member", {"receiver": "branch", "handling": "approve"}, "branch", "approve"),
    ],
)  # fmt: skip
def test_the_requirement_says_which_desk_a_material_goes_to(
    issued: World, login, clock, code: str, who: str, asked: dict, desk: str, handling: str
) -> None:
    clock("2018-07-02 10:00")
    Requirement.objects.filter(code=code).update(**asked or {"code": code})
    duty = duty_of(issued, code, who if who == "member" else "")
    login(who).post(new(duty), words())
    filing = Filing.objects.get(kind="paper")
    assert (filing.desk, filing.handling, filing.state) == (desk, handling, "draft")
    assert filing.member == duty.member
    assert filing.claim_rows.get().duty == duty


def test_filing_from_the_form_settles_the_duty_and_gives_the_receipt(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    duty = duty_of(issued, "I2")
    response = login("secretary").post(new(duty), words(action="file"), follow=True)
    assert "已于 7月2日 10:00 报送，回执号 2018-01-0001。" in text_of(response)
    duty.refresh_from_db()
    assert duty.settled_by == Filing.objects.get()


def test_a_kept_material_goes_to_no_desk(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    owed = duty_of(issued, "P1")
    response = login("secretary").post(new(owed), words(action="file"), follow=True)
    assert "留存，编号 2018-01-0001" in text_of(response)
    assert Filing.objects.get().state == "kept"


def test_the_same_form_sent_twice_makes_one_material(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    duty = duty_of(issued, "I2")
    form = words(action="file")
    client = login("secretary")
    first = client.post(new(duty), form)
    second = client.post(new(duty), form)
    assert first["Location"] == second["Location"] == f"/filings/{Filing.objects.get().pk}/"
    assert Paper.objects.count() == 1


def test_a_used_form_of_somebody_else_is_told_apart(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    form = words()
    login("secretary").post(new(duty_of(issued, "I2")), form)
    response = login("deputy").post(new(duty_of(issued, "P1")), form)
    assert response.status_code == 422
    assert "这张表单已经用过一次" in text_of(response)
    assert Paper.objects.count() == 1


def test_what_lacks_its_content_stays_a_draft_and_says_why(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    response = login("secretary").post(new(duty_of(issued, "I2")), words(content="", action="file"), follow=True)
    assert "还没有报送。还缺主要内容" in text_of(response)
    assert Filing.objects.get().state == "draft"


def test_a_commissioner_drafts_and_does_not_file(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    duty = duty_of(issued, "I2")
    client = login("commissioner")
    assert "报送机关党委办公室" not in client.get(new(duty)).content.decode()
    response = client.post(new(duty), words(action="file"), follow=True)
    assert "报送由支部书记或副书记办理" in text_of(response)
    assert Filing.objects.get().state == "draft"


def test_a_late_material_asks_for_its_reason_and_is_marked_for_ever(issued: World, login, clock) -> None:
    duty = duty_of(issued, "I2")
    clock("2019-01-02 10:00")
    client = login("secretary")
    assert "补报原因" in text_of(client.get(new(duty)))
    response = client.post(new(duty), words(action="file"), follow=True)
    assert "请填写补报原因" in text_of(response)
    paper = Paper.objects.get()
    edit = words(action="file", late_reason="书记出差", edition=paper.filing.edition)
    response = client.post(paper.get_edit_url(), edit, follow=True)
    assert "注明“补报”" in text_of(response)


def test_a_change_made_meanwhile_is_shown_beside_ones_own_and_nothing_is_lost(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    login("secretary").post(new(duty_of(issued, "I2")), words())
    paper = Paper.objects.get()
    seen = paper.filing.edition
    login("deputy").post(paper.get_edit_url(), words(content="副书记写的。", edition=seen))
    response = login("secretary").post(paper.get_edit_url(), words(content="书记写的。", edition=seen))
    assert response.status_code == 409
    page = text_of(response)
    assert "副书记写的。" in page and "书记写的。" in page
    paper.refresh_from_db()
    assert paper.content == "副书记写的。"
    newest = re.search(r'name="edition" value="(\d+)"', response.content.decode())[1]
    login("secretary").post(paper.get_edit_url(), words(content="书记写的。", edition=newest))
    paper.refresh_from_db()
    assert paper.content == "书记写的。"


def test_pictures_come_with_the_text_and_get_their_captions(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    client = login("secretary")
    client.post(new(duty_of(issued, "I2")), words(pictures=[photo(), photo("red", "二.jpg")]))
    paper = Paper.objects.get()
    first, second = paper.filing.pictures.shown()
    client.post(
        paper.get_edit_url(),
        words(edition=paper.filing.edition, remove=second.pk, **{f"caption-{first.pk}": "7月2日 办事大厅"}),
    )
    assert [p.caption for p in paper.filing.pictures.shown()] == ["7月2日 办事大厅"]


def test_a_bad_picture_keeps_the_text_and_does_not_file(issued: World, login, clock) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    clock("2018-07-02 10:00")
    bad = SimpleUploadedFile("IMG_0031.jpg", b"nothing like a photo")
    response = login("secretary").post(new(duty_of(issued, "I2")), words(action="file", pictures=[bad]), follow=True)
    page = text_of(response)
    assert "“IMG_0031.jpg”" in page
    assert "文字内容已保存，还没有报送。" in page
    assert Paper.objects.get().content == "擦亮窗口，亮明身份。"


def test_a_duty_with_a_draft_leads_to_it_and_a_settled_one_to_what_settled_it(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    duty = duty_of(issued, "I2")
    client = login("secretary")
    client.post(new(duty), words())
    paper = Paper.objects.get()
    assert client.get(new(duty))["Location"] == paper.get_edit_url()
    move(paper.filing, "file", access=issued.access("secretary", at("2018-07-02 11:00")))
    assert client.get(new(duty))["Location"] == paper.filing.get_absolute_url()
    assert client.get(paper.get_edit_url())["Location"] == paper.filing.get_absolute_url()


@pytest.mark.parametrize("number", ["", "x", "0", "9" * 30, "-1", "１", "1;drop"])
def test_a_duty_that_is_none_is_not_found(issued: World, login, clock, number: str) -> None:
    clock("2018-07-02 10:00")
    assert login("secretary").get("/papers/new/", {"duty": number}).status_code == 404


def test_another_branch_and_a_plain_member_write_nothing(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    duty = duty_of(issued, "I2")
    assert login("other_secretary").post(new(duty), words()).status_code == 404
    assert login("member").post(new(duty), words()).status_code == 403
    assert login("office").post(new(duty), words()).status_code == 403
    assert not Paper.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": ""}, "请填写“标题”"), ({"title": "长" * 121}, "120"), ({"done_on": "2018-02-30"}, "日期"),
        ({"done_on": "2018-07-03"}, "不能晚于今天"), ({"done_on": "1018-07-03"}, "核对年份"),
        ({"content": "字" * 20_001}, "20000"), ({"content": "有\x00字"}, ""), ({"form_key": "k" * 41}, ""),
        ({"edition": "x"}, ""), ({"edition": "9" * 30}, ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_what_was_typed_is_kept_and_nothing_is_written(
    issued: World, login, clock, changes: dict, sentence: str
) -> None:
    clock("2018-07-02 10:00")
    response = login("secretary").post(new(duty_of(issued, "I2")), words(**changes))
    assert response.status_code == 422
    body = response.content.decode()
    assert sentence in body
    assert "擦亮窗口" in body or "content" in changes
    assert not Paper.objects.exists()
