"""The second step of logging in, and one's own second factor: the phone, the recovery codes."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from branches import second_factor, second_step, secrets
from branches.account_forms import CodeForm, TotpForm
from branches.models import User
from branches.requests import PortalRequest
from branches.sudo import MINUTES, is_fresh, sudo_required
from branches.views.accounts import login_paused

FEW = 3  # so many recovery codes left are few


@login_not_required
@sensitive_post_parameters("code")
def login_code(request: PortalRequest) -> HttpResponse:
    """The code after the password; nobody is logged in before it."""
    if request.user.is_authenticated:
        return redirect("home")
    waiting = second_step.pending(request)
    if waiting is None:
        if second_step.KEY in request.session:
            messages.warning(request, f"输入密码后已超过{second_step.MINUTES}分钟，或密码已修改，请从头登录。")
            second_step.forget(request)
        return redirect("branches:login")
    step, user = waiting
    if second_step.is_paused(request, user):
        return login_paused(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = second_step.finish(request, step, user, form.cleaned_data["code"])
        if by == "recovery":
            left = second_factor.codes_left(user)
            messages.warning(
                request,
                f"用了一个恢复码，还剩{left}个，请在“我的账户”中重新生成或更换手机。"
                if left <= FEW else f"用了一个恢复码，还剩{left}个。用过的恢复码作废，请在纸上划去。",
            )  # fmt: skip
        if by:
            return redirect(step.target)
        if not second_step.fail(request, step, user):
            messages.warning(request, f"验证码连续输错{second_step.TRIES}次，请从密码重新开始。")
            return redirect("branches:login")
        form.add_error("code", "验证码不对，或已经用过。请等手机上换一组数字再输入；手机时间不准的，请先校准。")
    return render(request, "branches/login_code.html", {"form": form})


@sensitive_post_parameters("code", "secret")
@sensitive_variables("secret", "codes")
def totp(request: PortalRequest) -> HttpResponse:
    """Set up the phone: a QR code, its digits, then ten recovery codes shown this once."""
    user = get_object_or_404(User, pk=request.user.pk)
    replacing = request.GET.get("new") == "1"
    if user.totp_sealed and request.method != "POST" and not replacing:
        return _standing(request, user)
    if not (is_fresh(request) or (not user.totp_sealed and _has_just_logged_in(request))):
        return redirect(f"{reverse('branches:sudo')}?{urlencode({'next': request.get_full_path()})}")
    purpose = f"{second_factor.PURPOSE}.new.{user.pk}"
    secret = second_factor.new_secret()
    form = TotpForm(request.POST or None, initial={"secret": secrets.seal(secret, purpose)})
    if request.method == "POST":
        try:
            secret = secrets.unseal(request.POST.get("secret", ""), purpose)
        except secrets.Unreadable:
            secret = ""
        if not secret or second_factor.is_of(user, secret):
            return redirect("branches:totp")
        if form.is_valid():
            codes = second_factor.turn_on(
                user, secret, form.cleaned_data["code"], request.access, request.login_session
            )
            if codes:
                return _codes(request, codes, "两步验证已启用")
            form.add_error("code", "数字不对。请核对手机上“支部工作台”下面的6位数字，并确认手机时间准确。")
    return render(
        request,
        "branches/totp.html",
        {
            "form": form,
            "picture": second_factor.picture_of(secret, user),
            "key": " ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
            "required": second_factor.is_due(request.access),
            "replacing": bool(user.totp_sealed),
        },
    )


def _has_just_logged_in(request: PortalRequest) -> bool:
    """Whoever logged in some minutes ago need not give the password again to set up a first phone."""
    row = request.login_session
    return row is not None and timedelta(0) <= request.now - row.began_at < timedelta(minutes=MINUTES)


def _standing(request: PortalRequest, user: User) -> HttpResponse:
    left = second_factor.codes_left(user)
    return render(
        request,
        "branches/totp_on.html",
        {
            "user_totp_at": user.totp_at,
            "left": left,
            "few": left <= FEW,
            "required": second_factor.is_required(request.access),
        },
    )


@require_POST
@sudo_required
@sensitive_variables("codes")
def recovery_codes(request: PortalRequest) -> HttpResponse:
    """Ten new recovery codes; the answer itself is the sheet, shown this once."""
    user = get_object_or_404(User, pk=request.user.pk)
    if not user.totp_sealed:
        messages.error(request, "还没有启用两步验证，不需要恢复码。")
        return redirect("branches:totp")
    return _codes(request, second_factor.new_recovery_codes(user, request.access), "新的恢复码")


def _codes(request: PortalRequest, codes: list[str], title: str) -> HttpResponse:
    return render(request, "branches/recovery_codes.html", {"codes": codes, "title": title})


@require_POST
@sudo_required
def totp_off(request: PortalRequest) -> HttpResponse:
    """Go back to the password alone, where the posts held do not ask for more."""
    user = get_object_or_404(User, pk=request.user.pk)
    if second_factor.is_required(request.access):
        messages.error(request, "按您现任的职务，登录须用两步验证，不能停用。换了手机，请用“更换手机”。")
        return redirect("branches:totp")
    if user.totp_sealed:
        second_factor.turn_off(user, request.access)
        messages.success(request, "两步验证已停用，原来的恢复码作废。")
    return redirect("branches:account")
