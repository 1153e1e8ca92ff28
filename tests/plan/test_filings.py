"""One filing and its desk: the record as it was filed, its course, and moves that answer whatever is posted."""

import re
from pathlib import Path

import pytest

from plan.models import Duty, Filing, Move, Version
from plan.moves import MOVES, move
from tests.conftest import World, at
from tests.lifting import lifted
from tests.plan.filed import duty_of, filed_report, paper_by, photo, pledge, report

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def detail(filing: Filing) -> str:
    return f"/filings/{filing.pk}/"


def post(client, filing: Filing, name: str, **more):
    return client.post(f"/filings/{filing.pk}/move/", {"name": name, **more})


# The page


def test_a_filing_shows_the_record_as_it_was_filed_not_as_it_is_now(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    filing = filed_report(issued, content="当时的内容。")
    filing.paper.content = "后来改过的内容。"
    filing.paper.save()
    page = text_of(login("office").get(detail(filing)))
    assert "当时的内容。" in page
    assert "后来改过的内容" not in page
    assert "已于 7月2日 10:00 报送，回执号 2018-01-0001" in page


def test_a_draft_never_filed_shows_what_it_would_be_and_says_so(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    page = text_of(login("secretary").get(detail(report(issued, content="还在写。"))))
    assert "还在写。" in page
    assert "草稿，还没有报送" in page


def test_the_sentence_of_the_plan_stands_above_and_leads_to_its_page(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    filing = filed_report(issued)
    requirement = issued.plan.requirements.get(code="I2")
    body = login("office").get(detail(filing)).content.decode()
    assert requirement.quotes[0] in body
    assert requirement.get_absolute_url() in body


def test_what_is_missing_is_said_before_and_the_button_waits(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    body = login("secretary").get(detail(report(issued, content=""))).content.decode()
    assert "还缺主要内容" in body
    assert re.search(r'value="file" disabled', body)


def test_the_buttons_are_those_of_the_table_for_each_person(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = filed_report(issued)
    shown = {
        who: set(re.findall(r'name="name" value="(\w+)"', login(who).get(detail(filing)).content.decode()))
        for who in ("office", "secretary", "commissioner", "member", "inspector")
    }
    assert shown == {
        "office": {"receive", "send_back"}, "secretary": {"correct"}, "commissioner": set(), "member": set(),
        "inspector": set(),
    }  # fmt: skip


def test_a_filing_of_another_branch_is_not_found(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = filed_report(issued)
    for path in ("", "versions/", "record.docx"):
        assert login("other_secretary").get(detail(filing) + path).status_code == 404
    assert post(login("other_secretary"), filing, "receive").status_code == 404


def test_a_version_whose_text_was_changed_is_told_apart(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = filed_report(issued)
    version = filing.newest
    with lifted():
        Version.objects.filter(pk=version.pk).update(text=version.text.replace("结果良好", "结果不详"))
    assert "内容与报送时不一致" in text_of(login("office").get(detail(filing)))
    with lifted():
        Version.objects.filter(pk=version.pk).update(text="{不再是数据")
    for path in ("", "versions/"):
        assert login("office").get(detail(filing) + path).status_code == 200
    assert "不能生成文档" in text_of(login("office").get(f"{detail(filing)}record.docx", follow=True))


# The moves


def test_filing_answers_with_time_and_receipt(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    filing = report(issued)
    clock("2018-07-12 09:14")
    response = login("secretary").post(f"{detail(filing)}move/", {"name": "file", "edition": 0}, follow=True)
    assert "已于 7月12日 09:14 报送，回执号 2018-01-0001。" in text_of(response)


def test_a_second_click_is_answered_politely_and_changes_nothing(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    filing = report(issued)
    client = login("secretary")
    post(client, filing, "file", edition=0)
    response = client.post(f"{detail(filing)}move/", {"name": "file", "edition": 0}, follow=True)
    assert response.status_code == 200
    assert "无需重复报送" in text_of(response)
    assert filing.versions.count() == 1


def test_sending_back_without_a_reason_says_so_at_the_field(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = filed_report(issued)
    response = post(login("office"), filing, "send_back", note="  ")
    assert response.status_code == 422
    assert re.search(r'id="note-error">[^<]*请写明退回补正的原因', response.content.decode())
    filing.refresh_from_db()
    assert filing.state == "filed"


def test_a_late_filing_asks_for_its_reason_and_keeps_what_was_typed(issued: World, login, clock) -> None:
    duty = duty_of(issued, "C1")
    filing = paper_by(issued.access("secretary", at("2018-07-30 10:00")), duty, handling="approve")
    clock("2018-08-02 10:00")
    client = login("secretary")
    assert "已过时限" in text_of(client.get(detail(filing)))
    response = post(client, filing, "file")
    assert response.status_code == 422
    assert re.search(r'id="late-error">[^<]*请填写补报原因', response.content.decode())
    response = post(client, filing, "file", late_reason="同" * 201)
    assert response.status_code == 422
    assert "同" * 201 in response.content.decode()
    assert post(client, filing, "file", late_reason="书记出差").status_code == 302
    assert "补报原因：书记出差" in text_of(client.get(detail(filing)))


@pytest.mark.parametrize(
    "data",
    [
        {}, {"name": ""}, {"name": "vanish"}, {"name": "file\x00"}, {"name": ["file", "keep"]},
        {"name": "receive", "edition": "x"}, {"name": "receive", "edition": "9" * 40},
        {"name": "receive", "edition": "-1"}, {"name": "send_back", "note": "\x00"},
        {"name": "send_back", "note": "长" * 5000}, {"name": "file", "late_reason": "\x00" * 9},
        {"name": "approve"}, {"name": "begin"}, {"name": "receive", "edition": "7"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("who", ["office", "secretary", "member", "inspector"])
def test_garbage_is_answered_and_nothing_moves(issued: World, login, clock, data: dict, who: str) -> None:
    clock("2018-07-02 12:00")
    filing = filed_report(issued)
    before = Move.objects.count()
    assert login(who).post(f"{detail(filing)}move/", data).status_code in (302, 400, 403, 422)
    assert Move.objects.count() == before


@pytest.mark.parametrize("name", list(MOVES))
def test_who_may_not_is_told_so(issued: World, login, clock, name: str) -> None:
    clock("2018-07-02 12:00")
    response = post(login("member"), filed_report(issued), name, note="试试")
    assert response.status_code == 403
    assert "您现在不能办理这件事" in text_of(response)


def test_a_discarded_draft_is_gone_and_the_list_says_so(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    response = login("commissioner").post(f"{detail(filing)}move/", {"name": "discard"})
    assert response.status_code == 302
    assert login("commissioner").get(detail(filing)).status_code == 404


def test_after_receiving_the_office_is_offered_the_next_one(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    first, second = filed_report(issued), None
    duty = duty_of(issued, "C1")
    access = issued.access("secretary", at("2018-07-02 11:00"))
    second = move(paper_by(access, duty, title="支部承诺书", handling="approve"), "file", access=access)
    client = login("office")
    response = client.post(f"{detail(first)}move/", {"name": "receive"}, follow=True)
    page = text_of(response)
    assert "打开下一份" in page
    assert "还有 1 件待审" in page
    assert detail(second) in response.content.decode()


def test_the_secretary_does_not_approve_the_own_pledge(issued: World, login, clock) -> None:
    clock("2018-07-03 12:00")
    filing = pledge(issued)
    assert post(login("secretary"), filing, "approve").status_code == 403
    assert post(login("deputy"), filing, "approve").status_code == 302
    assert Duty.objects.get(code="C2", member=issued.member("secretary")).settled_by == filing


# Pictures


def add(client, filing: Filing, *files, **headers):
    return client.post(f"{detail(filing)}pictures/", {"pictures": list(files)}, **headers)


JSON = {"headers": {"accept": "application/json"}}


def test_good_pictures_stay_and_each_bad_one_is_named_with_its_cure(issued: World, login, clock) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    clock("2018-07-02 12:00")
    filing = report(issued)
    empty = SimpleUploadedFile("空.jpg", b"")
    text = SimpleUploadedFile("说明.jpg", "这不是图片".encode())
    answer = add(login("commissioner"), filing, photo(), empty, text, **JSON)
    assert answer.status_code == 200
    assert [row["name"] for row in answer.json()["pictures"]] == ["现场.jpg"]
    errors = "".join(answer.json()["errors"])
    assert "“空.jpg”是空文件" in errors
    assert "“说明.jpg”" in errors
    assert filing.pictures.count() == 1


def test_nothing_is_written_for_a_picture_of_2500_million_pixels(issued: World, login, clock) -> None:
    from django.conf import settings
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tests.documents.hostile_pictures import black

    clock("2018-07-02 12:00")
    filing = report(issued)
    bomb = SimpleUploadedFile("大图.png", black(50_000, 50_000, 1, 0))
    before = set(settings.MEDIA_ROOT.rglob("*.jpg"))
    answer = add(login("secretary"), filing, bomb, **JSON)
    assert answer.status_code == 422
    assert "“大图.png”" in answer.json()["errors"][0]
    assert not filing.pictures.exists()
    assert set(settings.MEDIA_ROOT.rglob("*.jpg")) == before


def test_the_same_picture_is_kept_once(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    assert add(client, filing, photo(), photo(), **JSON).status_code == 200
    assert add(client, filing, photo(), **JSON).status_code == 200
    assert filing.pictures.count() == 1


def test_the_twenty_first_picture_is_refused_with_a_sentence(issued: World, login, clock, monkeypatch) -> None:
    monkeypatch.setattr("plan.pictures.MOST", 2)
    clock("2018-07-02 12:00")
    filing = report(issued)
    three = [photo(colour, f"{colour}.jpg") for colour in ("red", "blue", "green")]
    answer = add(login("secretary"), filing, *three, **JSON)
    assert "“green.jpg”没有添加：每份记录最多2张图片" in answer.json()["errors"][0]
    assert filing.pictures.count() == 2


def test_pictures_come_and_go_only_while_the_record_is_edited(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    add(client, filing, photo())
    picture = filing.pictures.get()
    move(filing, "file", access=issued.access("secretary", at("2018-07-02 12:30")))
    assert add(client, filing, photo("red")).status_code == 403
    assert client.post(f"/pictures/{picture.pk}/remove/").status_code == 403
    assert filing.pictures.shown().count() == 1


def test_a_member_looks_on_while_the_branch_leaders_add_pictures(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    draft = report(issued)
    assert add(login("member"), draft, photo()).status_code == 404
    filed = filed_report(issued)
    assert add(login("member"), filed, photo()).status_code == 403
    assert not draft.pictures.exists() and not filed.pictures.exists()


def test_a_picture_is_served_as_a_picture_and_nothing_else(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    add(client, filing, photo())
    picture = filing.pictures.get()
    full, thumb = (client.get(f"/pictures/{picture.pk}/{size}.jpg") for size in ("full", "thumb"))
    assert full.content[:3] == thumb.content[:3] == b"\xff\xd8\xff"
    assert full["Content-Type"] == "image/jpeg"
    assert full["X-Content-Type-Options"] == "nosniff"
    assert full["Content-Security-Policy"] == "sandbox"
    assert full["Cache-Control"].startswith("private") and "immutable" in full["Cache-Control"]
    again = client.get(f"/pictures/{picture.pk}/full.jpg", headers={"if-none-match": full["ETag"]})
    assert again.status_code == 304
    assert not again.content
    assert client.get(f"/pictures/{picture.pk}/huge.jpg").status_code == 404
    assert login("other_member").get(f"/pictures/{picture.pk}/full.jpg").status_code == 404


def test_what_was_withdrawn_is_shown_no_more_but_what_was_filed_is(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    add(client, filing, photo(), photo("red", "误传.jpg"))
    stays, withdrawn = filing.pictures.order_by("position")
    client.post(f"/pictures/{withdrawn.pk}/remove/")
    move(filing, "file", access=issued.access("secretary", at("2018-07-02 12:30")))
    move(filing, "send_back", access=issued.access("office", at("2018-07-02 13:00")), note="图片看不清")
    client.post(f"/pictures/{stays.pk}/remove/")
    assert login("office").get(f"/pictures/{stays.pk}/full.jpg").status_code == 200
    assert login("office").get(f"/pictures/{withdrawn.pk}/full.jpg").status_code == 404


def test_what_is_added_after_sending_back_is_its_writers_until_it_is_filed_again(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    add(client, filing, photo())
    move(filing, "file", access=issued.access("secretary", at("2018-07-02 12:30")))
    move(filing, "send_back", access=issued.access("office", at("2018-07-02 13:00")), note="图片看不清")
    add(client, filing, photo("red", "重拍.jpg"))
    first, added = filing.pictures.order_by("position")

    def seen(who: str) -> list[int]:
        return [login(who).get(f"/pictures/{picture.pk}/full.jpg").status_code for picture in (first, added)]

    assert (seen("commissioner"), seen("office"), seen("member")) == ([200, 200], [200, 404], [200, 404])
    move(filing, "file", access=issued.access("secretary", at("2018-07-02 14:00")))
    assert (seen("office"), seen("member")) == ([200, 200], [200, 200])


def test_after_pictures_one_is_back_where_one_came_from_but_never_elsewhere(issued: World, login, clock) -> None:
    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    there = {"pictures": [photo()], "next": "/study/gatherings/3/#pictures"}
    assert client.post(f"{detail(filing)}pictures/", there)["Location"] == "/study/gatherings/3/#pictures"
    for foreign in ("//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example", ""):
        answer = client.post(f"{detail(filing)}pictures/", {"pictures": [photo()], "next": foreign})
        assert answer["Location"] == f"/papers/{filing.paper.pk}/edit/#pictures"


# The desks


def test_the_office_sees_what_waits_oldest_first(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    access = issued.access("secretary", at("2018-07-03 10:00"))
    later = move(paper_by(access, duty_of(issued, "C1"), title="后报的", handling="approve"), "file", access=access)
    earlier = filed_report(issued, title="先报的")
    response = login("office").get("/intray/")
    page = text_of(response)
    assert "待审 2 件" in page
    assert page.index("先报的") < page.index("后报的")
    first = re.search(r'btn-primary" href="([^"]+)"[^>]*>打开最早一件', response.content.decode())[1]
    assert first == detail(earlier)
    assert later.state == "filed"


def test_a_secretary_sees_what_waits_at_the_branch_but_not_the_own_pledge(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    pledge(issued)
    access = issued.access("member", at("2018-07-01 10:00"))
    draft = paper_by(access, duty_of(issued, "P2", "member"), title="李强半年自评", desk="branch")
    move(draft, "file", access=access, late_reason="出差")
    page = text_of(login("secretary").get("/intray/"))
    assert "待审 1 件" in page and "李强半年自评" in page
    assert "个人承诺书" in text_of(login("deputy").get("/intray/"))


def test_a_leaders_own_pledge_without_a_deputy_waits_at_the_office(issued: World, login, clock) -> None:
    from branches.models import Post

    clock("2018-07-04 12:00")
    pledge(issued)
    assert "个人承诺书" not in text_of(login("office").get("/intray/"))
    Post.objects.filter(kind="deputy").delete()
    assert "个人承诺书" in text_of(login("office").get("/intray/"))


def test_the_list_shows_a_person_what_the_person_may_see(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    filed_report(issued)
    pledge(issued)
    shown = {
        who: {title for title in ("书记述职报告", "个人承诺书") if title in text_of(login(who).get("/filings/"))}
        for who in ("office", "inspector", "secretary", "commissioner", "member", "other_secretary")
    }
    both = {"书记述职报告", "个人承诺书"}
    assert shown == {
        "office": both, "inspector": both, "secretary": both, "commissioner": both, "member": {"书记述职报告"},
        "other_secretary": set(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "述职"}, 1), ({"q": "2018-01-0001"}, 1), ({"q": "教务"}, 2), ({"q": "陈静"}, 1), ({"q": "没有"}, 0),
        ({"state": "filed"}, 2), ({"state": "draft"}, 0), ({"kind": "paper"}, 1), ({"kind": "pledge"}, 1),
        ({"kind": "gathering"}, 0),
        ({"kind": "x"}, 2), ({"branch": "9" * 30}, 2), ({"q": "\x00"}, 2), ({"page": "x"}, 2),
    ],
)  # fmt: skip
def test_the_list_is_narrowed_by_what_is_asked(issued: World, login, clock, query: dict, found: int) -> None:
    clock("2018-07-04 12:00")
    filed_report(issued)
    pledge(issued)
    assert f"共 {found} 件" in text_of(login("office").get("/filings/", query))


# Versions and paper


def corrected(world: World) -> Filing:
    filing = filed_report(world, content="参加学习的有12人。会后没有讨论。")
    move(filing, "send_back", access=world.access("office", at("2018-07-03 09:00")), note="人数不符")
    filing.paper.content = "参加学习的有15人。会后没有讨论。"
    filing.paper.save()
    return move(filing, "file", access=world.access("secretary", at("2018-07-03 10:00")))


def test_who_has_it_back_reads_why_first_and_is_led_to_mend_it(issued: World, login, clock) -> None:
    filing = filed_report(issued)
    move(filing, "send_back", access=issued.access("office", at("2018-07-03 09:00")), note="请写清参加人数。")
    clock("2018-07-03 10:00")
    text = login("secretary").get(detail(filing)).content.decode()
    assert text.index("请写清参加人数。") < text.index('class="sheet"')
    assert re.findall(r'<a class="btn btn-primary" href="([^"]+)">按意见修改', text) == [filing.paper.get_edit_url()]
    assert text.count("btn-primary") == 1
    # The desk that sent it back finds the reason in the course alone.
    assert login("office").get(detail(filing)).content.decode().count("请写清参加人数。") == 1


def test_two_versions_stand_side_by_side_with_their_differences_marked(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    body = login("office").get(f"{detail(corrected(issued))}versions/").content.decode()
    assert "<del>12</del>" in body
    assert "<ins>15</ins>" in body
    assert body.count("differs-sign") == 1
    assert body.count("与报送时一致") == 2


def test_an_altered_version_is_named(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    filing = corrected(issued)
    first = filing.versions.get(number=1)
    with lifted():
        Version.objects.filter(pk=first.pk).update(text=first.text.replace("12人", "15人"))
    page = text_of(login("office").get(f"{detail(filing)}versions/"))
    assert page.count("已被改动") == 1
    assert page.count("与报送时一致") == 1


@pytest.mark.parametrize("query", [{"old": "x"}, {"old": "99", "new": "0"}, {"new": "1"}, {"old": "2", "new": "1"}])
def test_versions_that_are_none_are_no_error(issued: World, login, clock, query: dict) -> None:
    clock("2018-07-04 12:00")
    assert login("office").get(f"{detail(corrected(issued))}versions/", query).status_code == 200


def test_long_texts_are_compared_as_one_change() -> None:
    from plan.comparing import compared
    from plan.snapshots import Snapshot

    old = Snapshot(fields=[("主要内容", "学习了许多内容，讨论热烈" * 1600)])
    new = Snapshot(fields=[("主要内容", "许多内容学习了，热烈讨论" * 1600)])
    assert compared(old, new).changes == 1


def words_of_docx(response) -> str:
    import io

    import docx

    paper = docx.Document(io.BytesIO(response.content))
    texts = [paragraph.text for paragraph in paper.paragraphs]
    texts += [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    return "\n".join(texts)


def test_the_document_says_what_was_filed_when_and_under_which_number(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    filing = corrected(issued)
    response = login("secretary").get(f"{detail(filing)}record.docx")
    assert "filename*=utf-8''2018-01-0001%20%E4%B9%A6" in response["Content-Disposition"]
    words = words_of_docx(response)
    for text in ("参加学习的有15人", "2018-01-0001", "2018年7月3日10:00", filing.newest.sha256[:16], "教务处党支部"):
        assert text in words
    assert "草稿" not in words


def test_the_document_of_a_draft_is_marked_and_holds_its_pictures(issued: World, login, clock) -> None:
    import io
    import zipfile

    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    add(client, filing, photo(), photo("red", "二.jpg"))
    response = client.get(f"{detail(filing)}record.docx")
    assert "草稿" in words_of_docx(response)
    names = zipfile.ZipFile(io.BytesIO(response.content)).namelist()
    assert len([name for name in names if name.startswith("word/media/")]) == 2


def test_a_picture_that_was_changed_on_the_disk_is_not_printed_as_filed(issued: World, login, clock) -> None:
    from django.core.files.storage import storages

    from plan.pictures import name_of

    clock("2018-07-02 12:00")
    filing = report(issued)
    client = login("secretary")
    add(client, filing, photo("orange", "现场.jpg"))
    path = Path(storages["evidence"].path(name_of(filing.pictures.get().sha256)))
    kept = path.read_bytes()
    try:
        path.write_bytes(b"something else")
        assert "不一致，未印出" in words_of_docx(client.get(f"{detail(filing)}record.docx"))
    finally:
        path.write_bytes(kept)


# The log


def test_the_auditor_reads_every_move_but_no_title(issued: World, login, clock) -> None:
    clock("2018-07-04 12:00")
    filed_report(issued)
    pledge(issued)
    page = text_of(login("auditor").get("/log/"))
    assert "书记述职报告" not in page
    assert "个人承诺书" not in page
    assert "草稿 → 已报送 材料 教务处党支部" in page
    assert "陈静（18001）" in page and "2018-01-0001" in page and "草稿 → 已报送" in page
    assert "个人承诺书" in text_of(login("office").get("/log/"))
    for who in ("secretary", "member", "inspector", "sysadmin"):
        assert login(who).get("/log/").status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"day": "2018-07-02"}, 2), ({"day": "2018-07-03"}, 2), ({"day": "2018-07-04"}, 0), ({"q": "陈静"}, 4),
        ({"q": "１８００１"}, 4), ({"q": "18009"}, 0), ({"day": "x"}, 4), ({"day": "0001-01-01"}, 4),
        ({"day": "9999-12-31"}, 4), ({"q": "\x00"}, 4),
    ],
)  # fmt: skip
def test_the_log_is_narrowed_by_day_and_person(issued: World, login, clock, query: dict, found: int) -> None:
    clock("2018-07-04 12:00")
    filed_report(issued)
    pledge(issued)
    assert f"共 {found} 条" in text_of(login("auditor").get("/log/", query))


# As few queries


@pytest.mark.parametrize(
    ("who", "page", "most"),
    [("office", "/intray/", 4), ("office", "/filings/", 3), ("secretary", "/filings/?q=述", 3), ("auditor", "/log/", 3),
     ("office", "/log/?day=2018-07-02", 3), ("office", "detail", 12), ("office", "detail/versions/", 4)],
)  # fmt: skip
def test_the_number_of_queries_does_not_grow_with_the_rows(
    issued: World, login, clock, who: str, page: str, most: int
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    clock("2018-07-02 12:00")
    filing = filed_report(issued)
    page = page.replace("detail/", detail(filing)).replace("detail", detail(filing))
    client = login(who)
    client.get(page)
    counts = []
    for more in (0, 2, 297):
        for n in range(more):
            copy = Filing.objects.get(pk=filing.pk)
            copy.pk, copy.receipt = None, f"2018-01-9{more:03d}{n:03d}"
            copy.save()
            Move.objects.create(
                filing=copy, name="file", made_at=copy.filed_at, made_by=copy.filed_by, from_state="draft",
                to_state="filed",
            )  # fmt: skip
        with CaptureQueriesContext(connection) as seen:
            assert client.get(page).status_code == 200
        counts.append(len(seen))
    who_am_i = 6  # session, account, member, membership, posts, the committees below
    assert counts == [counts[0]] * 3
    assert counts[0] - who_am_i <= most
