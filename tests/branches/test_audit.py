"""The audit log: both or neither, only ever added, and whatever is tampered with shows."""

from __future__ import annotations

import random
import threading
from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from branches import append_only, audit
from branches.models import AuditEvent, AuditHead
from tests.conftest import at
from tests.lifting import lift, lifted

Kind = AuditEvent.Kind
NOON = at("2018-07-10 12:00")


def write(world, number: int = 1, who: str = "office") -> None:
    access = world.access(who, NOON)
    for n in range(number):
        audit.note(access, Kind.WRITE, f"第{n}件事", world.first, note="说明")


def test_an_event_says_who_what_when_and_about_what(world):
    with audit.act(world.access("office", NOON), Kind.WRITE, "修改党支部", world.first, reason="改名") as entry:
        entry.detail["old"] = "教务处党支部"
    event = AuditEvent.objects.get()
    assert (event.seq, event.at, event.kind, event.what, event.ok) == (1, NOON, "write", "修改党支部", True)
    assert event.actor == world.users["office"]
    assert event.actor_name == "郑洁（18007）"
    assert "机关党委办公室" in event.roles
    assert event.committee == world.committee
    assert (event.object_type, event.object_id) == ("branches.branch", str(world.first.pk))
    assert event.detail == {"reason": "改名", "old": "教务处党支部"}
    assert audit.verify() == (1, [])


def test_an_act_that_fails_leaves_neither_its_rows_nor_an_event(world):
    with pytest.raises(ZeroDivisionError), audit.act(world.access("office", NOON), Kind.WRITE, "改名", world.first):
        world.first.name = "别的名字"
        world.first.save()
        raise ZeroDivisionError
    world.first.refresh_from_db()
    assert world.first.name == "教务处党支部"
    assert not AuditEvent.objects.exists()


def test_an_act_whose_event_cannot_be_written_does_not_happen(world, monkeypatch):
    def full(*args: object, **kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEvent, "save", full)
    with pytest.raises(DatabaseError), audit.act(world.access("office", NOON), Kind.WRITE, "改名", world.first):
        world.first.name = "别的名字"
        world.first.save()
    world.first.refresh_from_db()
    assert world.first.name == "教务处党支部"


def test_what_no_database_takes_is_made_plain_and_what_is_long_is_cut(world):
    audit.note(world.access("office", NOON), Kind.WRITE, "改\x00名\n" + "长" * 100, None, note="\ud800" + "x" * 900)
    event = AuditEvent.objects.get()
    assert "\x00" not in event.what and "\n" not in event.what and len(event.what) == 60
    assert len(event.detail["note"]) <= 500
    assert audit.verify() == (1, [])


STATEMENTS = [
    lambda: AuditEvent.objects.update(what="别的"),
    lambda: AuditEvent.objects.all().delete(),
    lambda: AuditEvent.objects.get(seq=2).save(),
    lambda: AuditEvent.objects.get(seq=2).delete(),
    lambda: AuditEvent.objects.bulk_update([AuditEvent.objects.get(seq=2)], ["what"]),
    lambda: execute("UPDATE branches_auditevent SET what = 'x' WHERE seq = 2"),
    lambda: execute("DELETE FROM branches_auditevent WHERE seq = 3"),
    lambda: execute("INSERT INTO branches_auditevent SELECT * FROM branches_auditevent WHERE seq = 1"),
]


