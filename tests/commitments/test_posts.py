"""Pioneer posts: set up, people put forward and decided on, turns adopted, terms begun and ended; what they settle."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.checkup import Scope
from branches.merging import DECISIONS
from branches.models import AuditEvent, Membership, Post
from commitments import nominating, posting
from commitments.models import Handover, Nomination, PioneerPost, Rotation, Term
from commitments.posting import Already, Refused, settle_opened
from commitments.posts_checkup import RULES
from commitments.turning import Choice, Draft, adopt, faults
from plan.models import Duty
from plan.opening import open_duties
from tests.commitments.posts import (
    SET_UP,
    adopted,
    branch_with_posts,
    post_of,
    put_forward,
    served,
    taken_in,
)
from tests.conftest import World, add_member, at
from tests.plan.filed import photo

pytestmark = pytest.mark.django_db

LATER = at("2018-08-02 10:00")


def c6(world: World) -> Duty:
    return Duty.objects.get(code="C6", branch=world.first)


def begun(world: World) -> Term:
    """The first planned term of the branch, begun."""
    adopted(world.first, world.access("secretary", SET_UP))
    return posting.begin(Term.objects.planned().earliest("from_on"), world.access("secretary", SET_UP))


# ------------------------------------------------------------------------------------------------------- the duty


def test_the_first_to_go_on_duty_settles_the_branchs_duty_once(issued: World) -> None:
    branch_with_posts(issued, posts=2)
    assert c6(issued).settled_at is None
    begun(issued)
    duty = c6(issued)
    assert (duty.settled_at, duty.done_at, duty.judged_due_at) == (SET_UP, SET_UP, duty.due_at)
    assert Duty.objects.filter(code="C6", settled_at__isnull=False).count() == 1
    # The second post's holder later changes nothing of it.
    posting.begin(Term.objects.planned().earliest("from_on"), issued.access("secretary", at("2018-07-03 10:00")))
    assert c6(issued).settled_at == SET_UP


def test_who_stands_there_when_duties_are_opened_has_settled_them(issued: World) -> None:
    branch_with_posts(issued)
    begun(issued)
    Duty.objects.filter(code="C6").delete()
    open_duties(issued.plan, at=at("2018-07-04 09:00"))
    assert c6(issued).settled_at == at("2018-07-04 09:00")
    assert Duty.objects.get(code="C6", branch=issued.second).settled_at is None
    # Of another year than the plan's nobody can say yet who will stand there.
    assert settle_opened(issued.plan, at("2017-12-30 09:00")) == 0


def test_a_term_that_cannot_begin_settles_nothing(issued: World) -> None:
    branch_with_posts(issued)
    adopted(issued.first, issued.access("secretary", SET_UP), day=date(2018, 7, 20))
    with pytest.raises(Refused, match="到时再登记上岗"):
        posting.begin(Term.objects.get(from_on=date(2018, 7, 20)), issued.access("secretary", SET_UP))
    assert c6(issued).settled_at is None


# -------------------------------------------------------------------------------------------------- going on duty


def test_one_post_is_held_by_one_and_one_member_holds_one_post(world: World) -> None:
    branch_with_posts(world, posts=2)
    access = world.access("secretary", SET_UP)
    term = begun(world)
    other = Term.objects.planned().exclude(post=term.post).earliest("from_on")
    same_post = Term.objects.create(
        post=term.post, member=other.member, nomination=other.nomination, from_on=date(2018, 7, 2),
        until_on=date(2018, 8, 2),
    )  # fmt: skip
    with pytest.raises(Refused, match="还在“服务窗口1”驻岗"):
        posting.begin(same_post, access)
    Term.objects.filter(pk=other.pk).update(member=term.member)
    with pytest.raises(Refused, match="正在“服务窗口1”驻岗"):
        posting.begin(Term.objects.get(pk=other.pk), access)
    # And where a door is passed by, the database refuses by name.
    for pk, name in ((same_post.pk, "post_held_by_one"), (other.pk, "member_on_one_post")):
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Term.objects.filter(pk=pk).update(begun_at=SET_UP, begun_by=access.actor)
        assert connection.vendor == "sqlite" or name in str(error.value)


def test_a_second_click_begins_and_ends_nothing_anew(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    branch_with_posts(world)
    term, client = begun(world), login("secretary")
    first = Term.objects.get(pk=term.pk).begun_at
    answer = client.post(reverse("commitments:term_begin", args=[term.pk]), follow=True)
    assert "没有再次登记" in answer.content.decode()
    assert Term.objects.get(pk=term.pk).begun_at == first
    gone = {f"end{term.pk}-how": "left", f"end{term.pk}-on": "2018-07-02", f"end{term.pk}-reason": "借调外出"}
    for _ in range(2):
        assert client.post(reverse("commitments:term_end", args=[term.pk]), gone).status_code == 302
    assert AuditEvent.objects.filter(what="提前离岗").count() == 1


def test_leaving_asks_for_the_right_way_day_and_reason_at_the_field(world: World, login, clock) -> None:
    clock("2018-07-10 09:00")
    branch_with_posts(world)
    term, client = begun(world), login("secretary")

    def left(how: str, on: str, reason: str = "") -> str:
        sent = {f"end{term.pk}-how": how, f"end{term.pk}-on": on, f"end{term.pk}-reason": reason}
        answer = client.post(reverse("commitments:term_end", args=[term.pk]), sent)
        assert answer.status_code == 422
        return str(answer.context["end_form"].errors)

    assert "还没有到期的，请选“提前离岗”" in left("rotated", "2018-07-10")
    assert "请写明摘牌的原因" in left("withdrawn", "2018-07-10")
    assert "不能晚于今天" in left("left", "2018-07-11", "借调")
    assert "不能早于上岗的" in left("left", "2018-07-01", "借调")
    assert "选择" in left("nonsense", "2018-07-10", "x")
    assert Term.objects.get(pk=term.pk).is_running
    clock("2018-08-01 09:00")
    sent = {f"end{term.pk}-how": "rotated", f"end{term.pk}-on": "2018-08-01", f"end{term.pk}-reason": ""}
    assert client.post(reverse("commitments:term_end", args=[term.pk]), sent).status_code == 302


def test_who_moved_to_another_branch_does_not_go_on_duty(world: World) -> None:
    members = branch_with_posts(world)
    adopted(world.first, world.access("secretary", SET_UP))
    Membership.objects.filter(member=members[0]).update(until_on=date(2018, 7, 2))
    with pytest.raises(Refused, match="已不在本支部名册上"):
        posting.begin(Term.objects.get(member=members[0]), world.access("secretary", SET_UP))


def test_what_is_handed_over_is_read_by_the_next_and_then_stays(world: World, login, clock) -> None:
    clock("2018-07-30 09:00")
    branch_with_posts(world)
    term = begun(world)
    url = reverse("commitments:term_handover", args=[term.pk])
    assert login("member").post(url, {"text": "x"}).status_code == 403
    assert login("secretary").post(url, {"text": "两名老师的材料下周补齐。"}).status_code == 302
    access = world.access("secretary", LATER)
    posting.end(term, access, how="rotated", on=date(2018, 8, 1))
    posting.begin(Term.objects.planned().earliest("from_on"), access)
    page = login("member").get(term.post.get_absolute_url()).content.decode()
    assert page.count("两名老师的材料下周补齐。") == 2  # for the next, and in the history
    with pytest.raises(Already, match="已经上岗"):
        posting.hand_over(Term.objects.get(pk=term.pk), access, "改写")
    assert Handover.objects.get().text == "两名老师的材料下周补齐。"


# ------------------------------------------------------------------------------------------------- putting forward


def nominated(client, world: World, **changed: object):
    member = world.first.roster(date(2018, 7, 2)).get(name="张三一")
    sent = {"member": member.pk, "kind": "backbone", "honour": "2017年度业务标兵", "picture": photo("red"),
            "is_willing": "on", "form_key": "k1"} | changed  # fmt: skip
    return client.post(reverse("commitments:nomination_new"), {k: v for k, v in sent.items() if v is not None})


def test_a_member_puts_somebody_forward_with_a_cleaned_picture_once(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    client = login("member")
    answer = nominated(client, world)
    nomination = Nomination.objects.get()
    assert answer.url == nomination.get_absolute_url()
    picture = client.get(reverse("commitments:nomination_picture", args=[nomination.pk, "full"]))
    assert picture.content[:3] == b"\xff\xd8\xff"
    assert b"Exif" not in picture.content
    # The same form again, and another form for the same person.
    assert nominated(client, world).url == nomination.get_absolute_url()
    again = nominated(client, world, form_key="k2")
    assert (again.status_code, "不必再次推荐" in again.content.decode()) == (422, True)
    assert Nomination.objects.count() == 1
    # What is still talked about is not for every member's eyes.
    assert login("commissioner").get(nomination.get_absolute_url()).status_code == 200
    assert login("other_member").get(nomination.get_absolute_url()).status_code == 404


def test_what_is_missing_or_no_photo_is_said_at_the_field(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    client = login("secretary")
    no_proof = nominated(client, world, picture=None)
    assert "请上传证书照片" in str(no_proof.context["form"].errors["picture"])
    fake = nominated(client, world, picture=SimpleUploadedFile("证书.jpg", b"no photo at all"))
    assert "证书.jpg" in str(fake.context["form"].errors["picture"])
    late = nominated(client, world, honoured_on="2018-07-03")
    assert "不能晚于今天" in str(late.context["form"].errors["honoured_on"])
    stranger = nominated(client, world, member=world.member("other_member").pk)
    assert "member" in stranger.context["form"].errors
    assert not Nomination.objects.exists()


def test_nobody_decides_on_oneself_and_where_nobody_else_can_the_office_does(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    own = put_forward(world.first, world.member("secretary"), world.access("secretary", SET_UP))
    url, yes = reverse("commitments:nomination_decide", args=[own.pk]), {"accept": "yes", "opinion": "同意。"}
    assert login("secretary").post(url, yes).status_code == 403
    assert login("office").post(url, yes).status_code == 403  # the deputy can
    with pytest.raises(Refused):
        nominating.decide(own, world.access("secretary", SET_UP), accept=True, opinion="同意。")
    Post.objects.filter(branch=world.first, kind="deputy").update(until_on=date(2018, 7, 1))
    assert login("office").post(url, yes).status_code == 302
    own.refresh_from_db()
    assert (own.state, own.decision) == ("accepted", "同意。")


def test_a_refused_one_keeps_the_branchs_opinion_and_may_be_put_forward_again(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    access = world.access("secretary", SET_UP)
    first = put_forward(world.first, world.member("member"), access)
    url = reverse("commitments:nomination_decide", args=[first.pk])
    assert login("deputy").post(url, {"accept": "no", "opinion": ""}).status_code == 422
    assert login("deputy").post(url, {"accept": "no", "opinion": "事迹不够具体。"}).status_code == 302
    # A second decision, of whoever had the page still open, changes nothing.
    late = login("secretary").post(url, {"accept": "yes", "opinion": "同意。"}, follow=True)
    assert "没有再次办理" in late.content.decode()
    assert Nomination.objects.get().decision == "事迹不够具体。"
    assert put_forward(world.first, world.member("member"), access).pk != first.pk


def test_stepping_back_cancels_what_was_planned_and_keeps_what_was_stood(world: World) -> None:
    members = branch_with_posts(world)
    access = world.access("secretary", SET_UP)
    term = begun(world)
    with pytest.raises(Refused, match="请先登记离岗"):
        nominating.withdraw(term.nomination, access, "调离")
    other = Nomination.objects.get(member=members[1])
    nominating.say_willing(other, access, willing=False)
    cancelled = Term.objects.get(member=members[1])
    assert (cancelled.end, cancelled.end_reason) == ("cancelled", "本人暂不驻岗")
    assert members[1].pk not in {person.key for person in Draft.of(world.first, access.on, 6, access.on).people}
    posting.end(term, access, how="withdrawn", on=date(2018, 7, 2), reason="受到投诉")
    nominating.withdraw(term.nomination, access, "不再适合")
    assert Term.objects.get(pk=term.pk).end == "withdrawn"


# ------------------------------------------------------------------------------------------------- the rotation


def draft_page(client, **query: object):
    return client.get(reverse("commitments:rotation_draft"), query)


def sent_draft(page, **changed: str) -> dict[str, str]:
    drafted = page.context["drafted"]
    sent = {"action": "adopt", "from_on": str(drafted.from_on), "months": str(drafted.months),
            "basis": drafted.basis, "form_key": page.context["form_key"]}  # fmt: skip
    return sent | {f"who-{row.key}": str(row.place.person or "") for row in drafted.rows} | changed


def test_the_draft_is_adopted_whole_and_what_was_changed_is_kept_with_its_reason(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    members = branch_with_posts(world, posts=2, people=4)
    client, url = login("secretary"), reverse("commitments:rotation_draft")
    page = draft_page(client, from_on="2018-07-02", months=3)
    rows = page.context["drafted"].rows
    assert [row.name for row in rows] == [m.name for m in (*members, *members[:2])]
    last = rows[-1]
    changed = sent_draft(page, **{f"who-{last.key}": str(members[3].pk)})
    refused = client.post(url, changed)
    assert (refused.status_code, "请写明原因" in refused.content.decode()) == (422, True)
    assert not Term.objects.exists()
    taken = client.post(url, sent_draft(page, **{f"who-{last.key}": str(members[0].pk), f"why-{last.key}": "换"}))
    assert (taken.status_code, "另有驻岗" in taken.content.decode()) == (422, True)
    assert client.post(url, changed | {f"why-{last.key}": "原定人选出差"}).status_code == 302
    assert Rotation.objects.count() == 2
    assert Term.objects.count() == 6
    kept = Rotation.objects.get(post=last.post).changes
    assert kept == [["2018-09-02至2018-10-01", members[1].name, members[3].name, "原定人选出差"]]
    # Sent once more: nothing is doubled, and nothing is said to have changed.
    again = client.post(url, changed | {f"why-{last.key}": "原定人选出差"}, follow=True)
    assert "已经确定，没有再次办理" in again.content.decode()
    assert Term.objects.count() == 6


def test_a_draft_that_is_no_longer_what_was_looked_at_is_not_adopted(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    branch_with_posts(world)
    client = login("secretary")
    page = draft_page(client)
    taken_in(world.first, world.member("member"), world.access("secretary", SET_UP))
    answer = client.post(reverse("commitments:rotation_draft"), sent_draft(page))
    assert (answer.status_code, "重新起草" in answer.content.decode()) == (409, True)
    drafted = page.context["drafted"]
    with pytest.raises(Refused, match="刚刚有了变化"):
        adopt(drafted, {}, world.access("secretary", SET_UP), "other")
    assert not Term.objects.exists()


def test_a_new_rotation_replaces_what_has_not_begun_and_follows_who_stands_there(world: World) -> None:
    members = branch_with_posts(world)
    running = begun(world)
    newcomer = taken_in(world.first, world.member("member"), world.access("secretary", at("2018-07-03 09:00")))
    adopted(world.first, world.access("secretary", at("2018-07-04 09:00")), day=date(2018, 7, 4), key="second")
    planned = Term.objects.planned().order_by("from_on")
    assert planned[0].from_on == running.until_on
    assert running.member_id not in [term.member_id for term in planned[:3]]
    assert {term.member_id for term in planned} == {members[1].pk, members[2].pk, newcomer.member_id}
    assert Term.objects.filter(end="cancelled", end_reason="重新安排轮换").count() == 2


def test_the_history_of_the_branch_counts_and_the_long_absent_are_not_drafted(world: World) -> None:
    members = branch_with_posts(world, people=3)
    access, post = world.access("secretary", SET_UP), PioneerPost.objects.get()
    nomination = Nomination.objects.get(member=members[0])
    Nomination.objects.update(decided_at=at("2017-01-01 09:00"))
    served(nomination, post, access, date(2018, 5, 1), date(2018, 6, 1))
    members[1].absent_from_on = date(2018, 6, 1)
    members[1].save()
    drafted = Draft.of(world.first, access.on, 2, access.on)
    assert [row.place.person for row in drafted.rows] == [members[2].pk, members[0].pk]
    assert [row.why for row in drafted.rows] == ["还没有驻过岗", "已驻岗1次，上次到2018年6月"]
    # The branch may choose somebody away, saying why, and leaves a place empty the same way.
    row = drafted.rows[0]
    assert faults(drafted, {row.key: Choice(members[1].pk, "已返校")}) == {}
    assert faults(drafted, {row.key: Choice(None)}) == {row.key: [("why", "改了人选，请写明原因。")]}


# ------------------------------------------------------------------------------------------------------- the posts


def post_sent(**changed: str) -> dict[str, str]:
    return {"name": "服务窗口", "duties": "接待师生。", "place": "", "every_months": "1", "opened_on": "2018-07-02",
            "form_key": "p1"} | changed  # fmt: skip


def test_a_post_is_set_up_once_and_its_name_stands_once(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    client, url = login("commissioner"), reverse("commitments:post_new")
    assert client.post(url, post_sent()).url == client.post(url, post_sent()).url
    assert PioneerPost.objects.count() == 1
    again = client.post(url, post_sent(form_key="p2"))
    assert (again.status_code, "已有同名的岗位" in again.content.decode()) == (422, True)


def test_a_post_that_somebody_else_changed_meanwhile_is_not_overwritten(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    post = post_of(world.first, world.access("secretary", SET_UP))
    client, url = login("secretary"), reverse("commitments:post_edit", args=[post.pk])
    seen = client.get(url).context["form"].initial["seen"]
    PioneerPost.objects.update(place="二楼大厅")
    lost = client.post(url, post_sent(seen=seen, place="三楼"))
    assert (lost.status_code, PioneerPost.objects.get().place) == (409, "二楼大厅")
    seen = lost.context["form"].initial["seen"]
    assert client.post(url, post_sent(seen=seen, place="三楼")).status_code == 302
    assert PioneerPost.objects.get().place == "三楼"


def test_a_post_is_closed_with_a_reason_and_not_under_somebody(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    branch_with_posts(world)
    term, client = begun(world), login("secretary")
    url = reverse("commitments:post_close", args=[term.post_id])
    assert client.post(url, {"reason": ""}).status_code == 422
    assert "还在驻岗" in client.post(url, {"reason": "窗口合并"}).content.decode()
    posting.end(term, world.access("secretary", SET_UP), how="left", on=date(2018, 7, 2), reason="窗口合并")
    assert client.post(url, {"reason": "窗口合并"}).status_code == 302
    assert not Term.objects.planned().exists()
    page = client.get(reverse("commitments:post_list"), {"show": "closed"}).content.decode()
    assert "服务窗口1" in page
    assert "服务窗口1" not in client.get(reverse("commitments:post_list")).content.decode()


def test_the_register_tells_who_stood_where_when(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    branch_with_posts(world)
    term = begun(world)
    answer = login("member").get(reverse("commitments:post_register"))
    text = zipfile.ZipFile(io.BytesIO(b"".join(answer))).read("word/document.xml").decode()
    for words in ("党员先锋岗登记表", "服务窗口1", term.member.name, "2018.7.2—2018.8.1", "在岗", "支部大会评议通过。"):
        assert words in text, words


# ---------------------------------------------------------------------------------------------------------- hints


def told(world: World, moment) -> dict[str, list[str]]:
    scope = Scope(world.access("secretary", moment))
    found = {rule.code: [rule.say(row, scope).text for row in rule.found(scope)] for rule in RULES}
    return {code: texts for code, texts in found.items() if texts}


def test_the_checkup_says_whose_turn_is_over_and_what_stands_empty(world: World) -> None:
    members = branch_with_posts(world)
    assert told(world, at("2018-07-07 09:00")) == {}
    assert told(world, at("2018-07-10 09:00")) == {"post-empty": ["“服务窗口1”现在没有党员驻岗。"]}
    begun(world)
    name = members[0].name
    assert told(world, at("2018-07-10 09:00")) == {}
    assert told(world, at("2018-07-27 09:00")) == {"post-term-ends": [f"{name}在“服务窗口1”驻岗，8月1日到期。"]}
    assert told(world, at("2018-08-03 09:00")) == {
        "post-term-over": [f"{name}在“服务窗口1”驻岗，8月1日到期，已过2天还没有轮换。"]
    }
    Membership.objects.filter(member=members[0]).update(until_on=date(2018, 7, 5))
    assert list(told(world, at("2018-07-10 09:00"))) == ["post-holder-left"]


def test_who_waits_while_another_stands_twice_is_named(world: World, login, clock) -> None:
    members = branch_with_posts(world, people=2)
    access, post = world.access("secretary", SET_UP), PioneerPost.objects.get()
    Nomination.objects.update(decided_at=at("2018-01-02 09:00"))
    nomination = Nomination.objects.get(member=members[0])
    served(nomination, post, access, date(2018, 5, 1), date(2018, 6, 1))
    assert "post-same-people" not in told(world, at("2018-07-03 09:00"))
    served(nomination, post, access, date(2018, 6, 1), date(2018, 7, 1))
    assert members[1].name in told(world, at("2018-07-03 09:00"))["post-same-people"][0]
    clock("2018-07-03 09:00")
    page = login("secretary").get(reverse("commitments:post_list")).content.decode()
    assert "愿意驻岗的党员一直没有轮到" in page
    assert members[1].name in page
    # Who said no is not waiting.
    Nomination.objects.filter(member=members[1]).update(is_willing=False)
    assert "post-same-people" not in told(world, at("2018-07-03 09:00"))


# ------------------------------------------------------------------------------------------------- lists and merging


def test_the_lists_ask_as_much_for_thirty_posts_as_for_one(world: World, login, clock) -> None:
    clock("2018-07-02 09:00")
    branch_with_posts(world)
    begun(world)
    access = world.access("secretary", SET_UP)
    clients = {who: login(who) for who in ("secretary", "office")}
    post = PioneerPost.objects.get()
    served(Nomination.objects.earliest("pk"), post, access, date(2016, 1, 1), date(2016, 2, 1))
    pages = [reverse("commitments:post_list"), reverse("commitments:nomination_list"), post.get_absolute_url()]
    drafts = reverse("commitments:rotation_draft")

    def asked() -> list[int]:
        found = []
        for who, client in clients.items():
            for page in [*pages, drafts] if who == "secretary" else pages:
                client.get(page)
                with CaptureQueriesContext(connection) as captured:
                    assert client.get(page).status_code == 200
                found.append(len(captured))
        return found

    one = asked()
    for n in range(30):
        member = add_member(world.first, f"李四{n}", f"77{n:03d}")
        nomination = taken_in(world.first, member, access)
        other = post_of(world.first, access, name=f"岗位{n}")
        served(nomination, post, access, date(2017, 1, 1), date(2017, 2, 1))
        Term.objects.create(post=other, member=member, nomination=nomination, from_on=date(2018, 7, 1),
                            until_on=date(2018, 8, 1), begun_at=SET_UP, begun_by=access.actor)  # fmt: skip
    assert asked() == one


def test_a_merge_leaves_one_person_on_one_post(world: World) -> None:
    members = branch_with_posts(world, posts=2)
    access = world.access("secretary", SET_UP)
    adopted(world.first, access)
    for term in Term.objects.planned().filter(from_on=date(2018, 7, 2)):
        posting.begin(term, access)
    moved = DECISIONS["commitments.Term.member"].carry(members[0], members[1])
    assert "已结束" in moved.sentence
    assert Term.objects.running().get().member == members[0]
    assert not Term.objects.filter(member=members[1]).exists()
