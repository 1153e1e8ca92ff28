"""Members entered twice: which pairs are proposed and why, what a merge moves, and that it is all or nothing."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from branches import merging
from branches.duplicates import not_the_same, pairs, plain_name, plain_number
from branches.merging import DECISIONS, CannotMerge, Decision, left_over, merge, naming_columns, rehearse
from branches.models import AuditEvent, Branch, Committee, Member, Membership, NotDuplicate, Post, User
from branches.personal import check_character, reveal, set_personal
from plan.models import Claim, Duty, Filing, Version
from study.models import Attendance, Gathering, MemberPlan
from tests.conftest import PASSWORD, add_member, add_user, at, logged_in, trusted
from tests.records import make_records
from tests.test_access_matrix import tables

NOW = "2018-07-04 10:00"
TODAY = date(2018, 7, 4)


@pytest.fixture(autouse=True)
def ten_o_clock(clock):
    clock(NOW)


def office(world):
    return world.access("office", at(NOW))


# ------------------------------------------------------------------------------------------------------ what is found


def born(year: int, serial: int = 1) -> str:
    first = f"610102{year}0305{serial:03d}"
    return first + check_character(first)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({"name": "高远"}, {"name": "高远"}, "姓名和入党日期相同"),
        ({"name": "高远"}, {"name": "高 远"}, "姓名写法不同：高远、高 远"),
        ({"name": "阿里·买买提"}, {"name": "阿里•买买提"}, "姓名写法不同"),
        ({"name": "阿里·买买提"}, {"name": "阿里买买提"}, "姓名写法不同"),
        ({"name": "Ｌi"}, {"name": "li"}, "姓名写法不同"),
        ({"name": "高远", "joined_on": None, "id": born(1975)}, {"name": "高远", "id": born(1975, 2)}, "出生年份相同"),
        ({"name": "高远", "phone": "13891234567"}, {"name": "李丽", "phone": "13891234567"}, "联系电话相同"),
        ({"name": "高远", "number": "00721"}, {"name": "李丽", "number": "721"}, "工号只差前面的0"),
        ({"name": "高远", "number": "a-721"}, {"name": "李丽", "number": "0a721"}, "工号只差前面的0"),
        ({"name": "高远"}, {"name": "高远", "joined_on": date(2008, 1, 1)}, ""),
        ({"name": "高远", "joined_on": None}, {"name": "高远", "joined_on": None}, ""),
        ({"name": "高远", "joined_on": None, "id": born(1975)}, {"name": "高远", "id": born(1976)}, ""),
        ({"name": "高远"}, {"name": "高远志"}, ""),
        ({"name": "高远", "number": "7210"}, {"name": "李丽", "number": "721"}, ""),
    ],
)
def test_a_pair_is_proposed_for_a_reason_and_only_for_one(world, one, other, reason):
    for serial, facts in enumerate((one, other)):
        member = add_member(world.first, facts["name"], facts.get("number", f"5{serial}5"))
        member.joined_on = facts.get("joined_on", member.joined_on)
        set_personal(member, id_number=facts.get("id"), phone=facts.get("phone"))
        member.save()
    found = [pair for pair in pairs(office(world)) if "高远" in pair.first.name or pair.first.name != pair.second.name]
    if reason:
        (pair,) = found
        assert any(reason in words for words in pair.reasons), pair.reasons
    else:
        assert found == []


def test_what_was_told_apart_or_merged_or_is_anothers_is_not_proposed(world):
    one, other = add_member(world.first, "高远", "501"), add_member(world.second, "高远", "502")
    assert len(pairs(office(world))) == 1
    not_the_same(office(world), other, one)
    assert pairs(office(world)) == [] and NotDuplicate.objects.get().first == one
    NotDuplicate.objects.all().delete()
    merge(one, other)
    assert pairs(office(world)) == []


def test_a_telephone_that_a_whole_office_shares_proposes_nobody(world):
    for member in Member.objects.filter(name__startswith="张三") | Member.objects.filter(name__in=["李强", "何平"]):
        set_personal(member, phone="029-85385111")
        member.save()
    assert pairs(office(world)) == []


def test_the_list_asks_as_much_for_many_pairs_as_for_few(world, django_assert_num_queries):
    for n in range(2):
        add_member(world.first, "高远", f"50{n}")
    access = office(world)
    with django_assert_num_queries(2):
        assert len(pairs(access)) == 1
    for n in range(40):
        add_member(world.first, f"双{'一二三四五六七八九十'[n // 2 % 10]}{'甲乙'[n // 20]}", f"60{n:02d}")
    with django_assert_num_queries(2):
        assert len(pairs(access)) == 21


@given(st.text(alphabet="阿里买提·•. Ａa0", max_size=20))
def test_a_plain_name_or_number_is_plain_already(text):
    assert plain_name(plain_name(text)) == plain_name(text)
    assert plain_number(plain_number(text)) == plain_number(text)


# ------------------------------------------------------------------------------------------------------------- terms

DAYS = st.integers(0, 30).map(lambda n: date(2018, 1, 1) + timedelta(days=n))


@st.composite
def terms(draw):
    start = draw(DAYS)
    return start, draw(st.none() | st.integers(1, 20).map(lambda n: start + timedelta(days=n)))


@given(terms(), st.lists(terms(), max_size=4))
def test_what_is_left_of_a_term_is_every_day_of_it_that_is_not_taken(term, taken):
    def days(start, stop):
        end = stop or date(2018, 6, 1)
        return {start + timedelta(days=n) for n in range((end - start).days)}

    left = left_over(term, taken)
    covered = set().union(*(days(*one) for one in taken)) if taken else set()
    found = [day for part in left for day in days(*part)]
    assert set(found) == days(*term) - covered and len(found) == len(set(found))
    assert all(stop is None or stop > start for start, stop in left)


# -------------------------------------------------------------------------------------------------- every column


def test_every_column_that_names_a_member_or_an_account_has_its_decision():
    assert naming_columns() == set(DECISIONS)


@pytest.fixture
def doubled(db):
    """李强 with his records, and a second entry of his: same branch, same gatherings, same duties, own account."""
    records = make_records()
    world = records.world
    member = world.member("member")
    double = Member.objects.create(
        staff_number="0" + member.staff_number, name="李强", joined_on=member.joined_on,
        confirmed_on=member.confirmed_on, job_title="主任科员",
    )  # fmt: skip
    set_personal(double, id_number=born(1975), phone="13891234567")
    double.save()
    Membership.objects.create(member=double, branch=world.second, from_on=date(2012, 1, 1), until_on=date(2014, 1, 1))
    Membership.objects.create(member=double, branch=world.first, from_on=date(2014, 1, 1))
    Post.objects.create(member=double, kind="group_leader", branch=world.first, from_on=date(2016, 1, 1))
    world.users["double"] = add_user(double)
    Gathering.objects.filter(pk=records.gathering.pk).update(recorder=double)
    Attendance.objects.filter(gathering=records.gathering, member=member).update(presence="absent")
    Attendance.objects.create(gathering=records.gathering, member=double, is_full=True, presence="present")
    own = Duty.objects.filter(member=member, occasion__isnull=True).order_by("pk")
    for duty in list(own):
        duty.pk, duty.member = None, double
        duty.save(force_insert=True)
    settled = Duty.objects.filter(member=double).earliest("pk")
    settled.settled_at = settled.done_at = at("2018-07-01 09:00")
    settled.save()
    return records, member, double


def test_the_merge_moves_everything_and_says_beforehand_what(doubled):
    records, kept, gone = doubled
    world = records.world
    versions, duties = list(Version.objects.order_by("pk").values()), Duty.objects.filter(member=kept).count()
    log = list(AuditEvent.objects.order_by("seq").values())
    before = tables()
    said = rehearse(kept, gone)
    assert tables() == before, "the rehearsal leaves nothing behind"
    assert merge(Member.objects.get(pk=kept.pk), Member.objects.get(pk=gone.pk)) == said
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert gone.merged_into == kept and (gone.id_number_index, gone.phone_sealed) == ("", "")
    assert (reveal(kept, "id_number"), reveal(kept, "phone")) == (born(1975), "13891234567")
    assert kept.job_title == "主任科员" and not Member.objects.get(pk=gone.pk).memberships.exists()
    history = list(kept.memberships.order_by("from_on").values_list("branch", "from_on", "until_on"))
    assert history == [
        (world.second.pk, date(2012, 1, 1), date(2014, 1, 1)), (world.first.pk, date(2014, 1, 1), date(2015, 1, 1)),
        (world.first.pk, date(2015, 1, 1), None),
    ]  # fmt: skip
    assert [post.kind for post in kept.posts.all()] == ["group_leader"]
    assert Gathering.objects.get(pk=records.gathering.pk).recorder == kept
    line = Attendance.objects.get(gathering=records.gathering, member=kept)
    assert line.presence == "present" and not Attendance.objects.filter(member=gone).exists()
    assert Duty.objects.filter(member=kept).count() == duties and not Duty.objects.filter(member=gone).exists()
    assert Duty.objects.filter(member=kept, done_at=at("2018-07-01 09:00")).count() == 1
    assert User.objects.get(member=gone).is_active is False and User.objects.get(member=kept).is_active
    assert list(Version.objects.order_by("pk").values()) == versions, "what was filed is not rewritten"
    assert list(AuditEvent.objects.order_by("seq").values()) == log
    words = {decision.noun: moved for decision, moved in said}
    assert words["组织关系"].count == 2 and "有1段" in words["组织关系"].sentence
    assert "有一方办结的算办结" in words["个人任务"].sentence and "1次活动" in words["到会记录"].sentence


def test_nothing_names_the_entry_that_went_but_what_was_decided_to_stay(doubled):
    _, kept, gone = doubled
    merge(kept, gone)
    left = {}
    for key in naming_columns():
        label, _, column = key.rpartition(".")
        model = apps.get_model(label)
        if model._meta.get_field(column).related_model is Member:
            left[key] = model._default_manager.filter(**{column: gone}).count()
    assert {key: count for key, count in left.items() if count} == {"branches.User.member": 1}


@pytest.mark.parametrize("step", [key for key, decision in DECISIONS.items() if decision.carry])
def test_a_merge_that_is_stopped_at_any_step_has_changed_nothing(doubled, monkeypatch, step):
    _, kept, gone = doubled
    before, carry = tables(), DECISIONS[step].carry

    def stop(*entries):
        carry(*entries)
        raise KeyboardInterrupt

    monkeypatch.setitem(DECISIONS, step, Decision("", carry=stop))
    with pytest.raises(KeyboardInterrupt):
        merge(kept, gone)
    assert tables() == before


def test_a_merge_that_is_stopped_at_its_last_write_has_changed_nothing(doubled, monkeypatch):
    _, kept, gone = doubled
    before, save = tables(), Member.save
    calls = itertools.count(1)

    def stop(self, *args, **kwargs):
        save(self, *args, **kwargs)
        if next(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Member, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        merge(kept, gone)
    assert tables() == before


def test_two_study_plans_of_one_year_stay_two(doubled):
    records, kept, gone = doubled
    filing = Filing.objects.get(pk=records.member_plan.filing_id)
    filing.pk, filing.receipt, filing.form_key, filing.member = None, "2018-01-9777", None, gone
    filing.save(force_insert=True)
    plan = MemberPlan.objects.create(filing=filing, member=gone, plan=records.member_plan.plan, goal="另一份")
    said = {decision.noun: moved for decision, moved in merge(kept, gone)}
    plan.refresh_from_db()
    assert (plan.member, plan.filing.member) == (gone, gone)
    assert said["个人自学计划"].sentence == "另有1份与保留条目的计划同属一个方案，留在原条目下备查"


def test_an_account_goes_over_where_the_other_entry_has_none(world, login):
    kept, gone = add_member(world.first, "高远", "501"), add_member(world.first, "高远", "00501")
    user = add_user(gone)
    merge(kept, gone)
    user.refresh_from_db()
    assert (user.member, user.staff_number, user.is_active) == (kept, "501", True)
    assert Client().post("/login/", {"username": "501", "password": PASSWORD})["Location"] == "/"


def test_claims_of_a_doubled_duty_lead_to_the_one_that_is_left(doubled):
    records, kept, gone = doubled
    duty = Duty.objects.filter(member=gone).latest("pk")
    filing = Filing.objects.get(pk=records.members_paper_draft.pk)
    Claim.objects.filter(filing=filing).delete()
    Claim.objects.create(filing=filing, duty=duty, claimed_at=at(NOW))
    merge(kept, gone)
    assert Claim.objects.get(filing=filing).duty.member == kept


def test_posts_that_exclude_one_another_keep_the_entries_apart(world):
    before = tables()
    with pytest.raises(CannotMerge, match="互斥"):
        merge(world.member("secretary"), world.member("auditor"))
    assert tables() == before
    merge(add_member(world.first, "高远", "501"), one := add_member(world.first, "高远", "502"))
    with pytest.raises(CannotMerge, match="已经并入"):
        merge(world.member("member"), one)


def test_what_was_merged_before_leads_to_where_its_entry_goes(world, login):
    first, second, third = (add_member(world.first, "高远", number) for number in ("501", "502", "503"))
    merge(second, third)
    merge(first, Member.objects.get(pk=second.pk))
    third.refresh_from_db()
    assert third.merged_into == first
    answer = login("office").get(reverse("branches:member_detail", args=[third.pk]), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("branches:member_detail", args=[first.pk])
    assert "工号503的条目已并入高远（工号501）" in answer.content.decode()
    assert login("other_secretary").get(reverse("branches:member_detail", args=[third.pk])).status_code == 404


# ------------------------------------------------------------------------------------------------------------- pages


def sure(client):
    return trusted(client, at(NOW) + timedelta(minutes=5))


def test_the_office_compares_confirms_and_merges_what_the_preview_showed(doubled):
    records, kept, gone = doubled
    client = logged_in(records.world.users["office"])
    listed = client.get(reverse("branches:member_duplicates")).content.decode()
    url = reverse("branches:member_pair", args=[kept.pk, gone.pk])
    assert url in listed and "姓名和入党日期相同" in listed
    page = client.get(url)
    text = page.content.decode()
    for words in (
        "组织关系 2 段",
        "到会记录",
        "只留一行",
        "公民身份号码、联系电话",
        "合并后不能撤销",
        "610*************",
    ):
        assert words in text
    assert born(1975) not in text
    posted = {"action": "merge", "mark": page.context["mark"]}
    assert client.post(url, posted)["Location"].startswith(reverse("branches:sudo")), "the password once more"
    sure(client)
    assert "有了变动，没有合并" in client.post(url, {**posted, "mark": "stale"}, follow=True).content.decode()
    gone.refresh_from_db()
    assert gone.merged_into is None
    done = client.post(url, posted, follow=True)
    assert f"已把工号{gone.staff_number}的条目并入李强" in done.content.decode()
    event = AuditEvent.objects.get(what="合并党员条目")
    assert event.object_name == "李强" and "组织关系2" in event.detail["moved"]
    assert client.post(url, posted).status_code == 404, "sent twice, it is done once"
    names = [row["cells"][1] for row in client.get(reverse("branches:member_list")).context["rows"]]
    assert gone.staff_number not in names and kept.staff_number in names


def test_two_people_of_one_name_are_told_apart_for_good(world, login):
    one, other = add_member(world.first, "高远", "501"), add_member(world.second, "高远", "502")
    client, url = login("office"), reverse("branches:member_duplicates")
    assert "高远" in client.get(url).content.decode()
    client.post(reverse("branches:member_pair", args=[one.pk, other.pk]), {"action": "differ"})
    assert "没有发现可能重复" in client.get(url).content.decode()
    assert AuditEvent.objects.filter(what="认定不是同一人").count() == 1


def test_any_two_are_laid_side_by_side_by_their_staff_numbers(world, login):
    client, url = login("office"), reverse("branches:member_duplicates")
    one, other = world.member("member"), world.member("other_member")
    answer = client.get(url, {"first": one.staff_number, "second": f" {other.staff_number} "})
    assert answer["Location"] == reverse("branches:member_pair", args=[one.pk, other.pk])
    assert "没有看出两者相同之处" in client.get(answer["Location"]).content.decode()
    assert "没有工号 77" in client.get(url, {"first": "77", "second": one.staff_number}).content.decode()
    same = client.get(url, {"first": one.staff_number, "second": one.staff_number}).content.decode()
    assert "同一个条目" in same


def test_ones_own_entry_in_use_is_not_merged_away(world, login):
    client = sure(login("office"))
    me = world.member("office")
    url = reverse("branches:member_pair", args=[world.member("member").pk, me.pk])
    assert "请对调，保留它" in client.get(url).content.decode()
    assert "不能并掉自己" in client.post(url, {"action": "merge"}, follow=True).content.decode()
    assert Member.objects.get(pk=me.pk).merged_into is None


def test_another_committees_members_are_not_to_be_found(world, login):
    elsewhere = Committee.objects.create(name="别的机关党委", short_name="别的")
    branch = world.second
    Membership.objects.filter(branch=branch, member=world.member("other_member")).delete()
    there = Branch.objects.create(committee=elsewhere, code="01", name="别处支部", founded_on=date(2015, 1, 1))
    Membership.objects.create(member=world.member("other_member"), branch=there, from_on=date(2018, 1, 1))
    url = reverse("branches:member_pair", args=[world.member("member").pk, world.member("other_member").pk])
    assert login("office").get(url).status_code == 404


def test_the_decisions_are_carried_out_in_the_order_the_plans_need():
    order = list(merging.DECISIONS)
    assert order.index("plan.Filing.member") < order.index("study.MemberPlan.member")


# ------------------------------------------------------------------------------------------- no way to another's rights


@pytest.mark.parametrize("kind", ["office", "security", "sysadmin", "auditor"])
def test_no_merge_hands_a_right_of_the_committee_to_another_entry(world, login, kind):
    """Who works in an office and who administers is the security administrator's to say, and nobody else's."""
    above = Committee.objects.create(name="校党委", short_name="校党委", kind="university")
    Committee.objects.filter(pk=world.committee.pk).update(parent=above)
    victim = add_member(world.first, "高远", "501")
    Post.objects.create(member=victim, kind=kind, committee=above, from_on=date(2016, 1, 1))
    kept = world.member("office") if kind == "office" else add_member(world.first, "高远", "502")
    client = sure(login("office"))
    url = reverse("branches:member_pair", args=[kept.pk, victim.pk])
    page = client.get(url)
    assert "请先由安全管理员收回这项权限" in page.content.decode()
    client.post(url, {"action": "merge", "mark": page.context["mark"]})
    assert Post.objects.get(kind=kind, committee=above).member == victim


def test_no_merge_gives_an_account_to_whoever_holds_a_right_of_the_committee(world, login):
    """The account that goes over brings its own password: it must not open an administrator's rights."""
    kept, gone = add_member(world.first, "高远", "501"), add_member(world.first, "高远", "502")
    user = add_user(gone)
    post = Post.objects.create(member=kept, kind="sysadmin", committee=world.committee, from_on=date(2016, 1, 1))
    client = sure(login("office"))
    url = reverse("branches:member_pair", args=[kept.pk, gone.pk])
    page = client.get(url)
    client.post(url, {"action": "merge", "mark": page.context["mark"]})
    user.refresh_from_db()
    assert user.member == gone
    Post.objects.filter(pk=post.pk).update(until_on=TODAY)
    page = client.get(url)
    client.post(url, {"action": "merge", "mark": page.context["mark"]})
    user.refresh_from_db()
    assert user.member == kept, "a right that has ended keeps nobody apart"


