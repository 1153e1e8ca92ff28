"""ID number and phone on the pages: who registers them, who has one shown, how often, and who learns of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse

from branches.access import Access
from branches.models import AuditEvent, Branch, Committee, Member, Membership, Post, User
from branches.personal import check_character, reveal, set_personal
from branches.sight import readable_by, watchers
from tests.conftest import add_member, add_user, at, make_world, trusted

NOW = "2018-07-04 10:00"
FIRST = "61010219750305123"
ID_NUMBER = FIRST + check_character(FIRST)
PHONE = "13891234567"


@pytest.fixture(autouse=True)
def ten_o_clock(clock):
    clock(NOW)


@pytest.fixture
def kept(world) -> Member:
    """李强 of the first branch, with both numbers."""
    member = world.member("member")
    set_personal(member, id_number=ID_NUMBER, phone=PHONE)
    member.save()
    return member


@pytest.fixture
def confirmed(login):
    """`confirmed("office")`: a client that gave its password a moment ago."""

    def as_person(who: str):
        return trusted(login(who), at(NOW) + timedelta(minutes=5))

    return as_person


def address(member: Member, field: str = "phone") -> str:
    return reverse("branches:member_reveal", args=[member.pk, field])


BECAUSE = {"reason": "核对党员名册"}


# ------------------------------------------------------------------------------------------------------- one revealed


@pytest.mark.parametrize("who", ["office", "secretary", "member"])
def test_a_number_is_shown_once_for_a_reason_and_told_in_the_log_without_the_number(world, kept, confirmed, who):
    client = confirmed(who)
    page = client.get(address(kept))
    assert PHONE not in page.content.decode() and "138****4567" in page.content.decode()
    shown = client.post(address(kept), {} if who == "member" else BECAUSE)
    assert PHONE in shown.content.decode() and shown["Cache-Control"] == "no-store"
    assert PHONE not in client.get(address(kept)).content.decode(), "it does not stay"
    event = AuditEvent.objects.get(kind="reveal")
    assert (event.what, event.object_name, event.ok) == ("查看敏感信息", "李强", True)
    assert event.detail == {"field": "联系电话", "reason": "本人查看" if who == "member" else "核对党员名册"}
    assert not any(PHONE in str(row) or ID_NUMBER in str(row) for row in AuditEvent.objects.values_list())


@pytest.mark.parametrize("who", ["deputy", "commissioner", "inspector"])
def test_who_reads_the_entry_but_may_not_see_the_number_is_told_so(world, kept, confirmed, who):
    client = confirmed(who)
    assert "610*************34" in client.get(reverse("branches:member_detail", args=[kept.pk])).content.decode()
    for answer in (client.get(address(kept)), client.post(address(kept), BECAUSE)):
        assert answer.status_code == 403 and "只有本人、本支部书记" in answer.content.decode()
        assert PHONE not in answer.content.decode()


def test_without_the_password_given_just_now_nothing_is_shown(world, kept, login):
    client = login("office")
    for answer in (client.get(address(kept)), client.post(address(kept), BECAUSE)):
        assert answer.status_code == 302 and answer["Location"].startswith(reverse("branches:sudo"))
        assert "next=%2Fmembers%2F" in answer["Location"]
    assert not AuditEvent.objects.filter(kind="reveal").exists()


@pytest.mark.parametrize(
    ("posted", "sentence"),
    [
        ({"words": ""}, "请选择“查看事由”"),
        ({"reason": "other"}, "请用至少4个字"),
        ({"reason": "other", "words": "核 对"}, "请用至少4个字"),
        ({"reason": "other", "words": f"核对号码{ID_NUMBER}"}, "请不要写号码"),
        ({"reason": "other", "words": "核对号码138 9123 4567"}, "请不要写号码"),
        ({"reason": "好奇"}, "好奇"),
    ],
)
def test_without_a_reason_or_with_a_number_in_it_nothing_is_shown(world, kept, confirmed, posted, sentence):
    answer = confirmed("office").post(address(kept), posted)
    text = answer.content.decode()
    assert sentence in text and PHONE not in text
    assert not AuditEvent.objects.filter(kind="reveal").exists()


def test_the_sixth_within_an_hour_is_not_shown_and_an_hour_after_the_first_one_more_is(world, kept, confirmed, clock):
    client = confirmed("office")
    for minute in range(5):
        clock(f"2018-07-04 10:0{minute}")
        assert PHONE in client.post(address(kept), BECAUSE).content.decode()
    sixth = client.post(address(kept), BECAUSE).content.decode()
    assert PHONE not in sixth and "一小时内最多查看5次，已经用完。56分钟后再试。" in sixth
    assert AuditEvent.objects.filter(kind="reveal", ok=False).count() == 1
    trusted(client, at("2018-07-04 12:00"))
    clock("2018-07-04 10:59")
    assert PHONE not in client.post(address(kept), BECAUSE).content.decode()
    clock("2018-07-04 11:00")
    assert PHONE in client.post(address(kept), BECAUSE).content.decode()
    assert PHONE not in client.post(address(kept), BECAUSE).content.decode(), "the second of 10:01 still counts"


def test_a_sealed_value_that_was_tampered_with_is_a_sentence_and_not_a_failure(world, kept, confirmed):
    Member.objects.filter(pk=kept.pk).update(phone_sealed="a1:0:" + "A" * 40)
    client = confirmed("office")
    assert "无法读取" in client.get(reverse("branches:member_detail", args=[kept.pk])).content.decode()
    answer = client.post(address(kept), BECAUSE)
    assert answer.status_code == 200 and "内容已被改动，或密钥不对。请联系系统管理员。" in answer.content.decode()
    assert AuditEvent.objects.filter(kind="reveal", ok=False).count() == 1


def test_a_field_that_is_not_kept_or_does_not_exist_has_nothing_to_show(world, confirmed):
    client, member = confirmed("office"), world.member("member")
    answer = client.post(address(member), BECAUSE, follow=True)
    assert "没有登记李强的联系电话" in answer.content.decode()
    assert client.get(address(member, "password")).status_code == 404


# -------------------------------------------------------------------------------------------------- the member's form


def edit(client, member: Member, **values):
    url = reverse("branches:member_edit", args=[member.pk])
    seen = client.get(url).context["form"].initial["seen"]
    posted = {"staff_number": member.staff_number, "name": member.name, "joined_on": "2010-07-01",
              "confirmed_on": "2011-07-01", "seen": seen, **values}  # fmt: skip
    return client.post(url, posted, follow=True)


def test_the_office_registers_numbers_and_facts_and_leaves_alone_what_it_leaves_empty(world, login):
    office, member = login("office"), world.member("member")
    answer = edit(
        office, member, id_number=ID_NUMBER.lower(), phone="138 9123 4567", retired_on="2018-03-01",
        mobile_from_on="2018-01-01", mobile_place="陕西省榆林市", absent_from_on="2018-02-01",
    ).content.decode()  # fmt: skip
    for words in ("610*************34", "138****4567", "离退休", "陕西省榆林市", "长期不能参加活动"):
        assert words in answer
    member.refresh_from_db()
    assert (reveal(member, "id_number"), reveal(member, "phone")) == (ID_NUMBER, PHONE)
    text = edit(office, member, retired_on="2018-03-01").content.decode()
    member.refresh_from_db()
    assert "138****4567" in text and reveal(member, "phone") == PHONE and member.mobile_from_on is None
    edit(office, member, forget_phone="on")
    member.refresh_from_db()
    assert (member.phone_sealed, member.phone_index) == ("", "") and reveal(member, "id_number") == ID_NUMBER
    lines = AuditEvent.objects.filter(what="修改党员信息").values_list("detail", flat=True)
    assert "公民身份号码" in str(list(lines)) and ID_NUMBER not in str(list(lines))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"id_number": "6.10103E+17"}, "Excel"),
        ({"id_number": ID_NUMBER[:-1] + "9"}, "对不上"),
        ({"phone": "85385111"}, "区号"),
        ({"mobile_place": "榆林"}, "填了流动去向"),
        ({"absent_from_on": "2018-07-05"}, "还没有到"),
        ({"mobile_from_on": "2018-07-05"}, "还没有到"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_at_its_field_and_nothing_is_written(world, login, values, sentence):
    member = world.member("member")
    answer = edit(login("office"), member, job_title="不应保存", **values).content.decode()
    assert sentence in answer and "不应保存" in answer
    assert Member.objects.get(pk=member.pk).job_title == ""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"id_number": ID_NUMBER, "joined_on": "1993-03-04", "confirmed_on": "1994-03-04"}, "未满18周岁"),
        ({"joined_on": "2010-07-01", "confirmed_on": "2011-06-30"}, "不满一年"),
        ({"phone": PHONE}, "这个电话也登记在陈静名下"),
    ],
)
def test_what_is_unusual_is_saved_and_said(world, login, values, sentence):
    secretary, member = world.member("secretary"), world.member("member")
    set_personal(secretary, phone=PHONE)
    secretary.save()
    answer = edit(login("office"), member, job_title="保存了", **values).content.decode()
    assert sentence in answer and Member.objects.get(pk=member.pk).job_title == "保存了"


def test_the_eighteenth_birthday_itself_is_old_enough_and_the_kept_number_tells_it_too(world, kept, login):
    office = login("office")
    assert "未满" not in edit(office, kept, joined_on="1993-03-05", confirmed_on="1994-03-05").content.decode()
    assert "未满18" in edit(office, kept, joined_on="1993-03-04", confirmed_on="1994-03-05").content.decode()


def test_one_id_number_is_not_registered_twice_and_the_sentence_says_where_it_is(world, kept, login):
    other = world.member("secretary")
    answer = edit(login("office"), other, id_number=ID_NUMBER).content.decode()
    assert f"登记在李强（工号{kept.staff_number}）名下" in answer and "名册查重" in answer
    elsewhere = Committee.objects.create(name="别的机关党委", short_name="别的")
    branch = Branch.objects.create(committee=elsewhere, code="01", name="别处支部", founded_on=date(2015, 1, 1))
    Membership.objects.filter(member=kept).delete()
    Membership.objects.create(member=kept, branch=branch, from_on=date(2018, 1, 1))
    answer = edit(login("office"), other, id_number=ID_NUMBER).content.decode()
    assert "已登记在其他机关党委" in answer and "李强" not in answer


def test_a_staff_number_names_nobody_whom_another_committee_had(world, login):
    """Who left another committee, and who administers it from no roster, is not this office's to read."""
    elsewhere = make_world("别的机关党委", "h")
    left = elsewhere.member("member")
    left.memberships.update(until_on=date(2018, 1, 1))
    Member.objects.filter(pk=left.pk).update(name="钱立")
    office = login("office")
    for number in (left.staff_number, elsewhere.member("security").staff_number):
        answer = office.post(reverse("branches:member_new"), {"staff_number": number, "name": "高远"}).content.decode()
        assert "已登记在其他机关党委" in answer and "钱立" not in answer and "沈毅" not in answer


