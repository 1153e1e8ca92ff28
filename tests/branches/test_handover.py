"""Posts change hands in one form: several at once, on a day past or to come; what it refuses, and who may what when."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from branches.models import AuditEvent, Branch, Member, Membership, Post
from tests.conftest import World, add_member, at

pytestmark = pytest.mark.django_db

TODAY = date(2018, 6, 20)


@pytest.fixture(autouse=True)
def now(clock) -> None:
    clock("2018-06-20 10:00")


def hand(client: Client, branch: Branch, on: str = "2018-06-20", **data: object):
    """Posted as the page stands; a key is `secretary_of_陈静`'s field or new_deputy; values are members or words."""
    url = reverse("branches:handover", args=[branch.pk])
    seen = client.get(url).context["form"].mark
    named = {key: getattr(value, "pk", value) for key, value in data.items()}
    return client.post(url, {"on": on, "seen": seen, **named})


def field(member: Member, kind: str = "") -> str:
    posts = member.posts.filter(kind=kind) if kind else member.posts.all()
    return f"post_{posts.latest('from_on').pk}"


def rows() -> list[tuple]:
    return list(Post.objects.order_by("pk").values_list("member", "kind", "branch", "from_on", "until_on"))


def test_several_posts_change_hands_in_one_act(world: World, login) -> None:
    secretary, deputy, commissioner, new = (world.member(w) for w in ("secretary", "deputy", "commissioner", "member"))
    fields = {field(secretary): deputy, field(deputy): new, field(commissioner): "vacant", "new_publicity": secretary}
    assert hand(login("office"), world.first, **fields).status_code == 302
    assert world.first.holder("secretary", date(2018, 6, 19)) == secretary
    assert world.first.holder("secretary", TODAY) == deputy
    assert world.first.holder("deputy", TODAY) == new
    assert world.first.holder("organization", TODAY) is None
    assert world.first.holder("publicity", TODAY) == secretary
    told = list(AuditEvent.objects.filter(kind="rights").order_by("seq").values_list("what", flat=True))
    assert sorted(told) == sorted(["免去职务"] * 3 + ["任命"] * 3)


@pytest.mark.parametrize(("on", "last", "first"), [
    ("2018-07-01", "2018-06-30 23:59:59", "2018-07-01 00:00:00"),
    ("2019-01-01", "2018-12-31 23:59:59", "2019-01-01 00:00:00"),
])  # fmt: skip
def test_rights_change_hands_at_midnight_in_shanghai(world: World, login, on: str, last: str, first: str) -> None:
    old, new = world.member("secretary"), world.member("member")
    assert hand(login("office"), world.first, on, **{field(old): new}).status_code == 302
    for moment, holder, other in ((at(last), "secretary", "member"), (at(first), "member", "secretary")):
        assert world.access(holder, moment).files_for == {world.first.pk}
        assert world.access(other, moment).files_for == set()


REFUSED = [
    # what is posted, the day, the sentence
    ({}, "2018-06-20", "没有选择任何变动"),
    ({"secretary": "member"}, "", "请填写“交接日期”"),
    ({"secretary": "member"}, "2016-01-01", "自 2016-01-01 起担任支部书记，交接日期须晚于这一天"),
    ({"secretary": "member"}, "2014-01-01", "自 2016-01-01 起担任支部书记，交接日期须晚于这一天"),
    ({"secretary": "other_member"}, "2018-06-20", "有效的选项"),
    ({"secretary": "probationary"}, "2018-06-20", "这一天是预备党员，不能担任支部书记"),
    ({"secretary": "leaver"}, "2018-08-01", "在 2018-08-01 不在教务处党支部的名册上"),
    ({"new_deputy": "comer"}, "2018-07-14", "在 2018-07-14 不在教务处党支部的名册上"),
    ({"new_deputy": "deputy"}, "2018-06-20", "已自 2016-01-01 起担任支部副书记"),
    ({"secretary": "admin"}, "2018-06-20", "任有审计管理员，不能同时担任支部书记"),
    ({"new_publicity": "later_admin"}, "2018-06-20", "任有系统管理员，不能同时担任宣传委员"),
    ({"deputy": "member", "new_deputy": "member"}, "2018-06-20", "两次担任支部副书记"),
    ({"new_secretary": "member"}, "2018-06-20", "没有选择任何变动"),  # there is a secretary: the field is not offered
]


