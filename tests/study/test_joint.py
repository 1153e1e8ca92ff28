"""Joint gatherings: one record that several branches share, each answering for its own people, duties and filing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Branch, Post
from plan.models import Duty, Filing, Picture
from plan.moves import move
from study import joint
from study.feed import feed
from study.gathering_papers import gathering_snapshot
from study.gatherings import Sitting
from study.models import Attendance, CheckIn, Gathering, Partner
from tests.conftest import World, add_member, add_user, at, logged_in
from tests.plan.filed import photo
from tests.study.test_gatherings import kept, typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 17:30")


@pytest.fixture
def gathering(issued: World, login) -> Gathering:
    return kept(issued, login, "theme_day", title="参观梁家河")


def page_of(partner: Partner) -> str:
    return reverse("study:joint_edit", args=[partner.pk])


def invited(world: World, gathering: Gathering, login) -> Partner:
    url = reverse("study:partners", args=[gathering.pk])
    assert login("secretary").post(url, {"branches": [world.second.pk]}).status_code == 302
    return Partner.objects.get(gathering=gathering, branch=world.second)


def with_photo(gathering: Gathering, login) -> Picture:
    url = reverse("plan:picture_add", args=[gathering.filing_id])
    assert login("secretary").post(url, {"pictures": [photo("red")]}).status_code == 302
    return gathering.filing.pictures.get()


def filed(world: World, gathering: Gathering) -> Filing:
    return move(gathering.filing, "file", access=world.access("secretary", at("2018-07-11 17:30")))


def answer(world: World, partner: Partner, action: str = "save", **changes: Any) -> dict[str, Any]:
    """What the invited branch's page sends with everybody present."""
    filing = Partner.objects.get(pk=partner.pk).filing
    data: dict[str, Any] = {"edition": filing.edition if filing else 0, "action": action}
    for member in world.second.roster(partner.gathering.held_on):
        data[f"presence-{member.pk}"] = "present"
    return data | changes


def sent(world: World, partner: Partner, login, **changes: Any) -> Filing:
    response = login("other_secretary").post(page_of(partner), answer(world, partner, "file", **changes))
    assert response.status_code == 302
    return Partner.objects.get(pk=partner.pk).filing


# Inviting


def test_the_invited_branch_finds_it_among_its_records_and_reads_the_shared_text(
    issued: World, gathering: Gathering, login
) -> None:
    partner = invited(issued, gathering, login)
    text = login("other_secretary").get("/study/gatherings/").content.decode()
    assert "教务处党支部邀请科研处党支部" in text
    text = login("other_secretary").get(page_of(partner)).content.decode()
    assert "还在填写" in text
    assert gathering.content in text
    assert "参观梁家河" not in login("other_member").get("/study/gatherings/").content.decode()


def test_a_look_at_the_page_writes_nothing(issued: World, gathering: Gathering, login) -> None:
    partner = invited(issued, gathering, login)
    login("other_secretary").get(page_of(partner))
    assert Partner.objects.get().filing is None
    assert not Filing.objects.filter(kind="joint").exists()


def test_nobody_else_reaches_the_page(issued: World, gathering: Gathering, login) -> None:
    partner = invited(issued, gathering, login)
    assert login("secretary").get(page_of(partner)).status_code == 404
    assert login("member").get(page_of(partner)).status_code == 403  # no leader at all
    third = Branch.objects.create(
        committee=issued.committee, code="03", name="后勤党支部", founded_on=issued.first.founded_on
    )
    head = add_member(third, "高原", "30001")
    Post.objects.create(member=head, kind=Post.Kind.SECRETARY, branch=third, from_on=third.founded_on)
    assert logged_in(add_user(head)).get(page_of(partner)).status_code == 404
    assert login("other_secretary").get(reverse("study:partners", args=[gathering.pk])).status_code == 404


