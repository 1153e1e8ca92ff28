"""Each kind of hostile or sloppy roster ends as it must, through the page where the office uploads it."""

import io
import re
from datetime import date

import openpyxl
import pytest

from branches.models import Member, RosterImport
from documents.workbook import read
from tests.branches import hostile_xlsx
from tests.branches.hostile_xlsx import ASKED, CASES, READ, REFUSED, ROWS_REFUSED, Case, person, roster
from tests.branches.test_roster import commit, download, everything, mark_of, upload

SINCE = date(2010, 7, 1)


@pytest.fixture(autouse=True)
def _today(clock):
    clock("2018-06-20 10:00")


def words_of(response) -> str:
    """What a person reads on the page, on one line."""
    text = re.sub(r"<[^>]*>", "", response.content.decode())
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return " ".join(text.split())


def test_all_thirty_kinds_are_there() -> None:
    assert {one.id[:3] for one in CASES} == {f"x{n:02d}" for n in range(1, 31)}
    assert len({one.id for one in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[f"{one.id}-{one.make.__name__}" for one in CASES])
def test_a_hostile_or_sloppy_roster_ends_as_it_must(world, login, case: Case) -> None:
    client = login("office")
    before = everything()
    response = upload(client, case.make(), case.name)
    assert everything() == before
    if case.fate == REFUSED:
        if response.status_code == 200:  # a small file, read while the office waits: refused at its field
            assert not RosterImport.objects.exists()
            (said,) = response.context["form"].errors["file"]
            page = response
        else:  # a large one, read in the background: refused on its own page, its content gone
            record = RosterImport.objects.get()
            assert (record.stage, record.cells) == ("failed", {})
            said, page = record.trouble, client.get(record.get_absolute_url())
        for word in case.says:
            assert word in said
        assert "请" in said  # what to do about it
        assert said.endswith("。")
        assert said in words_of(page)
        return
    assert response.status_code == 302
    record = RosterImport.objects.get()
    preview = client.get(record.get_absolute_url())
    words = words_of(preview)
    for word in case.says:
        assert word in words
    if case.fate == ASKED:
        assert "plan" not in preview.context
        assert "选定各列的含义" in words_of(commit(client, record, mark=""))
        assert everything() == before
        return
    plan = preview.context["plan"]
    assert everything() == before
    if case.fate == ROWS_REFUSED:
        assert not plan.is_sound
        assert "没有写入" in words_of(commit(client, record))
        assert everything() == before
        assert Member.objects.filter(name="林溪").count() == 0
        return
    assert case.fate == READ
    assert plan.is_sound
    assert "名册已写入" in words_of(commit(client, record))
    assert everything() != before


def test_every_row_out_of_bounds_is_refused_by_itself(world, login) -> None:
    for make in (hostile_xlsx.numbers_out_of_all_bounds, hostile_xlsx.control_characters_as_excel_writes_them):
        client = login("office")
        upload(client, make())
        plan = client.get(RosterImport.objects.latest("pk").get_absolute_url()).context["plan"]
        assert {row.status for row in plan.rows} == {"error"}


def test_x17_reaches_the_person_meant(world, login) -> None:
    client = login("office")
    upload(client, hostile_xlsx.invisible_and_full_width_characters())
    plan = client.get(RosterImport.objects.get().get_absolute_url()).context["plan"]
    assert [(row.staff_number, row.name) for row in plan.rows] == [("18001", "陈静")]
    assert plan.rows[0].member == world.member("secretary")


def test_x22_gives_the_rows_back_with_their_numbers(world, login) -> None:
    client = login("office")
    upload(client, hostile_xlsx.one_bad_row_in_five_hundred())
    data = download(client, "roster_errors", RosterImport.objects.get().pk)
    lines = [[cell.text for cell in line] for line in read(data).rows]
    bad = [line for line in lines if "没有“2019-02-29”这一天" in "".join(line)]
    assert [line[0] for line in bad] == ["252"]


def test_x23_the_second_time_changes_nothing(world, login) -> None:
    client = login("office")
    data = hostile_xlsx.a_file_that_comes_twice()
    upload(client, data)
    commit(client, RosterImport.objects.get())
    after = everything()
    upload(client, data)
    record = RosterImport.objects.latest("pk")
    preview = client.get(record.get_absolute_url())
    assert preview.context["counts"] == {"error": 0, "new": 0, "changed": 0, "unchanged": 2}
    assert "名册与文件一致，没有需要写入的内容" in words_of(preview)
    assert everything() == after


def test_x25_goes_out_again_as_text(world, login) -> None:
    client = login("office")
    upload(client, hostile_xlsx.texts_that_begin_like_formulas())
    commit(client, RosterImport.objects.get())
    sheet = openpyxl.load_workbook(io.BytesIO(download(client, "roster_export"))).active
    cells = [cell for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert {"=1+1", "+86", "-无-", "@SUM(A1)"} <= {cell.value for cell in cells}
    assert not [cell.value for cell in cells if cell.data_type == "f"]


def test_x30_the_second_of_two_imports_is_looked_at_again(world, login) -> None:
    """Two at the very same moment: `test_of_several_imports_at_once_…` in test_roster.py, on PostgreSQL."""
    first, second = login("office"), login("office")
    upload(first, hostile_xlsx.a_file_that_comes_while_another_is_looked_at())
    earlier = RosterImport.objects.latest("pk")
    upload(second, roster(person(行政职务="处长")))
    later = RosterImport.objects.latest("pk")
    marks = mark_of(first, earlier), mark_of(second, later)
    assert "名册已写入" in words_of(commit(first, earlier, mark=marks[0]))
    after = everything()
    assert "预览之后，名册有了变动，没有写入" in words_of(commit(second, later, mark=marks[1]))
    assert everything() == after
    assert Member.objects.get(staff_number="z9").job_title == "科长"