@pytest.mark.parametrize("who", ["office", "auditor", "sysadmin"])
def test_no_office_gives_another_number_to_whoever_holds_a_right_of_the_committee(world, login, who):
    """The campus logs people in by that number: the right would go to whose number it is."""
    member = world.member(who)
    answer = edit(login("office"), member, staff_number="77777").content.decode()
    assert "请先由安全管理员收回" in answer
    assert Member.objects.get(pk=member.pk).staff_number == member.staff_number != "77777"
    assert "已保存" in edit(login("office"), world.member("member"), staff_number="77777").content.decode()


def test_a_newcomer_is_registered_with_both_numbers(world, login):
    answer = login("office").post(
        reverse("branches:member_new"),
        {"staff_number": "30001", "name": "高远", "branch": world.first.pk, "from_on": "2018-07-01",
         "id_number": ID_NUMBER, "phone": PHONE},
        follow=True,
    )  # fmt: skip
    assert "610*************34" in answer.content.decode()
    assert reveal(Member.objects.get(staff_number="30001"), "phone") == PHONE


def test_a_phone_that_its_owner_changed_meanwhile_is_not_undone_by_the_offices_form(world, kept, login):
    office, own = login("office"), login("member")
    url = reverse("branches:member_edit", args=[kept.pk])
    seen = office.get(url).context["form"].initial["seen"]
    own.post(reverse("branches:own_contact"), {"phone": "029-85385111"})
    office.post(url, {"staff_number": kept.staff_number, "name": "李强", "seen": seen, "job_title": "科员"})
    kept.refresh_from_db()
    assert (kept.job_title, reveal(kept, "phone")) == ("科员", "029-85385111")


