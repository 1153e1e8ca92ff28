"""The mobile branch: who reads what, that what is out stays as it went out, and that studying is one's own word."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from branches.models import AuditEvent, Branch, Committee, Membership
from documents.workbook import Column, Sheet, write
from study import pushes
from study.models import Material, Push, Studied
from tests.conftest import World, add_member, add_user, at, logged_in
from tests.plan.filed import photo
from tests.study.pushed import push_by, sent_out

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")
NEW = "/study/pushes/new/"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-04 10:00")


def titles(client, query: str = "") -> list[str]:
    return [push.title for push in client.get(f"/study/pushes/{query}").context["pushes"]]


def out_by(world: World, who: str, title: str, **facts) -> Push:
    access = world.access(who, NOW)
    return sent_out(push_by(access, title, **facts), access)


def typed(world: World, **facts) -> dict[str, object]:
    return {
        "audience": f"b{world.first.pk}",
        "title": "七月学习",
        "text": "请学习。",
        "url": "",
        "form_key": "k1",
    } | facts


# Who reads


def test_a_committees_push_reaches_the_members_of_every_branch_below_and_a_branchs_its_own(world, login):
    out_by(world, "office", "全体")
    out_by(world, "secretary", "本支部")
    assert titles(login("member")) == ["本支部", "全体"]
    assert titles(login("other_member")) == ["全体"]


def test_a_push_of_a_committee_reaches_the_branches_of_the_committee_below_it_and_not_upwards(world, login):
    below = Committee.objects.create(name="法学院党总支", short_name="党总支", code="法", parent=world.committee)
    branch = Branch.objects.create(committee=below, code="01", name="法学支部", founded_on=date(2015, 1, 1))
    client = logged_in(add_user(add_member(branch, "远人", "28001")))
    office = world.access("office", NOW)
    sent_out(push_by(office, "上面的"), office)
    sent_out(push_by(office, "下面的", committee=below), office)
    assert titles(client) == ["下面的", "上面的"]
    assert titles(login("member")) == ["上面的"]


def test_a_draft_is_its_authors_alone_and_what_was_taken_back_is_gone_for_members(world, login):
    secretary = world.access("secretary", NOW)
    push = push_by(secretary)
    for who, status in (("deputy", 200), ("member", 404), ("office", 404), ("inspector", 404)):
        assert login(who).get(push.get_absolute_url()).status_code == status, who
    sent_out(push, secretary)
    assert login("member").get(push.get_absolute_url()).status_code == 200
    assert pushes.withdraw(push, secretary)
    assert login("member").get(push.get_absolute_url()).status_code == 404
    assert titles(login("member")) == []
    page = login("secretary").get(push.get_absolute_url())
    assert "已撤回" in page.content.decode()
    assert AuditEvent.objects.filter(what="撤回推送", object_id=push.pk).count() == 1


def test_the_list_tells_what_is_studied_from_what_is_not(world, login):
    first, second = out_by(world, "secretary", "甲"), out_by(world, "office", "乙")
    client = login("member")
    client.post(reverse("study:push_done", args=[first.pk]))
    assert titles(client, "?show=done") == ["甲"]
    assert titles(client, "?show=todo") == ["乙"]
    assert titles(client, "?show=nonsense") == ["乙", "甲"]
    assert [line.title for line in client.get("/").context["pushes"].lines] == [second.title]


def test_the_home_shows_three_unread_and_how_many_there_are(world, login):
    for n in range(5):
        out_by(world, "office", f"第{n}份")
    group = login("member").get("/").context["pushes"]
    assert ([line.title for line in group.lines], group.total) == (["第4份", "第3份", "第2份"], 5)


# Writing


def test_a_push_is_written_looked_at_and_sent_out_once(world, login):
    client = login("secretary")
    answer = client.post(NEW, typed(world, action="look", files=[photo()]))
    push = Push.objects.get()
    assert answer.status_code == 302 and answer["Location"] == push.get_absolute_url()
    assert push.is_draft and push.files.count() == 1
    publish = reverse("study:push_publish", args=[push.pk])
    client.post(publish, {"edition": push.edition})
    client.post(publish, {"edition": push.edition})
    push.refresh_from_db()
    assert push.is_out and push.published_at == NOW
    assert AuditEvent.objects.filter(what="推送学习内容", ok=True).count() == 1


def test_the_same_form_sent_twice_makes_one_draft(world, login):
    client = login("secretary")
    for _ in range(2):
        assert client.post(NEW, typed(world)).status_code == 302
    assert Push.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"title": " "}, "请填写“标题”。"),
        ({"title": "长" * 121}, "标题"),
        ({"url": "ftp://example.edu.cn/a"}, "http 或 https"),
        ({"url": "javascript:alert(1)"}, "网址"),
        ({"audience": "c999"}, "推送给"),
        ({"audience": "b0"}, "推送给"),
        ({"text": "学" * 100_001}, "正文"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(world, login, wrong, says):
    answer = login("secretary").post(NEW, typed(world, **wrong))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Push.objects.exists()


def test_nobody_pushes_to_a_branch_that_is_not_theirs(world, login):
    answer = login("secretary").post(NEW, typed(world, audience=f"b{world.second.pk}"))
    assert answer.status_code == 422
    answer = login("secretary").post(NEW, typed(world, audience=f"c{world.committee.pk}"))
    assert answer.status_code == 422


def test_an_empty_push_does_not_go_out(world, login):
    push = push_by(world.access("secretary", NOW), text=" ")
    answer = login("secretary").post(reverse("study:push_publish", args=[push.pk]), {"edition": 0}, follow=True)
    assert "至少要有一样" in answer.content.decode()
    assert Push.objects.get().is_draft


def test_what_somebody_else_changed_is_neither_overwritten_nor_sent_out_unseen(world, login):
    push = push_by(world.access("secretary", NOW), "原来的")
    edit = reverse("study:push_edit", args=[push.pk])
    login("deputy").post(edit, typed(world, title="副书记改的", edition=0))
    answer = login("secretary").post(edit, typed(world, title="书记改的", edition=0))
    assert answer.status_code == 409
    assert ("标题", "副书记改的", "书记改的") in answer.context["differences"]
    answer = login("secretary").post(reverse("study:push_publish", args=[push.pk]), {"edition": 0}, follow=True)
    assert "刚刚被别人修改过" in answer.content.decode()
    push.refresh_from_db()
    assert (push.title, push.is_draft) == ("副书记改的", True)
    login("secretary").post(edit, typed(world, title="书记改的", edition=push.edition))
    assert Push.objects.get().title == "书记改的"


def test_what_is_out_is_not_changed_any_more(world, login):
    push = out_by(world, "secretary", "发出的")
    file_count = push.files.count()
    edit = reverse("study:push_edit", args=[push.pk])
    for posted in ({"action": "discard"}, typed(world, title="偷偷改的", edition=push.edition)):
        assert login("secretary").post(edit, posted).status_code == 302
    assert pushes.add_files(push, [photo()], world.access("secretary", NOW)) == ["已经推送，不能再添加图片和附件。"]
    assert (Push.objects.get().title, push.files.count()) == ("发出的", file_count)


def test_a_draft_can_be_thrown_away_and_its_pictures_taken_out(world, login):
    push = push_by(world.access("secretary", NOW))
    pushes.add_files(push, [photo("red"), photo("blue"), photo("red")], world.access("secretary", NOW))
    assert push.files.count() == 2
    push.refresh_from_db()
    edit = reverse("study:push_edit", args=[push.pk])
    gone = push.files.first()
    login("secretary").post(edit, typed(world, edition=push.edition, remove=gone.pk))
    assert push.files.count() == 1
    login("secretary").post(edit, {"action": "discard"})
    assert not Push.objects.exists()


def test_a_picture_is_shown_under_a_policy_that_lets_nothing_run_and_carries_no_metadata(world, login):
    push = push_by(world.access("secretary", NOW))
    pushes.add_files(push, [photo()], world.access("secretary", NOW))
    answer = login("secretary").get(reverse("study:push_file", args=[push.files.get().pk, "full"]))
    assert (answer["Content-Type"], answer["Content-Security-Policy"]) == ("image/jpeg", "sandbox")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.content.startswith(b"\xff\xd8\xff") and b"Exif" not in answer.content
    assert login("secretary").get(reverse("study:push_file", args=[push.files.get().pk, "huge"])).status_code == 404


def test_no_more_pictures_than_twelve_and_no_file_that_is_none(world):
    access = world.access("secretary", NOW)
    push = push_by(access)
    errors = pushes.add_files(push, [photo(f"rgb({9 * n}, 5, 5)") for n in range(14)], access)
    assert push.files.count() == pushes.MOST_FILES and len(errors) == 2
    other = push_by(access, "二")
    assert len(pushes.add_files(other, [SimpleUploadedFile("a.jpg", b"<svg onload=alert(1)>")], access)) == 1
    assert not other.files.exists()


def test_a_document_is_written_anew_and_only_ever_downloaded(world, login):
    access = world.access("secretary", NOW)
    push = push_by(access)
    sheet = write([Sheet("计划", [Column("内容", 20)], [["学习党章"]])], stamp="不外传的作者")
    file = SimpleUploadedFile("学习计划.xlsx", sheet)
    assert pushes.add_files(push, [file], access) == []
    kept = push.files.get()
    assert (kept.name, kept.format, kept.thumb_sha256) == ("学习计划.xlsx", "xlsx", "")
    sent_out(push, access)
    answer = login("member").get(reverse("study:push_file", args=[kept.pk, "full"]))
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert any("学习党章" in str(cell.value) for row in book.active for cell in row)


def test_a_material_in_use_can_go_along_and_its_text_is_read_in_parts(world, login):
    material = Material.objects.create(
        committee=world.committee, kind="book", title="梁家河",
        text="第一章 来到梁家河\n一九六九年一月。\n第二章 扎根\n干活。",
        created_at=NOW, created_by=world.users["office"],
    )  # fmt: skip
    client = login("secretary")
    assert "梁家河" in client.get(f"{NEW}?material={material.pk}").content.decode()
    client.post(NEW, typed(world, text="", material=material.pk, action="look"))
    push = Push.objects.get()
    sent_out(push, world.access("secretary", NOW))
    page = login("member").get(push.get_absolute_url())
    assert [part.heading for part in page.context["parts"]] == ["第一章 来到梁家河", "第二章 扎根"]
    Material.objects.update(retired_at=NOW)
    assert login("secretary").post(NEW, typed(world, form_key="k2", material=material.pk)).status_code == 302
    assert Push.objects.latest("pk").material is None


# Studied


def test_studied_is_a_members_own_word_with_a_note_once_and_can_be_taken_back(world, login):
    push = out_by(world, "office", "全体")
    client, done = login("member"), reverse("study:push_done", args=[push.pk])
    client.post(done, {"note": "很受教育"})
    client.post(done, {"note": "再读一遍"})
    one = Studied.objects.get()
    assert (one.member, one.note, one.studied_at) == (world.member("member"), "再读一遍", NOW)
    client.post(done, {"action": "undo"})
    assert not Studied.objects.exists()


def test_reading_alone_writes_nothing(world, login):
    push = out_by(world, "office", "全体")
    before = AuditEvent.objects.count()
    login("member").get(push.get_absolute_url())
    assert not Studied.objects.exists() and AuditEvent.objects.count() == before


def test_the_office_sees_counts_without_names_and_a_leader_the_names_of_the_own_branch(world, login):
    push = out_by(world, "office", "全体")
    for who, note in (("member", "教务体会"), ("other_member", "科研体会")):
        login(who).post(reverse("study:push_done", args=[push.pk]), {"note": note})
    office = login("office").get(push.get_absolute_url())
    counted = {branch.name: (marked, members) for branch, marked, members in office.context["course"].branches}
    assert counted["教务处党支部"] == (1, world.first.roster(NOW.date()).count())
    assert counted["科研处党支部"][0] == 1
    assert "教务体会" not in office.content.decode() and "李强" not in office.content.decode()
    secretary = login("secretary").get(push.get_absolute_url())
    assert [one.member.name for one in secretary.context["course"].marks] == ["李强"]
    assert "科研体会" not in secretary.content.decode() and "科研处党支部" not in secretary.content.decode()
    assert login("member").get(push.get_absolute_url()).context["course"].branches == []


def test_whoever_has_moved_is_counted_where_they_are_now(world):
    push = out_by(world, "office", "全体")
    pushes.mark(push, world.access("member", NOW), "")
    Membership.objects.filter(member=world.member("member")).update(branch=world.second)
    course = pushes.course_of(push, world.access("office", NOW))
    assert {branch.name: marked for branch, marked, _ in course.branches} == {"教务处党支部": 0, "科研处党支部": 1}


def test_the_course_is_in_the_order_of_the_branches_codes_whoever_studied_more(world):
    push = out_by(world, "office", "全体")
    pushes.mark(push, world.access("other_member", NOW), "")
    course = pushes.course_of(push, world.access("office", NOW))
    assert [branch.code for branch, _, _ in course.branches] == ["01", "02"]
