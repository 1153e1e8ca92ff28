"""A feature of the branch: a page that grows over the years, with pictures, and comes down after a question."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from django.urls import reverse

from branches.models import AuditEvent
from commitments.models import Feature, FeaturePicture
from tests.commitments.test_weeks import text_of
from tests.commitments.weeks import feature_by, kept_week, make_weeks
from tests.conftest import World, at
from tests.plan.filed import document, photo

pytestmark = pytest.mark.django_db

NEW = "/commitments/features/new/"
LIST = "/commitments/features/"
JULY = at("2018-07-02 10:00")


def words(**changes) -> dict:
    return {
        "name": "教务服务一站通", "since_on": "2016-03-01", "aim": "每月到院系现场办公。", "effect": "",
        "form_key": str(uuid.uuid4()), "action": "save",
    } | changes  # fmt: skip


def edit(feature: Feature) -> str:
    return reverse("commitments:feature_edit", args=[feature.pk])


def test_a_page_is_made_once_with_its_pictures_and_its_week(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    week = kept_week(issued, "secretary", date(2018, 6, 18), at("2018-06-25 09:00"))
    client, sent = login("secretary"), words(weeks=[week.pk])
    first = client.post(NEW, sent | {"pictures": [photo("red"), photo("blue")]})
    assert client.post(NEW, sent)["Location"] == first["Location"]
    feature = Feature.objects.get()
    assert (feature.branch, feature.pictures.count(), list(feature.weeks.all())) == (issued.first, 2, [week])
    page = text_of(login("member").get(first["Location"]))
    assert "每月到院系现场办公。" in page
    assert "2018年6月第3周党员活动周：亮身份服务师生" in page
    assert "陈静 7月2日 10:00新建" in page


def test_the_page_grows_over_the_years_and_says_who_changed_it(issued: World, login, clock) -> None:
    feature = feature_by(issued.access("secretary", JULY))
    clock("2019-05-06 15:00")
    client = login("deputy")
    changed = words(edition="0", effect="三年办结事项400件。", pictures=[photo()])
    page = text_of(client.post(edit(feature), changed, follow=True))
    assert "三年办结事项400件。" in page
    feature.refresh_from_db()
    assert (feature.changed_at, feature.changed_by) == (at("2019-05-06 15:00"), issued.users["deputy"])
    assert (feature.created_at, feature.edition) == (JULY, 1)
    # A caption is kept with the text; taken out, the picture is shown no more and its row stays.
    picture = feature.pictures.get()
    client.post(edit(feature), words(edition="1", **{f"caption-{picture.pk}": "现场办公", "remove": str(picture.pk)}))
    picture.refresh_from_db()
    assert (picture.caption, picture.removed_at) == ("现场办公", at("2019-05-06 15:00"))
    assert client.get(reverse("commitments:feature_picture", args=[picture.pk, "full"])).status_code == 404


def test_whoever_was_slower_sees_both_texts_and_overwrites_nothing(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    feature, client = feature_by(issued.access("secretary", JULY)), login("secretary")
    client.post(edit(feature), words(edition="0", aim="先存的做法"))
    response = client.post(edit(feature), words(edition="0", aim="后来的做法"))
    assert response.status_code == 409
    assert "先存的做法" in response.content.decode()
    feature.refresh_from_db()
    assert feature.aim == "先存的做法"
    assert client.post(edit(feature), words(edition="1", aim="后来的做法")).status_code == 302


def test_what_is_no_photo_stays_out_and_the_text_is_kept(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    response = login("secretary").post(NEW, words(pictures=[document("说明.pdf")]), follow=True)
    assert "说明.pdf" in text_of(response)
    assert "文字内容已保存。" in text_of(response)
    assert (Feature.objects.count(), FeaturePicture.objects.count()) == (1, 0)


def test_a_picture_is_served_as_a_picture_to_those_who_see_the_page(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    picture = make_weeks(issued).picture
    url = reverse("commitments:feature_picture", args=[picture.pk, "thumb"])
    for who, status in (("member", 200), ("office", 200), ("other_secretary", 404), ("security", 403)):
        assert login(who).get(url).status_code == status, who
    response = login("member").get(url)
    headers = ("Content-Type", "X-Content-Type-Options", "Content-Security-Policy")
    assert [response[name] for name in headers] == ["image/jpeg", "nosniff", "sandbox"]
    assert login("member").get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304


def test_it_comes_down_after_a_question_with_its_pictures(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    made = make_weeks(issued)
    url, client = reverse("commitments:feature_remove", args=[made.feature.pk]), login("secretary")
    assert "撤下“教务服务一站通”？" in text_of(client.get(url))
    assert "已撤下" in text_of(client.post(url, follow=True))
    for gone in (
        made.feature.get_absolute_url(),
        reverse("commitments:feature_picture", args=[made.picture.pk, "full"]),
    ):
        assert client.get(gone).status_code == 404
    assert Feature.objects.get().removed_at == at("2018-07-02 10:00")
    assert AuditEvent.objects.filter(what="撤下特色工作", object_name="教务服务一站通").count() == 1


def test_an_empty_room_says_what_to_do(issued: World, login, clock) -> None:
    clock("2018-07-02 10:00")
    assert "还没有特色工作。" in text_of(login("member").get(LIST))
    assert NEW in login("secretary").get(LIST).content.decode()
    assert NEW not in login("member").get(LIST).content.decode()
