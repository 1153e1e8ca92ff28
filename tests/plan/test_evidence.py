"""Documents of a record, when its pictures were taken, where else they are, and how much may come in."""

from __future__ import annotations

import io
import json
from pathlib import Path

import docx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image, ImageEnhance

from branches.models import AuditEvent
from plan import attachments, moves
from plan.attachments import add_attachments
from plan.models import Filing, Picture
from plan.pictures import add_pictures
from plan.snapshots import Snapshot
from tests.conftest import World, at, logged_in
from tests.documents import hostile_documents, hostile_pictures
from tests.plan.filed import document, photo, report
from tests.records import make_records

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")


def scene(seed: int = 0) -> Image.Image:
    """A picture with something in it, another one for each seed."""
    soft = Image.new("RGB", (6, 5))
    soft.putdata(
        [(seed * 37 + n * 53 & 255, seed * 91 + n * n * 29 & 255, n * 71 + seed * 13 & 255) for n in range(30)]
    )
    return soft.resize((800, 600), Image.Resampling.BICUBIC)


def file_of(image: Image.Image, name: str = "现场.jpg", **options) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, hostile_pictures.saved(image, "JPEG", **options), content_type="image/jpeg")


# Documents


def test_a_document_comes_in_is_shown_served_and_taken_out_again(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    url = reverse("plan:attachment_add", args=[filing.pk])
    page = client.post(url, {"attachments": document("总结（终稿）.pdf")}, follow=True)
    assert "已添加1个附件。" in page.content.decode() and "总结（终稿）.pdf" in page.content.decode()
    row = filing.attachments.get()
    served = client.get(reverse("plan:attachment", args=[row.pk]))
    assert served.content.startswith(b"%PDF-") and len(served.content) == row.size
    assert served["Content-Type"] == "application/pdf"
    assert served["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert served["X-Content-Type-Options"] == "nosniff"
    assert served["Content-Disposition"].startswith("attachment; filename*=utf-8''%E6%80%BB%E7%BB%93")
    gone = client.post(reverse("plan:attachment_remove", args=[row.pk]), {}, follow=True)
    assert "已移除“总结（终稿）.pdf”。" in gone.content.decode()
    assert not filing.attachments.shown().exists()


def test_the_script_is_answered_in_json(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    url, wants = reverse("plan:attachment_add", args=[filing.pk]), {"headers": {"Accept": "application/json"}}
    bad = SimpleUploadedFile("程序.pdf", b"MZ\x90\0")
    said = client.post(url, {"attachments": [document("一.pdf"), bad]}, **wants).json()
    row = filing.attachments.get()
    assert said["attachments"] == [{"id": row.pk, "name": "一.pdf", "size": "1 KB"}]
    assert len(said["errors"]) == 1 and "“程序.pdf”是程序文件" in said["errors"][0]
    assert client.post(url, {"attachments": [bad]}, **wants).status_code == 422
    assert client.post(reverse("plan:attachment_remove", args=[row.pk]), **wants).json() == {"removed": row.pk}


def test_the_same_document_is_not_added_twice_and_ten_are_the_most(issued: World) -> None:
    filing, access = report(issued), issued.access("secretary", NOW)
    files = [document(f"{n}.pdf", width=500 + n) for n in range(11)]
    added = add_attachments(filing, [*files, document("又.pdf", width=500)], access)
    assert filing.attachments.count() == attachments.MOST == 10
    assert added.errors == ["“10.pdf”没有添加：每份记录最多10个附件。请先移除不需要的，再上传。"]


def test_what_was_filed_lists_its_documents_on_the_page_on_paper_and_in_the_snapshot(
    issued: World, login, clock
) -> None:
    clock("2018-07-04 10:00")
    access, filing = issued.access("secretary", NOW), report(issued)
    add_attachments(filing, [document("学习材料.pdf")], access)
    row = filing.attachments.get()
    moves.move(filing, "file", access=access)
    frozen = json.loads(filing.versions.get().text)["attachments"]
    assert frozen == [{"id": row.pk, "name": "学习材料.pdf", "sha256": row.sha256, "size": row.size}]
    page = login("office").get(filing.get_absolute_url()).content.decode()
    assert "附件（1个）" in page and reverse("plan:attachment", args=[row.pk]) in page
    paper = login("office").get(reverse("plan:filing_docx", args=[filing.pk])).content
    words = [cell.text for table in docx.Document(io.BytesIO(paper)).tables for row in table.rows for cell in row.cells]
    assert "学习材料.pdf" in words and row.sha256[:16] in words


def test_a_version_that_knew_no_documents_still_reads(issued: World) -> None:
    snapshot = moves.frozen(report(issued))
    del snapshot["attachments"]
    assert Snapshot.of(snapshot).attachments == []


def test_two_versions_name_the_documents_that_came_and_went(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    access, filing = issued.access("secretary", NOW), report(issued)
    add_attachments(filing, [document("旧.pdf", 500)], access)
    moves.move(filing, "file", access=access)
    moves.move(filing, "send_back", access=issued.access("office", NOW), note="请换附件")
    attachments.remove_attachment(filing.attachments.get(), access)
    add_attachments(filing, [document("新.pdf", 501)], access)
    moves.move(Filing.objects.get(pk=filing.pk), "file", access=access)
    page = login("office").get(reverse("plan:filing_versions", args=[filing.pk])).content.decode()
    assert page.index("后来去掉的附件") < page.index("旧.pdf") < page.index("后来添上的附件") < page.index("新.pdf")


def test_a_document_added_after_it_was_sent_back_is_its_writers_alone_until_it_is_sent_again(clock) -> None:
    clock("2018-07-04 10:00")
    records = make_records()
    filing, world = records.gathering.filing, records.world
    filed = filing.attachments.get()
    Filing.objects.filter(pk=filing.pk).update(state="sent_back")
    filing.refresh_from_db()
    assert not add_attachments(filing, [document(width=400)], world.access("secretary", NOW)).errors
    added = filing.attachments.exclude(pk=filed.pk).get()
    attachments.remove_attachment(filed, world.access("secretary", NOW))
    for who, sees in (("office", 404), ("member", 404), ("commissioner", 200), ("secretary", 200)):
        client = logged_in(world.users[who])
        assert client.get(reverse("plan:attachment", args=[filed.pk])).status_code == 200, who
        assert client.get(reverse("plan:attachment", args=[added.pk])).status_code == sees, who


def test_a_record_that_went_out_meanwhile_takes_and_gives_up_no_document(issued: World) -> None:
    access, filing = issued.access("secretary", NOW), report(issued)
    add_attachments(filing, [document()], access)
    moves.move(filing, "file", access=access)
    added = add_attachments(filing, [document(width=300)], access)
    assert added.errors == ["这份记录现在是“已报送”，不能再添加附件。"] and not added.kept
    assert not attachments.remove_attachment(filing.attachments.get(), access)
    assert filing.attachments.shown().count() == 1


def test_a_document_that_is_lost_or_changed_on_the_disk_is_not_there(issued: World, login, clock, settings) -> None:
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    add_attachments(filing, [document()], issued.access("secretary", NOW))
    row = filing.attachments.get()
    place = Path(settings.STORAGES["evidence"]["OPTIONS"]["location"]) / attachments.name_of(row)
    place.write_bytes(b"%PDF-1.4 something else")
    assert client.get(reverse("plan:attachment", args=[row.pk])).status_code == 404
    place.unlink()
    assert client.get(reverse("plan:attachment", args=[row.pk])).status_code == 404


def test_the_form_of_a_material_takes_documents_with_its_text(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    url = filing.paper.get_edit_url()
    typed = {"title": filing.title, "done_on": "2018-07-01", "content": "新内容", "edition": filing.edition}
    client.post(url, typed | {"action": "save", "attachments": document("附.pdf")})
    row = filing.attachments.get()
    assert "附.pdf" in client.get(url).content.decode()
    filing.refresh_from_db()
    client.post(url, typed | {"edition": filing.edition, "remove_attachment": row.pk})
    assert not filing.attachments.shown().exists()


# When a picture was taken


def test_the_moment_of_exposure_stands_beside_the_picture_and_another_day_is_hinted_at(clock) -> None:
    clock("2018-07-04 10:00")
    records = make_records()
    gathering, access = records.gathering_draft, records.world.access("secretary", NOW)  # held on 1 July
    for day, seed in (("01", 1), ("05", 2)):
        block = hostile_pictures.exif(taken=f"2018:07:{day} 15:02:00")
        plain = hostile_pictures.saved(scene(seed), "JPEG")
        data = plain[:2] + hostile_pictures.segment(0xE1, b"Exif\0\0" + block) + plain[2:]
        assert not add_pictures(gathering.filing, [SimpleUploadedFile("a.jpg", data)], access).errors
    page = logged_in(records.world.users["secretary"]).get(gathering.get_edit_url()).content.decode()
    assert "拍摄于7月1日15:02</span>" in page and "拍摄于7月5日15:02（与活动时间不同天）</span>" in page
    assert page.count("拍摄于") == 2  # the picture that does not say when it was taken says nothing
    seen = logged_in(records.world.users["secretary"]).get(gathering.filing.get_absolute_url()).content.decode()
    assert "拍摄于7月5日15:02（与活动时间不同天）" in seen


# The same picture elsewhere


def other_report(issued: World, who: str = "secretary") -> Filing:
    return report(issued, title="另一份报告")


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda image: image, "相同"),
        (lambda image: image.resize((640, 480)), "几乎相同"),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.08), "几乎相同"),
    ],
    ids=["itself", "smaller", "lighter"],
)
def test_a_picture_of_another_record_is_asked_about_at_the_picture(issued: World, login, clock, change, how) -> None:
    clock("2018-07-04 10:00")
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    assert not add_pictures(first, [file_of(scene(1))], access).errors
    assert not add_pictures(second, [file_of(change(scene(1)), quality=75 if how == "相同" else 60)], access).errors
    row = second.pictures.get()
    assert row.twin == first.pictures.get()
    page = login("secretary").get(second.paper.get_edit_url()).content.decode()
    assert f"这张照片与本支部《书记述职报告》中的照片{how}，是否选错了？" in page


