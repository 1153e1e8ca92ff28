"""The audit log: who did what, when and from where, in the same transaction as the act, chained so that it shows.

An event is written by `act` (or `note`, where there is nothing else to write) and by nothing else. Each carries an
HMAC over itself and its predecessor's, so that a change, a gap, a swap or a forged row breaks the chain; the head's
own row and the anchors outside the database show a tail that was cut off. `verify` names every broken row.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction

from branches.access import Access, Role
from branches.models import AuditEvent, AuditHead, User
from documents.text import printable

Kind = AuditEvent.Kind
START = "0" * 64


@dataclass
class Entry:
    """What will be written of an act when it is done; the act may still say what it was about."""

    access: Access
    kind: str
    what: str
    about: models.Model | None = None
    ok: bool = True
    detail: dict[str, Any] = field(default_factory=dict)
    # Who it was where nobody is logged in yet: the staff number as it was typed.
    claimed: str = ""


# What acts inside an act have to say: it is written when the outermost is done.
_waiting: ContextVar[list[Entry] | None] = ContextVar("audit_waiting", default=None)


@contextmanager
def together() -> Iterator[list[Entry]]:
    """One transaction, all or nothing, that writes what is said inside at its very end, in the order of doing.

    By then the rows of the acts are locked already: whoever waits for the chain holds nothing that the one before it
    could be waiting for. Inside another `together` it is the outermost that writes.
    """
    outer = _waiting.get()
    said: list[Entry] = []
    token = _waiting.set(said)
    try:
        with transaction.atomic():
            yield said
            if outer is None:
                for entry in said:
                    _append(entry)
    finally:
        _waiting.reset(token)
    if outer is not None:
        outer.extend(said)


@contextmanager
def act(access: Access, kind: str, what: str, about: models.Model | None = None, **detail: Any) -> Iterator[Entry]:
    """Do something and have it written down, both or neither: `with act(access, Kind.WRITE, "修改党支部", branch):`."""
    with together() as said:
        entry = Entry(access, kind, what, about, detail=detail)
        yield entry
        said.append(entry)


def note(
    access: Access, kind: str, what: str, about: models.Model | None = None, *, ok: bool = True, claimed: str = "",
    **detail: Any,
) -> None:  # fmt: skip
    """Write down what changed no row: a refusal, a login, an export, a look at what is masked."""
    entry, waiting = Entry(access, kind, what, about, ok, detail, claimed), _waiting.get()
    if waiting is not None:
        waiting.append(entry)
        return
    with transaction.atomic():
        _append(entry)


def _append(entry: Entry) -> None:
    access, about = entry.access, entry.about
    user = access.user
    heads = AuditHead.objects.select_for_update().filter(pk=1)
    head = heads.first()
    if head is None:
        # The first two events of all at once: one row is let in, the other goes on with it.
        AuditHead.objects.bulk_create([AuditHead(pk=1, seq=0, mac=START)], ignore_conflicts=True)
        head = heads.get()
    key_id, _ = _newest_key()
    event = AuditEvent(
        seq=head.seq + 1, at=access.now, kind=entry.kind, what=_line(entry.what, 60), ok=entry.ok, actor=user,
        actor_name=_line(_who(entry), 100),
        roles=_line("、".join(role for role in Role if role in access.roles), 100),
        committee_id=_committee_of(access, about),
        object_type=about._meta.label_lower if about is not None else "",
        object_id=str(about.pk or "") if about is not None else "",
        object_name=_line(getattr(about, "audit_name", str(about)), 120) if about is not None else "",
        ip=access.ip or None, request_id=access.request_id, detail=_plain(entry.detail), key_id=key_id, prev=head.mac,
    )  # fmt: skip
    event.mac = mac_of(event)
    event.save(force_insert=True)
    AuditHead.objects.filter(pk=1).update(seq=event.seq, mac=event.mac)


def _who(entry: Entry) -> str:
    """Name and staff number; without a login what was typed; without an address a command on the server itself."""
    access = entry.access
    if access.user:
        return f"{access.name}（{access.user.staff_number}）"
    return entry.claimed or ("" if access.ip else "服务器命令")


def _committee_of(access: Access, about: models.Model | None) -> int | None:
    """Whose auditor reads it: the committee of what it is about, else the actor's own."""
    for name in ("committee_id", "branch"):
        value = getattr(about, name, None)
        if value is not None:
            return value if name == "committee_id" else value.committee_id
    return access.committee.pk if access.committee else None


def _line(text: str, longest: int) -> str:
    """One line that every database takes, at most so long."""
    return " ".join(printable(text).split())[:longest]


