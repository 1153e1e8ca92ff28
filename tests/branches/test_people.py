"""Branches and members: who sees whom, and that every change keeps the roster of every day true."""

import re
from datetime import date

import pytest
from django.urls import reverse

from branches import roster
from branches.models import Branch, Committee, Member, Membership, PartyGroup, Post
from branches.search import matching
from plan.models import Duty
from tests.conftest import add_member, at

NOW = "2018-06-20 10:00"
TODAY = date(2018, 6, 20)


@pytest.fixture(autouse=True)
def _today(clock):
    clock(NOW)


def text(response) -> str:
    """The page's own content, without the frame every page has."""
    page = response.content.decode()
    return page[page.index("<main") : page.index("</main>")]


def url(name: str, *arguments: int) -> str:
    return reverse(f"branches:{name}", args=arguments)


@pytest.fixture
def elsewhere(world):
    """Another committee, with a branch, a group, a member and a post."""
    committee = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    branch = Branch.objects.create(committee=committee, code="01", name="膳食党支部", founded_on=date(2015, 1, 1))
    PartyGroup.objects.create(branch=branch, name="第一党小组")
    member = add_member(branch, "钱立", "h001")
    Post.objects.create(member=member, branch=branch, kind="secretary", from_on=date(2016, 1, 1))
    return branch


# ------------------------------------------------------------------------------------------------------- who sees whom


@pytest.mark.parametrize("who", ["secretary", "member", "office", "inspector"])
def test_what_belongs_to_another_committee_is_not_there(world, elsewhere, login, who):
    client = login(who)
    stranger = elsewhere.roster(TODAY).get()
    assert client.get(url("branch_detail", elsewhere.pk)).status_code == 404
    assert client.get(url("member_detail", stranger.pk)).status_code == 404
    if who == "office":
        for name, pk in (
            ("branch_edit", elsewhere.pk), ("handover", elsewhere.pk), ("post_end", elsewhere.posts.get().pk),
            ("member_edit", stranger.pk), ("member_transfer", stranger.pk),
        ):  # fmt: skip
            assert client.get(url(name, pk)).status_code == 404, name
            assert client.post(url(name, pk), {"until_on": "2018-06-20"}).status_code == 404, name
            assert client.get(url(name, 999_999)).status_code == 404, name


def test_a_secretary_sees_the_own_branch_and_no_other(world, login):
    client = login("secretary")
    assert client.get(url("branch_detail", world.first.pk)).status_code == 200
    assert client.get(url("branch_detail", world.second.pk)).status_code == 404
    assert client.get(url("member_detail", world.member("member").pk)).status_code == 200
    assert client.get(url("member_detail", world.member("other_member").pk)).status_code == 404
    listed = text(client.get(url("member_list")))
    assert "李强" in listed
    assert "孙丽" not in listed


def test_a_member_sees_who_is_in_the_branch_and_only_the_own_entry(world, login):
    client = login("member")
    page = text(client.get(url("branch_detail", world.first.pk)))
    assert "陈静" in page
    assert "18001" not in page
    assert "导出名册" not in page
    assert client.get(url("member_detail", world.member("member").pk)).status_code == 200
    assert client.get(url("member_detail", world.member("secretary").pk)).status_code == 404


def test_only_the_office_is_offered_what_changes_the_roster(world, login):
    for who, offered in (("office", True), ("inspector", False), ("secretary", False)):
        page = text(login(who).get(url("branch_detail", world.first.pk))) if who != "secretary" else ""
        page += text(login(who).get(url("member_detail", world.member("member").pk)))
        for words in ("任职与交接", "修改支部", "转接组织关系") if who != "secretary" else ("转接组织关系",):
            assert (words in page) is offered, (who, words)