def test_only_branches_of_the_same_tree_are_invited_and_each_once(issued: World, gathering: Gathering, login) -> None:
    from tests.conftest import make_world

    foreign = make_world("别的机关党委", "9")
    url = reverse("study:partners", args=[gathering.pk])
    for number in (foreign.first.pk, issued.first.pk, "x", 10**20):
        assert login("secretary").post(url, {"branches": [number]}).status_code == 422
    invited(issued, gathering, login)
    assert login("secretary").post(url, {"branches": [issued.second.pk]}).status_code == 422
    assert login("secretary").post(url, {}).status_code == 422
    assert Partner.objects.count() == 1


def test_an_invitation_is_taken_back_until_it_is_answered(issued: World, gathering: Gathering, login) -> None:
    url = reverse("study:partners", args=[gathering.pk])
    partner = invited(issued, gathering, login)
    login("secretary").post(url, {"withdraw": partner.pk})
    assert not Partner.objects.exists()
    partner = invited(issued, gathering, login)
    login("other_secretary").post(page_of(partner), answer(issued, partner))
    login("secretary").post(url, {"withdraw": partner.pk})
    assert Partner.objects.exists()
    assert login("secretary").post(url, {"withdraw": "x"}).status_code == 400


def test_who_signed_in_for_an_invited_branch_never_becomes_the_recording_branchs(
    issued: World, gathering: Gathering, login, clock
) -> None:
    partner = invited(issued, gathering, login)
    own = gathering.attendance.filter(partner__isnull=True).count()
    clock("2018-07-11 15:00")
    guest = issued.member("other_member")
    Attendance.objects.create(
        gathering=gathering, partner=partner, member=guest, is_full=True, checked_in_at=at("2018-07-11 15:00")
    )
    login("secretary").post(reverse("study:partners", args=[gathering.pk]), {"withdraw": partner.pk})
    assert gathering.attendance.filter(partner__isnull=True).count() == own
    assert gathering.attendance.filter(partner=partner, member=guest, checked_in_at__isnull=False).exists()


def test_who_made_up_a_study_and_turns_out_to_have_been_there_is_corrected(
    issued: World, gathering: Gathering, login
) -> None:
    partner = invited(issued, gathering, login)
    who = issued.member("other_member").pk
    login("other_secretary").post(page_of(partner), answer(issued, partner, **{f"presence-{who}": "absent"}))
    line = Attendance.objects.filter(gathering=gathering, member=who)
    line.update(made_up_on=at("2018-07-11 17:00").date(), made_up_by=issued.users["other_secretary"], made_up_note="补")
    assert login("other_secretary").post(page_of(partner), answer(issued, partner)).status_code == 302
    assert (line.get().presence, line.get().made_up_on, line.get().made_up_note) == ("present", None, "")


def test_an_answer_to_an_invitation_just_taken_back_is_not_found(
    issued: World, gathering: Gathering, login, monkeypatch
) -> None:
    partner = invited(issued, gathering, login)
    asked = joint.sitting_of

    def taken_back(one: Partner, *args: Any) -> Any:
        found = asked(one, *args)
        Partner.objects.filter(pk=one.pk).delete()
        return found

    monkeypatch.setattr(joint, "sitting_of", taken_back)
    assert login("other_secretary").post(page_of(partner), answer(issued, partner)).status_code == 404
    assert not Filing.objects.filter(kind="joint").exists()


def test_a_discarded_record_invites_nobody(issued: World, gathering: Gathering, login) -> None:
    partner = invited(issued, gathering, login)
    gathering.filing.refresh_from_db()
    move(gathering.filing, "discard", access=issued.access("secretary", at("2018-07-11 17:30")))
    assert login("other_secretary").get(page_of(partner)).status_code == 404
    assert "参观梁家河" not in login("other_secretary").get("/study/gatherings/").content.decode()


# Its own part


