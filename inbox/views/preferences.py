"""How a person wants to be told beside the inbox: by mail to the own mailbox, by WeCom."""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from branches import audit
from branches.form_base import PortalForm
from branches.requests import PortalRequest
from documents.text import printable
from inbox import mailbox, offered
from inbox.models import Preference, Way
from inbox.transport import NotSent
from inbox.wecom import ACCOUNT


class MailboxForm(PortalForm):
    """The mailbox to which a code is sent."""

    email = forms.EmailField(
        label="邮箱", max_length=120, help_text="先发一封带验证码的邮件，填回验证码以后才使用。",
        error_messages={"invalid": "邮箱的写法不对，请写成 name@example.edu.cn。"},
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )  # fmt: skip


class CodeForm(PortalForm):
    """The code as it came by mail."""

    code = forms.CharField(
        label="验证码", max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )  # fmt: skip

    def clean_code(self) -> str:
        code = "".join(unicodedata.normalize("NFKC", self.cleaned_data["code"]).split())
        if not (code.isascii() and code.isdecimal() and len(code) == 6):
            raise ValidationError("验证码是6位数字，请照邮件填写。")
        return code


class WaysForm(PortalForm):
    """Which of the offered ways the person wants, and the account in WeCom."""

    by_email = forms.BooleanField(label="发到我的邮箱", required=False)
    by_wecom = forms.BooleanField(label="发到我的企业微信", required=False)
    wecom_id = forms.CharField(
        label="企业微信账号", max_length=64, required=False,
        help_text="与工号相同的不填。不清楚的，请问学校的企业微信管理员。",
    )  # fmt: skip

    def __init__(self, *args: Any, preference: Preference, closed: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.preference = preference
        if Way.EMAIL in closed or preference.email_confirmed_at is None:
            del self.fields["by_email"]
        if Way.WECOM in closed:
            del self.fields["by_wecom"], self.fields["wecom_id"]

    def clean_wecom_id(self) -> str:
        account = self.cleaned_data["wecom_id"]
        if account and not ACCOUNT.fullmatch(account):
            raise ValidationError("企业微信账号由字母、数字和 _-@. 组成，以字母或数字开头，请核对。")
        return account

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        number = self.preference.user.staff_number
        if given.get("by_wecom") and not given.get("wecom_id") and not ACCOUNT.fullmatch(number):
            self.add_error("wecom_id", "您的工号不能作企业微信账号，请填写您在企业微信里的账号。")
        return given


@sensitive_post_parameters("email", "code")
def preference(request: PortalRequest) -> HttpResponse:
    """What there is, what is offered and why the rest is not; three small forms, each sent by itself."""
    access = request.access
    row, closed = mailbox.own(access), offered.why_not(access.actor, access.on)
    action = request.POST.get("action", "") if request.method == "POST" else ""
    forms_ = {
        "mailbox_form": MailboxForm(request.POST if action == "mailbox" else None),
        "code_form": CodeForm(request.POST if action == "code" else None),
        "ways_form": WaysForm(
            request.POST if action == "ways" else None, preference=row, closed=closed,
            initial={"by_email": row.by_email, "by_wecom": row.by_wecom, "wecom_id": row.wecom_id},
        ),
    }  # fmt: skip
    act = {"mailbox": _name_mailbox, "code": _confirm, "ways": _choose, "forget": _forget}.get(action)
    if act and act(request, forms_.get(f"{action}_form"), closed):
        return redirect("inbox:preference")
    context = forms_ | {
        "preference": row, "mail_closed": closed.get(Way.EMAIL, ""), "wecom_closed": closed.get(Way.WECOM, ""),
        "waits_for_code": mailbox.waits(row, access.now), "number": access.actor.staff_number,
    }  # fmt: skip
    failed = any(form.is_bound and form.errors for form in forms_.values())
    return render(request, "inbox/preference.html", context, status=422 if failed else 200)


def _name_mailbox(request: PortalRequest, form: Any, closed: dict[str, str]) -> bool:
    if Way.EMAIL in closed:
        messages.error(request, closed[Way.EMAIL])
        return True
    if not form.is_valid():
        return False
    try:
        mailbox.ask(request.access, printable(form.cleaned_data["email"]))
    except mailbox.Refused as why:
        form.add_error("email", str(why))
        return False
    except NotSent as why:
        messages.error(request, f"验证码没有发成：{why}。请核对邮箱，过一分钟再试。")
        return True
    messages.success(request, "验证码已发出，请查收邮件，15分钟内填回这里。")
    return True


def _confirm(request: PortalRequest, form: Any, closed: dict[str, str]) -> bool:
    if not form.is_valid():
        return False
    try:
        mailbox.confirm(request.access, form.cleaned_data["code"])
    except mailbox.Refused as why:
        if not mailbox.waits(mailbox.own(request.access), request.now):
            messages.error(request, str(why))
            return True
        form.add_error("code", str(why))
        return False
    messages.success(request, "邮箱已确认，以后的提醒也发到这里。")
    return True


def _choose(request: PortalRequest, form: Any, closed: dict[str, str]) -> bool:
    if not form.is_valid():
        return False
    access, given = request.access, form.cleaned_data
    with audit.act(access, audit.Kind.SETTING, "修改提醒方式", access.actor):
        Preference.objects.get_or_create(user=access.actor, defaults={"set_at": access.now})
        rows = Preference.objects.filter(user=access.actor)
        rows.update(set_at=access.now, **{name: value for name, value in given.items() if name != "by_email"})
        if "by_email" in given:
            # Another window may have named another mailbox meanwhile, which is not confirmed yet.
            rows.filter(email_confirmed_at__isnull=False).update(by_email=given["by_email"])
    messages.success(request, "提醒方式已保存。")
    return True


def _forget(request: PortalRequest, form: Any, closed: dict[str, str]) -> bool:
    mailbox.forget(request.access)
    messages.success(request, "邮箱已删除，不再发邮件。")
    return True