def test_the_committees_branches_are_listed_with_secretary_and_strength(world, login):
    page = text(login("inspector").get(url("branch_list")))
    row = re.search(r"教务处党支部.*?</tr>", page, re.S)[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells == ["01", "陈静", "设", "不分", "9", "8", "无"]


# ------------------------------------------------------------------------------------------------- the roster of a day


def test_the_roster_of_a_day_is_that_day_s(world, login):
    member = world.member("member")
    member.memberships.update(until_on=date(2018, 6, 1))
    Membership.objects.create(member=member, branch=world.second, from_on=date(2018, 6, 1))
    client = login("office")
    for branch, day, there in (
        (world.first, "2018-05-31", True), (world.first, "2018-06-01", False),
        (world.second, "2018-05-31", False), (world.second, "2018-06-01", True),
    ):  # fmt: skip
        page = text(client.get(url("branch_detail", branch.pk), {"on": day}))
        assert ("李强" in page) is there, (branch, day)


@pytest.mark.parametrize("on", ["", "x", "2018-02-30", "0000-00-00", "9999-12-31", "\x00", "1800-01-01"])
def test_a_day_that_is_none_shows_today(world, login, on):
    response = login("office").get(url("branch_detail", world.first.pk), {"on": on, "page": "x"})
    assert response.status_code == 200
    assert "李强" in text(response)


# -------------------------------------------------------------------------------------------------- finding a member


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("陈静", {"陈静"}),
        ("静", {"陈静"}),
        ("陈 静", {"陈静"}),
        ("chenjing", {"陈静"}),
        ("Chen Jing", {"陈静"}),
        ("cj", {"陈静"}),
        ("ＣＪ", {"陈静"}),
        ("chenj", {"陈静"}),
        ("cjing", {"陈静"}),
        ("jing", {"陈静"}),
        ("z1801", {"陈静"}),
        ("ｚ１８", {"陈静"}),
        ("sxx", {"单雄信"}),
        ("shanxx", {"单雄信"}),
        ("lvbu", {"吕布"}),
        ("lübu", {"吕布"}),
        ("abdrh", {"阿卜杜热合曼·买买提"}),
        ("manmm", {"阿卜杜热合曼·买买提"}),
        ("买买提", {"阿卜杜热合曼·买买提"}),
        ("cx", set()),
        ("%", set()),
        ("_", set()),
        ("(", set()),
        (".*", set()),
        ("'; --", set()),
        ("", {"陈静", "单雄信", "吕布", "阿卜杜热合曼·买买提"}),
    ],
)
def test_members_are_found_by_what_one_remembers(db, query, names):
    for number, name in (("z1801", "陈静"), ("y2", "单雄信"), ("y3", "吕布"), ("y4", "阿卜杜热合曼·买买提")):
        Member.objects.create(staff_number=number, name=name)
    assert set(Member.objects.filter(matching(query)).values_list("name", flat=True)) == names


@pytest.mark.parametrize(
    ("query", "found", "absent"),
    [
        ({"q": "lq"}, ["李强"], ["陈静"]),
        ({"category": "probationary"}, ["张三五"], ["陈静"]),
        ({"category": "full"}, ["陈静"], ["张三五"]),
        ({"category": "cadre"}, ["陈静", "吴昊"], ["李强"]),
        ({"category": "left"}, ["沈毅"], ["李强"]),
        ({"q": "不存在"}, ["没有符合条件", "清除条件"], []),
        ({"q": "\x00", "page": "-3", "category": "nonsense"}, ["李强"], []),
    ],
)
def test_the_list_of_members_is_narrowed(world, login, query, found, absent):
    response = login("office").get(url("member_list"), query)
    assert response.status_code == 200
    for word in found:
        assert word in text(response)
    for word in absent:
        assert word not in text(response)


def test_the_list_keeps_to_one_branch(world, login):
    page = text(login("office").get(url("member_list"), {"branch": world.second.pk}))
    assert "孙丽" in page
    assert "李强" not in page
    assert text(login("secretary").get(url("member_list"), {"branch": world.second.pk})).count("孙丽") == 0


# ----------------------------------------------------------------------------------------------- a query does not grow


