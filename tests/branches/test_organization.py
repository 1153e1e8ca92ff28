"""The tree of committees: who sees and changes which part of it, what it counts, and what it refuses."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import AuditEvent, Branch, Committee, Member, Post
from branches.roster import plan_import
from branches.roster_sheets import roster_sheet
from documents.workbook import write
from tests.branches.roster_reading import read_roster
from tests.conftest import ALWAYS, at, trusted
from tests.plan.test_tree import login
from tests.tree import Wood, issue_for, make_wood

pytestmark = pytest.mark.django_db


@pytest.fixture
def wood(db, clock) -> Wood:
    clock("2018-07-04 10:00")
    return make_wood()


def text(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def form_of(committee: Committee, **changes) -> dict:
    return {
        "kind": committee.kind, "name": committee.name, "short_name": committee.short_name, "code": committee.code,
        "parent": committee.parent_id or "",
    } | changes  # fmt: skip


def seen_of(client: Client, url: str) -> str:
    return client.get(url).context["form"].initial["seen"]


@pytest.mark.parametrize(
    ("who", "sees", "hidden"),
    [
        ("university_office", ["党委", "机关党委", "后勤党委", "教学总支部"], []),
        ("office", ["机关党委", "教学总支部"], ["后勤党委"]),
        ("general_office", ["教学总支部"], ["后勤", "教务处"]),
        ("sibling_office", ["后勤党委"], ["教学", "教务处"]),
        ("inspector", ["机关党委", "教学总支部"], ["后勤"]),
        ("sysadmin", ["机关党委", "教学总支部"], ["后勤"]),
    ],
)
def test_the_tree_is_shown_from_ones_own_committee_down(wood: Wood, who: str, sees: list, hidden: list) -> None:
    page = text(login(wood, who), reverse("branches:organization"))
    assert [name for name in sees if name not in page] == []
    assert [name for name in hidden if name in page] == []


def test_an_upper_line_counts_what_is_below_it(wood: Wood) -> None:
    tree = login(wood, "university_office").get(reverse("branches:organization")).context["tree"]
    rows = {row["cells"][0]["text"]: row["cells"][3:] for row in tree}
    # branches, members, full members, branches without a secretary
    assert rows["教学总支部"] == ["1", "2", "2", "0"]
    assert rows["后勤党委"] == ["1", "1", "1", "0"]
    first, second = wood.world.first.memberships.count(), wood.world.second.memberships.count()
    assert rows["西北政法大学机关党委"] == ["3", str(first + second + 2), str(first + second + 1), "0"]
    Post.objects.filter(branch=wood.deep).update(until_on=date(2018, 7, 4))
    tree = login(wood, "university_office").get(reverse("branches:organization")).context["tree"]
    assert [row["cells"][6] for row in tree] == ["1", "1", "1", "0"]


CHANGES = [
    # who, which committee's form, what is changed, the answer: saved, a sentence, or 404
    ("office", "general", {"short_name": "教学总支部"}, "saved"),
    ("sysadmin", "general", {"name": "教学科研总支部"}, "saved"),
    ("university_office", "sibling", {"short_name": "后勤"}, "saved"),
    ("university_office", "general", {"parent": "sibling"}, "saved"),
    ("general_office", "general", {"short_name": "总支"}, "saved"),
    ("general_office", "committee", {}, 404),
    ("sibling_office", "general", {}, 404),
    ("office", "sibling", {}, 404),
    ("office", "university", {}, 404),
    ("office", "general", {"parent": "sibling"}, "选择一个有效的选项"),
    ("office", "general", {"parent": ""}, "这个字段是必填项"),
    ("university_office", "committee", {"parent": "general"}, "就是它自己或它的下级"),
    ("university_office", "committee", {"parent": "committee"}, "就是它自己或它的下级"),
    ("university_office", "committee", {"parent": "sibling"}, "机关党委不能设在机关党委之下"),
    ("university_office", "general", {"kind": "university"}, "校党委不能设在机关党委之下"),
    ("university_office", "committee", {"kind": "general"}, "它的下级有教学总支部"),
    ("university_office", "general", {"name": "后勤党委"}, "已有“后勤党委”"),
]


@pytest.mark.parametrize(("who", "which", "change", "answer"), CHANGES)
def test_the_tree_changes_within_ones_own_part_and_never_in_a_circle(
    wood: Wood, who: str, which: str, change: dict, answer: str | int
) -> None:
    committee = Committee.objects.get(pk=getattr(wood, which).pk)
    client, url = trusted(login(wood, who), ALWAYS), reverse("branches:committee_edit", args=[committee.pk])
    named = {key: getattr(wood, value).pk if key == "parent" and value else value for key, value in change.items()}
    before = list(Committee.objects.order_by("pk").values())
    if answer == 404:
        assert client.get(url).status_code == client.post(url, form_of(committee)).status_code == 404
    else:
        response = client.post(url, form_of(committee, **named, seen=seen_of(client, url)))
        if answer == "saved":
            assert response.status_code == 302
            assert list(Committee.objects.order_by("pk").values()) != before
            assert AuditEvent.objects.filter(what="修改党组织").count() == 1
            return
        assert response.status_code == 200
        assert answer in response.content.decode()
    assert list(Committee.objects.order_by("pk").values()) == before
    assert not AuditEvent.objects.filter(what="修改党组织").exists()


def test_a_new_committee_hangs_below_ones_own_and_owes_nothing_until_it_has_branches(wood: Wood) -> None:
    client, url = login(wood, "office"), reverse("branches:committee_new")
    data = {"kind": "general", "name": "管理 总支部", "short_name": "管理总支", "code": ""}
    assert client.post(url, data | {"parent": wood.sibling.pk}).status_code == 200
    assert client.post(url, data | {"parent": wood.committee.pk}).status_code == 302
    made = Committee.objects.get(name="管理总支部")
    assert made.parent == wood.committee
    data = {"name": "管理一党支部", "code": "21", "kind": "ordinary", "term_years": 3, "founded_on": "2018-07-01"}
    response = client.post(reverse("branches:branch_new"), data | {"committee": made.pk})
    assert response.status_code == 302
    assert Branch.objects.get(code="21").committee == made


def test_a_code_stands_for_one_branch_in_the_whole_tree(wood: Wood) -> None:
    """Receipts bear it, and the office at the top receives from everybody."""
    client, url = login(wood, "general_office"), reverse("branches:branch_new")
    data = {"name": "教学二党支部", "code": "02", "kind": "ordinary", "term_years": 3, "founded_on": "2018-07-01"}
    assert "已有代码为“02”的支部（西北政法大学机关党委的科研处党支部）" in client.post(url, data).content.decode()
    assert client.post(url, data | {"code": "12"}).status_code == 302


def test_moved_under_another_parent_the_branches_owe_what_its_plan_asks(wood: Wood) -> None:
    issue_for(wood, wood.sibling, "sibling_office", at("2018-06-11 09:00"))
    assert not wood.deep.duties.exists()
    client = trusted(login(wood, "university_office"), ALWAYS)
    url = reverse("branches:committee_edit", args=[wood.general.pk])
    data = form_of(wood.general, parent=wood.sibling.pk, seen=seen_of(client, url))
    assert client.post(url, data).status_code == 302
    assert set(wood.deep.duties.values_list("committee", flat=True)) == {wood.sibling.pk}


def test_the_system_administrator_sets_up_branches_and_reads_no_business(wood: Wood) -> None:
    client = login(wood, "sysadmin")
    url = reverse("branches:branch_edit", args=[wood.deep.pk])
    data = {
        "name": "教学一党支部", "code": "11", "kind": "joint", "units": "教学楼、实验楼", "term_years": 3,
        "elected_on": "2017-03-01", "founded_on": "2015-01-01", "seen": seen_of(client, url),
    }  # fmt: skip
    response = client.post(url, data)
    assert response["Location"].startswith(reverse("branches:organization"))
    wood.deep.refresh_from_db()
    assert (wood.deep.kind, wood.deep.units) == ("joint", "教学楼、实验楼")
    assert client.get(wood.deep.get_absolute_url()).status_code == 404
    assert f'href="{wood.deep.get_absolute_url()}"' not in text(client, reverse("branches:organization"))
    assert login(wood, "office").get(wood.deep.get_absolute_url()).context["hints"]


def test_what_deserves_a_second_look_stands_on_the_page_the_list_and_the_tree(wood: Wood) -> None:
    Branch.objects.filter(pk=wood.world.first.pk).update(elected_on=date(2015, 8, 1))
    client = login(wood, "office")
    sentence = "本届任期至8月1日届满，请提前做好换届准备。"
    assert sentence in text(client, reverse("branches:organization"))
    assert "即将换届" in text(client, reverse("branches:branch_list"))
    assert sentence in text(client, wood.world.first.get_absolute_url())
    assert sentence in text(login(wood, "secretary"), wood.world.first.get_absolute_url())
    assert sentence not in text(login(wood, "member"), wood.world.first.get_absolute_url())


@pytest.mark.parametrize("page", ["organization", "branch_list"])
def test_the_pages_ask_as_much_for_300_branches_as_for_one(wood: Wood, page: str) -> None:
    client, url, counts = login(wood, "office"), reverse(f"branches:{page}"), []
    client.get(url)
    for n, more in enumerate((0, 3, 300)):
        Branch.objects.bulk_create(
            Branch(committee=wood.general, code=f"x{n}{i}", name=f"第{n}{i}支部", founded_on=date(2015, 1, 1))
            for i in range(more)
        )
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        counts.append(len(asked))
    assert counts == [counts[0]] * 3


def test_an_upper_committees_roster_names_the_branches_below_it_and_none_beside(wood: Wood) -> None:
    day = date(2018, 7, 4)
    numbers = {"deep": "17610", "aside": "17601"}
    sees_of = {"committee": {"deep"}, "general": {"deep"}, "sibling": {"aside"}, "university": {"deep", "aside"}}
    for who, sees in sees_of.items():
        rosters = {}
        for name in ("deep", "aside"):
            branch = getattr(wood, name)
            sheet = roster_sheet(Member.objects.filter(memberships__branch=branch), day, "党员名册")
            plan = plan_import(read_roster(write([sheet])), getattr(wood, who), day)
            rosters[name] = any(row.staff_number == numbers[name] and not row.problems for row in plan.rows)
        assert {name for name, fine in rosters.items() if fine} == sees