def test_everybody_keeps_their_own_phone(world, login):
    client = login("member")
    url = reverse("branches:own_contact")
    assert "没有登记电话" in client.get(url).content.decode()
    assert "区号" in client.post(url, {"phone": "85385111"}).content.decode()
    assert "138****4567" in client.post(url, {"phone": PHONE}, follow=True).content.decode()
    assert reveal(Member.objects.get(pk=world.member("member").pk), "phone") == PHONE
    client.post(url, {"phone": PHONE})
    assert AuditEvent.objects.filter(what="修改本人联系电话").count() == 1, "the same phone again writes nothing"
    assert "已删去" in client.post(url, {"phone": ""}, follow=True).content.decode()
    assert not Member.objects.get(pk=world.member("member").pk).phone_index


# ---------------------------------------------------------------------------------------------- finding and filtering


def test_the_office_finds_a_member_by_a_whole_number_only_and_the_log_keeps_none(world, kept, login):
    office, url = login("office"), reverse("branches:member_find")
    for number in (ID_NUMBER, ID_NUMBER.lower(), PHONE, "+86 138-9123-4567"):
        assert "李强" in office.post(url, {"number": number}).content.decode()
    other_phone = PHONE[:-1] + "8"
    assert "没有登记这个号码" in office.post(url, {"number": other_phone}).content.decode()
    assert "对不上" in office.post(url, {"number": ID_NUMBER[:-1] + "1"}).content.decode()
    assert "李强" not in office.get(f"{url}?number={PHONE}").content.decode()
    events = AuditEvent.objects.filter(what="按号码查找党员")
    assert events.count() == 5 and not any(PHONE in str(row) or ID_NUMBER in str(row) for row in events.values_list())