@pytest.mark.parametrize("rows", [1, 3, 300])
@pytest.mark.parametrize(("name", "queries"), [("branch_list", 11), ("member_list", 11), ("branch_detail", 17)])
def test_a_page_asks_the_same_however_many_rows(world, login, django_assert_num_queries, name, queries, rows):
    branch = Branch.objects.create(
        committee=world.committee, code="99", name="资产处党支部", founded_on=date(2015, 1, 1)
    )
    for n in range(rows):
        add_member(branch, "林溪", f"z{n:03d}")
        if name == "branch_list":
            Branch.objects.create(
                committee=world.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1)
            )
    client = login("office")
    target = url(name, branch.pk) if name == "branch_detail" else url(name)
    with django_assert_num_queries(queries):
        assert client.get(target).status_code == 200


# ------------------------------------------------------------------------------------------------------------ branches


def test_a_branch_is_founded_with_its_groups(world, login):
    response = login("office").post(
        url("branch_new"),
        {
            "name": "资产处 党支部",
            "code": "03",
            "founded_on": "2018-06-01",
            "kind": "ordinary",
            "term_years": 3,
            "new_groups": "第一党小组\r\n\r\n第二党小组",
        },
    )
    branch = Branch.objects.get(code="03")
    assert response.headers["Location"] == branch.get_absolute_url()
    assert branch.name == "资产处党支部"
    assert branch.committee == world.committee
    assert [group.name for group in branch.groups.all()] == ["第一党小组", "第二党小组"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"name": ""}, "请填写“支部名称”"),
        ({"name": "科研处党支部"}, "已有名称为“科研处党支部”的支部"),
        ({"code": "02"}, "已有代码为“02”的支部"),
        ({"code": "三"}, "只用数字和字母"),
        ({"code": "123456789"}, "8"),
        ({"founded_on": "2018-02-30"}, "日期"),
        ({"founded_on": "0001-01-01"}, "年份不对"),
        ({"new_groups": "一组\n一组"}, "有两个“一组”"),
        ({"new_groups": "长" * 41}, "超过40个字"),
        ({"name": "资产处\x00"}, "空字符"),
    ],
)
def test_a_branch_filled_in_wrongly_is_not_founded(world, login, wrong, word):
    data = {
        "name": "资产处党支部",
        "code": "03",
        "founded_on": "2018-06-01",
        "kind": "ordinary",
        "term_years": 3,
        "theme_day": "每月第二个星期五",
        **wrong,
    }
    response = login("office").post(url("branch_new"), data)
    assert response.status_code == 200
    assert word in text(response)
    assert "每月第二个星期五" in text(response)
    assert Branch.objects.count() == 2


def edit(client, branch: Branch, **changes: str):
    """Open the form and send it back as it was, but for the changes."""
    page = client.get(url("branch_edit", branch.pk))
    data = {bound.html_name: "" if bound.value() is None else bound.value() for bound in page.context["form"]}
    return client.post(url("branch_edit", branch.pk), {**data, **changes})


def test_groups_are_renamed_exchanged_and_removed(world, login):
    one, two, three = (PartyGroup.objects.create(branch=world.first, name=name) for name in "甲乙丙")
    world.member("member").memberships.update(group=one)
    client = login("office")
    edit(client, world.first, **{f"group_{one.pk}": "乙", f"group_{two.pk}": "甲", f"group_{three.pk}": ""})
    assert dict(world.first.groups.values_list("pk", "name")) == {one.pk: "乙", two.pk: "甲"}
    response = edit(client, world.first, **{f"group_{one.pk}": ""})
    assert "里有过党员，不能删去" in text(response)
    assert edit(client, world.first, **{f"group_{one.pk}": "甲"}).status_code == 200
    assert world.first.groups.count() == 2


def test_a_branch_is_closed_only_when_it_is_empty(world, login):
    client = login("office")
    response = edit(client, world.first, closed_on="2018-06-20")
    assert "还有 9 名党员" in text(response)
    Membership.objects.filter(branch=world.first).update(until_on=date(2018, 6, 20))
    assert edit(client, world.first, closed_on="2018-06-20").status_code == 302
    client.get(url("branch_list"))  # takes the message that names the branch
    assert "教务处党支部" not in text(client.get(url("branch_list")))


