"""Which column is what: proposed from the headings, shown with samples, corrected by the office before the preview."""

from datetime import date

import pytest
from django.urls import reverse

from branches.models import AuditEvent, Member, RosterImport
from branches.roster_columns import columns_seen, discreet, doubts, propose, read_cells, reading_of
from tests.branches.test_roster import HEADER, NEWCOMER, book, commit, everything, row, upload

TODAY = date(2018, 6, 20)


@pytest.fixture(autouse=True)
def _today(clock):
    clock("2018-06-20 10:00")


def say(client, record: RosterImport, **chosen: object):
    return client.post(reverse("branches:roster_columns", args=[record.pk]), chosen)


def as_columns(header, **keys: str) -> dict[str, str]:
    """What the office's form sends: for each column the field chosen for it."""
    return {f"column_{place}": keys.get(title, "") for place, title in enumerate(header)}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (("工号", "姓名"), ["第1行的表头缺少“所在党支部”", "读到的列是：工号、姓名"]),
        (("编号", "名称", "单位"), ["前几行里没有找到表头", "“工号”、“姓名”、“所在党支部”", "编号、名称、单位"]),
        (("工号", "姓名", "党支部", "教工号"), ["“工号”和“教工号”2列都像工号"]),
        (("工号", "姓名", "党支部", "姓名"), ["“姓名”和“姓名”2列都像姓名"]),
        (("工号", "姓名", "党支部", "入党日期", "入党时间"), ["“入党日期”和“入党时间”2列都像入党日期"]),
    ],
)
def test_what_the_headings_leave_open_is_asked_of_the_office(world, login, header, words):
    client = login("office")
    before = everything()
    response = upload(client, book(["x"] * len(header), header=header))
    record = RosterImport.objects.get()
    assert response.headers["Location"] == record.get_absolute_url()
    page = client.get(record.get_absolute_url()).content.decode()
    assert "选定各列的含义" in page
    for word in words:
        assert word in page
    assert everything() == before


def test_the_office_says_which_column_is_what_and_the_preview_follows(world, login):
    client = login("office")
    header = ("编码", "党员", "组织", "备注一", "备注二")
    upload(client, book(("z9", "林溪", "教务处党支部", "科员", "x"), header=header))
    record = RosterImport.objects.get()
    page = client.get(record.get_absolute_url())
    assert [seen.samples for seen, _ in page.context["columns_form"].lines][:3] == [["z9"], ["林溪"], ["教务处党支部"]]
    chosen = as_columns(header, 编码="staff_number", 党员="name", 组织="branch", 备注一="job_title")
    assert say(client, record, **chosen).headers["Location"] == record.get_absolute_url()
    preview = client.get(record.get_absolute_url())
    assert preview.context["counts"]["new"] == 1
    assert preview.context["reading"].ignored == ["备注二"]
    assert "名册已写入" in commit(client, record).content.decode()
    assert Member.objects.get(staff_number="z9").job_title == "科员"
    assert AuditEvent.objects.filter(what="改定名册各列的含义").count() == 1


def test_a_proposal_that_is_wrong_is_corrected_from_the_preview(world, login):
    """职务 is read as the administrative post; here it is that in the branch."""
    client = login("office")
    header = ("工号", "姓名", "党支部", "职务")
    upload(client, book(("z9", "林溪", "教务处党支部", "党小组组长"), header=header))
    record = RosterImport.objects.get()
    page = client.get(record.get_absolute_url()).content.decode()
    assert "行政职务：<ins>党小组组长</ins>" in page
    say(client, record, **as_columns(header, 工号="staff_number", 姓名="name", 党支部="branch", 职务="posts"))
    assert "党内职务：<ins>党小组组长，自2018-06-20</ins>" in client.get(record.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"工号": "staff_number", "姓名": "name", "党支部": "name"}, "“姓名”列已选作姓名。一项只能取自一列"),
        ({"工号": "staff_number", "姓名": "name"}, "还没有选定“所在党支部”是哪一列"),
        ({}, "还没有选定“工号”、“姓名”、“所在党支部”是哪一列"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused_with_what_was_chosen_kept(world, login, keys, word):
    client = login("office")
    header = ("工号", "姓名", "党支部")
    upload(client, book(("z9", "林溪", "教务处党支部"), header=header))
    record = RosterImport.objects.get()
    response = say(client, record, **as_columns(header, **keys))
    assert response.status_code == 200
    assert word in response.content.decode()
    form = response.context["columns_form"]
    assert [field.value() for _, field in form.lines] == [keys.get(title, "") for title in header]
    assert RosterImport.objects.get().columns == record.columns


def test_a_heading_that_was_not_found_is_chosen_among_the_first_rows(world, login):
    client = login("office")
    data = book(["编号", "人员", "组织", "", ""], ["z9", "林溪", "教务处党支部", "", ""],
                header=["机关党员情况", "", "", "", ""])  # fmt: skip
    upload(client, data)
    record = RosterImport.objects.get()
    page = client.get(record.get_absolute_url())
    assert [label for _, label in page.context["header_form"].fields["header"].choices] == [
        "第1行：机关党员情况", "第2行：编号｜人员｜组织", "第3行：z9｜林溪｜教务处党支部",
    ]  # fmt: skip
    say(client, record, header="1")
    page = client.get(record.get_absolute_url())
    assert [seen.title for seen, _ in page.context["columns_form"].lines] == ["编号", "人员", "组织"]
    assert say(client, record, header="7").status_code == 200
    chosen = {"column_0": "staff_number", "column_1": "name", "column_2": "branch"}
    say(client, record, **chosen)
    assert [one.row for one in client.get(record.get_absolute_url()).context["plan"].rows] == [3]


def test_headings_below_a_merged_one_are_headings_too():
    above = ["工号", "姓名", "所在党支部", "党籍信息", ""]
    below = [None, None, None, "入党日期", "转正日期"]
    cells = read_cells(book(below, ["z9", "林溪", "教务处党支部", "2010-07-01", "2011-07-01"], header=above))
    columns = propose(cells)
    assert not doubts(cells, columns)
    (line,) = reading_of(cells, columns).lines
    assert (line.row, line.cells["joined_on"][1], line.cells["confirmed_on"][1]) == (3, "2010-07-01", "2011-07-01")


def test_a_first_row_of_people_is_no_second_heading():
    cells = read_cells(book(("z9", "林溪", "教务处党支部", "正式"), header=("工号", "姓名", "党支部", "人员类别")))
    assert propose(cells).depth == 1


def test_long_numbers_are_shown_by_their_ends_only():
    assert discreet("11010519491231002X") == "110*************2X"
    assert discreet("电话13812345678转2") == "电话138******78转2"
    assert discreet("18001") == "18001"
    cells = read_cells(book(("z9", "林溪", "教务处党支部", "11010519491231002X"), header=(*HEADER[:3], "证件")))
    assert columns_seen(cells, propose(cells))[3].samples == ["110*************2X"]


def test_the_preview_shows_the_columns_folded(world, login):
    client = login("office")
    upload(client, book(NEWCOMER))
    page = client.get(RosterImport.objects.get().get_absolute_url()).content.decode()
    assert '<details class="more roster-meaning"><summary>列的含义：读到 10 列，可以改</summary>' in page


def test_columns_of_what_is_written_stay(world, login):
    client = login("office")
    upload(client, book(row(工号="z9")))
    record = RosterImport.objects.get()
    commit(client, record)
    before = RosterImport.objects.values().get()
    assert say(client, record, header="0").headers["Location"] == record.get_absolute_url()
    assert RosterImport.objects.values().get() == before
