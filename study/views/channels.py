"""Where else pushes are announced: the channels of the office or of a branch, each tried and ended here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import validate_email
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch, Committee
from branches.requests import PortalRequest
from branches.sudo import sudo_required
from study import channels, sending
from study.models import Channel
from study.pushes import aimed

MOST = 20  # channels of one committee or branch


class ChannelForm(PortalForm):
    """A channel: whose, of which kind, where to."""

    audience = forms.ChoiceField(label="哪一级的推送")
    kind = forms.ChoiceField(label="渠道", choices=Channel.Kind)
    name = forms.CharField(
        label="名称", max_length=60, help_text="认得出是哪个群、哪个邮箱即可，如“教务处党支部工作群”。"
    )
    address = forms.CharField(
        label="地址", max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="群机器人：在群设置中添加机器人，把它的 Webhook 地址整个粘贴过来。"
        "电子邮件：一个邮箱或邮件列表的地址。保存后加密存放，不再显示。",
    )  # fmt: skip
    reminds = forms.BooleanField(
        label="也发送任务提醒", required=False,
        help_text="每天最多一条，只说今天有几件事到期、几件逾期，不写具体事项和人名；没有就不发。",
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any] | None = None, *, access: Access) -> None:
        super().__init__(data)
        fields: dict[str, Any] = self.fields
        fields["audience"].choices = audiences(access)
        if not channels.mail_is_set_up():
            kinds = [choice for choice in Channel.Kind.choices if choice[0] != Channel.Kind.EMAIL]
            fields["kind"].choices = kinds

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        kind, address = given.get("kind"), given.get("address", "").strip()
        if not kind or not address:
            return given
        try:
            given["address"] = channels.key_of(address) if kind == Channel.Kind.WECOM else _mailbox(address)
        except ValueError:
            self.add_error("address", f"这不是企业微信群机器人的地址，它以 {channels.OFFICIAL}?key= 开头。")
        except forms.ValidationError:
            self.add_error("address", "这不是一个邮箱地址，请写成 name@example.edu.cn。")
        whose = given.get("audience")
        if whose and Channel.objects.current().filter(**aimed(whose)).count() >= MOST:
            self.add_error(None, f"每个党组织最多{MOST}个渠道，请先停用不用的。")
        return given


def audiences(access: Access) -> list[tuple[str, str]]:
    """Whose channels the person keeps: the office's committees, the branches that the person files for."""
    committees = Committee.objects.filter(pk__in=access.office_of).order_by("pk")
    branches = Branch.objects.filter(pk__in=access.files_for).order_by("code", "pk")
    return [(f"c{one.pk}", one.name) for one in committees] + [(f"b{one.pk}", one.name) for one in branches]


def _mailbox(address: str) -> str:
    validate_email(address)
    return address


def channel_list(request: PortalRequest) -> HttpResponse:
    """The channels in use, then those that were ended."""
    rows = Channel.objects.visible_to(request.access).select_related("branch", "committee", "created_by__member")
    context = {
        "channels": rows.current(), "ended": rows.filter(ended_at__isnull=False).order_by("-ended_at", "-pk")[:20],
        "mail": channels.mail_is_set_up(),
    }  # fmt: skip
    return render(request, "study/channel_list.html", context)


@sudo_required
def channel_new(request: PortalRequest) -> HttpResponse:
    """A channel registered; asks for the password first: whoever names one decides where announcements go."""
    access = request.access
    if request.method != "POST":
        return render(request, "study/channel_form.html", {"form": ChannelForm(access=access)})
    form = ChannelForm(request.POST, access=access)
    if not form.is_valid():
        return render(request, "study/channel_form.html", {"form": form}, status=422)
    given = form.cleaned_data
    with audit.act(access, audit.Kind.SETTING, "登记推送渠道") as entry:
        entry.about = Channel.objects.create(
            kind=given["kind"], name=given["name"], address_sealed=channels.seal(given["address"]),
            address_hint=channels.hint_of(given["kind"], given["address"]), created_at=access.now,
            created_by=access.actor, reminds=given["reminds"], **aimed(given["audience"]),
        )  # fmt: skip
    messages.success(request, f"已登记“{given['name']}”。请发一条测试消息，看能不能收到。")
    return redirect("study:channel_list")


@require_POST
def channel_test(request: PortalRequest, pk: int) -> HttpResponse:
    """Send a message that says it is a test, and say at once what became of it."""
    channel = _mine(request, pk)
    try:
        channels.send_test(channel)
    except channels.NotSent as reason:
        messages.error(request, f"“{channel.name}”没有发成：{reason}。")
        ok = False
    else:
        messages.success(request, f"已向“{channel.name}”发出测试消息，请到群里或邮箱里查看。")
        ok = True
    audit.note(request.access, audit.Kind.SETTING, "测试推送渠道", channel, ok=ok)
    return redirect("study:channel_list")


@require_POST
def channel_reminds(request: PortalRequest, pk: int) -> HttpResponse:
    """Have a channel say once a day what runs out, or have it keep silent; which of the two, the button says."""
    channel = _mine(request, pk)
    on = request.POST.get("on") == "1"
    rows = Channel.objects.filter(pk=channel.pk, ended_at__isnull=True)
    with audit.act(request.access, audit.Kind.SETTING, "开启群提醒" if on else "关闭群提醒", channel):
        rows.update(reminds=on)
        if not on:
            sending.call_off_reminders(channel, "群提醒已关闭")
    said = "今后也发送任务提醒，每天最多一条" if on else "今后不再发送任务提醒"
    messages.success(request, f"“{channel.name}”{said}。")
    return redirect("study:channel_list")


@require_POST
def channel_end(request: PortalRequest, pk: int) -> HttpResponse:
    """End a channel: nothing more goes there, and its address is forgotten."""
    channel = _mine(request, pk)
    with audit.act(request.access, audit.Kind.SETTING, "停用推送渠道", channel):
        Channel.objects.filter(pk=channel.pk, ended_at__isnull=True).update(
            ended_at=request.now, address_sealed="", address_hint=""
        )
        sending.call_off(Q(channel=channel), "渠道已停用")
        sending.call_off_reminders(channel, "渠道已停用")
    messages.success(request, f"已停用“{channel.name}”，地址已清除。")
    return redirect("study:channel_list")


def _mine(request: PortalRequest, pk: int) -> Channel:
    rows = Channel.objects.visible_to(request.access).current().select_related("branch", "committee")
    return get_object_or_404(rows, pk=pk)