def test_what_belongs_to_another_committee_is_not_found(world, kept, login):
    elsewhere = Committee.objects.create(name="别的机关党委", short_name="别的")
    branch = Branch.objects.create(committee=elsewhere, code="01", name="别处支部", founded_on=date(2015, 1, 1))
    Membership.objects.filter(member=kept).update(branch=branch)
    assert "没有登记" in login("office").post(reverse("branches:member_find"), {"number": PHONE}).content.decode()


def names(answer) -> set[str]:
    return {row["cells"][0]["text"] if isinstance(row["cells"][0], dict) else row["cells"][0]
            for row in answer.context["rows"]}  # fmt: skip


def test_the_list_is_narrowed_to_the_retired_the_mobile_and_the_long_absent_and_shows_the_signs(world, login):
    day = date(2018, 3, 1)
    Member.objects.filter(name="张三一").update(retired_on=day, absent_from_on=day)
    Member.objects.filter(name="张三二").update(mobile_from_on=day)
    Member.objects.filter(name="张三三").update(retired_on=date(2018, 9, 1))
    office, url = login("office"), reverse("branches:member_list")
    assert names(office.get(url, {"category": "retired"})) == {"张三一"}
    assert names(office.get(url, {"category": "mobile"})) == {"张三二"}
    assert names(office.get(url, {"category": "absent"})) == {"张三一"}
    assert names(office.get(url, {"category": "retired", "on": "2018-02-28"})) == set()
    assert "正式党员（离退休、长期不能参加）" in office.get(url).content.decode()
    roster = reverse("branches:branch_detail", args=[world.first.pk])
    assert "离退休" in login("secretary").get(roster).content.decode()
    assert "离退休" not in login("member").get(roster).content.decode(), "a fellow member reads no entries"


def test_the_roster_of_a_past_day_over_all_branches_is_that_of_the_day(world, login):
    gone, come = Member.objects.get(name="张三一"), add_member(world.second, "后来", "19900")
    Membership.objects.filter(member=gone).update(until_on=date(2018, 6, 1))
    Membership.objects.filter(member=come).update(from_on=date(2018, 6, 1))
    office, url = login("office"), reverse("branches:member_list")
    today, then = office.get(url), office.get(url, {"on": "2018-05-31"})
    assert "张三一" not in names(today) and "后来" in names(today)
    assert "张三一" in names(then) and "后来" not in names(then)
    assert "的名册：支部、人员类别和职务都按这一天" in then.content.decode()
    assert "on=2018-05-31" in then.content.decode(), "and the export is of that day"


