"""The system administrator sees what runs, what waits and what failed, and has it tried again; others their own."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django_tasks import default_task_backend

from branches.models import AuditEvent, Branch
from jobs import keeping, work
from jobs.models import Job
from jobs.queue import ask
from plan.models import Duty, Plan
from tests.conftest import World, at
from tests.plan.test_plan_pages import draft_of

pytestmark = pytest.mark.django_db

NOW = "2018-07-12 10:00"
LIST = "/jobs/"


@pytest.fixture(autouse=True)
def emptied() -> None:
    default_task_backend.clear()


def handed() -> list[int]:
    return [result.args[0] for result in default_task_backend.results]


def failed(**more) -> Job:
    return Job.objects.create(
        kind="clean_up", key="clean_up@x", asked_at=at(NOW), next_at=at(NOW), state="failed", tries=5,
        ended_at=at(NOW), said="试了5次，都没有办成：OperationalError", **more,
    )  # fmt: skip


def page(client, url: str = LIST) -> str:
    return client.get(url).content.decode()


def test_the_page_says_whether_a_worker_lives(clock, world, login):
    clock(NOW)
    client = login("sysadmin")
    assert "没有后台进程在运行" in page(client)
    keeping.beat("here:1", at(NOW), at(NOW) - timedelta(seconds=50))
    assert "后台进程 1 个" in page(client) and "没有后台进程" not in page(client)
    clock("2018-07-12 10:02")
    assert "没有后台进程在运行" in page(client), "one that fell silent is no worker"


def test_every_round_stands_there_with_its_next_slot(clock, world, login):
    clock(NOW)
    shown = page(login("sysadmin"))
    for words in ("每5分钟", "每分钟", "每天 02:00", "7月13日 02:00", "7月12日 10:05"):
        assert words in shown


def test_a_filter_that_cannot_be_meant_narrows_nothing(clock, world, login):
    clock(NOW)
    failed()
    client = login("sysadmin")
    for query, total in (
        ("?state=failed", 1), ("?state=done", 0), ("?kind=clean_up", 1), ("?kind=messages", 0), ("?state=%00", 1),
        (f"?state={'9' * 5000}", 1), ("?page=x", 1), (f"?page={'9' * 500}", 1),
    ):  # fmt: skip
        assert client.get(LIST + query).context["page"].paginator.count == total, query[:20]
    assert client.get(f"{LIST}{'9' * 5000}/").status_code == 404


def test_a_failure_is_tried_again_once_however_often_one_presses(
    clock, world, login, django_capture_on_commit_callbacks
):
    clock(NOW)
    job, client = failed(), login("sysadmin")
    assert "再试一次" in page(client) and "OperationalError" in page(client)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            assert client.post(reverse("jobs:job_retry", args=[job.pk])).status_code == 302
    job.refresh_from_db()
    assert (job.state, job.tries, job.said) == ("waiting", 0, "")
    assert handed() == [job.pk]
    assert list(AuditEvent.objects.filter(what="重新执行后台任务").order_by("seq").values_list("ok", flat=True)) == [
        True, False,
    ]  # fmt: skip
    assert work.do(job.pk, at(NOW)) == "done"


def test_whoever_asked_watches_it_and_goes_on_from_there(clock, world, login):
    clock(NOW)
    access = world.access("secretary", at(NOW))
    job = ask("clean_up", key="a", at=at(NOW), access=access, arguments={"url": "/study/calendar/"})
    watching = page(login("secretary"), job.get_absolute_url())
    assert "data-progress" in watching and "js/progress.js" in watching
    assert login("secretary").get(f"/jobs/{job.pk}/progress/").json()["busy"] is True
    assert login("deputy").get(job.get_absolute_url()).status_code == 404
    work.do(job.pk, at(NOW))
    done = page(login("secretary"), job.get_absolute_url())
    assert 'href="/study/calendar/"' in done and "data-progress" not in done
    keeper = page(login("sysadmin"), job.get_absolute_url())
    assert "/study/calendar/" not in keeper, "business, which is not the system administrator's"


def test_no_address_leads_away_from_the_portal(clock, world, login):
    clock(NOW)
    access = world.access("secretary", at(NOW))
    for n, url in enumerate(("//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example")):
        job = ask("clean_up", key=f"{n}", at=at(NOW), access=access, arguments={"url": url})
        assert "evil" not in page(login("secretary"), job.get_absolute_url())


# A plan for many branches is opened in the background


def issued_by_page(world: World, login, capture) -> tuple[Plan, object]:
    draft = draft_of(world)
    with capture(execute=True):
        answer = login("office").post(f"/plans/{draft.pk}/issue/", {"seen": draft.sha256})
    draft.refresh_from_db()
    return draft, answer


def branches(world: World, count: int) -> None:
    Branch.objects.bulk_create(
        Branch(committee=world.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1))
        for n in range(count)
    )


def test_a_plan_for_many_branches_leads_to_its_progress_and_its_duties_come(
    clock, world, login, django_capture_on_commit_callbacks
):
    clock("2018-06-11 09:00")
    branches(world, 260)
    plan, answer = issued_by_page(world, login, django_capture_on_commit_callbacks)
    job = Job.objects.get()
    assert plan.is_issued and answer.url == job.get_absolute_url() and handed() == [job.pk]
    assert (job.key, job.committee) == (f"open_duties:{plan.pk}", world.committee)
    assert not Duty.objects.exists()
    assert "data-progress" in page(login("office"), answer.url)
    assert work.do(job.pk, at("2018-06-11 09:01")) == "done"
    job.refresh_from_db()
    opened = Duty.objects.count()
    assert (job.done, job.total) == (262, 262) and job.said == f"这份方案共有 {opened} 项任务"
    # Run again, as after a kill: nothing is doubled.
    Job.objects.filter(pk=job.pk).update(state="waiting", ended_at=None)
    assert work.do(job.pk, at("2018-06-11 09:02")) == "done"
    assert Duty.objects.count() == opened > 262
    assert plan.get_absolute_url() in page(login("office"), answer.url)


def test_a_plan_for_a_few_branches_is_there_at_once(clock, world, login, django_capture_on_commit_callbacks):
    clock("2018-06-11 09:00")
    plan, answer = issued_by_page(world, login, django_capture_on_commit_callbacks)
    assert answer.url == plan.get_absolute_url()
    assert Duty.objects.exists() and not Job.objects.exists()