@pytest.mark.parametrize(("posted", "on", "sentence"), REFUSED)
def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_written(
    world: World, login, posted: dict, on: str, sentence: str
) -> None:
    people = {who: world.member(who) for who in ("secretary", "deputy", "member", "other_member")}
    people["probationary"] = Member.objects.get(name="张三五")
    people["leaver"] = add_member(world.first, "将走", "19901")
    Membership.objects.filter(member=people["leaver"]).update(until_on=date(2018, 8, 1))
    people["comer"] = Member.objects.create(staff_number="19902", name="将来", confirmed_on=date(2010, 1, 1))
    Membership.objects.create(member=people["comer"], branch=world.first, from_on=date(2018, 7, 15))
    for who, kind, since in (("admin", "auditor", date(2017, 1, 1)), ("later_admin", "sysadmin", date(2019, 1, 1))):
        people[who] = add_member(world.first, who, f"1991{len(who)}")
        Post.objects.create(member=people[who], kind=kind, committee=world.committee, from_on=since)
    before = rows()
    fields = {
        key if key.startswith("new_") else field(people[key]): people[value] for key, value in posted.items()
    }  # fmt: skip
    response = hand(login("office"), world.first, on, **fields)
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert rows() == before
    assert not AuditEvent.objects.filter(kind="rights").exists()


def test_the_day_a_member_joins_the_post_can_begin(world: World, login) -> None:
    comer = Member.objects.create(staff_number="19902", name="将来", confirmed_on=date(2010, 1, 1))
    Membership.objects.create(member=comer, branch=world.first, from_on=date(2018, 7, 15))
    response = hand(login("office"), world.first, "2018-07-15", **{field(world.member("secretary")): comer})
    assert response.status_code == 302
    assert world.first.holder("secretary", date(2018, 7, 15)) == comer


def test_a_post_that_stays_vacant_is_filled_from_any_later_day(world: World, login) -> None:
    old, new, client = world.member("secretary"), world.member("member"), login("office")
    assert hand(client, world.first, "2018-07-01", **{field(old): "vacant"}).status_code == 302
    assert world.first.holder("secretary", date(2018, 7, 1)) is None
    response = hand(client, world.first, "2018-06-25", new_secretary=new)
    assert "一个支部只有一名书记" in response.content.decode()
    assert hand(client, world.first, "2018-07-01", new_secretary=new).status_code == 302
    assert world.first.holder("secretary", date(2018, 7, 1)) == new


def test_a_planned_handover_can_be_taken_back(world: World, login) -> None:
    """Until its day the old secretary stays, and stays after it, if the appointment is cancelled."""
    old, new, client = world.member("secretary"), world.member("member"), login("office")
    before = rows()
    assert hand(client, world.first, "2018-07-01", **{field(old): new}).status_code == 302
    response = hand(client, world.first, "2018-06-25", **{field(old): world.member("deputy")})
    assert "一个支部只有一名书记" in response.content.decode()
    assert hand(client, world.first, **{field(new): "cancel"}).status_code == 302
    assert rows() == before
    assert set(AuditEvent.objects.values_list("what", flat=True)) >= {"取消任命", "继续任职"}


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(world: World, login) -> None:
    client, url = login("office"), reverse("branches:handover", args=[world.first.pk])
    seen, mine = client.get(url).context["form"].mark, field(world.member("secretary"))
    hand(client, world.first, **{field(world.member("deputy")): "vacant"})
    before = rows()
    response = client.post(url, {"on": "2018-06-20", "seen": seen, mine: world.member("member").pk})
    assert "任职情况已有变动" in response.content.decode()
    assert rows() == before
    again = response.context["form"].data | {}
    assert client.post(url, {key: again[key] for key in again}).status_code == 302
    assert world.first.holder("secretary", TODAY) == world.member("member")


def test_a_small_branch_with_a_commissioner_is_hinted_at_not_refused(world: World, login) -> None:
    response = hand(login("office"), world.second, new_publicity=world.member("other_member"))
    assert response.status_code == 302
    Membership.objects.filter(branch=world.second).exclude(
        member__in=[world.member("other_member"), world.member("other_secretary"), world.member("office")]
    ).update(until_on=TODAY)
    client = login("office")
    client.get("/")  # reads the messages of the first
    response = hand(client, world.second, new_discipline=world.member("office"))
    told = [str(message) for message in client.get(response["Location"]).context["messages"]]
    assert any("不设支部委员会" in line for line in told)


def test_the_page_offers_the_leaving_that_was_clicked(world: World, login) -> None:
    post = world.member("deputy").posts.get()
    page = login("office").get(reverse("branches:handover", args=[world.first.pk]), {"leaving": post.pk})
    assert page.context["form"][f"post_{post.pk}"].value() == "vacant"
