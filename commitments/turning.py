"""A branch's rotation: what the draft is made of, who stands where in it, and adopting it as the branch changed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.timezone import localdate

from branches import audit
from branches.access import Access
from branches.models import Branch, Membership
from commitments.models import Nomination, PioneerPost, Rotation, Term
from commitments.posting import Already, Refused, cancel, lock_posts
from commitments.rotation import Person, Place, PostPlan, Span, could_stand, draft, months_later

ONE_DAY = timedelta(days=1)
REPLACED = "重新安排轮换"


@dataclass(frozen=True)
class Row:
    """One place of the draft with what the page says of it."""

    post: PioneerPost
    place: Place
    name: str = ""

    @property
    def key(self) -> str:
        return f"{self.post.pk}-{self.place.span.from_on:%Y%m%d}"

    @property
    def last_on(self) -> date:
        assert self.place.span.until_on is not None  # noqa: S101 — turns always end
        return self.place.span.until_on - ONE_DAY

    @property
    def why(self) -> str:
        """Why this person: 第1次驻岗; 驻岗1次，上次至2018年3月31日."""
        if self.place.person is None:
            return "没有能驻岗的人选"
        if not self.place.before:
            return "还没有驻过岗"
        left = self.place.left_on
        return f"已驻岗{self.place.before}次" + (f"，上次到{left.year}年{left.month}月" if left else "")


@dataclass
class Draft:
    """The draft of a branch from a day on: its places in the order of time, and who may be chosen instead."""

    branch: Branch
    from_on: date
    months: int
    people: list[Person]
    names: dict[int, str]
    nominations: dict[int, int]
    rows: list[Row]
    # Of all that the draft was made from: whoever adopts it adopts what was looked at.
    basis: str

    @classmethod
    def of(cls, branch: Branch, from_on: date, months: int, on: date) -> Draft:
        """Five statements, however many members and posts."""
        posts = list(PioneerPost.objects.open().filter(branch=branch).order_by("opened_on", "pk"))
        terms = list(Term.objects.filter(post__branch=branch, begun_at__isnull=False).order_by("from_on", "pk"))
        waiting = list(Term.objects.planned().filter(post__branch=branch).order_by("pk").values_list("pk", flat=True))
        willing = list(
            Nomination.objects.filter(branch=branch, state=Nomination.State.ACCEPTED, is_willing=True)
            .select_related("member")
            .order_by("decided_at", "pk")
        )
        there: dict[int, list[Span]] = {}
        mine = Membership.objects.filter(branch=branch, member__in=[one.member_id for one in willing])
        for member, since, until in mine.order_by("from_on").values_list("member", "from_on", "until_on"):
            there.setdefault(member, []).append(Span(since, until))
        people = [_person(one, there.get(one.member_id, []), terms) for one in willing]
        running = {term.post_id: term for term in terms if term.is_running}
        plans = [
            PostPlan(post.pk, max(from_on, running[post.pk].until_on) if post.pk in running else from_on,
                     post.every_months)
            for post in posts
        ]  # fmt: skip
        names = {one.member_id: one.member.name for one in willing}
        by_post = {post.pk: post for post in posts}
        places = draft(people, plans, months_later(from_on, months))
        rows = [Row(by_post[place.post], place, names.get(place.person or 0, "")) for place in places]
        seen = [
            str(from_on), months, [[post.pk, post.every_months] for post in posts], waiting,
            [[term.pk, str(term.until_on), str(term.ended_on)] for term in terms],
            [[person.key, str(person.willing_on), repr(person.there), repr(person.away)] for person in people],
        ]  # fmt: skip
        basis = hashlib.sha256(json.dumps(seen, default=str).encode()).hexdigest()[:32]
        return cls(branch, from_on, months, people, names, {n.member_id: n.pk for n in willing}, rows, basis)

    def choices(self, row: Row) -> list[tuple[str, str]]:
        """Who may stand in this place: everybody willing who is on the roster for all of it, or nobody."""
        able = [p for p in self.people if any(there.holds(row.place.span) for there in p.there)]
        return [("", "空缺"), *((str(p.key), self.names[p.key]) for p in able)]


def _person(nomination: Nomination, there: Sequence[Span], terms: Sequence[Term]) -> Person:
    member = nomination.member
    away = [Span(day) for day in (member.absent_from_on, member.mobile_from_on) if day]
    stood = [
        Span(term.from_on, max(term.ended_on or term.until_on, term.from_on + ONE_DAY))
        for term in terms
        if term.member_id == member.pk
    ]
    assert nomination.decided_at is not None  # noqa: S101 — only what was decided is drafted
    return Person(member.pk, localdate(nomination.decided_at), tuple(there), tuple(away), tuple(stood))


@dataclass(frozen=True)
class Choice:
    """Who is to stand in a place, and why not whom the draft had."""

    member: int | None
    why: str = ""


def faults(drafted: Draft, chosen: Mapping[str, Choice]) -> dict[str, list[tuple[str, str]]]:
    """What is wrong with the choices, by the key of the place: the field ("who" or "why") and the sentence."""
    found: dict[str, list[tuple[str, str]]] = {}
    taken = {person.key: list(person.stood) for person in drafted.people}
    for row in drafted.rows:
        choice, span = chosen.get(row.key, Choice(row.place.person)), row.place.span
        if choice.member != row.place.person and not choice.why:
            found.setdefault(row.key, []).append(("why", "改了人选，请写明原因。"))
        if choice.member is None:
            continue
        person = next(one for one in drafted.people if one.key == choice.member)
        # Somebody away may be chosen all the same: whoever chooses says why.
        if not could_stand(Person(person.key, person.willing_on, person.there), span, taken[person.key]):
            text = f"{drafted.names[person.key]}在这段时间另有驻岗，请换人。"
            found.setdefault(row.key, []).append(("who", text))
        taken[person.key].append(span)
    return found


def adopt(drafted: Draft, chosen: Mapping[str, Choice], access: Access, form_key: str) -> list[Rotation]:
    """Make the draft, as it was changed, the branch's arrangement: all or nothing. Raises Refused or Already.

    What was planned before and has not begun is replaced; who stands there now stays until the own last day.
    """
    with audit.act(access, audit.Kind.WRITE, "确定轮流驻岗安排", drafted.branch) as entry:
        lock_posts(drafted.branch.pk)
        keys = [f"{form_key}:{post}" for post in {row.post.pk for row in drafted.rows}]
        if Rotation.objects.filter(form_key__in=keys).exists():
            raise Already("这份安排已经确定，没有再次办理。")
        now = Draft.of(drafted.branch, drafted.from_on, drafted.months, access.on)
        if now.basis != drafted.basis:
            raise Refused("岗位、人选或驻岗情况刚刚有了变化，草案已按现在的情况重新起草。请看过后再确定。")
        cancel(Term.objects.filter(post__branch=drafted.branch), access.on, REPLACED)
        made = []
        for post, rows in _by_post(drafted.rows).items():
            made.append(_write(post, rows, chosen, drafted, access, form_key))
        entry.detail |= {"count": sum(len(rotation.changes) for rotation in made), "from_on": drafted.from_on}
    return made


def _by_post(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.post.pk, []).append(row)
    return found


def _write(
    post: int, rows: Sequence[Row], chosen: Mapping[str, Choice], drafted: Draft, access: Access, form_key: str
) -> Rotation:
    changes: list[list[Any]] = []
    picked = [(row, chosen.get(row.key, Choice(row.place.person))) for row in rows]
    for row, choice in picked:
        if choice.member != row.place.person:
            span = f"{row.place.span.from_on:%Y-%m-%d}至{row.last_on:%Y-%m-%d}"
            new = drafted.names.get(choice.member or 0, "空缺")
            changes.append([span, row.name or "空缺", new, choice.why])
    rotation = Rotation.objects.create(
        post_id=post, adopted_at=access.now, adopted_by=access.actor, changes=changes, form_key=f"{form_key}:{post}"
    )
    Term.objects.bulk_create(
        Term(
            post_id=post, rotation=rotation, member_id=choice.member, from_on=row.place.span.from_on,
            until_on=row.last_on + ONE_DAY, nomination_id=drafted.nominations[choice.member],
        )
        for row, choice in picked if choice.member is not None
    )  # fmt: skip
    return rotation