def execute(sql: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def refuses_to_change(world) -> None:
    write(world, 3)
    before = list(AuditEvent.objects.order_by("seq").values())
    for statement in STATEMENTS:
        with pytest.raises(DatabaseError), transaction.atomic():
            statement()
    assert list(AuditEvent.objects.order_by("seq").values()) == before
    # The control: without the triggers the same statement goes through.
    with lifted(), transaction.atomic():
        STATEMENTS[0]()
        assert AuditEvent.objects.filter(what="别的").count() == 3
        transaction.set_rollback(True)


def test_the_database_refuses_to_change_or_delete_an_event(world):
    refuses_to_change(world)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_postgresql_refuses_to_change_delete_or_empty_the_events(world):
    refuses_to_change(world)
    with pytest.raises(DatabaseError):
        execute("TRUNCATE branches_auditevent")


def test_the_triggers_come_with_every_migration_and_their_absence_is_told(world):
    assert append_only.missing(connection) == set()
    assert not run_checks(databases=["default"], tags=["database"])
    lift()
    errors = run_checks(databases=["default"], tags=["database"])
    assert [error.id for error in errors] == ["branches.E001"]
    assert "branches_auditevent_no_delete" in errors[0].msg
    call_command("migrate", verbosity=0)
    assert append_only.missing(connection) == set()


# Tampering, with the triggers out of the way as an owner of the database could have it


def field_changed(rng: random.Random, seq: int) -> None:
    name, value = rng.choice([
        ("what", "别的事"), ("actor_name", "别人（1）"), ("ok", False), ("object_id", "77"), ("detail", {"note": "x"}),
        ("at", at("2018-07-09 12:00")), ("ip", "10.0.0.1"), ("committee_id", None), ("actor_id", None),
    ])  # fmt: skip
    AuditEvent.objects.filter(seq=seq).update(**{name: value})


def row_deleted(rng: random.Random, seq: int) -> None:
    AuditEvent.objects.filter(seq=seq).delete()


def row_forged(rng: random.Random, seq: int) -> None:
    """A row with a chain value worked out without the key, put in the place of the true one."""
    event = AuditEvent.objects.get(seq=seq)
    AuditEvent.objects.filter(seq=seq).delete()
    event.pk, event.what, event.mac = None, "没有发生的事", f"{rng.getrandbits(256):064x}"
    event.save(force_insert=True)


def rows_swapped(rng: random.Random, seq: int) -> None:
    other = seq - 1 if seq > 1 else seq + 1
    AuditEvent.objects.filter(seq=seq).update(seq=10**9)
    AuditEvent.objects.filter(seq=other).update(seq=seq)
    AuditEvent.objects.filter(seq=10**9).update(seq=other)


def tail_cut(rng: random.Random, seq: int) -> None:
    """The last rows and the head set back to match: only an anchor kept outside knows."""
    AuditEvent.objects.filter(seq__gte=seq).delete()
    last = AuditEvent.objects.order_by("-seq").first()
    AuditHead.objects.update(seq=last.seq if last else 0, mac=last.mac if last else audit.START)


def head_changed(rng: random.Random, seq: int) -> None:
    AuditHead.objects.update(mac=f"{rng.getrandbits(256):064x}")


KINDS = [field_changed, row_deleted, row_forged, rows_swapped, tail_cut, head_changed]
ROWS, TIMES = 12, 200


def every_tampering_is_found(world) -> None:
    write(world, ROWS)
    anchors = [audit.head(NOON)]
    assert audit.verify(anchors) == (ROWS, [])
    rng = random.Random(7)
    with transaction.atomic(), lifted():
        for kind in KINDS:
            for _ in range(TIMES):
                save = transaction.savepoint()
                kind(rng, rng.randint(1, ROWS))
                _, broken = audit.verify(anchors)
                assert broken, f"{kind.__name__} was not found"
                transaction.savepoint_rollback(save)
        assert audit.verify(anchors) == (ROWS, [])


def test_six_kinds_of_tampering_are_all_found(world):
    every_tampering_is_found(world)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_six_kinds_of_tampering_are_all_found_on_postgresql(world):
    every_tampering_is_found(world)


def test_a_changed_row_is_named(world, tmp_path):
    write(world, 5)
    file = tmp_path / "anchors.txt"
    said = StringIO()
    call_command("verify_chain", anchors=file, anchor=True, stdout=said)
    assert "共5条，0处不符" in said.getvalue()
    assert file.read_text().startswith("5 ")
    with lifted():
        AuditEvent.objects.filter(seq=3).update(what="别的")
    said = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_chain", anchors=file, stdout=said)
    assert "第3条：内容与校验值不符" in said.getvalue()


def test_a_missing_trigger_fails_the_verification(world, tmp_path):
    write(world)
    lift()
    said = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_chain", anchors=tmp_path / "anchors.txt", stdout=said)
    assert "branches_auditevent_no_update" in said.getvalue()


def test_an_older_key_still_verifies_and_an_unknown_one_does_not(world, settings):
    settings.AUDIT_KEYS = {"2017": "old"}
    write(world)
    settings.AUDIT_KEYS = {"2017": "old", "2018": "new"}
    write(world)
    assert set(AuditEvent.objects.values_list("key_id", flat=True)) == {"2017", "2018"}
    assert audit.verify() == (2, [])
    settings.AUDIT_KEYS = {"2018": "new"}
    assert [place.seq for place in audit.verify()[1]] == [1]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_who_append_at_once_leave_no_gap_and_no_fork(world):
    each, threads = 40, 8

    def append() -> None:
        try:
            for n in range(each):
                audit.note(world.access("office", timezone.now()), Kind.WRITE, f"第{n}件事", world.first)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=append) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert audit.verify() == (each * threads, [])


def test_the_auditor_reads_the_committee_and_nobody_else_does(world):
    write(world)
    audit.note(world.access("office", NOON), Kind.LOGIN, "登录")
    assert AuditEvent.objects.visible_to(world.access("auditor", NOON)).count() == 2
    for who in ("office", "secretary", "member", "sysadmin", "inspector"):
        assert not AuditEvent.objects.visible_to(world.access(who, NOON)).exists()
    assert audit.of_user(world.users["office"]).count() == 2
    assert not audit.of_user(world.users["member"]).exists()