def test_a_change_made_meanwhile_is_not_overwritten(world, login):
    client = login("office")
    page = client.get(url("branch_edit", world.first.pk))
    data = {bound.html_name: bound.value() or "" for bound in page.context["form"]}
    Branch.objects.filter(pk=world.first.pk).update(theme_day="每月第一个星期一")
    response = client.post(url("branch_edit", world.first.pk), {**data, "theme_day": "每月第二个星期五"})
    assert "已被他人修改" in text(response)
    assert "“主题党日固定日”现在是“每月第一个星期一”" in text(response)
    assert "每月第二个星期五" in text(response)
    assert Branch.objects.get(pk=world.first.pk).theme_day == "每月第一个星期一"
    # Sent again, knowing the present entry, it is saved.
    seen = re.search(r'name="seen" value="(\w+)"', text(response))[1]
    client.post(url("branch_edit", world.first.pk), {**data, "theme_day": "每月第二个星期五", "seen": seen})
    assert Branch.objects.get(pk=world.first.pk).theme_day == "每月第二个星期五"


# ------------------------------------------------------------------------------------------------------------- members

NEW = {
    "staff_number": "Ｚ 9", "name": "林 溪", "from_on": "2018-06-20", "joined_on": "2010-07-01",
    "confirmed_on": "2011-07-01", "job_title": "科员", "group": "",
}  # fmt: skip


def test_a_newcomer_is_on_the_roster_and_owes_what_is_to_come(issued, login):
    response = login("office").post(url("member_new"), {**NEW, "branch": issued.first.pk})
    member = Member.objects.get(staff_number="z9")
    assert response.headers["Location"] == url("member_detail", member.pk)
    assert member.name == "林溪"
    assert member.branch_on(TODAY) == issued.first
    owed = Duty.objects.filter(member=member)
    assert owed.exists()
    assert set(owed.values_list("branch", flat=True)) == {issued.first.pk}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"staff_number": ""}, "请填写“工号”"),
        ({"staff_number": "18004"}, "已登记为李强（教务处党支部）"),
        ({"staff_number": "１８００４"}, "已登记为李强（教务处党支部）"),
        ({"staff_number": "h001"}, "已登记在其他机关党委"),
        ({"staff_number": "a/b"}, "连字符以外的字符"),
        ({"staff_number": "1.8E+04"}, "科学计数"),
        ({"name": "3"}, "姓名为2至50个字"),
        ({"name": "林"}, "姓名为2至50个字"),
        ({"name": "林溪\x00"}, "空字符"),
        ({"branch": ""}, "请选择“所在党支部”"),
        ({"branch": "999999"}, "选择"),
        ({"from_on": "2018-06-21"}, "还没有到"),
        ({"from_on": "2014-12-31"}, "成立于 2015-01-01"),
        ({"from_on": "2018-02-30"}, "日期"),
        ({"joined_on": "2018-06-21"}, "还没有到"),
        ({"confirmed_on": "2009-07-01"}, "不能早于入党日期"),
        ({"group": "999999"}, "选择"),
    ],
)
def test_a_newcomer_filled_in_wrongly_is_not_written(world, elsewhere, login, wrong, word):
    before = Member.objects.count(), Membership.objects.count()
    response = login("office").post(url("member_new"), {**NEW, "branch": world.first.pk, **wrong})
    assert response.status_code == 200
    assert word in text(response)
    assert "科员" in text(response)
    assert (Member.objects.count(), Membership.objects.count()) == before


def test_a_group_of_another_branch_is_refused(world, login):
    group = PartyGroup.objects.create(branch=world.second, name="第一党小组")
    response = login("office").post(url("member_new"), {**NEW, "branch": world.first.pk, "group": group.pk})
    assert "这个党小组不在教务处党支部" in text(response)
    assert not Member.objects.filter(staff_number="z9").exists()


