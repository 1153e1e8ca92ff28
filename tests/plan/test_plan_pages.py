"""The plan on its pages: read by everybody, drafted and issued by the office, and never changed once issued."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from branches.models import Branch, Committee, Post
from plan.asking import ask, changes, owners_on
from plan.editing import set_requirement, set_setting, with_year
from plan.loading import load
from plan.marking import Part, marked
from plan.models import Claim, DraftExists, Duty, Filing, Paper, Plan, PlanIsIssued, Requirement
from plan.moves import begin, claim, move
from plan.opening import issue, open_duties
from plan.settling import may_settle, settle_url
from plan.wording import cadence_words, due_words
from tests.conftest import ROOT, World, add_member, at

pytestmark = pytest.mark.django_db

TOML = (ROOT / "plan/2018.toml").read_text(encoding="utf-8")
TEXT = (ROOT / "plan/2018.txt").read_text(encoding="utf-8")
NOW = at("2018-06-11 09:00")


def draft_of(world: World, toml: str = TOML) -> Plan:
    return Plan.objects.begin(committee=world.committee, toml=toml, source_text=TEXT, at=NOW)


# An issued plan never changes


def test_an_issued_plan_is_neither_saved_nor_deleted(issued: World) -> None:
    plan = issued.plan
    plan.title = "改过的标题"
    for change in (plan.save, plan.delete, lambda: plan.save(update_fields=["title"])):
        with pytest.raises(PlanIsIssued, match="已经下发，不能再改"):
            change()
    assert Plan.objects.get().title != "改过的标题"


def test_an_object_that_still_believes_to_be_a_draft_is_refused_as_well(world: World) -> None:
    draft = draft_of(world)
    issue(Plan.objects.get(pk=draft.pk), access=world.access("office", NOW))
    assert draft.issued_at is None
    with pytest.raises(PlanIsIssued):
        draft.save()


def test_no_bulk_change_reaches_an_issued_plan(issued: World) -> None:
    draft = draft_of(issued, TOML.replace("year = 2018", "year = 2019", 1))
    everything = Plan.objects.all()
    stale = Plan.objects.get(pk=issued.plan.pk)
    stale.title = "改过的标题"
    for change in (
        lambda: everything.update(title="改过的标题"),
        lambda: Plan.objects.bulk_update([stale], ["title"]),
        everything.delete,
    ):
        with pytest.raises(PlanIsIssued), transaction.atomic():
            change()
    assert not Plan.objects.filter(title="改过的标题").exists()
    assert Plan.objects.filter(pk=draft.pk).update(title="草稿可以改") == 1


def test_a_year_has_one_draft_and_its_next_version_follows_the_last(issued: World) -> None:
    draft = draft_of(issued)
    assert (draft.year, draft.version) == (2018, 2)
    with pytest.raises(DraftExists, match="2018年已有一份草稿") as refused:
        draft_of(issued)
    assert refused.value.plan == draft
    assert Plan.objects.with_successor().get(pk=issued.plan.pk).superseded_on is None
    assert date(2018, 6, 11) == issued.plan.effective_on


# The paper and its words


def test_the_marked_paper_is_the_paper_word_for_word() -> None:
    document = load(TOML, TEXT)
    lines = [line.strip() for line in TEXT.splitlines() if line.strip()]
    assert [paragraph.text for paragraph in marked(document)] == lines


def test_every_quote_of_the_plan_is_marked_with_its_code() -> None:
    document = load(TOML, TEXT)
    paragraphs = marked(document)
    for spec in document.requirements:
        words = "".join(p.text for line in paragraphs for p in line.pieces if spec.code in p.codes)
        for quote in spec.quotes:
            assert quote.strip() in words, spec.code
    begun = [code for line in paragraphs for piece in line.pieces for code in piece.begins]
    assert set(begun) == {spec.code for spec in document.requirements}


def test_the_paper_shows_its_chapters_and_clauses_in_order() -> None:
    document = load(TOML, TEXT)
    paragraphs = marked(document)
    numbers = [line.number for line in paragraphs if line.part is Part.CLAUSE]
    assert numbers == [clause.number for clause in document.clauses]
    assert [line.number for line in paragraphs if line.part is Part.CHAPTER] == ["一", "二", "三"]
    assert [line.text for line in paragraphs if line.part is Part.SIGNATURE] == ["机关党委"]


@pytest.mark.parametrize(
    ("code", "often", "due"),
    [
        ("S6", "每次活动1次", "活动结束后第二天（自然日）"),
        ("S8", "每两个月1次", "第二个月最后一天"),
        ("S12", "每年1次", "7月11日（周三）"),
        ("S16", "每周1项", "当周周日"),
        ("C9", "每周1次（正式党员不足7人的支部不要求）", "当周周日"),
        ("I4", "每年2次", "7月20日（周五）、2019年1月10日（周四）"),
    ],
)
def test_a_requirement_is_told_in_office_chinese(code: str, often: str, due: str) -> None:
    document = load(TOML, TEXT)
    spec = document.requirement(code)
    assert cadence_words(spec, document.settings) == often
    assert due_words(spec, 2018, document.settings) == due


def test_a_due_day_that_was_moved_names_the_day_of_the_paper() -> None:
    document = load(set_setting(with_year(TOML, 2026), "holiday_policy", "next_working"), TEXT)
    assert due_words(document.requirement("S12"), 2026, document.settings) == "7月13日（周一，原定7月11日）"
    excluded = load(set_setting(TOML, "deadline_inclusive", False), TEXT)
    assert due_words(excluded.requirement("S12"), 2018, excluded.settings) == "7月11日（周三，不含当天）"


# Read by everybody, drafted by the office


def answers(form) -> dict:
    """What a browser would send back for a form as it was drawn, nothing touched."""
    sent = {}
    for field in form:
        value = field.value()
        if value is None or value is False or value in ("", []):
            continue
        sent[field.name] = "on" if value is True else value
    return sent


def texts(response) -> str:
    return response.content.decode()


def test_an_empty_portal_offers_the_office_a_first_draft_of_the_shipped_plan(world: World, login, clock) -> None:
    clock("2026-03-02 09:00")
    office = login("office")
    page = office.get("/plans/")
    assert page.context["start_year"] == 2026
    answer = office.post("/plans/start/", {"year": "2026"})
    draft = Plan.objects.get()
    assert answer.url == draft.get_absolute_url()
    assert (draft.year, draft.version, draft.is_issued) == (2026, 1, False)
    assert draft.document.requirement("S12").windows(2026, draft.document.settings)[0].due_on == date(2026, 7, 11)
    assert "start_year" not in office.get("/plans/").context or not office.get("/plans/").context["start_year"]


@pytest.mark.parametrize("year", ["", "18", "二〇二六", "2026;", "９９９９", "9999"])
def test_a_year_that_is_none_starts_nothing(world: World, login, year: str) -> None:
    assert login("office").post("/plans/start/", {"year": year}).status_code == 302
    assert not Plan.objects.exists()


def test_drafts_are_seen_by_the_office_alone(issued: World, login) -> None:
    draft = draft_of(issued, with_year(TOML, 2019))
    for who in ("secretary", "member", "inspector"):
        client = login(who)
        assert client.get(draft.get_absolute_url()).status_code == 404
        assert "2019年实施方案" not in texts(client.get("/plans/"))
        assert "2018年实施方案" in texts(client.get("/plans/"))
    assert "2019年实施方案" in texts(login("office").get("/plans/"))


def test_another_committees_plan_is_not_found(world: World, login) -> None:
    other = Committee.objects.create(name="某学院党委", short_name="某学院党委")
    foreign = Plan.objects.begin(committee=other, toml=TOML, source_text=TEXT, at=NOW)
    for path in ("", "preview/", "edit/", "settings/", "plan.toml", "requirements/S7/"):
        assert login("office").get(foreign.get_absolute_url() + path).status_code == 404
    assert login("office").post(f"{foreign.get_absolute_url()}issue/").status_code == 404


def test_an_inspector_post_elsewhere_does_not_move_the_offices_drafts(world: World, login, clock) -> None:
    clock("2018-06-11 09:00")
    upper = Committee.objects.create(name="学校党委", short_name="学校党委")
    inspector = Post(member=world.member("office"), kind=Post.Kind.INSPECTOR, committee=upper)
    inspector.from_on = date(2017, 1, 1)
    inspector.save()
    login("office").post("/plans/start/", {"year": "2018"})
    assert Plan.objects.get().committee == world.committee


def test_the_plans_page_is_the_paper_with_every_requirement_linked(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    page = login("member").get(issued.plan.get_absolute_url())
    words = texts(page)
    for requirement in issued.plan.requirements.all():
        assert f'href="{requirement.get_absolute_url()}"' in words
    shown = ["".join(piece["text"] for piece in line["pieces"]) for line in page.context["paragraphs"]]
    assert shown == [line.strip() for line in TEXT.splitlines() if line.strip()]
    for question in issued.plan.document.settings.questions:
        assert question.answer in words


# Uploaded


def upload(client, **given):
    return client.post("/plans/upload/", given)


def test_every_mistake_of_an_upload_is_named_nothing_is_written_and_the_text_is_kept(world: World, login) -> None:
    broken = TOML.replace('proof = "branch_plan"', 'proof = "nothing"', 1).replace(
        "[settings.next_day]", "[settings.x]"
    )
    page = upload(login("office"), toml=broken, source_text=TEXT)
    errors = page.context["form"].errors["toml"]
    assert page.status_code == 200 and len(errors) == 3
    assert any("要求S1（一.1）" in error for error in errors) and any("settings.next_day" in error for error in errors)
    assert page.context["form"]["toml"].value() == broken
    assert not Plan.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_are_read_as_chinese_windows_saves_them(world: World, login, encoding: str) -> None:
    files = {
        "toml_file": SimpleUploadedFile("2018.toml", TOML.replace("\n", "\r\n").encode(encoding)),
        "text_file": SimpleUploadedFile("2018.txt", TEXT.replace("\n", "\r\n").encode(encoding)),
    }
    assert upload(login("office"), **files).status_code == 302
    draft = Plan.objects.get()
    assert (draft.toml, draft.source_text) == (TOML, TEXT)


def test_a_faulty_file_is_kept_in_the_text_area(world: World, login) -> None:
    page = upload(login("office"), toml_file=SimpleUploadedFile("x.toml", b"year = "), source_text=TEXT)
    form = page.context["form"]
    assert "第1行写法有误" in form.errors["toml"][0]
    assert (form["toml"].value(), form["source_text"].value()) == ("year = ", TEXT)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xfe\x00", b"a\x00b", b"x" * (1024 * 1024 + 1)]
)
def test_what_is_no_text_is_refused_at_its_field(world: World, login, content: bytes) -> None:
    page = upload(login("office"), toml_file=SimpleUploadedFile("x.toml", content), source_text=TEXT)
    assert "toml_file" in page.context["form"].errors
    assert not Plan.objects.exists()


def test_an_upload_beside_a_draft_of_the_same_year_is_refused(world: World, login) -> None:
    draft_of(world)
    page = upload(login("office"), toml=TOML, source_text=TEXT)
    assert "2018年已有一份草稿" in page.context["form"].non_field_errors()[0]
    assert Plan.objects.count() == 1


def test_nothing_sent_asks_for_both_texts(world: World, login) -> None:
    assert set(upload(login("office")).context["form"].errors) == {"toml", "source_text"}


# Previewed and issued


@pytest.mark.parametrize("day", ["2018-01-01", "2018-06-11", "2018-07-12", "2018-12-31"])
def test_the_preview_counts_exactly_what_issuing_then_opens(world: World, day: str) -> None:
    moment = at(f"{day} 09:00")
    draft = draft_of(world)
    asked = ask(draft.document, owners_on(world.committee, moment.date()), moment.date())
    issue(draft, access=world.access("office", moment))
    assert asked.duties == Duty.objects.count() == sum(total.duties for total in asked.totals)
    for line in asked.lines:
        assert line.duties == Duty.objects.filter(code=line.requirement.code).count(), line.requirement.code
    held = Duty.objects.filter(requirement__proof="gathering").exclude(code="S2")
    assert asked.sittings == held.count()


def test_the_preview_marks_days_of_rest_in_words_and_asks_for_another_day(world: World, login, clock) -> None:
    clock("2018-06-11 09:00")
    draft = draft_of(world)
    office = login("office")
    assert "6月30日（周六，休息日）" in texts(office.get(f"{draft.get_absolute_url()}preview/"))
    later = office.get(f"{draft.get_absolute_url()}preview/?on=2018-12-01")
    assert later.context["asked"].duties < office.get(f"{draft.get_absolute_url()}preview/").context["asked"].duties
    assert "到期日都早于这一天，不再要求" in texts(later)
    wrong = office.get(f"{draft.get_absolute_url()}preview/?on=2018-02-30")
    assert wrong.context["form"].errors["on"] and wrong.context["day"] == date(2018, 6, 11)
    assert not Duty.objects.exists()


def test_issuing_opens_the_duties_and_a_second_click_changes_nothing(world: World, login, clock) -> None:
    clock("2018-06-11 09:00")
    draft = draft_of(world)
    office = login("office")
    seen = {"seen": draft.sha256}
    office.post(f"{draft.get_absolute_url()}issue/", seen)
    opened, issued_at = Duty.objects.count(), Plan.objects.get().issued_at
    assert opened > 100 and issued_at == NOW
    clock("2018-06-11 09:01")
    answer = office.post(f"{draft.get_absolute_url()}issue/", seen, follow=True)
    assert "没有再次下发" in texts(answer)
    assert (Duty.objects.count(), Plan.objects.get().issued_at) == (opened, issued_at)


def test_what_was_changed_after_the_preview_is_not_issued(world: World, login, clock) -> None:
    clock("2018-06-11 09:00")
    draft = draft_of(world)
    seen = draft.sha256
    draft.rewrite(toml=set_setting(TOML, "register_days", 9), source_text=TEXT, seen=seen)
    answer = login("office").post(f"{draft.get_absolute_url()}issue/", {"seen": seen}, follow=True)
    assert "在您预览之后被改过" in texts(answer)
    assert not Plan.objects.get().is_issued and not Duty.objects.exists()


def test_a_committee_whose_branches_are_all_small_is_issued_to_as_well(world: World, login, clock) -> None:
    clock("2018-06-11 09:00")
    world.first.memberships.filter(member__name__startswith="张三").delete()
    draft = draft_of(world)
    login("office").post(f"{draft.get_absolute_url()}issue/", {"seen": draft.sha256})
    assert Duty.objects.filter(code="S7", branch=world.first).count() == 7
    assert not Duty.objects.filter(code="C9").exists()


def test_an_amendment_speaks_from_a_day_that_is_still_to_come(issued: World, login, clock) -> None:
    clock("2018-07-20 09:00")
    office = login("office")
    draft = draft_of(issued, set_requirement(TOML, "C5", title="党员活动周（新）"))
    url = f"{draft.get_absolute_url()}issue/"
    for day in ("", "2018-07-19", "明天"):
        answer = office.post(url, {"seen": draft.sha256, "effective_on": day}, follow=True)
        assert "请选定修订版的生效日期，不能早于今天" in texts(answer)
        assert not Plan.objects.get(pk=draft.pk).is_issued
    office.post(url, {"seen": draft.sha256, "effective_on": "2018-08-01"})
    assert Plan.objects.get(pk=draft.pk).effective_on == date(2018, 8, 1)
    preview = draft_of(issued)
    assert "早于这一天的6期仍按上一版" in texts(office.get(f"{preview.get_absolute_url()}preview/?on=2018-07-20"))
    preview.delete()
    months = Duty.objects.filter(code="C5", branch=issued.first).order_by("starts_on")
    assert [duty.requirement.plan.version for duty in months] == [1, 1, 2, 2, 2, 2, 2]
    again = draft_of(issued)
    same_day = {"seen": again.sha256, "effective_on": "2018-08-01"}
    answer = office.post(f"{again.get_absolute_url()}issue/", same_day, follow=True)
    assert "没有下发：修订版的生效日期须晚于上一版的生效日期" in texts(answer)


def test_an_amendment_says_what_it_changes() -> None:
    later = set_requirement(TOML, "S7", cadence={"every": "week"}, evidence="集体学习记录和签到表")
    later = set_setting(later, "next_day", "working").replace('code = "P4"', 'code = "P6"')
    assert changes(load(TOML, TEXT), load(later, TEXT)) == [
        "新增 P6 培养和发掘先进典型。",
        "不再要求 P4 培养和发掘先进典型。",
        "S7 每月1次党员集体学习：改了多久一次与期限、证明材料的说明。",
        "“活动结束后第二天”按自然日还是工作日计算？由“自然日，节假日照算”改为“工作日，遇休息日顺延”。",
    ]
    assert changes(load(TOML, TEXT), load(TOML, TEXT)) == []


# Copied, edited, deleted


def test_next_years_plan_is_begun_once_from_this_years(issued: World, login) -> None:
    office = login("office")
    first = office.post(f"{issued.plan.get_absolute_url()}copy/", {"make": "next_year"})
    second = office.post(f"{issued.plan.get_absolute_url()}copy/", {"make": "next_year"})
    draft = Plan.objects.get(year=2019)
    assert first.url == second.url == draft.get_absolute_url()
    assert draft.toml == with_year(TOML, 2019)


def test_a_year_already_issued_is_not_begun_from_the_year_before(issued: World, login) -> None:
    later = draft_of(issued, with_year(TOML, 2019))
    issue(later, access=issued.access("office", at("2018-12-20 09:00")))
    answer = login("office").post(f"{issued.plan.get_absolute_url()}copy/", {"make": "next_year"}, follow=True)
    assert "2019年的方案已经下发" in texts(answer)
    assert Plan.objects.count() == 2


def edit(client, draft: Plan, **changed):
    url = f"{draft.get_absolute_url()}edit/"
    return client.post(url, answers(client.get(url).context["form"]) | changed)


def test_a_faulty_edit_names_every_error_keeps_what_was_typed_and_writes_nothing(world: World, login) -> None:
    draft = draft_of(world)
    broken = TOML.replace('"S7"', '"S8"', 1).replace('once_by = "06-30"', 'once_by = "06-31"', 1)
    page = edit(login("office"), draft, toml=broken)
    assert len(page.context["form"].errors["toml"]) == 2
    assert page.context["form"]["toml"].value() == broken
    assert Plan.objects.get().toml == TOML


def test_an_edit_of_a_draft_that_was_changed_meanwhile_shows_both_and_writes_only_when_sent_again(
    world: World, login
) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}edit/"
    opened = answers(office.get(url).context["form"])
    theirs = set_setting(TOML, "register_days", 9)
    draft.rewrite(toml=theirs, source_text=TEXT, seen=draft.sha256)
    mine = opened | {"toml": set_setting(TOML, "circular_days", 12)}
    page = office.post(url, mine)
    assert "在您打开之后被改过" in page.context["form"].non_field_errors()[0]
    assert {"-value = 9", "+value = 12"} <= set(page.context["difference"])
    assert Plan.objects.get().toml == theirs
    again = answers(page.context["form"])
    assert again["toml"] == mine["toml"]
    assert office.post(url, again).status_code == 302
    assert Plan.objects.get().toml == mine["toml"]


def test_a_drafts_year_may_change_but_not_onto_another_draft(world: World, login) -> None:
    draft, other = draft_of(world), draft_of(world, with_year(TOML, 2019))
    office = login("office")
    page = edit(office, draft, toml=with_year(TOML, 2019))
    assert "不能改成2019年" in page.context["form"].errors["toml"][0]
    assert edit(office, draft, toml=with_year(TOML, 2020)).status_code == 302
    assert set(Plan.objects.values_list("pk", "year", "version")) == {(draft.pk, 2020, 1), (other.pk, 2019, 1)}


def test_settings_sent_back_untouched_leave_the_file_as_it_was(world: World, login) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}settings/"
    page = office.get(url)
    assert [question.key for question, _ in page.context["form"].asked()] == [
        question.key for question in draft.document.settings.questions
    ]
    assert office.post(url, answers(page.context["form"])).status_code == 302
    assert Plan.objects.get().toml == TOML


@pytest.mark.parametrize(
    ("key", "sent", "value"),
    [
        ("deadline_inclusive", "false", False),
        ("next_day", "working", "working"),
        ("vacation_months", ["2", "8"], (2, 8)),
        ("pledge_due", "2018-09-15", "09-15"),
        ("circular_days", "12", 12),
        ("fixed_actions", "重温入党誓词\r\n缴纳党费\r\n", ("重温入党誓词", "缴纳党费")),
    ],
)
def test_an_answer_is_written_into_the_file_and_comments_stay(world: World, login, key, sent, value) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}settings/"
    assert office.post(url, answers(office.get(url).context["form"]) | {key: sent}).status_code == 302
    written = Plan.objects.get()
    assert getattr(written.document.settings, key) == value
    comments = [line for line in TOML.splitlines() if line.startswith("#")]
    assert [line for line in written.toml.splitlines() if line.startswith("#")] == comments


@pytest.mark.parametrize(
    ("key", "sent"),
    [("next_day", "yesterday"), ("circular_days", "-1"), ("circular_days", "很快"), ("pledge_due", "2019-07-31"),
     ("pledge_due", "2018-02-30"), ("fixed_actions", " "), ("vacation_months", ["13"])],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_at_its_field(world: World, login, key, sent) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}settings/"
    page = office.post(url, answers(office.get(url).context["form"]) | {key: sent})
    assert page.status_code == 200 and set(page.context["form"].errors) == {key}
    assert Plan.objects.get().toml == TOML


def test_every_requirement_sent_back_untouched_leaves_the_file_as_it_was(world: World, login) -> None:
    draft = draft_of(world)
    office = login("office")
    for spec in draft.document.requirements:
        url = f"{draft.get_absolute_url()}requirements/{spec.code}/"
        answer = office.post(url, answers(office.get(url).context["form"]))
        assert answer.status_code == 302, (spec.code, answer.context["form"].errors)
        assert Plan.objects.get().toml == TOML, spec.code


@pytest.mark.parametrize(
    ("code", "changed", "cadence"),
    [
        ("S7", {"often": "month2"}, {"every": "month", "months": 2}),
        ("S7", {"often": "week"}, {"every": "week"}),
        ("S12", {"due_on": "2018-07-20"}, {"once_by": "07-20", "before": True}),
        ("C1", {"often": "once_by", "due_on": "2018-09-30"}, {"once_by": "09-30"}),
        ("S12", {"often": "pledge_due"}, {"once_by": {"setting": "pledge_due"}}),
        ("S6", {"days_after": "3"}, {"days_after": 3, "event": "gathering"}),
        ("I4", {"spans": "7-1 至 7-5\n12-01 至 12-20"},
         {"on": [["07-01", "07-05"], ["12-01", "12-20"]], "plus_days": {"setting": "circular_days"}}),
        ("I4", {"plus_days": "5"}, {"on": [["07-01", "07-10"], ["12-01", "12-31"]], "plus_days": 5}),
        ("P5", {"often": "year_end"}, {"year_end": True}),
        ("P5", {"often": "continuous"}, {"continuous": True}),
    ],
)  # fmt: skip
def test_a_cadence_is_chosen_in_plain_words(world: World, login, code, changed, cadence) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}requirements/{code}/"
    answer = office.post(url, answers(office.get(url).context["form"]) | changed)
    assert answer.status_code == 302, answer.context["form"].errors
    written = Plan.objects.get()
    assert dict(written.document.requirement(code).cadence) == cadence
    rest = {spec.code: spec for spec in load(TOML, TEXT).requirements if spec.code != code}
    assert {spec.code: spec for spec in written.document.requirements if spec.code != code} == rest


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quotes": "方案里没有的话"}, "quotes"),
        ({"title": "长" * 61}, "title"),
        ({"owners": []}, "owners"),
        ({"often": "once_by"}, "due_on"),
        ({"often": "once_by", "due_on": "2019-07-01"}, "due_on"),
        ({"often": "on", "spans": "七月"}, "spans"),
        ({"often": "on", "spans": "07-10 至 07-01"}, "spans"),
        ({"often": "lines"}, "proof"),
        ({"kinds": []}, "kinds"),
        ({"handling": "keep"}, "handling"),
        ({"clause": "九.9"}, "clause"),
    ],
)
def test_a_faulty_requirement_is_told_at_its_field(world: World, login, changed, field) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}requirements/S7/"
    page = office.post(url, answers(office.get(url).context["form"]) | changed)
    assert page.status_code == 200 and field in page.context["form"].errors, dict(page.context["form"].errors)
    assert Plan.objects.get().toml == TOML


def test_a_requirement_is_added_and_removed(world: World, login) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}requirements/new/"
    given = answers(office.get(url).context["form"]) | {
        "code": "S17", "title": "学习先进典型事迹", "clause": "二.4", "often": "month6", "evidence": "学习记录",
        "quotes": "要组织党员干部认真学习先进典型事迹，激励广大党员对标争先",
    }  # fmt: skip
    taken = office.post(url, given | {"code": "S7"})
    assert "要求S7已经有了" in taken.context["form"].errors["code"][0]
    assert "code" in office.post(url, given | {"code": "s17"}).context["form"].errors
    assert office.post(url, given).status_code == 302
    draft.refresh_from_db()
    added = Plan.objects.get().document.requirement("S17")
    assert (added.owners, dict(added.cadence)) == (("branch",), {"every": "month", "months": 6})
    remove = f"{draft.get_absolute_url()}requirements/S17/remove/"
    office.post(remove, {"seen": "what was seen before"})
    assert "S17" in Plan.objects.get().toml
    office.post(remove, {"seen": Plan.objects.get().sha256})
    assert "S17" not in Plan.objects.get().toml
    assert Plan.objects.get().document.requirements == load(TOML, TEXT).requirements


def test_a_stale_requirement_form_overwrites_nothing(world: World, login) -> None:
    draft = draft_of(world)
    office = login("office")
    url = f"{draft.get_absolute_url()}requirements/S7/"
    opened = answers(office.get(url).context["form"])
    theirs = set_requirement(TOML, "S7", title="每月集体学习")
    draft.rewrite(toml=theirs, source_text=TEXT, seen=draft.sha256)
    page = office.post(url, opened | {"evidence": "记录"})
    assert "在您打开之后被改过" in page.context["form"].non_field_errors()[0]
    assert page.context["form"]["evidence"].value() == "记录"
    assert Plan.objects.get().toml == theirs


def test_a_draft_is_deleted_and_downloaded(world: World, login) -> None:
    draft = draft_of(world)
    office = login("office")
    data = office.get(f"{draft.get_absolute_url()}plan.toml")
    assert data.content.decode() == TOML and 'filename="2018-v1.toml"' in data["Content-Disposition"]
    assert office.get(f"{draft.get_absolute_url()}plan.toml?part=text").content.decode() == TEXT
    office.post(f"{draft.get_absolute_url()}delete/")
    assert not Plan.objects.exists()


@pytest.mark.parametrize(
    "path",
    ["edit/", "settings/", "requirements/new/", "requirements/S7/", "requirements/S7/remove/", "delete/", "preview/"],
)
def test_no_page_that_edits_finds_an_issued_plan(issued: World, login, path: str) -> None:
    office = login("office")
    url = issued.plan.get_absolute_url() + path
    if path not in ("delete/", "requirements/S7/remove/"):
        assert office.get(url).status_code == 404
    if path != "preview/":
        assert office.post(url, {"toml": TOML, "source_text": TEXT}).status_code == 404
    assert Plan.objects.get().toml == TOML


# What is owed


def requirement(code: str) -> Requirement:
    return Requirement.objects.get(code=code)


def test_a_requirements_page_tells_how_its_duties_stand_then_and_now(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    office = login("office")
    url = requirement("S12").get_absolute_url()
    assert office.get(url).context["totals"] == "共2项：逾期2项。"
    assert office.get(f"{url}?at=2018-07-11T12:00").context["totals"] == "共2项：待办2项。"
    assert office.get(f"{url}?branch={issued.first.pk}").context["totals"] == "共1项：逾期1项。"
    assert office.get(f"{url}?standing=received").context["page"].paginator.count == 0
    wrong = office.get(f"{url}?at=昨天&branch=999999&standing=x")
    assert wrong.status_code == 200 and set(wrong.context["form"].errors) == {"at", "branch", "standing"}


def test_each_person_sees_the_duties_that_concern_them(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    plans = requirement("S14").get_absolute_url()
    assert login("member").get(plans).context["totals"] == "共1项：逾期1项。"
    assert login("secretary").get(plans).context["totals"] == "共9项：逾期9项。"
    assert login("office").get(plans).context["totals"] == "共15项：逾期15项。"
    foreign = Duty.objects.get(code="S12", branch=issued.second)
    assert login("secretary").get(foreign.get_absolute_url()).status_code == 404
    assert login("inspector").get(foreign.get_absolute_url()).status_code == 200


def duty(code: str, branch: Branch, **filters) -> Duty:
    return Duty.objects.filter(code=code, branch=branch, **filters).order_by("starts_on").first()


@pytest.mark.parametrize(
    ("code", "who", "label", "place"),
    [
        ("S7", "secretary", "记录活动", "/study/gatherings/new/?duty="),
        ("S5", "commissioner", "记录活动", "/study/gatherings/new/?duty="),
        ("S12", "secretary", "填写学习计划", "/study/branch-plan/"),
        ("S14", "member", "填写自学计划", "/study/my-plan/"),
        ("S15", "deputy", "审定个人计划", "/study/review/"),
        ("I2", "secretary", "填写材料", "/papers/new/?duty="),
    ],
)
def test_a_duty_has_one_button_to_the_page_that_settles_it(
    issued: World, login, clock, code, who, label, place
) -> None:
    clock("2018-06-12 09:00")
    mine = {"member": issued.member("member")} if code == "S14" else {}
    page = login(who).get(duty(code, issued.first, **mine).get_absolute_url())
    assert page.context["action"][0] == label
    assert page.context["action"][1].startswith(place)
    assert texts(page).count("btn-primary") == 1


def test_the_chapter_of_commitments_has_pages_of_its_own(issued: World) -> None:
    places = {code: settle_url(duty(code, issued.first)) for code in ("C1", "C5", "C6")}
    owed = {code: duty(code, issued.first).pk for code in places}
    assert places == {
        "C1": ("填写承诺书", f"/commitments/pledges/new/?duty={owed['C1']}"),
        "C5": ("填写活动周", f"/commitments/weeks/new/?duty={owed['C5']}"),
        "C6": ("安排驻岗", "/commitments/posts/"),
    }


def test_who_cannot_settle_a_duty_is_shown_no_button(issued: World, login, clock) -> None:
    clock("2018-06-12 09:00")
    for who in ("member", "office", "inspector"):
        assert login(who).get(duty("S7", issued.first).get_absolute_url()).context["action"] is None
    assert login("commissioner").get(duty("S15", issued.first).get_absolute_url()).context["action"] is None
    office = issued.access("office", NOW)
    assert may_settle(office, Duty.objects.filter(code="P5").get())


def test_what_settles_itself_is_said_in_a_sentence(issued: World, login, clock) -> None:
    clock("2018-06-12 09:00")
    own = Duty.objects.get(code="I1", member=issued.member("secretary"))
    page = login("secretary").get(own.get_absolute_url())
    assert page.context["action"] is None and "无需另外报送" in page.context["how"]


def paper(world: World, owed: Duty, moment) -> Filing:
    access = world.access("secretary", moment)
    filing = begin(
        kind="paper",
        access=access,
        title="书记述职报告",
        year=2018,
        branch=world.first,
        desk="office",
        handling="approve",
    )
    Paper.objects.create(filing=filing, requirement=owed.requirement, done_on=moment.date(), content="述职。")
    claim(filing, {owed.pk}, moment)
    return filing


def test_the_button_follows_the_filing_from_draft_to_done(issued: World, login, clock) -> None:
    owed = duty("I2", issued.first)
    moment = clock("2018-07-02 10:00")
    filing = paper(issued, owed, moment)
    secretary = login("secretary")
    page = secretary.get(owed.get_absolute_url())
    assert page.context["action"] == ("继续填写", f"/papers/{filing.paper.pk}/edit/")
    assert "书记述职报告" in texts(page)
    move(filing, "file", access=issued.access("secretary", moment))
    assert secretary.get(owed.get_absolute_url()).context["action"] is None
    move(filing, "send_back", access=issued.access("office", clock("2018-07-03 10:00")), note="请写明措施。")
    assert secretary.get(owed.get_absolute_url()).context["action"] == ("查看意见并补正", f"/filings/{filing.pk}/")
    without = Duty.objects.get(pk=owed.pk)
    assert settle_url(without) is None


# The same number of queries however many rows


def queries(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def more_branches(world: World, count: int) -> None:
    for number in range(count):
        code = f"{Branch.objects.count() + 1:03d}"
        branch = Branch.objects.create(
            committee=world.committee, code=code, name=f"第{code}党支部", founded_on=date(2015, 1, 1)
        )
        if number < 3:
            add_member(branch, f"党员{code}", f"70{code}")


def test_the_list_of_plans_asks_as_much_for_300_as_for_one(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    for who in ("office", "member"):
        client = login(who)
        counts = {queries(client, "/plans/")}
        have = Plan.objects.count()
        for wanted in (3, 300):
            rows = [
                Plan(
                    committee=issued.committee, year=2019 + n, title="方案", toml="x", source_text="x", created_at=NOW,
                    issued_at=NOW, issued_by=issued.users["office"], effective_on=date(2018, 6, 1),
                )
                for n in range(have, wanted)
            ]  # fmt: skip
            Plan.objects.bulk_create(rows)
            have = max(have, wanted)
            counts.add(queries(client, "/plans/"))
        assert len(counts) == 1, (who, counts)


def test_a_preview_asks_as_much_for_300_branches_as_for_three(world: World, login, clock) -> None:
    clock("2018-06-11 09:00")
    url = f"{draft_of(world).get_absolute_url()}preview/"
    office = login("office")
    counts = {queries(office, url)}
    for more in (1, 297):
        more_branches(world, more)
        counts.add(queries(office, url))
    assert office.get(url).context["asked"].totals[1].owners == 300
    assert len(counts) == 1, counts


def test_a_requirement_asks_as_much_for_300_duties_as_for_one(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    url = requirement("S12").get_absolute_url()
    office, first = login("office"), f"{url}?branch={issued.first.pk}"
    assert office.get(first).context["page"].paginator.count == 1
    counts = {queries(office, url)}
    one = queries(office, first)
    for more in (1, 297):
        more_branches(issued, more)
        open_duties(issued.plan, at=NOW)
        counts.add(queries(office, url))
    page = office.get(url).context["page"]
    assert (page.paginator.count, len(page)) == (300, 50)
    assert len(counts) == 1 and one == counts.pop() + 1  # the branch asked for is looked up


def test_a_duty_asks_as_much_for_300_filings_as_for_one(issued: World, login, clock) -> None:
    moment = clock("2018-07-02 10:00")
    owed = duty("C1", issued.first)
    secretary = login("secretary")
    counts = set()
    for wanted in (1, 3, 300):
        while owed.claim_rows.count() < wanted:
            filings = Filing.objects.bulk_create(
                Filing(
                    kind="paper", committee=issued.committee, branch=issued.first, year=2018, title="材料",
                    desk="office", handling="approve", state_since=moment, created_at=moment,
                    created_by=issued.users["secretary"],
                )
                for _ in range(wanted - owed.claim_rows.count())
            )  # fmt: skip
            Claim.objects.bulk_create(Claim(filing=filing, duty=owed, claimed_at=moment) for filing in filings)
        counts.add(queries(secretary, owed.get_absolute_url()))
    assert len(counts) == 1, counts