def test_another_picture_is_not_asked_about_nor_is_one_that_was_taken_out(issued: World) -> None:
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    add_pictures(first, [file_of(scene(1))], access)
    first.pictures.update(removed_at=NOW)
    add_pictures(second, [file_of(scene(1)), file_of(scene(2))], access)
    assert set(second.pictures.values_list("twin", flat=True)) == {None}


def test_plain_pictures_are_the_same_only_to_the_byte(issued: World) -> None:
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    add_pictures(first, [photo("white")], access)
    add_pictures(second, [photo("snow"), photo("white")], access)
    assert list(second.pictures.order_by("position").values_list("twin", flat=True)) == [None, first.pictures.get().pk]


def test_of_another_branch_no_more_is_said_than_that_it_is_one(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    add_pictures(first, [file_of(scene(1))], access)
    Filing.objects.filter(pk=first.pk).update(branch=issued.second)
    add_pictures(second, [file_of(scene(1))], access)
    page = login("secretary").get(second.paper.get_edit_url()).content.decode()
    assert "这张照片与其他支部的一份记录中的照片相同" in page
    assert "《书记述职报告》" not in page and first.get_absolute_url() + '"' not in page


def test_the_answer_is_kept_and_stands_in_the_note_to_the_office(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    add_pictures(first, [photo("red"), file_of(scene(1))], access)
    moves.move(first, "file", access=access)
    first.refresh_from_db()
    add_pictures(second, [photo("blue"), file_of(scene(1))], access)
    row = second.pictures.get(twin__isnull=False)
    assert not moves.missing_to_file(second, NOW), "the question does not stand in the way of filing"
    url = reverse("plan:picture_answer", args=[row.pk])
    assert login("secretary").post(url, {"answer": "同一次  活动"}).status_code == 302
    row.refresh_from_db()
    assert row.twin_answer == "同一次 活动"
    moves.move(second, "file", access=access)
    note = f"第2张图片与{issued.first.name}《书记述职报告》（{first.receipt}）第2张相同。支部说明：同一次 活动。"
    assert note in login("office").get(second.get_absolute_url()).content.decode()
    assert "第2张图片与" not in login("secretary").get(second.get_absolute_url()).content.decode()


def test_an_answer_may_be_left_empty_and_not_be_too_long(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    add_pictures(first, [file_of(scene(1))], access)
    add_pictures(second, [file_of(scene(1))], access)
    row, client = second.pictures.get(), login("secretary")
    url, wants = reverse("plan:picture_answer", args=[row.pk]), {"headers": {"Accept": "application/json"}}
    assert client.post(url, {"answer": "长" * 121}, **wants).status_code == 422
    assert client.post(url, {"answer": "长" * 121}).status_code == 302
    row.refresh_from_db()
    assert row.twin_answer == ""
    assert client.post(url, {}, **wants).json() == {"answer": "确认就用这张"}
    assert client.post(reverse("plan:picture_answer", args=[first.pictures.get().pk])).status_code == 404


def test_the_form_of_a_material_keeps_the_answers_typed_in_it(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    access, first, second = issued.access("secretary", NOW), report(issued), other_report(issued)
    add_pictures(first, [file_of(scene(1))], access)
    add_pictures(second, [file_of(scene(1))], access)
    row = second.pictures.get()
    typed = {"title": second.title, "done_on": "2018-07-01", "content": "内容", "edition": second.edition}
    login("secretary").post(second.paper.get_edit_url(), typed | {"action": "save", f"answer-{row.pk}": "同一天"})
    row.refresh_from_db()
    assert row.twin_answer == "同一天"


def test_the_questions_cost_the_same_however_many_there_are(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    access, first = issued.access("secretary", NOW), report(issued)
    add_pictures(first, [photo("red")], access)
    old, counts = first.pictures.get(), []
    for n in (1, 3, 20):
        filing = other_report(issued)
        Picture.objects.bulk_create(
            Picture(filing=filing, position=i, name="a.jpg", sha256=f"{n:032}{i:032}", thumb_sha256="0" * 64, width=8,
                    height=8, added_at=NOW, added_by=access.actor, twin=old)
            for i in range(n)
        )  # fmt: skip
        moves.move(filing, "file", access=access)
        client = login("office")
        client.get(filing.get_absolute_url())
        with CaptureQueriesContext(connection) as told:
            assert client.get(filing.get_absolute_url()).content.decode().count("张图片与") == n
        counts.append(len(told))
    assert counts[0] == counts[1] == counts[2]


# How much may come in


def test_a_branch_that_is_full_is_told_the_cure_and_takes_out_to_make_room(issued: World, settings) -> None:
    settings.EVIDENCE_MB_PER_BRANCH = 1
    access, filing = issued.access("secretary", NOW), report(issued)
    add_pictures(filing, [photo("red")], access)
    picture = filing.pictures.get()
    assert picture.size > 1000
    Picture.objects.filter(pk=picture.pk).update(size=1024 * 1024 - 10)
    said = "没有添加：本支部今年的图片和附件已满1 MB。请先移除草稿中不需要的图片或附件，或请系统管理员调高上限。"
    assert add_attachments(filing, [document("一.pdf")], access).errors == [f"“一.pdf”{said}"]
    assert add_pictures(filing, [photo("blue", "二.jpg")], access).errors == [f"“二.jpg”{said}"]
    Picture.objects.filter(pk=picture.pk).update(removed_at=NOW)
    assert not add_attachments(filing, [document("一.pdf")], access).errors
    assert filing.attachments.count() == 1


def test_who_sends_more_files_than_an_hour_takes_waits_for_the_next(issued: World, settings) -> None:
    settings.EVIDENCE_FILES_PER_HOUR = 2
    filing = report(issued)
    access = issued.access("secretary", NOW)
    files = [photo(colour, f"{colour}.jpg") for colour in ("red", "blue", "gold")]
    assert add_pictures(filing, files, access).errors == [
        "“gold.jpg”没有添加：您1小时内已上传2个文件。请1小时后再传其余的。"
    ]
    assert "1小时内" in add_attachments(filing, [document()], access).errors[0]
    later = issued.access("secretary", at("2018-07-04 11:01"))
    assert not add_attachments(filing, [document()], later).errors


# Hostile files through the door


@pytest.mark.parametrize(
    "case", [*hostile_pictures.CASES, *hostile_documents.CASES], ids=lambda case: f"{case.id}-{case.fate}"
)
def test_each_hostile_file_ends_as_the_table_says_through_the_door(case, issued: World, login, clock) -> None:
    """Pictures by their door, documents by theirs; what is refused is named, and nothing is the server's error."""
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    what = "attachments" if case in hostile_documents.CASES else "pictures"
    url = reverse("plan:attachment_add" if what == "attachments" else "plan:picture_add", args=[filing.pk])
    sent = SimpleUploadedFile(case.name, case.make())
    answer = client.post(url, {what: [sent]}, headers={"Accept": "application/json"})
    if case.fate == hostile_pictures.REFUSED:
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == 1 and case.says in answer.json()["errors"][0]
        assert not filing.pictures.exists() and not filing.attachments.exists()
    else:
        assert answer.status_code == 200 and not answer.json()["errors"]
        for row in filing.pictures.all():
            for size in ("full", "thumb"):
                assert_silent(client.get(reverse("plan:picture", args=[row.pk, size])).content)
        for row in filing.attachments.all():
            assert_silent(client.get(reverse("plan:attachment", args=[row.pk])).content)


def assert_silent(data: bytes) -> None:
    """Nothing that was planted, neither in the bytes nor in what they unfold to."""
    from tests.documents.test_office_files import assert_nothing_planted

    assert data
    assert_nothing_planted(data)


def test_nothing_planted_lies_in_the_storage_or_in_the_pages(issued: World, login, clock, settings) -> None:
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    access = issued.access("secretary", NOW)
    documents = [c for c in hostile_documents.CASES if c.fate == hostile_pictures.ACCEPTED]
    pictures = [hostile_pictures.named(id) for id in ("i12", "i14", "i34")]
    assert not add_attachments(filing, [SimpleUploadedFile(c.name, c.make()) for c in documents], access).errors
    assert not add_pictures(filing, [SimpleUploadedFile(c.name, c.make()) for c in pictures], access).errors
    moves.move(filing, "file", access=access)
    root = Path(settings.STORAGES["evidence"]["OPTIONS"]["location"])
    kept = [place for place in root.rglob("*") if place.is_file()]
    assert len(kept) >= len(documents) + 2 * len(pictures)
    for place in kept:
        assert_silent(place.read_bytes())
    for page in (filing.get_absolute_url(), reverse("plan:filing_docx", args=[filing.pk])):
        assert_silent(client.get(page).content)


NAMES = {
    "n01": "../../etc/passwd.pdf", "n02": "..\\..\\windows\\a.pdf", "n03": "a\0b.pdf", "n04": "a\u202efdp.exe",
    "n05": "CON.pdf", "n06": "长" * 200 + ".pdf", "n07": ".htaccess", "n08": "a.pdf.html", "n09": "a.html;.pdf",
    "n10": "a\r\nSet-Cookie: x=1.pdf", "n11": "-rf.pdf", "n12": 'a".pdf', "n13": "a.pdf.", "n14": "无后缀",
    "n15": "e\u0301\u200b\ufeff.pdf", "n16": "a\udcff.pdf", "n17": "<img src=x onerror=alert(1)>.pdf",
    "n18": "=cmd|'calc'!A0.pdf",
}  # fmt: skip


@pytest.mark.parametrize("id", NAMES)
def test_no_name_leads_anywhere_or_breaks_a_header(id: str, issued: World, login, clock, settings) -> None:
    """Kept under the digest, shown and sent back under a clean name; refused where the suffix is no document's."""
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    root = Path(settings.STORAGES["evidence"]["OPTIONS"]["location"])
    before = set(root.rglob("*"))
    sent = document(width=300 + int(id[1:]))
    body = (
        b'--x\r\nContent-Disposition: form-data; name="attachments"; filename="'
        + NAMES[id].replace('"', "%22").encode("utf-8", "surrogateescape")
        + b'"\r\nContent-Type: application/pdf\r\n\r\n' + sent.read() + b"\r\n--x--\r\n"
    )  # fmt: skip
    url = reverse("plan:attachment_add", args=[filing.pk])
    answer = client.post(
        url, body, content_type="multipart/form-data; boundary=x", headers={"Accept": "application/json"}
    )
    assert answer.status_code in (200, 422)
    come = {place for place in set(root.rglob("*")) - before if place.is_file()}
    assert {place.name for place in come} <= {f"{row.sha256}.pdf" for row in filing.attachments.all()}
    for row in filing.attachments.all():
        assert len(row.name) <= 80 and not set(row.name) & set('/\\<>"\r\n\0|;') and row.name[0] not in ".-="
        served = client.get(reverse("plan:attachment", args=[row.pk]))
        assert served["Content-Disposition"].startswith("attachment") and "Set-Cookie" not in served.headers


def test_the_log_says_that_files_came_and_went_and_nothing_of_them(issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    filing, access = report(issued), issued.access("secretary", NOW)
    add_attachments(filing, [document("机密.pdf")], access)
    attachments.remove_attachment(filing.attachments.get(), access)
    events = list(AuditEvent.objects.order_by("-seq")[:2])
    assert [event.what for event in events] == ["移除附件", "添加附件"]
    assert not any("机密" in json.dumps(event.detail, ensure_ascii=False) for event in events)