def test_a_changed_staff_number_takes_the_account_along(world, login):
    member = world.member("member")
    client = login("office")
    page = client.get(url("member_edit", member.pk))
    data = {bound.html_name: bound.value() for bound in page.context["form"] if bound.value()}
    assert client.post(url("member_edit", member.pk), {**data, "staff_number": "Z18004"}).status_code == 302
    member.refresh_from_db()
    assert member.staff_number == "z18004"
    assert member.user.staff_number == "z18004"


def test_an_entry_shows_where_a_member_belonged_over_time(world, login):
    member = world.member("member")
    member.memberships.update(until_on=date(2018, 6, 1))
    Membership.objects.create(member=member, branch=world.second, from_on=date(2018, 6, 1))
    page = text(login("office").get(url("member_detail", member.pk)))
    assert page.index("科研处党支部") < page.index("教务处党支部")
    assert "6月1日（不含当天）" in page


# ----------------------------------------------------------------------------------------------------------- transfers


def transfer(client, member: Member, **data: object):
    return client.post(url("member_transfer", member.pk), {"on": "2018-06-20", "group": "", **data})


def test_a_transfer_ends_the_old_and_begins_the_new_on_one_day(issued, login):
    member = issued.member("commissioner")
    response = transfer(login("office"), member, to=issued.second.pk)
    assert response.status_code == 302
    terms = list(member.memberships.order_by("from_on").values_list("branch", "from_on", "until_on"))
    assert terms == [(issued.first.pk, date(2015, 1, 1), TODAY), (issued.second.pk, TODAY, None)]
    assert member.branch_on(date(2018, 6, 19)) == issued.first
    assert member.branch_on(TODAY) == issued.second
    # The post in the branch that was left ended with it.
    assert member.posts.get().until_on == TODAY


def test_a_transfer_may_lie_ahead(world, login):
    member = world.member("member")
    transfer(login("office"), member, to=world.second.pk, on="2018-07-01")
    assert member.branch_on(TODAY) == world.first
    assert member.branch_on(date(2018, 7, 1)) == world.second


def test_whoever_leaves_for_good_stays_readable_and_can_come_back(world, login):
    member = world.member("member")
    client = login("office")
    transfer(client, member, to="out")
    assert member.branch_on(TODAY) is None
    assert "李强" in text(client.get(url("member_list"), {"category": "left"}))
    assert client.get(url("member_detail", member.pk)).status_code == 200
    assert login("secretary").get(url("member_detail", member.pk)).status_code == 404
    refused = client.post(url("member_new"), {**NEW, "staff_number": "18004", "branch": world.first.pk})
    assert "已登记为李强（已转出）" in text(refused)
    assert transfer(client, member, to=world.second.pk).status_code == 302
    assert member.branch_on(TODAY) == world.second


def test_another_group_of_the_same_branch_keeps_the_posts(world, login):
    group = PartyGroup.objects.create(branch=world.first, name="第一党小组")
    member = world.member("commissioner")
    transfer(login("office"), member, to=world.first.pk, group=group.pk)
    assert member.memberships.get(until_on=None).group == group
    assert member.memberships.count() == 2
    assert member.posts.get().until_on is None


def test_what_began_today_is_put_right_without_a_trace(world, login):
    client = login("office")
    client.post(url("member_new"), {**NEW, "branch": world.first.pk})
    member = Member.objects.get(staff_number="z9")
    transfer(client, member, to=world.second.pk)
    assert list(member.memberships.values_list("branch", "from_on", "until_on")) == [(world.second.pk, TODAY, None)]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"to": ""}, "请选择“转到”"),
        ({"to": "999999"}, "选择"),
        ({"to": "first"}, "没有变动"),
        ({"to": "elsewhere"}, "选择"),
        ({"to": "second", "on": "2014-12-31"}, "已登记自 2015-01-01 起"),
        ({"to": "second", "on": "2015-01-01"}, "转接日期须晚于这一天"),
        ({"to": "second", "on": "x"}, "日期"),
        ({"to": "second", "on": "2018-06-20", "group": "999999"}, "选择"),
        ({"to": "out", "on": "2014-01-01"}, "已登记自 2015-01-01 起"),
    ],
)
def test_a_transfer_that_makes_no_sense_is_refused(world, elsewhere, login, data, word):
    places = {"first": world.first.pk, "second": world.second.pk, "elsewhere": elsewhere.pk}
    member = world.member("secretary")
    before = list(Membership.objects.values_list())
    response = transfer(login("office"), member, **{**data, "to": places.get(data["to"], data["to"])})
    assert response.status_code == 200
    assert word in text(response)
    assert list(Membership.objects.values_list()) == before