def test_the_partners_people_do_not_count_for_the_recording_branch(issued: World, gathering: Gathering, login) -> None:
    host_lines = gathering.attendance.count()
    before = gathering_snapshot(gathering)
    partner = invited(issued, gathering, login)
    away = issued.member("other_member")
    login("other_secretary").post(
        page_of(partner),
        answer(issued, partner, **{f"presence-{away.pk}": "excused", f"reason-{away.pk}": "sick"}),
    )
    own = issued.second.roster(gathering.held_on).count()
    assert Attendance.objects.filter(partner=partner).count() == own
    assert Attendance.objects.get(member=away).reason == "sick"
    assert len(Sitting.of(gathering).attendance) == host_lines
    after = dict(map(tuple, gathering_snapshot(gathering)["fields"]))
    assert {k: v for k, v in after.items() if k != "联合开展支部"} == dict(map(tuple, before["fields"]))
    assert after["联合开展支部"] == "科研处党支部"
    assert f"应到{host_lines} 实到{host_lines}" in login("secretary").get("/study/gatherings/").content.decode()
    # The host saves again: the partner's lines stay.
    gathering.filing.refresh_from_db()
    login("secretary").post(
        gathering.get_edit_url(), typed(issued, "theme_day", edition=gathering.filing.edition, title="参观梁家河")
    )
    assert Attendance.objects.filter(partner=partner).count() == own
    assert Attendance.objects.get(member=away).presence == "excused"


def test_it_can_be_sent_only_after_the_recording_branch_has(issued: World, gathering: Gathering, login) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    filing = sent(issued, partner, login)
    assert filing.state == "draft"
    text = login("other_secretary").get(page_of(partner)).content.decode()
    assert "教务处党支部的活动记录还没有报送" in text
    filed(issued, gathering)
    filing = sent(issued, partner, login)
    assert (filing.state, filing.kind, filing.branch) == ("filed", "joint", issued.second)
    assert filing.receipt.startswith("2018-02-")


def test_each_branch_settles_its_own_duties_with_its_own_filing(issued: World, gathering: Gathering, login) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    host = filed(issued, gathering)
    filing = sent(issued, partner, login)
    july = {d.branch_id: d for d in Duty.objects.filter(code="C7", member=None, period="7月", occasion=None)}
    assert july[issued.first.pk].settled_by == host
    assert july[issued.second.pk].settled_by == filing
    assert july[issued.second.pk].done_at == gathering.ended_at
    # 活动结束后第二天报送 is owed by each, and judged by each one's own filing.
    assert {d.branch_id: d.settled_by_id for d in Duty.objects.filter(occasion__in=[host, filing])} == {
        issued.first.pk: host.pk, issued.second.pk: filing.pk,
    }  # fmt: skip


def test_a_partner_who_is_late_gives_a_reason_and_the_host_stays_punctual(
    issued: World, gathering: Gathering, login, clock
) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    host = filed(issued, gathering)
    clock("2018-07-13 09:00")
    assert sent(issued, partner, login).state == "draft"
    filing = sent(issued, partner, login, late_reason="书记出差")
    assert (filing.state, filing.is_late, filing.late_reason) == ("filed", True, "书记出差")
    host.refresh_from_db()
    assert not host.is_late


def test_the_shared_pictures_count_and_are_shown_once_the_host_has_filed(
    issued: World, gathering: Gathering, login
) -> None:
    picture = with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    url = reverse("plan:picture", args=[picture.pk, "full"])
    assert login("other_secretary").get(url).status_code == 404  # still the recording branch's draft
    filed(issued, gathering)
    assert login("other_secretary").get(url).status_code == 200
    assert login("other_member").get(url).status_code == 404
    filing = sent(issued, partner, login)
    assert login("other_member").get(url).status_code == 200
    assert [one["sha256"] for one in filing.newest.snapshot["pictures"]] == [picture.sha256]
    assert not filing.pictures.exists()


