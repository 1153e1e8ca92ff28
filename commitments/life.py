"""What happens to a pledge between its approval and its judgement: progress, questions and answers, the peers' word.

Whoever looks at a pledge of the branch may ask, by name; the one who pledged answers. Nothing here leaves the house.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from branches import audit
from branches.access import Access
from branches.models import Member, Membership, User, on_day
from commitments.models import Judgement, Pledge, PledgeItem, PledgeQuerySet, Progress, Question, Result, Stage
from commitments.stages import LIVE, is_pledger, locked, take
from documents.pictures import MAX_BYTES, CleanPicture, PictureRefused, clean_in_child, clean_name
from inbox.models import Message
from inbox.offered import allowed as ways_of
from inbox.telling import Line, tell
from plan.models import Filing
from plan.move_notices import authors
from plan.moves import AlreadyMoved, MoveRefused, NotAllowed

OPEN = (*LIVE, Stage.JUDGING)
MOST_PROOFS = 100  # records offered as proof, the newest first


# Who may what


def may_tell(access: Access, pledge: Pledge) -> bool:
    """Whether the person tells how it goes on."""
    return Stage(pledge.stage) in LIVE and is_pledger(access, pledge)


def may_ask(access: Access, pledge: Pledge) -> bool:
    """Any member of the branch, by name, while it is shown; not the one who would have to answer."""
    return Stage(pledge.stage) in OPEN and pledge.branch_id in access.branches and not is_pledger(access, pledge)


def is_peer(access: Access, pledge: Pledge) -> bool:
    """A member of the branch on this day, and not the one who pledged."""
    here = access.branch is not None and access.branch.pk == pledge.branch_id
    return here and access.member_id != pledge.member_id


def may_say(access: Access, pledge: Pledge) -> bool:
    return Stage(pledge.stage) == Stage.JUDGING and is_peer(access, pledge)


def peers(pledge: Pledge, access: Access) -> QuerySet[Membership]:
    """Those who judge it: everybody on the branch's roster that day but the one who pledged."""
    return Membership.objects.filter(on_day(access.on), branch=pledge.branch_id).exclude(member=pledge.member_id or 0)


def pledged_by(access: Access) -> Q:
    """The pledges that are this person's to keep: the own ones and those of the branches led."""
    return Q(member=access.member_id, member__isnull=False) | Q(member__isnull=True, branch__in=access.leads)


def to_say(access: Access) -> PledgeQuerySet:
    """What is judged now in the person's branch and lacks the person's word on some item."""
    if access.branch is None:
        return Pledge.objects.none()
    mine = Judgement.objects.filter(item=OuterRef("pk"), member=access.member_id)
    unsaid = PledgeItem.objects.filter(~Exists(mine), pledge=OuterRef("pk"))
    found = Pledge.objects.filter(Exists(unsaid), stage=Stage.JUDGING, branch=access.branch)
    return found.exclude(member=access.member_id)


# Progress


def proofs(access: Access, pledge: Pledge) -> QuerySet[Filing]:
    """Records that may show it: the branch's own, and of a member's pledge the member's own."""
    whose = Q(branch=pledge.branch_id, member__isnull=True)
    if pledge.member_id:
        whose |= Q(member=pledge.member_id)
    sent = Filing.objects.visible_to(access).filter(whose, first_filed_at__isnull=False, year=pledge.year)
    return sent.exclude(pk=pledge.filing_id).exclude(kind=Filing.Kind.PLEDGE).order_by("-first_filed_at", "-pk")


def cleaned(file: UploadedFile) -> CleanPicture:
    """The picture as it is kept: a clean copy, stored under its digest. Raises PictureRefused and OSError."""
    shown = clean_name(file.name or "")
    if (file.size or 0) > MAX_BYTES:
        raise PictureRefused(f"“{shown}”超过20 MB的上限。请另存为较小的 JPEG 后再上传。")
    picture = clean_in_child(file.read(), shown)
    storage: Any = storages["evidence"]
    storage.put(picture.jpeg)
    storage.put(picture.thumb)
    return picture


def tell_progress(
    item: PledgeItem, access: Access, *, text: str, is_done: bool, picture: CleanPicture | None = None,
    proof: Filing | None = None, form_key: str | None = None,
) -> Progress:  # fmt: skip
    """Add a line of progress; the first one begins the keeping of what was shown. Raises as `stages.take` does."""
    with audit.act(access, audit.Kind.WRITE, "填写承诺进展", item.pledge.filing):
        pledge = locked(item.pledge_id)
        if not is_pledger(access, pledge):
            raise NotAllowed("进展由承诺人填写。")
        if Stage(pledge.stage) not in LIVE:
            raise AlreadyMoved(f"这份承诺现在是“{pledge.get_stage_display()}”，不能再填写进展。")
        told = Progress.objects.filter(item__pledge=pledge).select_related("item")
        if picture and (twin := told.filter(picture_sha256=picture.sha256).first()):
            raise MoveRefused(f"这张图片在第{twin.item.position}项的进展里已经交过，不用再传。")
        if proof and told.filter(item=item, proof=proof).exists():
            raise MoveRefused("这份记录已经是这一项的佐证，不用再选。")
        line = Progress.objects.create(
            item=item, text=text, told_at=access.now, told_by=access.actor, proof=proof,
            picture_sha256=picture.sha256 if picture else "", thumb_sha256=picture.thumb_sha256 if picture else "",
            form_key=form_key or None,
        )  # fmt: skip
        # Said done again, the first day stays; said without it, it goes on.
        rows = PledgeItem.objects.filter(pk=item.pk)
        if is_done:
            rows.filter(done_at__isnull=True).update(done_at=access.now)
        else:
            rows.update(done_at=None)
        if Stage(pledge.stage) == Stage.SHOWN:
            take(pledge, "keep", access=access)
    return line


