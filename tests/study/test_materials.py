"""Materials: kept by the office, read by everybody below it, and which branches have planned and studied them."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Branch, Committee
from plan.models import Filing, Reading
from study.clarity import entries_of, missing_in_branch_plan
from study.coverage import Coverage
from study.material_form import seen_of
from study.models import BranchPlan, Gathering, Material, Partner, PlanItem
from study.papers import branch_plan_snapshot
from tests.conftest import World, at
from tests.documents.hostile_documents import SECRET, good_docx, plain_docx, read
from tests.records import branch_plan_of
from tests.study.test_gatherings import typed as gathering_typed

pytestmark = pytest.mark.django_db

LIST, NEW = "/study/materials/", "/study/materials/new/"
TITLE = "《梁家河》"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-20 10:00")


def material(world: World, title: str = "《榜样》", **more) -> Material:
    facts = {
        "committee": world.committee, "kind": "film", "created_at": at("2018-07-01 09:00"),
        "created_by": world.users["office"],
    }  # fmt: skip
    return Material.objects.create(title=title, **(facts | more))


def typed(**changes: str) -> dict[str, str]:
    return {"kind": "book", "title": "《之江新语》", "source": "浙江人民出版社", "url": "", "text": ""} | changes


def sent(world: World, branch: Branch, kind: str, **more) -> Filing:
    moment = at("2018-07-01 09:00")
    facts = {
        "state": "received", "first_filed_at": moment, "filed_at": moment, "filed_by": world.users["office"],
        "receipt": f"2018-{branch.code}-{Filing.objects.count():04d}",
    }  # fmt: skip
    return Filing.objects.create(
        kind=kind, title="记录", year=2018, branch=branch, committee=world.committee, desk="office", handling="inform",
        state_since=moment, created_at=moment, created_by=world.users["office"], **(facts | more),
    )  # fmt: skip


DRAFT = {"state": "draft", "first_filed_at": None, "filed_at": None, "filed_by": None, "receipt": None}


def plans(world: World, branch: Branch, *, reading: Reading | None = None, of: Material | None = None, **more):
    record = BranchPlan.objects.create(
        filing=sent(world, branch, "branch_plan", **more), branch=branch, plan=world.plan, outline="大纲"
    )
    item = PlanItem.objects.create(
        plan=record, topic=f"{branch.name}读书", starts_on=date(2018, 8, 1), ends_on=date(2018, 8, 1)
    )
    item.readings.set([reading] if reading else [])
    item.materials.set([of] if of else [])
    return item


def studies(world: World, branch: Branch, *, reading: Reading | None = None, of: Material | None = None, **more):
    held = Gathering.objects.create(
        filing=sent(world, branch, "gathering", **more), branch=branch, title=f"{branch.name}集体学习",
        kinds=["collective_study"], held_at=at("2018-07-10 14:00"), ended_at=at("2018-07-10 16:00"),
    )  # fmt: skip
    held.readings.set([reading] if reading else [])
    held.materials.set([of] if of else [])
    return held


def reading(world: World, title: str = TITLE) -> Reading:
    return world.plan.readings.get(title=title)


def page(client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


# Keeping


def test_the_office_adds_a_material_and_everybody_below_reads_it(issued: World, login) -> None:
    response = login("office").post(NEW, typed(text="一、学什么\n读原著。"))
    made = Material.objects.get()
    assert response.url == made.get_absolute_url()
    for who in ("office", "secretary", "member", "other_member", "inspector"):
        assert "《之江新语》" in page(login(who), LIST)
        assert "读原著。" in page(login(who), made.get_absolute_url())
    assert login("secretary").get(reverse("study:material_edit", args=[made.pk])).status_code == 403


def test_sent_twice_it_is_there_once(issued: World, login) -> None:
    client = login("office")
    first, again = client.post(NEW, typed()), client.post(NEW, typed())
    assert first.url == again.url
    assert Material.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": "  "}, "请填写“名称”。"),
        ({"title": "《榜样》"}, "已有名为“《榜样》”的学习资料"),
        ({"kind": "link"}, "网页链接请填写网址。"),
        ({"kind": "poem"}, "类型"),
        ({"url": "javascript:alert(1)"}, "请填写以 http:// 或 https:// 开头的完整网址。"),
        ({"url": "ftp://example.org/a"}, "请填写以 http:// 或 https:// 开头的完整网址。"),
        ({"url": "data:text/html,x"}, "请填写以 http:// 或 https:// 开头的完整网址。"),
        ({"text": "字" * 300_001}, "全文"),
        ({"source": "长" * 121}, "作者或来源"),
    ],
)
def test_a_faulty_material_is_said_at_its_field_and_not_kept(
    issued: World, login, changes: dict, sentence: str
) -> None:
    material(issued)
    response = login("office").post(NEW, typed(**changes))
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Material.objects.count() == 1


def test_what_cannot_be_printed_is_left_out_of_the_text(issued: World, login) -> None:
    login("office").post(NEW, typed(title="《之江\u202e新语》", text="第一行\r\n第二\u0007行"))
    made = Material.objects.get()
    assert (made.title, made.text) == ("《之江新语》", "第一行\n第二行")


def test_markup_in_a_text_stays_text(issued: World, login) -> None:
    made = material(issued, text="<script>alert(1)</script>\n<b>粗</b>")
    text = page(login("member"), made.get_absolute_url())
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_change_in_between_is_told_and_both_texts_are_shown(issued: World, login) -> None:
    made = material(issued, text="原文")
    url, stale = reverse("study:material_edit", args=[made.pk]), seen_of(made)
    client = login("office")
    assert client.post(url, typed(title="《榜样》", kind="film", text="甲的", seen=stale)).status_code == 302
    response = client.post(url, typed(title="《榜样》", kind="film", text="乙的", seen=stale))
    assert response.status_code == 409
    assert ("全文", "甲的", "乙的") in response.context["differences"]
    made.refresh_from_db()
    assert made.text == "甲的"
    # Sent again from the page that says so, it is kept.
    data = typed(title="《榜样》", kind="film", text="乙的", seen=response.context["form"].data["seen"])
    assert client.post(url, data).status_code == 302
    made.refresh_from_db()
    assert made.text == "乙的"


def test_what_is_retired_stays_where_it_is_cited_and_is_offered_no_more(issued: World, login) -> None:
    made = material(issued)
    studies(issued, issued.first, of=made)
    url = reverse("study:material_retire", args=[made.pk])
    login("office").post(url)
    assert not Material.objects.current().exists()
    assert "《榜样》" not in page(login("member"), LIST)
    assert "教务处党支部集体学习" in page(login("member"), made.get_absolute_url())
    assert "《榜样》" in page(login("office"), f"{LIST}?show=retired")
    assert "《榜样》" not in page(login("member"), f"{LIST}?show=retired")
    login("office").post(url, {"undo": "1"})
    assert "《榜样》" in page(login("member"), LIST)


def test_a_readings_text_is_added_with_its_title_already_there(issued: World, login) -> None:
    one = reading(issued)
    client = login("office")
    assert f"{NEW}?reading={one.pk}" in page(client, LIST)
    form = client.get(f"{NEW}?reading={one.pk}").context["form"]
    assert form.initial == {"title": TITLE, "kind": "book"}
    client.post(f"{NEW}?reading={one.pk}", typed(title=TITLE))
    made = Material.objects.get()
    assert client.get(reverse("study:reading_detail", args=[one.pk])).url == made.get_absolute_url()
    # It is the reading's text, and no second thing in the list.
    response = login("member").get(LIST)
    assert response.context["materials"] == []
    assert f'href="{made.get_absolute_url()}"' in response.content.decode()
    assert f"{NEW}?reading={one.pk}" not in page(client, LIST)


def test_another_tree_of_committees_is_not_seen(issued: World, login) -> None:
    elsewhere = Committee.objects.create(name="另一机关党委", short_name="另一", code="另")
    made = material(issued, committee=elsewhere)
    for who in ("office", "member"):
        assert "《榜样》" not in page(login(who), LIST)
        assert login(who).get(made.get_absolute_url()).status_code == 404
    assert login("office").post(reverse("study:material_edit", args=[made.pk]), typed()).status_code == 404
    assert login("office").post(reverse("study:material_retire", args=[made.pk])).status_code == 404


def test_what_a_committee_above_keeps_is_read_and_not_changed(issued: World, login) -> None:
    above = Committee.objects.create(name="校党委", short_name="校党委", code="校")
    Committee.objects.filter(pk=issued.committee.pk).update(parent=above)
    made = material(issued, committee=above)
    assert "《榜样》" in page(login("member"), LIST)
    assert "修改" not in page(login("office"), made.get_absolute_url())
    assert login("office").get(reverse("study:material_edit", args=[made.pk])).status_code == 404


# The file


def upload(name: str = "学习材料.docx", data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, good_docx() if data is None else data)


def test_a_file_is_kept_without_what_it_tells_and_given_out_as_an_attachment(issued: World, login) -> None:
    response = login("office").post(NEW, typed(kind="file", title="学习材料") | {"file": upload()})
    assert response.status_code == 302
    made = Material.objects.get()
    assert (made.file_name, made.file_format) == ("学习材料.docx", "docx")
    answer = login("member").get(reverse("study:material_file", args=[made.pk]))
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert "%E5%AD%A6%E4%B9%A0%E6%9D%90%E6%96%99.docx" in answer["Content-Disposition"]
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-store")
    assert hashlib.sha256(answer.content).hexdigest() == made.file_sha256
    assert SECRET.encode() not in b"".join(read(answer.content).values())


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (lambda: upload("材料.docx", b"not a document"), "材料.docx"),
        (lambda: upload("材料.exe"), "材料.exe"),
        (lambda: upload("空.pdf", b""), "这个文件是空的"),
        (lambda: None, "类型选“附件”的，请选择要上传的文件。"),
    ],
)
def test_what_is_no_document_is_refused_at_the_field(issued: World, login, file, sentence: str) -> None:
    data = typed(kind="file", title="学习材料", source="办公室")
    sent = {"file": file()} if file() else {}
    response = login("office").post(NEW, data | sent)
    assert response.status_code == 422
    text = response.content.decode()
    assert sentence in text
    assert 'value="办公室"' in text
    assert not Material.objects.exists()


def test_a_file_is_replaced_dropped_and_left_alone(issued: World, login) -> None:
    client = login("office")
    client.post(NEW, typed() | {"file": upload()})
    made = Material.objects.get()
    url = reverse("study:material_edit", args=[made.pk])

    def send(**more) -> Material:
        made.refresh_from_db()
        assert client.post(url, typed(seen=seen_of(made)) | more).status_code == 302
        return Material.objects.get()

    assert send(text="有了正文").file_sha256 == made.file_sha256
    assert send(file=upload("第二版.docx", plain_docx())).file_name == "第二版.docx"
    dropped = send(drop_file="on")
    assert (dropped.file_name, dropped.file_sha256, dropped.file_size) == ("", "", 0)
    assert login("member").get(reverse("study:material_file", args=[made.pk])).status_code == 404


def test_a_file_that_is_gone_answers_404(issued: World, login) -> None:
    made = material(issued, file_name="a.pdf", file_format="pdf", file_sha256="0" * 64, file_size=1)
    assert login("member").get(reverse("study:material_file", args=[made.pk])).status_code == 404


# The list


def test_each_reading_stands_under_its_sentence_and_leads_to_its_clause(issued: World, login) -> None:
    response = login("member").get(LIST)
    groups = response.context["groups"]
    named = [one.title for group in groups for one, _, _ in group["readings"]]
    assert named == list(issued.plan.readings.values_list("title", flat=True))
    for group in groups:
        assert group["clause"] == "一.1"
        assert group["url"] == f"/plans/{issued.plan.pk}/#clause-一.1"
    assert 'id="clause-一.1"' in page(login("member"), issued.plan.get_absolute_url())


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=梁家", [TITLE]),
        ("q=央视", ["《榜样》"]),
        ("kind=film", ["《榜样》"]),
        ("kind=book", ["《之江新语》"]),
        ("q=没有这本书", []),
        ("kind=%00&page=x", None),
    ],
)
def test_the_list_is_searched_and_narrowed(issued: World, login, query: str, titles: list[str] | None) -> None:
    material(issued, source="央视")
    material(issued, "《之江新语》", kind="book")
    response = login("member").get(f"{LIST}?{query}")
    assert response.status_code == 200
    found = [one.title for group in response.context["groups"] for one, _, _ in group["readings"]]
    found += [one.title for one, _ in response.context["materials"]]
    if titles is not None:
        assert found == titles


# Coverage


def test_coverage_counts_what_was_filed_of_plans_and_gatherings(issued: World, login) -> None:
    one = reading(issued)
    third = Branch.objects.create(
        committee=issued.committee, code="03", name="财务处党支部", founded_on=date(2015, 1, 1)
    )
    plans(issued, issued.first, reading=one)
    plans(issued, issued.second, reading=one, **DRAFT)
    studies(issued, third, reading=one)
    studies(issued, issued.second, reading=one, **DRAFT)
    assert "3个支部中1个列入计划，1个已学习" in page(login("office"), LIST)
    response = login("office").get(reverse("study:reading_detail", args=[one.pk]))
    lines = [(branch.code, planned, studied) for branch, planned, studied in response.context["lines"]]
    assert lines == [("01", True, False), ("02", False, False), ("03", False, True)]


def test_a_reading_and_the_material_of_its_name_are_one_thing(issued: World, login) -> None:
    one, text = reading(issued), material(issued, TITLE, kind="book")
    plans(issued, issued.first, reading=one)
    plans(issued, issued.second, of=text)
    studies(issued, issued.first, reading=one)
    studies(issued, issued.first, of=text)
    assert login("office").get(text.get_absolute_url()).context["words"] == "2个支部中2个列入计划，1个已学习"


def test_who_joined_a_gathering_has_studied_it_too_once_it_says_so(issued: World, login) -> None:
    held = studies(issued, issued.first, of=material(issued))
    joined = Partner.objects.create(
        gathering=held, branch=issued.second, invited_at=at("2018-07-09 09:00"), invited_by=issued.users["secretary"]
    )
    branches = Branch.objects.all()
    assert Coverage.of(["《榜样》"], branches, 2018).studied["《榜样》"] == {issued.first.pk}
    Partner.objects.filter(pk=joined.pk).update(filing=sent(issued, issued.second, "joint"))
    assert Coverage.of(["《榜样》"], branches, 2018).studied["《榜样》"] == {issued.first.pk, issued.second.pk}


def test_a_branch_sees_its_own_line_alone(issued: World, login) -> None:
    one = reading(issued)
    plans(issued, issued.second, reading=one)
    studies(issued, issued.first, reading=one)
    for who, words in (("secretary", "未列入本支部计划，已学习"), ("other_member", "已列入本支部计划，还没有学习")):
        assert words in page(login(who), LIST)
    response = login("secretary").get(reverse("study:reading_detail", args=[one.pk]))
    assert [branch for branch, _, _ in response.context["lines"]] == [issued.first]
    text = response.content.decode()
    assert "科研处党支部" not in text
    assert "2个支部" not in text


def test_where_it_was_used_is_shown_as_far_as_one_may_see(issued: World, login) -> None:
    one = reading(issued)
    plans(issued, issued.first, reading=one)
    studies(issued, issued.first, reading=one)
    studies(issued, issued.first, reading=one, **DRAFT)
    url = reverse("study:reading_detail", args=[one.pk])
    for who, count in (("secretary", 2), ("member", 1), ("office", 1), ("other_secretary", 0)):
        response = login(who).get(url)
        assert response.context["gatherings_count"] == count, who
        assert response.context["items_count"] == (0 if who == "other_secretary" else 1), who


def test_a_reading_of_a_plan_not_yet_issued_is_nobodys(issued: World, login) -> None:
    from tests.records import draft_plan

    draft = draft_plan(issued, 2020)
    one = Reading.objects.create(plan=draft, position=1, title="明年的书", quote="明年读。")
    for who in ("office", "member"):
        assert login(who).get(reverse("study:reading_detail", args=[one.pk])).status_code == 404


def test_coverage_asks_as_much_for_300_branches_as_for_three(issued: World, login) -> None:
    one, film = reading(issued), material(issued)
    clients = {who: login(who) for who in ("office", "secretary")}
    urls = (LIST, reverse("study:reading_detail", args=[one.pk]), film.get_absolute_url())
    asked: dict[tuple[str, str], set[int]] = {}
    have = 2
    for size in (3, 30, 300):
        for n in range(have, size):
            branch = Branch.objects.create(
                committee=issued.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1)
            )
            plans(issued, branch, reading=one, of=film)
            studies(issued, branch, reading=one)
        have = size
        for who, client in clients.items():
            for url in urls:
                client.get(url)
                with CaptureQueriesContext(connection) as captured:
                    client.get(url)
                asked.setdefault((who, url), set()).add(len(captured))
    assert {key: found for key, found in asked.items() if len(found) > 1} == {}
    response = clients["office"].get(urls[1])
    assert response.context["words"] == "300个支部中298个列入计划，298个已学习"
    assert len(response.context["lines"]) == 50
    assert max(max(found) for found in asked.values()) <= 22, asked


# The text


def test_a_long_text_is_read_in_the_reader_and_remembers_its_place_as_its_own(issued: World, login) -> None:
    made = material(issued, text="一、甲\n文。\n二、乙\n文。\n三、丙\n文。")
    text = page(login("member"), made.get_absolute_url())
    assert f'data-reader="material-{made.pk}"' in text
    for number in (1, 2, 3):
        assert f'href="#part-{number}"' in text
        assert f'id="part-{number}"' in text
    short = material(issued, "《短文》", text="一段话。")
    assert "data-reader" not in page(login("member"), short.get_absolute_url())


# Where it is cited


def test_a_plans_item_cites_a_material_and_is_filed_with_it(issued: World, login) -> None:
    made, retired = material(issued), material(issued, "《旧片》", retired_at=at("2018-07-02 09:00"))
    record = branch_plan_of(issued, issued.plan, date(2018, 8, 1))
    item = record.items.get()
    item.materials.set([retired])
    url = reverse("study:plan_item_edit", args=[item.pk])
    form = login("secretary").get(url).context["form"]
    # What is retired is offered only where it is cited already.
    assert [one.title for one in form.fields["materials"].queryset] == ["《旧片》", "《榜样》"]
    assert "《旧片》" not in login("secretary").get(
        reverse("study:plan_item_new", args=[record.pk])
    ).content.decode()  # fmt: skip
    data = {
        "scope": "collective", "kind": "theme_day", "topic": "观影", "content": "", "starts_on": "2018-08-01",
        "ends_on": "2018-08-01", "hours": "2", "responsible": issued.member("deputy").pk, "method": "film", "place": "",
        "rhythm": "", "edition": record.filing.edition, "materials": [made.pk],
    }  # fmt: skip
    assert login("secretary").post(url, data).status_code == 302
    assert list(item.materials.all()) == [made]
    (entry,) = entries_of(record)
    assert entry.readings == {"《榜样》"}
    # A session whose content is a material lacks none.
    assert missing_in_branch_plan(record) == []
    assert "篇目：《榜样》" in str(branch_plan_snapshot(record))


def test_a_gathering_begins_with_its_items_materials_and_keeps_what_was_ticked(issued: World, login) -> None:
    one, other = material(issued), material(issued, "《另一部》")
    item = plans(issued, issued.first, of=one)
    client = login("secretary")
    form = client.get(f"{reverse('study:gathering_new')}?item={item.pk}").context["form"]
    assert form.initial["materials"] == [one.pk]
    # Retired since it was planned, it may still be recorded where it was planned.
    Material.objects.filter(pk=one.pk).update(retired_at=at("2018-07-15 09:00"))
    data = gathering_typed(issued, "theme_day", materials=[one.pk, other.pk], plan_item=item.pk)
    assert client.post(reverse("study:gathering_new"), data).status_code == 302
    held = Gathering.objects.get()
    assert held.cited == ["《另一部》", "《榜样》"]
    assert ["学习篇目", "《另一部》、《榜样》"] in held.snapshot()["fields"]
    assert client.get(held.get_edit_url()).context["form"].initial["materials"] == [other.pk, one.pk]


def test_a_material_of_another_tree_is_not_to_be_ticked(issued: World, login) -> None:
    elsewhere = Committee.objects.create(name="另一机关党委", short_name="另一", code="另")
    made = material(issued, committee=elsewhere)
    data = gathering_typed(issued, "theme_day", materials=[made.pk])
    response = login("secretary").post(reverse("study:gathering_new"), data)
    assert "所选的资料已经停用，请核对后再保存。" in response.content.decode()
    assert not Gathering.objects.exists()


def test_a_title_that_another_material_took_this_moment_is_said_at_its_field(issued: World, login, monkeypatch) -> None:
    material(issued, "《榜样》")
    other = material(issued, "《信仰》")
    monkeypatch.setattr("study.material_form.MaterialForm.clean_title", lambda form: form.cleaned_data["title"])
    url = reverse("study:material_edit", args=[other.pk])
    answer = login("office").post(url, typed(title="《榜样》", seen=seen_of(other)))
    assert answer.status_code == 422
    assert "已有名为“《榜样》”的学习资料" in answer.content.decode()
    assert Material.objects.get(pk=other.pk).title == "《信仰》"