def test_without_a_picture_of_the_hosts_the_partner_is_told_who_adds_it(
    issued: World, gathering: Gathering, login
) -> None:
    partner = invited(issued, gathering, login)
    assert "由教务处党支部上传" in login("other_secretary").get(page_of(partner)).content.decode()


def test_what_is_frozen_cites_the_hosts_version_and_stays_when_the_host_corrects(
    issued: World, gathering: Gathering, login, clock
) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    host = filed(issued, gathering)
    filing = sent(issued, partner, login)
    frozen = filing.newest.snapshot
    fields = dict(map(tuple, frozen["fields"]))
    first = host.newest
    assert first.sha256 in fields["联合活动"]
    assert f"编号{host.receipt}，第1版" in fields["联合活动"]
    assert fields["填报支部"] == "科研处党支部"
    assert fields["主要内容"] == gathering.content
    assert fields["应到人数"].startswith(str(issued.second.roster(gathering.held_on).count()))
    assert [label for label, _ in frozen["fields"]].count("应到人数") == 1
    access = issued.access("secretary", at("2018-07-11 18:00"))
    host = move(host, "correct", access=access, note="补充内容")
    Gathering.objects.filter(pk=gathering.pk).update(content="更正后的内容" * 10)
    move(Filing.objects.get(pk=host.pk), "file", access=issued.access("secretary", at("2018-07-11 18:10")))
    clock("2018-07-11 19:00")
    text = login("other_secretary").get(page_of(partner)).content.decode()
    assert "更正为第2版；本支部报送的是第1版" in text
    assert "更正后的内容" in text
    filing.refresh_from_db()
    assert filing.newest.snapshot == frozen
    assert filing.newest.is_intact


def test_while_the_host_corrects_the_partner_waits(issued: World, gathering: Gathering, login) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    host = filed(issued, gathering)
    move(host, "correct", access=issued.access("secretary", at("2018-07-11 17:30")), note="改")
    assert sent(issued, partner, login).state == "draft"
    assert "正在更正" in login("other_secretary").get(page_of(partner)).content.decode()


def test_two_of_the_branch_at_once_do_not_write_over_each_other(issued: World, gathering: Gathering, login) -> None:
    partner = invited(issued, gathering, login)
    data = answer(issued, partner)
    assert login("other_secretary").post(page_of(partner), data).status_code == 302
    away = issued.member("other_member").pk
    response = login("other_secretary").post(page_of(partner), data | {f"presence-{away}": "absent"})
    assert response.status_code == 409
    text = response.content.decode()
    assert "再次保存即以您的为准" in text
    assert Attendance.objects.get(member=away).presence == "present"
    assert Filing.objects.filter(kind="joint").count() == 1


@pytest.mark.parametrize("bad", [{"edition": "x"}, {"edition": ""}, {"action": "steal"}])
def test_a_page_that_was_tampered_with_is_refused(issued: World, gathering: Gathering, login, bad: dict) -> None:
    partner = invited(issued, gathering, login)
    assert login("other_secretary").post(page_of(partner), answer(issued, partner) | bad).status_code == 400
    assert Partner.objects.get().filing is None


def test_what_is_typed_too_long_comes_back(issued: World, gathering: Gathering, login) -> None:
    partner = invited(issued, gathering, login)
    away = issued.member("other_member").pk
    data = answer(issued, partner, late_reason="长" * 201, **{f"presence-{away}": "absent"})
    response = login("other_secretary").post(page_of(partner), data)
    assert response.status_code == 422
    assert [line.presence for line in response.context["attendance"] if line.member_id == away] == ["absent"]
    assert Partner.objects.get().filing is None


def test_once_sent_it_is_read_and_no_more_changed(issued: World, gathering: Gathering, login) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    filed(issued, gathering)
    filing = sent(issued, partner, login)
    assert "存草稿" not in login("other_secretary").get(page_of(partner)).content.decode()
    login("other_secretary").post(page_of(partner), answer(issued, partner))
    edition = filing.edition
    filing.refresh_from_db()
    assert filing.edition == edition
    for who, url in (("office", filing.get_absolute_url()), ("other_member", filing.get_absolute_url())):
        assert login(who).get(url).status_code == 200
    assert login("member").get(filing.get_absolute_url()).status_code == 404
    assert login("office").get(reverse("plan:filing_docx", args=[filing.pk])).status_code == 200


