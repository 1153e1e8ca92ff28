"""What two offices or an office and a member do at the same moment: one wins, the other is told so in a sentence.

Only PostgreSQL shows such races; each test holds both at the place between the look and the write.
"""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection
from django.urls import reverse

from branches import roster_jobs, sessions
from branches.accounts import open_accounts
from branches.forms import MemberForm
from branches.models import Branch, Committee, Member, RosterImport, User
from branches.personal import check_character
from branches.roster import roster_lock
from branches.second_factor import PURPOSE
from branches.secrets import seal
from tests.branches.test_roster import book, mark_of, row, upload
from tests.conftest import World, add_member, at, logged_in, make_world
from tests.plan.test_races import together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FIRST = "61010219750305001"
ID_NUMBER = FIRST + check_character(FIRST)


@pytest.fixture
def worlds(transactional_db, clock) -> list[World]:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    clock("2018-07-04 10:00")
    return [make_world(), make_world("后勤党委", "h")]


@pytest.mark.parametrize("editing", [False, True])
def test_one_id_number_entered_by_two_offices_at_once_is_one_persons(worlds, monkeypatch, editing) -> None:
    looked = threading.Barrier(2)
    save = MemberForm.save

    def after_both_have_looked(self, commit=True):
        looked.wait(10)
        return save(self, commit)

    monkeypatch.setattr(MemberForm, "save", after_both_have_looked)
    clients = [logged_in(world.users["office"]) for world in worlds]
    members = [add_member(world.first, "高远", f"g{n}") for n, world in enumerate(worlds)] if editing else []
    urls = [reverse("branches:member_edit", args=[member.pk]) for member in members]
    # Read before the threads begin: the test client tells every thread of every page's context.
    seen = [client.get(url).context["form"].initial["seen"] for client, url in zip(clients, urls, strict=False)]

    def enter(n: int) -> str:
        data = {
            "staff_number": f"g{n}", "name": "高远", "id_number": ID_NUMBER, "joined_on": "2010-07-01",
            "confirmed_on": "2011-07-01",
        }  # fmt: skip
        if editing:
            url = urls[n]
            data["seen"] = seen[n]
        else:
            url = reverse("branches:member_new")
            data |= {"branch": str(worlds[n].first.pk), "from_on": "2018-07-04"}
        answer = clients[n].post(url, data)
        told = "这个号码已登记在其他机关党委" in answer.content.decode()
        return f"{answer.status_code} {'told' if told else ''}"

    assert sorted(together(enter, 2)) == ["200 told", "302 "]
    assert Member.objects.exclude(id_number_index="").count() == 1


@pytest.mark.parametrize("locked", [True, False])
def test_a_phone_set_up_while_a_new_code_is_issued_is_not_lost(worlds, monkeypatch, locked) -> None:
    """Without the lock it is (the control): the account would go on with the password alone."""
    world = worlds[0]
    user, access = world.users["secretary"], world.access("sysadmin", at("2018-07-04 10:00"))
    has_read, has_phone = threading.Event(), threading.Event()
    end_all = sessions.end_all

    def dawdle(*args, **kwargs):
        if not has_read.is_set():
            has_read.set()
            has_phone.wait(2)
        return end_all(*args, **kwargs)

    monkeypatch.setattr(sessions, "end_all", dawdle)
    if not locked:
        monkeypatch.setattr(type(User.objects), "select_for_update", lambda self: self.get_queryset(), raising=False)

    def act(n: int) -> str:
        if n == 0:
            open_accounts([user.member], access)
        else:
            has_read.wait(10)
            User.objects.filter(pk=user.pk).update(totp_sealed=seal("A" * 32, PURPOSE), totp_step=1)
            has_phone.set()
        return "done"

    assert together(act, 2) == ["done", "done"]
    assert bool(User.objects.get(pk=user.pk).totp_sealed) is locked


@pytest.mark.parametrize("whole_tree", [True, False])
def test_an_import_waits_for_the_office_of_a_committee_below(worlds, monkeypatch, whole_tree) -> None:
    """Its rows name branches below; with its own committee locked alone (the control) it writes on what is changing."""
    world = worlds[0]
    below = Committee.objects.create(name="后勤总支", short_name="总支", kind="general", parent=world.committee)
    branch = Branch.objects.create(committee=below, code="09", name="车队党支部", founded_on=date(2015, 1, 1))
    member = add_member(branch, "高远", "g9")
    client = logged_in(world.users["office"])
    upload(
        client,
        book(row(工号="g9", 姓名="高远", 所在党支部="车队党支部", 行政职务="队长")),
        committee=world.committee.pk,
    )
    record = RosterImport.objects.get()
    mark = mark_of(client, record)
    if not whole_tree:
        monkeypatch.setattr(roster_jobs, "roster_lock", lambda *ids: roster_lock(world.committee.pk))
    holds, written = threading.Event(), threading.Event()

    def act(n: int) -> str:
        if n == 0:
            with roster_lock(below.pk):
                holds.set()
                written.wait(2)
                Member.objects.filter(pk=member.pk).update(job_title="副队长")
            return "changed"
        holds.wait(10)
        client.post(reverse("branches:roster_commit", args=[record.pk]), {"mark": mark})
        written.set()
        record.refresh_from_db()
        return "written" if record.committed_at else record.trouble[:12]

    assert together(act, 2) == ["changed", "预览之后，名册有了变动，" if whole_tree else "written"]
