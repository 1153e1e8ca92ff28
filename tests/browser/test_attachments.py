"""Documents of a record go up behind the person's back, as its pictures do: listed, filed with it, taken out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from plan.models import Version
from study.models import Gathering
from tests.browser.clicking import told
from tests.browser.conftest import PHONE
from tests.browser.looking import AXE_SCRIPT, look_at
from tests.conftest import issue_2018
from tests.documents.hostile_documents import good_docx, plain_docx

pytestmark = pytest.mark.browser

SAID = "与会同志讨论了下半年的学习安排，商定了责任人和完成时间，并对上半年工作作了小结。"
MORE = "散会前宣读了决定。"


@pytest.fixture(autouse=True)
def july(world, clock):
    issue_2018(world)
    clock("2018-07-05 17:30")


def test_documents_of_a_new_record_go_up_by_themselves_and_are_filed_with_it(enter, watch, tmp_path: Path):
    watch.expected.add(422)
    for name, data in (("学习材料", plain_docx()), ("发言提纲", good_docx()), ("坏的", b"no document")):
        (tmp_path / f"{name}.docx").write_bytes(data)
    page = enter("secretary", PHONE)
    page.add_init_script(AXE_SCRIPT)
    page.goto("/study/gatherings/new/")
    page.evaluate("window.stayed = true")
    page.get_by_label("支委会", exact=True).check()
    page.get_by_label("地点").fill("行政楼301会议室")
    content = page.get_by_label("主要内容")
    content.fill(SAID)
    chosen, listed = page.get_by_label("选择附件"), page.locator("#attachment-list")
    chosen.set_input_files(tmp_path / "学习材料.docx")
    expect(listed.get_by_role("link", name="学习材料.docx")).to_be_visible()
    chosen.set_input_files([tmp_path / "坏的.docx", tmp_path / "发言提纲.docx"])
    expect(listed.get_by_role("link", name="发言提纲.docx")).to_be_visible()
    expect(listed.get_by_role("alert")).to_contain_text("“坏的.docx”")
    expect(listed.get_by_role("progressbar")).to_have_count(0)
    assert list(look_at(page, with_axe=True)) == []
    page.set_viewport_size({"width": PHONE, "height": 844})
    listed.get_by_role("button", name="知道了").tap()
    # Taken out without a new page, while more is being typed.
    content.press_sequentially(MORE)
    listed.get_by_role("button", name="移除发言提纲.docx").tap()
    page.get_by_role("dialog").get_by_role("button", name="移除发言提纲.docx").tap()
    expect(listed.get_by_role("listitem")).to_have_count(1)
    expect(content).to_have_value(SAID + MORE)
    assert page.evaluate("window.stayed")
    filing = page.locator(".action-bar .btn-primary")
    expect(filing).to_be_enabled()
    filing.tap()
    told(page, "已于 7月5日 17:30 ")
    gathering = Gathering.objects.get()
    assert gathering.content == SAID + MORE
    assert [one.name for one in gathering.filing.attachments.shown()] == ["学习材料.docx"]
    frozen = json.loads(Version.objects.get(filing=gathering.filing).text)
    assert [one["name"] for one in frozen["attachments"]] == ["学习材料.docx"]