def test_a_merge_writes_the_facts_as_they_stand_and_not_as_they_were_looked_up(world, login, monkeypatch):
    """What somebody saves while the merge waits for the roster is not undone by it."""
    from branches.views import duplicates

    kept, gone = add_member(world.first, "高远", "501"), add_member(world.first, "高远", "502")
    client = sure(login("office"))
    url = reverse("branches:member_pair", args=[kept.pk, gone.pk])
    mark = client.get(url).context["mark"]
    lock = duplicates.roster_lock

    def waits(*committees):
        Member.objects.filter(pk=kept.pk).update(job_title="处长")
        return lock(*committees)

    monkeypatch.setattr(duplicates, "roster_lock", waits)
    client.post(url, {"action": "merge", "mark": mark}, follow=True)
    kept.refresh_from_db()
    assert kept.job_title == "处长"


def test_what_either_signed_or_made_up_stays_said(doubled):
    records, kept, gone = doubled
    signed, day = at("2018-07-01 08:55"), date(2018, 7, 2)
    Attendance.objects.filter(gathering=records.gathering, member=gone).update(checked_in_at=signed)
    made_up = {"made_up_on": day, "made_up_note": "单独讲解", "made_up_by": records.world.users["secretary"]}
    missed = {"gathering": records.gathering_draft, "is_full": True, "presence": "absent"}
    Attendance.objects.filter(gathering=records.gathering_draft, member=kept).update(presence="absent")
    Attendance.objects.create(member=gone, **missed, **made_up)
    merge(Member.objects.get(pk=kept.pk), Member.objects.get(pk=gone.pk))
    lines = {line.gathering_id: line for line in Attendance.objects.filter(member=kept)}
    there, away = lines[records.gathering.pk], lines[records.gathering_draft.pk]
    assert (there.presence, there.checked_in_at) == ("present", signed)
    assert (away.presence, away.made_up_on, away.made_up_note) == ("absent", day, "单独讲解")