# ------------------------------------------------------------------------------------------------------ who sees me


def brute_force(member: Member, moment) -> set[int]:
    """All users, one by one, whose readable entries contain the member."""
    return {
        user.member_id
        for user in User.objects.exclude(member=member)
        if readable_by(Access.of(user, moment)).filter(pk=member.pk).exists()
    }


def busy_world():
    """Posts that ended, begin, stand twice, stand elsewhere and above; members who moved and left."""
    world = make_world()
    above = Committee.objects.create(name="西北政法大学委员会", short_name="校党委", kind="university")
    Committee.objects.filter(pk=world.committee.pk).update(parent=above)
    elsewhere = Committee.objects.create(name="研究生院党总支", short_name="党总支", kind="general", parent=above)
    third = Branch.objects.create(committee=elsewhere, code="01", name="三支部", founded_on=date(2015, 1, 1))
    kind = Post.Kind
    for n, (post, where) in enumerate(
        [(kind.OFFICE, above), (kind.OFFICE, elsewhere), (kind.INSPECTOR, elsewhere), (kind.SECRETARY, third)]
    ):
        user = add_user(add_member(third, f"外{'甲乙丙丁'[n]}", f"17{n:03d}"))
        place = {"branch": where} if isinstance(where, Branch) else {"committee": where}
        Post.objects.create(member=user.member, kind=post, from_on=date(2016, 1, 1), **place)
    Post.objects.create(
        member=world.member("deputy"), kind=kind.PUBLICITY, branch=third, from_on=date(2018, 1, 1),
        until_on=date(2018, 5, 1),
    )  # fmt: skip
    Post.objects.create(member=world.member("other_member"), kind=kind.DEPUTY, branch=third, from_on=date(2018, 8, 1))
    moved, left = Member.objects.get(name="张三一"), Member.objects.get(name="张三二")
    Membership.objects.filter(member=moved).update(until_on=date(2018, 4, 1))
    Membership.objects.create(member=moved, branch=third, from_on=date(2018, 4, 1))
    Membership.objects.filter(member=left).update(until_on=date(2018, 4, 1))
    return world


@pytest.mark.parametrize("day", ["2018-03-31", "2018-04-01", "2018-07-04", "2018-09-01"])
def test_who_sees_me_is_exactly_whoever_could_open_my_entry(db, day):
    busy_world()
    moment = at(f"{day} 10:00")
    for member in Member.objects.all():
        found = {watcher.member.pk for watcher in watchers(member, moment.date(), moment)}
        assert found == brute_force(member, moment), (member, day)


def test_the_page_asks_as_much_for_many_post_holders_as_for_few(world, django_assert_num_queries):
    member = world.member("member")
    with django_assert_num_queries(3):
        few = watchers(member, date(2018, 7, 4), at(NOW))
    for n in range(40):
        holder = add_member(world.second, f"督{'一二三四五六七八九十'[n % 10]}", f"16{n:03d}")
        Post.objects.create(member=holder, kind="inspector", committee=world.committee, from_on=date(2016, 1, 1))
    with django_assert_num_queries(3):
        assert len(watchers(member, date(2018, 7, 4), at(NOW))) == len(few) + 40


def test_the_page_names_the_post_and_who_looked_when_and_why_but_no_number(world, kept, confirmed, login):
    confirmed("office").post(address(kept), {"reason": "other", "words": "核对介绍信"})
    own = login("member")
    text = own.get(reverse("branches:who_sees_me")).content.decode()
    for words in (
        "陈静",
        "教务处党支部　支部书记",
        "西北政法大学机关党委　督查人员",
        "核对介绍信",
        "郑洁（18007）",
        "联系电话",
    ):
        assert words in text
    assert PHONE not in text and "138****4567" in text
    assert "核对介绍信" not in login("other_member").get(reverse("branches:who_sees_me")).content.decode()
    before = own.get(reverse("branches:who_sees_me"), {"on": "2015-06-01"}).content.decode()
    assert "陈静" not in before and "没有人因职务" in before
