"""The security administrator says who works in the office and who administers the portal, and never about himself."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from branches.models import AuditEvent, Member, Post
from tests.conftest import add_user, at, sure

pytestmark = pytest.mark.django_db
NOW = "2018-07-04 10:00"
TODAY = date(2018, 7, 4)
GRANTS = reverse("branches:grants")


@pytest.fixture
def client(world, login, clock):
    clock(NOW)
    return sure(login("security"))


def give(client, world, **data):
    sent = {"committee": world.committee.pk, "kind": "office", "staff_number": "18004", "from_on": "2018-07-04",
            "basis": "机关党〔2018〕12号", **data}  # fmt: skip
    return client.post(GRANTS, sent)


def end(client, post: Post, until_on: str = "2018-07-04"):
    return client.post(reverse("branches:grant_end", args=[post.pk]), {"until_on": until_on, "basis": "会议决定"})


@pytest.mark.parametrize("kind", ["office", "sysadmin", "security", "auditor"])
def test_a_right_begins_on_its_day_and_is_written_down_with_its_basis(client, world, kind) -> None:
    assert give(client, world, kind=kind, from_on="2018-07-09").status_code == 302
    post = world.member("member").posts.get()
    assert (post.kind, post.committee, post.from_on) == (kind, world.committee, date(2018, 7, 9))
    label = Post.Kind(kind).label
    assert label not in world.access("member", at("2018-07-08 23:59")).roles
    assert label in world.access("member", at("2018-07-09 00:00")).roles
    event = AuditEvent.objects.get(what="授权")
    assert event.detail["basis"] == "机关党〔2018〕12号"
    assert event.actor == world.users["security"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"staff_number": "18999"}, "不能给自己授权"),
        ({"staff_number": "404"}, "没有工号为 404 的人"),
        ({"staff_number": "18007"}, "已自 2016-01-01 起担任此职务"),
        ({"staff_number": "18007", "kind": "auditor"}, "互斥"),
        ({"staff_number": "18009", "kind": "security"}, "互斥"),
        ({"staff_number": "18001", "kind": "sysadmin"}, "现任教务处党支部支部书记"),
        ({"staff_number": "18010"}, "互斥"),
        ({"from_on": "2018-07-03"}, "不能从过去的日子起"),
        ({"kind": "inspector"}, "选择"),
        ({"kind": "secretary"}, "选择"),
        ({"basis": ""}, "依据"),
    ],
)
def test_what_may_not_be_granted_is_said_at_the_field_and_nothing_is_written(client, world, data, says) -> None:
    before = list(Post.objects.order_by("pk").values_list())
    page = give(client, world, **data)
    assert page.status_code == 200
    assert says in page.content.decode()
    assert list(Post.objects.order_by("pk").values_list()) == before


def test_a_right_withdrawn_today_is_gone_at_the_next_click(client, world, login) -> None:
    give(client, world, staff_number="18004")
    post = world.member("office").posts.get()
    theirs = login("office")
    assert theirs.get(reverse("plan:board")).status_code != 403
    assert end(client, post).status_code == 302
    assert theirs.get(reverse("plan:board")).status_code == 403
    assert AuditEvent.objects.get(what="收回权限").detail["basis"] == "会议决定"


@pytest.mark.parametrize("who", ["office", "sysadmin"])
def test_the_last_who_could_put_things_right_is_kept(client, world, who) -> None:
    post = world.member(who).posts.get()
    assert "请先登记接替的人" in end(client, post).content.decode()
    post.refresh_from_db()
    assert post.until_on is None
    give(client, world, kind=post.kind, staff_number="18004")
    assert end(client, post).status_code == 302


def test_nobody_withdraws_the_own_right_nor_one_of_a_branch(client, world) -> None:
    for post in (world.member("security").posts.get(), world.member("secretary").posts.get()):
        assert end(client, post).status_code == 404
        post.refresh_from_db()
        assert post.until_on is None


@pytest.mark.parametrize("until", ["2018-07-03", "2016-01-01"])
def test_a_right_is_not_taken_back_for_days_that_are_over(client, world, until) -> None:
    assert "不能早于今天" in end(client, world.member("auditor").posts.get(), until).content.decode()


def test_another_committees_rights_are_not_to_be_seen(client, world) -> None:
    from branches.models import Committee

    other = Committee.objects.create(name="外院党委", short_name="外院党委")
    stranger = Member.objects.create(staff_number="h001", name="何远")
    add_user(stranger)
    post = Post.objects.create(member=stranger, kind="office", committee=other, from_on=date(2016, 1, 1))
    assert end(client, post).status_code == 404
    assert "何远" not in client.get(GRANTS).content.decode()
    assert "没有工号为 h001 的人" in give(client, world, staff_number="h001").content.decode()
    assert "选择" in give(client, world, committee=other.pk).content.decode()


def test_a_page_left_open_grants_nothing(world, login, clock) -> None:
    clock(NOW)
    client = login("security")
    answer = give(client, world)
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("branches:sudo"))
    assert not world.member("member").posts.exists()


def test_a_grant_that_the_database_refuses_at_the_last_moment_is_said_in_words(client, world, monkeypatch) -> None:
    """Two committees' grants at once: the form saw nothing yet, the trigger does."""
    monkeypatch.setattr("branches.grant_forms.exclusive", lambda kinds: [])
    before = list(Post.objects.order_by("pk").values_list())
    page = give(client, world, staff_number="18009", kind="security")
    assert page.status_code == 200
    assert "刚刚被登记了与此互斥的职务，没有写入" in page.content.decode()
    assert list(Post.objects.order_by("pk").values_list()) == before
    assert not AuditEvent.objects.filter(what="授权").exists()