def _plain(detail: dict[str, Any]) -> dict[str, str]:
    """Only text goes in: what is read back is then what was chained, on either database."""
    return {key: _line(str(value), 500) for key, value in detail.items() if value not in (None, "")}


# The chain


def _keys() -> dict[str, bytes]:
    return {name: hashlib.sha256(f"audit|{secret}".encode()).digest() for name, secret in settings.AUDIT_KEYS.items()}


def _newest_key() -> tuple[str, bytes]:
    """The key that new events are sealed with: the last named; earlier ones only verify."""
    return list(_keys().items())[-1]


def canonical(event: AuditEvent) -> str:
    """The event as one text, the same whichever database gives it back."""
    said = {
        "seq": event.seq, "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"), "kind": event.kind,
        "what": event.what, "ok": event.ok, "actor": event.actor_id, "actor_name": event.actor_name,
        "roles": event.roles, "committee": event.committee_id, "object_type": event.object_type,
        "object_id": event.object_id, "object_name": event.object_name, "ip": event.ip or "",
        "request": event.request_id, "detail": event.detail, "key": event.key_id,
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def mac_of(event: AuditEvent) -> str:
    """HMAC-SHA256 over the predecessor's and the event's own text, as 64 hex digits; empty for an unknown key."""
    key = _keys().get(event.key_id)
    if key is None:
        return ""
    return hmac.new(key, f"v1|{event.prev}|{canonical(event)}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Broken:
    """A place where the chain does not hold: the number of the event and what is wrong with it."""

    seq: int
    why: str

    def __str__(self) -> str:
        return f"第{self.seq}条：{self.why}"


@dataclass(frozen=True)
class Anchor:
    """The head of the chain as it was noted outside the database."""

    seq: int
    mac: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.seq} {self.mac} {self.at.astimezone(UTC).isoformat(timespec='seconds')}"

    @classmethod
    def parse(cls, line: str) -> Anchor:
        """Read a line of an anchor file; ValueError where it is none."""
        seq, mac, at = line.split()
        return cls(int(seq), mac, datetime.fromisoformat(at))


def head(at: datetime) -> Anchor:
    """The head as it stands, to be kept outside the database; number 0 where nothing was written yet."""
    row = AuditHead.objects.filter(pk=1).first()
    return Anchor(row.seq, row.mac, at) if row else Anchor(0, START, at)


def verify(anchors: Iterable[Anchor] = (), *, newest: int | None = None) -> tuple[int, list[Broken]]:
    """How many events were read and every place where the chain does not hold; empty where all is as it was written.

    Reads the events once, in order, in constant memory; with `newest` only so many of the last ones, the first of
    which is then taken to follow on what came before.
    """
    noted: dict[int, Anchor] = {}
    broken: list[Broken] = []
    for anchor in anchors:
        if anchor.seq in noted and noted[anchor.seq].mac != anchor.mac:
            broken.append(Broken(anchor.seq, "两次留底的校验值不同"))
        noted[anchor.seq] = anchor
    seq, mac, count = 0, START, 0
    last = AuditHead.objects.filter(pk=1).first()
    events = AuditEvent.objects.order_by("seq")
    if newest is not None and last and last.seq > newest:
        events = events.filter(seq__gt=last.seq - newest)
        first = events.first()
        if first:
            seq, mac = last.seq - newest, first.prev
    for event in events.iterator(chunk_size=2000):
        count += 1
        if event.seq != seq + 1:
            broken.append(Broken(event.seq, f"前面缺少第{seq + 1}条至第{event.seq - 1}条"))
        elif event.prev != mac:
            broken.append(Broken(event.seq, "与前一条接不上"))
        if not hmac.compare_digest(mac_of(event), event.mac):
            broken.append(Broken(event.seq, "内容与校验值不符"))
        if event.seq in noted and noted[event.seq].mac != event.mac:
            broken.append(Broken(event.seq, "与留底的校验值不同"))
        seq, mac = event.seq, event.mac
    if last is None and count:
        broken.append(Broken(seq, "链头不见了"))
    elif last and (last.seq, last.mac) != (seq, mac):
        broken.append(Broken(seq, f"链头记着第{last.seq}条，最后一条却是第{seq}条"))
    late = [number for number in noted if number > seq]
    if late:
        broken.append(Broken(seq, f"留底记到第{max(late)}条，后面的不见了"))
    return count, broken


def of_user(user: User) -> models.QuerySet[AuditEvent]:
    """What a person did, for the person's own eyes, the newest first."""
    return AuditEvent.objects.filter(actor=user).order_by("-seq")
