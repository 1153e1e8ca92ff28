"""A pledge from its approval to its judgement, clicked through: a member's, a leading person's, and the branch's."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from commitments.models import Pledge, Result, Stage
from tests.browser.clicking import click, go, photo, told
from tests.browser.conftest import DESK, PHONE
from tests.commitments.pledged import again, shown
from tests.conftest import issue_2018

pytestmark = pytest.mark.browser


def opens(page: Page, name: str) -> None:
    go(page, "承诺践诺")
    page.get_by_role("link", name=name, exact=True).click()


def judges(page: Page, first: str, reason: str = "") -> None:
    """The organization decides both items: the first as told, the second as done."""
    decide = page.locator("#decide")
    decide.get_by_label(first, exact=True).first.check()
    decide.get_by_label("完成", exact=True).nth(1).check()
    if reason:
        decide.get_by_label("第1项评定的理由").fill(reason)
    click(page, "评定", confirm=True)


def test_three_pledges_live_from_approval_to_judgement(enter, watch, world, clock, tmp_path) -> None:
    watch.expected.add(422)  # the decision is refused once: it departs from the peers without a reason
    issue_2018(world)
    clock("2018-07-03 10:00")
    own, cadre, branch = shown(world), shown(world, "secretary"), shown(world, "secretary", own=False)
    member, secretary = enter("member", PHONE), enter("secretary", DESK)

    opens(member, "李强")
    expect(member.locator(".pledge-now")).to_contain_text("您践诺，下一项是第1项")
    first = member.locator("article").first
    first.get_by_text("写进展").click()
    first.get_by_label("进展*").fill("6月值班两次，解答问题17个。")
    first.get_by_label("图片（可不传）").set_input_files(photo(tmp_path / "值班.jpg", "navy"))
    first.get_by_label("这一项已经完成").check()
    first.get_by_role("button", name="记下进展").click()
    told(member, "已记下进展")
    expect(member.locator("[aria-current=step]")).to_contain_text("践诺")

    opens(member, "陈静")
    member.get_by_label("意见或提问").fill("带教的是哪位同志？")
    click(member, "提出")
    opens(secretary, "陈静")
    secretary.get_by_label("答复").fill("张三五同志。")
    secretary.locator("#questions").get_by_role("button", name="答复").click()
    told(secretary, "已答复")

    opens(secretary, "李强")
    click(secretary, "开始评诺", confirm=True)
    told(secretary, "已开始评诺")
    say = secretary.locator("#say")
    for n in (0, 1):
        say.get_by_label("部分完成" if n == 0 else "完成", exact=True).nth(n).check()
    click(secretary, "提交评价")
    judges(secretary, "完成")
    expect(secretary.get_by_text("党员互评多数是“部分完成”").first).to_be_visible()
    judges(secretary, "完成", "值班登记表齐全")
    told(secretary, "已评定")

    # The branch's own: its secretary opens the judging, the office decides.
    opens(secretary, "教务处党支部")
    click(secretary, "开始评诺", confirm=True)
    deputy, office = enter("deputy", DESK), enter("office", DESK)
    opens(deputy, "陈静")
    click(deputy, "开始评诺", confirm=True)
    judges(deputy, "未完成", "窗口7月停办")
    told(deputy, "已评定")
    office.goto(branch.get_absolute_url())
    judges(office, "完成")
    told(office, "已评定")

    results = {one.pk: list(one.items.values_list("result", flat=True)) for one in Pledge.objects.all()}
    assert {again(one).stage for one in (own, cadre, branch)} == {Stage.JUDGED}
    assert results[own.pk] == [Result.DONE, Result.DONE]
    assert results[cadre.pk] == [Result.UNMET, Result.DONE]
    member.goto(own.get_absolute_url())
    expect(member.locator(".pledge-now")).to_contain_text("完成2项")
    expect(member.get_by_text("值班登记表齐全").first).to_be_visible()