# Questions and answers


def ask(pledge: Pledge, access: Access, text: str, form_key: str | None = None) -> Question:
    """A question or remark by name; the one who pledged is told of it."""
    with audit.act(access, audit.Kind.WRITE, "对承诺提出意见", pledge.filing):
        pledge = locked(pledge.pk)
        if not may_ask(access, pledge):
            raise NotAllowed("本支部党员在承诺公开期间可以提问，由承诺人答复。")
        question = Question.objects.create(
            pledge=pledge, text=text, asked_at=access.now, asked_by=access.actor, form_key=form_key or None
        )
        _tell(authors(pledge.filing, access), access, f"pledge-question:{question.pk}", "对您的承诺有新的意见",
              f"{access.name}：{text}", f"{pledge.get_absolute_url()}#questions", note=pledge.filing.title,
              outside="对您的承诺有新的意见")  # fmt: skip
    return question


def answer(question: Question, access: Access, text: str) -> None:
    """Answer a question once; whoever asked is told."""
    with audit.act(access, audit.Kind.WRITE, "答复承诺意见", question.pledge.filing):
        pledge = locked(question.pledge_id)
        if not is_pledger(access, pledge):
            raise NotAllowed("意见由承诺人答复。")
        unanswered = Question.objects.filter(pk=question.pk, answered_at__isnull=True)
        if not unanswered.update(answer=text, answered_at=access.now, answered_by=access.actor):
            raise AlreadyMoved("这条意见已经答复过，刚才的答复没有保存。")
        _tell([question.asked_by], access, f"pledge-answer:{question.pk}", "您的意见有了答复", f"答复：{text}",
              f"{pledge.get_absolute_url()}#questions", note=pledge.filing.title,
              outside="您对承诺的意见有了答复")  # fmt: skip


# The peers' word


def say(pledge: Pledge, access: Access, said: Mapping[int, tuple[Result, str]]) -> int:
    """What one member says of the items, by their ids; said again before the decision, it is changed. How many."""
    with audit.act(access, audit.Kind.WRITE, "互评承诺", pledge.filing) as entry:
        # Its row is locked: nobody's word comes in after the decision that counted them.
        pledge = locked(pledge.pk)
        if not is_peer(access, pledge):
            raise NotAllowed("本支部党员互评，承诺人不评自己的承诺。")
        if Stage(pledge.stage) != Stage.JUDGING:
            raise AlreadyMoved(f"这份承诺现在是“{pledge.get_stage_display()}”，刚才的评价没有保存。")
        for item in pledge.items.filter(pk__in=said):
            result, reason = said[item.pk]
            Judgement.objects.update_or_create(
                item=item, member=access.member,
                defaults={"result": result, "reason": reason, "said_at": access.now},
            )  # fmt: skip
        entry.detail["count"] = len(said)
    return len(said)


# Telling of steps


def tell_of(pledge: Pledge, name: str, access: Access, note: str = "") -> None:
    """Tell the one who pledged that the judging has begun, or how it ended; the peers' reminder is their digest's."""
    words = {
        "judge": ("您的承诺开始评诺", "党员互评后，由组织逐项评定。"),
        "decide": ("您的承诺已评定", note),
        "reopen": ("您的承诺重新评诺", note),
        "withdraw": ("您的承诺已撤下", note),
    }
    if name not in words:
        return
    title, text = words[name]
    step = pledge.steps.order_by("-pk").values_list("pk", flat=True).first()
    _tell(authors(pledge.filing, access), access, f"pledge-step:{step}", title, pledge.filing.title,
          pledge.get_absolute_url(), note=text, outside=title)  # fmt: skip


def _tell(
    users: Iterable[User], access: Access, key: str, title: str, text: str, url: str, *, note: str, outside: str
) -> None:
    for user in users:
        if user.pk != access.actor.pk:
            tell(
                user, kind=Message.Kind.NOTICE, key=key, title=title, at=access.now, ways=ways_of(user, access.on),
                lines=[Line(text=text, note=note, url=url, outside=outside)],
            )  # fmt: skip


def wall_url(branch_id: int | None = None, show: str = "") -> str:
    asked = {name: value for name, value in (("branch", branch_id), ("show", show)) if value}
    return reverse("commitments:pledge_wall") + (f"?{urlencode(asked)}" if asked else "")


def names_of_unsaid(pledge: Pledge, access: Access) -> list[str]:
    """Who of the peers has not yet spoken of any item."""
    spoke = Judgement.objects.filter(item__pledge=pledge).values("member")
    left = Member.objects.filter(pk__in=peers(pledge, access).values("member")).exclude(pk__in=spoke)
    return list(left.order_by("name_key", "pk").values_list("name", flat=True))