def test_no_transfer_before_one_that_is_already_written(world, login):
    member = world.member("member")
    client = login("office")
    transfer(client, member, to=world.second.pk, on="2018-07-01")
    assert "已登记自 2018-07-01 起转入科研处党支部" in text(transfer(client, member, to="out"))


# --------------------------------------------------------------------------------------------------------------- posts


def test_the_office_says_who_inspects_and_nothing_more(world, login):
    """Whatever else the form is sent: who works in the office, or administers, is not the office's to say."""
    client = login("office")
    data = {"committee": world.committee.pk, "kind": "office", "staff_number": "１８００４", "from_on": "2018-06-20"}
    assert client.post(url("committee_posts"), data).status_code == 302
    assert [post.kind for post in world.member("member").posts.all()] == ["inspector"]
    assert world.access("member", at(NOW)).inspects == {world.committee.pk}
    assert "已自 2018-06-20 起担任此职务" in text(client.post(url("committee_posts"), data))
    for who in ("office", "sysadmin", "security", "auditor"):
        assert client.get(url("post_end", world.member(who).posts.get().pk)).status_code == 404


def test_an_administrator_does_not_inspect(world, login):
    data = {"committee": world.committee.pk, "staff_number": "18009", "from_on": "2018-06-20"}
    assert "不能兼任其他职务" in text(login("office").post(url("committee_posts"), data))
    assert [post.kind for post in world.member("auditor").posts.all()] == ["auditor"]


def test_a_staff_number_nobody_has_is_told(world, elsewhere, login):
    data = {"committee": world.committee.pk, "kind": "inspector", "from_on": "2018-06-20"}
    for number in ("404", "h001"):
        response = login("office").post(url("committee_posts"), {**data, "staff_number": number})
        assert f"名册中没有工号 {number}" in text(response)


# ---------------------------------------------------------------------------------------------------------- who is told


def test_every_change_of_the_roster_is_told_with_its_committee_and_instant(world, login, monkeypatch):
    told: list[tuple] = []
    monkeypatch.setattr(roster, "after_roster_change", [lambda committee, moment: told.append((committee, moment))])
    client = login("office")
    client.post(url("member_new"), {**NEW, "branch": world.first.pk})
    transfer(client, world.member("member"), to=world.second.pk)
    page = url("handover", world.first.pk)
    seen, deputy = client.get(page).context["form"].mark, world.member("deputy")
    client.post(page, {"on": "2018-06-20", "seen": seen, f"post_{deputy.posts.get().pk}": "vacant"})
    assert told == [(world.committee, at(NOW))] * 3
    client.get(url("member_new"))
    client.post(url("member_new"), {**NEW, "name": ""})
    assert len(told) == 3


def test_what_cannot_be_opened_is_not_written_either(world, login, monkeypatch):
    def fail(committee, moment):
        raise RuntimeError("the plan cannot be opened")

    monkeypatch.setattr(roster, "after_roster_change", [fail])
    with pytest.raises(RuntimeError):
        login("office").post(url("member_new"), {**NEW, "branch": world.first.pk})
    assert not Member.objects.filter(staff_number="z9").exists()


@pytest.mark.parametrize(("who", "start", "back"), [
    ("secretary", "member_list", "member_list"), ("secretary", "account", "member_list"),
    ("member", "account", "account"), ("office", "branch_list", "branch_list"),
])  # fmt: skip
def test_everybody_finds_the_way_to_their_branch_and_back(world, login, who, start, back):
    client, branch = login(who), world.first.get_absolute_url()
    assert f'href="{branch}"' in text(client.get(url(start)))
    assert f'href="{url(back)}"' in text(client.get(branch))
