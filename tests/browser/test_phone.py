"""Filing a sitting on a phone: in how many taps, and what becomes of it when line, login or page is lost."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Locator, Page, Route, expect

from branches.models import LoginSession
from plan.models import Filing, Picture
from plan.moves import begin
from study.models import Attendance, BranchPlan, Gathering, PlanItem
from tests.browser.clicking import photo, told
from tests.browser.conftest import PHONE, log_in
from tests.browser.looking import AXE_SCRIPT, look_at
from tests.conftest import World, add_member, at, issue_2018

pytestmark = pytest.mark.browser

TOPIC = "重温入党誓词，学习党章"
SAID = "全体党员重温入党誓词，陈静同志领学党章总纲，三位同志谈了体会。"
COLOURS = ("firebrick", "darkgreen", "navy")


class Thumb:
    """One thumb on one phone: counts its taps, those in the phone's own album too, and the fields it types into."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps, self.typed = page, 0, 0

    def tap(self, target: Locator) -> None:
        target.tap()
        self.taps += 1

    def type(self, target: Locator, text: str) -> None:
        """Tap into a field and write: a letter at a time, as a keyboard sends it."""
        self.tap(target)
        target.press_sequentially(text)
        self.typed += 1

    def choose(self, target: Locator, files: list[str]) -> None:
        """Open the phone's album, tap each picture, tap its 完成."""
        with self.page.expect_file_chooser() as opened:
            self.tap(target)
        self.taps += len(files) + 1
        opened.value.set_files(files)


@pytest.fixture
def theme_day(world: World, clock) -> World:
    """A branch of 17 whose plan has a theme day on the fifth of July, at half past five of that day."""
    issue_2018(world)
    for n, name in enumerate(("王建国", "赵敏", "钱学军", "孙立", "周正", "吴越", "郑重", "马骏")):
        add_member(world.first, name, f"20{n:03d}")
    access = world.access("secretary", at("2018-06-20 10:00"))
    filing = begin(kind="branch_plan", access=access, title="2018年学习计划", year=2018, branch=world.first,
                   desk="office", handling="inform")  # fmt: skip
    plan = BranchPlan.objects.create(filing=filing, branch=world.first, plan=world.plan, outline="大纲")
    PlanItem.objects.create(plan=plan, kind="theme_day", topic=TOPIC, starts_on=date(2018, 7, 5),
                            ends_on=date(2018, 7, 5), place="行政楼301会议室")  # fmt: skip
    clock("2018-07-05 17:30")
    return world


@pytest.fixture
def album(tmp_path: Path) -> list[str]:
    return [photo(tmp_path / f"{colour}.jpg", colour) for colour in COLOURS]


def opens_the_record(page: Page) -> None:
    page.get_by_role("link", name="记录这次活动", exact=True).tap()
    expect(page.get_by_label("名称")).to_have_value(TOPIC)
    expect(page.locator(".names")).to_be_visible()  # the scripts are there


def chooses(page: Page, files: list[str]) -> None:
    page.get_by_label("拍照或选择图片").set_input_files(files)


def arrived(page: Page) -> None:
    """All three pictures stand in the record, and none is on its way any more."""
    expect(page.locator("#photos li:not([data-pending]) img")).to_have_count(3)
    expect(page.locator("#photos [data-pending]")).to_have_count(0)


def there_once() -> None:
    assert Filing.objects.filter(kind="gathering").count() == 1
    assert sorted(Picture.objects.values_list("name", flat=True)) == sorted(f"{one}.jpg" for one in COLOURS)


def files_it(page: Page) -> None:
    page.get_by_role("button", name="报送机关党委办公室").tap()
    told(page, "已于 7月5日 17:30 报送，回执号")


