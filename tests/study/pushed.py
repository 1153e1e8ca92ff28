"""Pushes of the small committee, as drafts and sent out, with a picture and a channel that did not work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from branches.access import Access
from study import channels, pushes
from study.models import Channel, Delivery, Push
from tests.conftest import World, at
from tests.plan.filed import photo

WRITTEN = at("2018-07-02 10:00")
KEY = "693a91f6-7abc-4bc4-97a0-0ec2sifa5aaa"


def push_by(access: Access, title: str = "《习近平的七年知青岁月》选读", **facts: Any) -> Push:
    """A draft: of the branch that the person leads, or of the committee whose office the person is."""
    to: dict[str, Any] = (
        {"branch_id": access.led_branch_id} if access.led_branch_id else {"branch_id": None}
    )  # fmt: skip
    assert access.committee is not None
    return Push.objects.create(
        **({"committee": access.committee, "title": title, "text": "请在本周内学习。", "created_at": access.now,
            "created_by": access.actor} | to | facts),
    )  # fmt: skip


def sent_out(push: Push, access: Access) -> Push:
    pushes.publish(push, access, Push.objects.get(pk=push.pk).edition)
    return Push.objects.get(pk=push.pk)


def channel_of(access: Access, key: str = KEY, **facts: Any) -> Channel:
    """A WeCom robot of the branch that the person leads, or of the committee."""
    assert access.committee is not None
    usual: dict[str, Any] = {
        "committee": access.committee, "branch_id": access.led_branch_id, "kind": "wecom", "name": "工作群",
        "address_sealed": channels.seal(key), "address_hint": channels.hint_of("wecom", key),
        "created_at": access.now, "created_by": access.actor,
    }  # fmt: skip
    return Channel.objects.create(**(usual | facts))


@dataclass
class Pushed:
    """What tests ask for by address."""

    draft: Push
    out: Push
    committee: Push
    channel: Channel
    committees_channel: Channel
    failed: Delivery


def make_pushes(world: World) -> Pushed:
    secretary, office = world.access("secretary", WRITTEN), world.access("office", WRITTEN)
    channel, above = channel_of(secretary), channel_of(office)
    draft, out = push_by(secretary, "支部没推的推送"), push_by(secretary, "支部推了的推送")
    for push, colour in ((draft, "purple"), (out, "orange")):
        assert not pushes.add_files(push, [photo(colour)], secretary)
    out = sent_out(out, secretary)
    Delivery.objects.filter(push=out).update(state="failed", error="连不上企业微信")
    return Pushed(
        draft=Push.objects.get(pk=draft.pk), out=out, committee=sent_out(push_by(office, "机关党委的推送"), office),
        channel=channel, committees_channel=above, failed=Delivery.objects.get(push=out),
    )  # fmt: skip
