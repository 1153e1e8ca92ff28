"""The demo's posts of a branch: how the story writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.timezone import localdate

from branches.access import Access
from branches.models import Member
from commitments import nominating, posting
from commitments.models import Nomination, PioneerPost, Term
from commitments.turning import Choice, Draft, adopt
from plan.models import Duty

if TYPE_CHECKING:
    from config.demo.story import BranchYear

POSTS = (
    ("一站式服务窗口", "热情接待师生，首问负责；能当场办的当场办，不能办的一次说清材料和时限。", "办事大厅1号窗口"),
    ("咨询服务电话", "工作时间有人接听，问题记录在册，当天答复；答复不了的，两个工作日内回电。", "值班室"),
    ("档案查询窗口", "查询登记、核对身份，当天出具证明；整理一批师生常查的目录并张贴。", "档案室"),
)
KIND = Nomination.Kind
HONOURS = (
    (KIND.MODEL_MEMBER, "上年度校级优秀共产党员", "长年在窗口服务师生，全年零投诉。"),
    (KIND.BACKBONE, "上年度业务标兵", "业务熟练，带出三名新同志。"),
    (KIND.ADVANCED_WORKER, "上年度先进工作者", "牵头简化两项办事流程。"),
    (KIND.MORAL_MODEL, "学校道德模范", "坚持十年资助贫困学生。"),
)
HANDOVER = "窗口还有两名老师的材料没有补齐，已约好下周来；新同学咨询多的问题贴在台面左侧。"
SOME = 3  # in every third branch nobody has thought of it before the day that the story gives


def write(year: BranchYear, duty: Duty, at: datetime) -> None:
    """Plan into the branch's year what settles this duty at about that instant (`year.then(at, act)`)."""
    if year.number % SOME:
        at = max(year.begins + timedelta(days=4 + year.number % 5), at.replace(month=6, day=12 + year.number))
    _Story(year, at).plan()


@dataclass
class _Story:
    """Posts are set up, members are put forward and taken in, a rotation is adopted, and every month one follows."""

    year: BranchYear
    at: datetime

    def plan(self) -> None:
        year, at = self.year, self.at
        year.then(at, lambda: self._set_up(at))
        year.then(at + timedelta(hours=1), lambda: self._put_forward(at + timedelta(hours=1)))
        year.then(at + timedelta(days=2), lambda: self._decide(at + timedelta(days=2)))
        year.then(at + timedelta(days=3), lambda: self._adopt(at + timedelta(days=3)))
        first = at + timedelta(days=3, hours=1)
        year.then(first, lambda: self._turn(first))

    def _leader(self, at: datetime) -> Access:
        return self.year.access(self.year.secretary, at)

    def _set_up(self, at: datetime) -> None:
        if PioneerPost.objects.open().filter(branch=self.year.branch).exists():
            return  # set up in an earlier year of the story
        count = 2 if self.year.number % 2 else 1
        for n in range(count):
            name, duties, place = POSTS[(self.year.number + n) % len(POSTS)]
            posting.open_post(self.year.branch, self._leader(at), name=name, duties=duties, place=place,
                              every_months=PioneerPost.Every.MONTH, opened_on=localdate(at))  # fmt: skip

    def _people(self) -> list[Member]:
        """Four members, none of them a leader: they decide on the others."""
        leading = {member.pk for member in self.year.house.posts.values()}
        return [member for member in self.year.house.members if member.pk not in leading][:5]

    def _put_forward(self, at: datetime) -> None:
        if Nomination.objects.filter(branch=self.year.branch).exists():
            return
        for n, member in enumerate(self._people()):
            kind, honour, deeds = HONOURS[(self.year.number + n) % len(HONOURS)]
            # The last one speaks for himself, and is still to be decided on.
            own = n == len(HONOURS)
            nominating.nominate(
                self.year.access(member, at) if own else self._leader(at), self.year.branch, member=member, kind=kind,
                honour=honour, honoured_on=date(self.year.year - 1, 7, 1), deeds=deeds, is_willing=True,
            )  # fmt: skip

    def _decide(self, at: datetime) -> None:
        asked = Nomination.objects.filter(branch=self.year.branch, state=Nomination.State.ASKED).order_by("pk")
        for nomination in asked[: len(HONOURS)]:
            nominating.decide(nomination, self._leader(at), accept=True, opinion="支部党员大会评议通过，同意驻岗。")

    def _adopt(self, at: datetime) -> None:
        drafted = Draft.of(self.year.branch, localdate(at), 6, localdate(at))
        chosen: dict[str, Choice] = {}
        if self.year.number % 4 == 1 and len(drafted.rows) > 2:
            # One place is changed by the branch, and it says why.
            row = drafted.rows[-1]
            other = next((p.key for p in drafted.people if p.key != row.place.person), None)
            if other and not self._busy(drafted, other):
                chosen[row.key] = Choice(other, "原定人选当月带队外出，支部会上商定换人。")
        adopt(drafted, chosen, self._leader(at), f"demo-{self.year.year}-{self.year.number}")

    def _busy(self, drafted: Draft, member: int) -> bool:
        last = drafted.rows[-1].place.span
        return any(row.place.person == member and row.place.span.meets(last) for row in drafted.rows)

    def _turn(self, at: datetime) -> None:
        """Whoever's term is over leaves with a word to the next, who begins; and so on, month by month."""
        access, on = self._leader(at), localdate(at)
        mine = Term.objects.filter(post__branch=self.year.branch).select_related("post__branch", "member")
        for term in mine.running().filter(until_on__lte=on):
            posting.hand_over(term, self.year.access(term.member, at), HANDOVER)
            posting.end(term, access, how=Term.End.ROTATED, on=term.last_on)
        for term in mine.planned().filter(from_on__lte=on, until_on__gt=on):
            posting.begin(term, access)
        following = mine.planned().order_by("from_on").first()
        # Every fifth branch forgets the change of July: that is what the hints are for.
        if following and not (self.year.number % 5 == 0 and following.from_on.month == 7):
            later = at + (following.from_on - on)
            self.year.then(later, lambda: self._turn(later))