def test_a_theme_day_is_filed_in_twelve_taps(enter, theme_day, album):
    page = enter("secretary", PHONE)
    thumb = Thumb(page)
    thumb.tap(page.get_by_role("link", name="记录这次活动", exact=True))
    thumb.tap(page.get_by_role("button", name=re.compile("^周敏 出席")))
    thumb.tap(page.get_by_role("group", name="周敏的请假事由").get_by_role("button", name="病假"))
    thumb.tap(page.get_by_role("button", name=re.compile("^王建国 出席")))
    thumb.tap(page.get_by_role("button", name=re.compile("^王建国 请假")))
    expect(page.locator(".tally")).to_have_text("应到17实到15")
    thumb.choose(page.get_by_text("拍照或选择图片"), album)
    thumb.type(page.get_by_label("主要内容"), SAID)
    arrived(page)
    filing = page.get_by_role("button", name="报送机关党委办公室")
    expect(filing).to_be_enabled()
    thumb.tap(filing)
    told(page, "已于 7月5日 17:30 报送，回执号")
    print(f"\ntaps {thumb.taps}, typed {thumb.typed}")
    assert thumb.taps <= 12
    assert thumb.typed <= 2
    there_once()
    gathering = Gathering.objects.get()
    assert (gathering.title, gathering.kinds, gathering.place) == (TOPIC, ["theme_day"], "行政楼301会议室")
    assert (gathering.content, gathering.filing.state) == (SAID, Filing.State.FILED)
    assert gathering.plan_item.topic == TOPIC
    lines = Attendance.objects.filter(gathering=gathering)
    assert (lines.count(), lines.filter(presence="present").count()) == (17, 15)
    away = set(lines.exclude(presence="present").values_list("member__name", "presence", "reason"))
    assert away == {("周敏", "excused", "sick"), ("王建国", "absent", "")}


def test_a_double_tap_files_once(enter, theme_day, album):
    page = enter("secretary", PHONE)
    opens_the_record(page)
    page.get_by_label("主要内容").fill(SAID)
    chooses(page, album)
    arrived(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    page.get_by_role("button", name="报送机关党委办公室").dblclick()
    told(page, "已于 7月5日 17:30 报送，回执号")
    assert len([body for body in sent if 'name="action"\r\n\r\nfile' in body]) == 1
    there_once()


def test_pictures_survive_a_lost_connection(enter, watch, theme_day, album):
    page = enter("secretary", PHONE)
    opens_the_record(page)
    chooses(page, album[:1])
    expect(page.locator("#photos li:not([data-pending]) img")).to_have_count(1)
    page.context.set_offline(True)
    chooses(page, album[1:])
    page.get_by_label("主要内容").fill(SAID)
    expect(page.locator(".action-note")).to_contain_text("没有连上")
    page.context.set_offline(False)
    arrived(page)
    files_it(page)
    there_once()
    assert Gathering.objects.get().content == SAID
    watch.problems[:] = [one for one in watch.problems if "ERR_INTERNET_DISCONNECTED" not in one]


def the_login_ends() -> None:
    """As after half an hour without a click."""
    Session.objects.all().delete()
    LoginSession.objects.update(ended_at=at("2018-07-05 17:20"), ended_why="idle")


def test_an_ended_login_loses_nothing(enter, watch, theme_day, album):
    watch.expected.update({401, 403})
    page = enter("secretary", PHONE)
    opens_the_record(page)
    the_login_ends()
    page.get_by_label("主要内容").fill(SAID)
    chooses(page, album)
    expect(page.locator(".action-note")).to_contain_text("登录已到期，内容还在本机。")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="重新登录").tap()
    login = opened.value
    log_in(login, theme_day.users["secretary"].staff_number)
    expect(login.get_by_role("heading", level=1)).to_have_text("陈静，已登录")
    login.close()
    page.bring_to_front()
    arrived(page)
    expect(page.get_by_label("主要内容")).to_have_value(SAID)
    files_it(page)
    there_once()
    assert Gathering.objects.get().content == SAID


def test_nothing_goes_out_under_another_name(enter, watch, theme_day, album):
    watch.expected.update({401, 403})
    page = enter("secretary", PHONE)
    opens_the_record(page)
    the_login_ends()
    page.get_by_label("主要内容").fill(SAID)
    chooses(page, album)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="重新登录").tap()
    log_in(opened.value, theme_day.users["deputy"].staff_number)
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("周敏，已登录")
    page.bring_to_front()
    expect(page.locator(".action-note")).to_contain_text("现在登录的是另一位同志")
    assert not Gathering.objects.exists()
    # What the first left on this phone is gone once the second has opened a page.
    opened.value.goto("/study/gatherings/new/")
    expect(opened.value.get_by_label("名称")).to_have_value(TOPIC)
    expect(opened.value.get_by_text("上次没有存上的内容")).to_have_count(0)
    assert waiting_here(opened.value) == [0, 0]


def waiting_here(page: Page) -> list[int]:
    """How many texts and files the device still has."""
    return page.evaluate(
        """async () => {
          await portal.local.tidied;
          const result = (asked) => new Promise((done) => (asked.onsuccess = () => done(asked.result)));
          const texts = Object.keys(localStorage).filter((key) => key.startsWith("portal.text:")).length;
          if (!(await indexedDB.databases()).length) return [texts, 0];
          const opened = await result(indexedDB.open("portal", 1));
          return [texts, await result(opened.transaction("files").objectStore("files").count())];
        }"""
    )


