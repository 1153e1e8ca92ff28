"""Who is told of a move: whoever has to do something about it, or has been waiting for it; nobody else."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from branches.access import Access
from branches.models import Post, User, on_day
from inbox.models import Message
from inbox.offered import allowed
from inbox.telling import Line, tell
from plan.models import Filing, Move

# What is said of a move inside and, without names and without what anybody wrote, outside. A branch is not told that
# its filing was received: that is the usual end, and stands on its page.
SENT_BACK = "退回补正", "有一份材料被退回补正"
DONE = {"approve": ("已审定", "有一份材料已审定"), "receive": ("已备案", "有一份材料已备案")}


def notify(filing: Filing, made: Move, access: Access) -> None:
    """Tell those whom the move concerns; called inside the act, so that they are told if and only if it happened."""
    if made.name == "send_back":
        title, outside = SENT_BACK
    elif made.name in DONE and (filing.member_id or made.name == "approve"):
        title, outside = DONE[made.name]
    else:
        return
    kind = filing.get_kind_display()
    line = Line(
        text=f"{kind}：{filing.title}", note=f"原因：{made.note}" if made.name == "send_back" else made.note,
        url=filing.get_absolute_url(), tone="soon" if made.name == "send_back" else "", outside=outside,
    )  # fmt: skip
    for user in authors(filing, access).exclude(pk=access.actor.pk):
        tell(
            user, kind=Message.Kind.NOTICE, key=f"move:{made.pk}", title=f"{title}：{kind}", lines=[line],
            at=access.now, ways=allowed(user, access.on),
        )  # fmt: skip


def authors(filing: Filing, access: Access) -> QuerySet[User]:
    """Whose it is to send it again: the member, the branch's secretary and deputy, or the office (plan.moves)."""
    if filing.member_id:
        return User.objects.filter(member=filing.member_id)
    leads = Q(kind__in=(Post.Kind.SECRETARY, Post.Kind.DEPUTY), branch=filing.branch_id)
    office = Q(kind=Post.Kind.OFFICE, committee=filing.committee_id)
    posts = Post.objects.filter(on_day(access.on), leads if filing.branch_id else office)
    return User.objects.filter(member__in=posts.values("member")).order_by("pk")