def test_the_office_sends_it_back_to_the_partner_alone(issued: World, gathering: Gathering, login) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    filed(issued, gathering)
    filing = sent(issued, partner, login)
    move(filing, "send_back", access=issued.access("office", at("2018-07-11 18:00")), note="请核对人数")
    assert login("other_secretary").get(page_of(partner)).context["editable"]
    assert sent(issued, partner, login).newest.number == 2
    gathering.filing.refresh_from_db()
    assert gathering.filing.state == "filed"


def test_who_changed_branches_must_be_looked_at_again(issued: World, gathering: Gathering, login) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    filed(issued, gathering)
    login("other_secretary").post(page_of(partner), answer(issued, partner))
    add_member(issued.second, "新来", "40001")
    filing = Partner.objects.get().filing
    access = issued.access("other_secretary", at("2018-07-11 17:30"))
    assert "名册有变化" in "".join(filing.record.missing_to_file(access.now))


def test_a_member_of_the_partner_branch_signs_in_by_the_same_code(issued: World, gathering: Gathering, login) -> None:
    partner = invited(issued, gathering, login)
    login("secretary").post(reverse("study:check_in", args=[gathering.pk]), {"action": "open", "minutes": 5})
    code = CheckIn.objects.get()
    assert login("other_member").post(f"/study/sign-in/{code.nonce}/").status_code == 200
    line = Attendance.objects.get(member=issued.member("other_member"))
    assert (line.partner, line.presence) == (partner, "present")
    # The page of the branch was not drawn since: whatever it says, who signed in is there.
    data = answer(issued, partner, **{f"presence-{line.member_id}": "absent"})
    login("other_secretary").post(page_of(partner), data)
    line.refresh_from_db()
    assert (line.presence, bool(line.checked_in_at)) == ("present", True)


def test_it_stands_on_the_calendars_of_both_branches_each_with_its_own_filing(
    issued: World, gathering: Gathering, login
) -> None:
    with_photo(gathering, login)
    partner = invited(issued, gathering, login)
    host = filed(issued, gathering)
    calendar = "/study/calendar/?view=list&kind=theme_day"
    assert "参观梁家河" not in login("other_member").get(calendar).content.decode()
    own = sent(issued, partner, login)
    assert own.get_absolute_url() in login("other_member").get(calendar).content.decode()
    text = login("member").get(calendar).content.decode()
    assert host.get_absolute_url() in text
    assert own.get_absolute_url() not in text
    day = login("office").get("/study/calendar/?day=2018-07-11&kind=theme_day")
    assert [row["branch"] for row in day.context["rows"]] == ["教务处党支部", "科研处党支部"]
    access = issued.access("other_member", at("2018-07-11 17:30"))
    assert "参观梁家河" in feed(access).decode().replace("\r\n ", "")


def test_the_list_asks_as_much_for_ten_invitations_as_for_one(issued: World, login, gathering: Gathering) -> None:
    invited(issued, gathering, login)
    client: Client = login("other_secretary")
    counts = []
    for more in (0, 2, 30):
        for n in range(more):
            filing = Filing.objects.get(pk=gathering.filing_id)
            filing.pk, filing.form_key = None, None
            filing.save()
            twin = Gathering.objects.get(pk=gathering.pk)
            twin.pk, twin.filing, twin.title = None, filing, f"活动{n}"
            twin.save()
            Partner.objects.create(
                gathering=twin, branch=issued.second, invited_at=at("2018-07-11 09:00"),
                invited_by=issued.users["secretary"],
            )  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/study/gatherings/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