def test_an_answer_that_got_lost_is_no_second_record(enter, watch, theme_day, album):
    """The portal has it and the phone does not know: sent again, it is neither doubled nor somebody else's."""
    page = enter("secretary", PHONE)
    opens_the_record(page)
    lost: list[str] = []

    def loses_the_first(route: Route) -> None:
        if route.request.method == "POST" and "refresh" not in (route.request.post_data or "") and len(lost) < 2:
            lost.append(route.request.url)
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile("gatherings/new/"), loses_the_first)
    page.route(re.compile("/pictures/"), loses_the_first)
    chooses(page, album)
    page.get_by_label("主要内容").fill(SAID)
    arrived(page)
    assert len(lost) == 2
    files_it(page)
    there_once()
    assert Gathering.objects.get().content == SAID
    watch.problems[:] = [one for one in watch.problems if "ERR_CONNECTION_RESET" not in one]


def test_a_few_words_wait_on_the_phone_and_twenty_make_a_draft(enter, theme_day):
    page = enter("secretary", PHONE)
    opens_the_record(page)
    page.get_by_label("主要内容").press_sequentially("领学党章")
    page.add_init_script(AXE_SCRIPT)
    page.reload()
    expect(page.get_by_text("上次没有存上的内容还在本机")).to_be_visible()
    page.get_by_role("button", name=re.compile("^周敏 出席")).tap()
    assert list(look_at(page, with_axe=True)) == []
    page.get_by_role("button", name=re.compile("^周敏 请假")).tap()
    page.get_by_role("button", name=re.compile("^周敏 缺席")).tap()
    assert not Gathering.objects.exists()
    page.get_by_role("button", name="恢复").tap()
    expect(page.get_by_label("主要内容")).to_have_value("领学党章")
    page.get_by_label("主要内容").fill(SAID)
    expect(page.locator(".action-note")).to_contain_text("已自动保存")
    assert Gathering.objects.get().content == SAID
    page.goto("/")
    assert waiting_here(page) == [0, 0]


def test_a_logout_leaves_nothing_on_the_phone(enter, theme_day):
    page = enter("secretary", PHONE)
    opens_the_record(page)
    page.get_by_label("主要内容").press_sequentially("领学党章")
    page.goto("/")
    assert waiting_here(page) == [1, 0]
    page.get_by_role("button", name=re.compile("账户菜单")).tap()
    page.get_by_role("button", name="退出登录").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    assert waiting_here(page) == [0, 0]


def files_while_it_is_restored(page: Page) -> None:
    """Tap 报送 as soon as that can be done: what 恢复 still asks for comes after it and leaves nothing behind."""
    looks: list[Route] = []

    def holds_the_first_and_the_third(route: Route) -> None:
        if "refresh" not in (route.request.post_data or ""):
            return route.continue_()
        looks.append(route)
        return None if len(looks) in (1, 3) else route.continue_()

    def waits_for(count: int) -> None:
        while len(looks) < count:
            page.wait_for_timeout(50)

    page.route(re.compile("/study/gatherings/"), holds_the_first_and_the_third)
    # A picture that has arrived is looked at after a moment; the second look waits for the first.
    for _ in range(2):
        page.evaluate("document.dispatchEvent(new Event('portal:uploaded'))")
        page.wait_for_timeout(600)
    waits_for(1)
    page.get_by_role("button", name="恢复").tap()
    expect(page.get_by_label("主要内容")).to_have_value(SAID)
    looks[0].continue_()
    waits_for(3)
    page.get_by_role("button", name="报送机关党委办公室").tap()
    looks[2].continue_()
    told(page, "已于 7月5日 17:30 报送，回执号")


def test_a_closed_page_goes_on_where_it_was(enter, watch, theme_day, album):
    page = enter("secretary", PHONE)
    opens_the_record(page)
    chooses(page, album[:1])
    expect(page.locator("#photos li:not([data-pending]) img")).to_have_count(1)
    page.context.set_offline(True)
    chooses(page, album[1:])
    expect(page.locator("#photos [data-pending]")).to_have_count(2)
    page.get_by_label("主要内容").fill(SAID)
    expect(page.locator(".action-note")).to_contain_text("没有连上")
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto("/")
    again.get_by_role("link", name="打开，继续上传").tap()
    arrived(again)
    files_while_it_is_restored(again)
    there_once()
    assert Gathering.objects.get().content == SAID
    again.goto("/")
    assert waiting_here(again) == [0, 0]
    watch.problems[:] = [one for one in watch.problems if "ERR_INTERNET_DISCONNECTED" not in one]
