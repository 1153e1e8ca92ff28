"""Logging in and out, one's own account and password, and the system administrator's list of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from branches import accounts, audit, devices, first_steps, guessing, passwords, sessions
from branches.access import Access
from branches.account_forms import ActivateForm, LoginForm, PasswordForm, SudoForm, UserFilter
from branches.first_steps import PRIVACY_VERSION
from branches.models import (
    Branch,
    Committee,
    Member,
    MemberQuerySet,
    Membership,
    User,
    normal_staff_number,
    on_day,
)
from branches.personal import FIELDS, masked
from branches.requests import PortalRequest
from branches.search import matching
from branches.second_step import proceed
from branches.sessions import End
from branches.sight import account_of
from branches.sudo import MINUTES, TRIES, fail, freshen, is_fresh, sudo_required

PER_PAGE = 50
PAUSE_MINUTES = int(guessing.PAUSE.total_seconds() // 60)
# One sentence for every failure: it must not tell which staff numbers have an account.
WRONG = (
    f"工号或密码不正确。连续输错{guessing.TRIES}次，将暂停{PAUSE_MINUTES}分钟。"
    "首次使用，请先用激活码设置密码；忘记密码，请找系统管理员重发激活码。"
)
WRONG_CODE = (
    "工号与激活码不符，或者激活码已经用过、过期、被新的代替。请对照激活码条核对；"
    f"仍不能激活的，请找系统管理员重发。连续输错{guessing.TRIES}次，将暂停{PAUSE_MINUTES}分钟。"
)


# ------------------------------------------------------------------------------------------------ logging in and out


@login_not_required
@sensitive_post_parameters("password")
def login(request: PortalRequest) -> HttpResponse:
    target = _safe_target(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = LoginForm(request.POST or None, initial={"next": request.GET.get("next", "")})
    if request.method == "POST" and form.is_valid():
        # One spelling for one account, so that failures are counted together however the number was typed.
        number = normal_staff_number(form.cleaned_data["username"])
        request.known_device = devices.claim(request, number)
        pair = guessing.Pair.of(request, number)
        if not request.known_device and (
            wait := guessing.wait_for(pair, request.now, form.cleaned_data["ticket"])
        ):  # fmt: skip
            return _must_wait(request, wait)
        user = auth.authenticate(request, username=number, password=form.cleaned_data["password"])
        if user is not None:
            return proceed(request, user, target)
        # What was refused without looking at the password has been told already.
        if not getattr(request, "refused_unseen", False):
            _note_failure(request, number, "登录失败")
        form.add_error(None, WRONG)
    return render(request, "branches/login.html", {"form": form})


def _note_failure(request: PortalRequest, number: str, what: str) -> None:
    # What belongs to no account is not kept: a password typed into the wrong box would stand there for ever.
    known = User.objects.filter(staff_number=number).exists()
    audit.note(request.access, audit.Kind.LOGIN, what, ok=False, claimed=number if known else "没有这个工号")


def _must_wait(request: PortalRequest, wait: guessing.Wait) -> HttpResponse:
    """The login page once more: what was typed stays, but for the password, which nobody has looked at."""
    data = request.POST.copy()
    data["ticket"] = wait.ticket
    form = LoginForm(data)
    form.add_error(
        None, f"刚才有人多次试登录这个工号，或在这个网络试登录，为防止试猜，请等{wait.seconds}秒，再输密码登录。"
    )
    answer = render(request, "branches/login.html", {"form": form}, status=429)
    answer["Retry-After"] = str(wait.seconds)
    return answer


@login_not_required
@sensitive_post_parameters("code", "new", "again")
def activate(request: PortalRequest) -> HttpResponse:
    """Staff number, code and own password in one form: the code is used up only when the password is set.

    A right code is let in even where wrong ones have paused the number: nobody guesses one of 74 bits, and so nobody
    can keep its owner out either.
    """
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    form = ActivateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        number, code = normal_staff_number(form.cleaned_data["number"]), form.cleaned_data["code"]
        user = accounts.activating(number, code, request.now)
        if user is None:
            return _wrong_code(request, form, number)
        if form.suits(user):
            who = Access.of(user, request.now, ip=request.access.ip, request_id=request.access.request_id)
            if accounts.activate(user, form.cleaned_data["new"], who):
                messages.success(request, "账号已激活，以后用工号和这个密码登录。激活码已作废，请把激活码条销毁。")
                return proceed(request, user, resolve_url(settings.LOGIN_REDIRECT_URL), via="activation")
            return _wrong_code(request, form, number)
    return render(request, "branches/activate.html", {"form": form})


def _wrong_code(request: PortalRequest, form: ActivateForm, number: str) -> HttpResponse:
    """A wrong code counts like a wrong password."""
    pair = guessing.Pair.of(request, number)
    if not guessing.paused_until(pair, request.now):
        guessing.record(pair, request.now)
        _note_failure(request, number, "激活失败")
    if guessing.paused_until(pair, request.now):
        return login_paused(request)
    form.add_error(None, WRONG_CODE)
    return render(request, "branches/activate.html", {"form": form})


def _safe_target(request: HttpRequest) -> str:
    """Where the person was going, if that is a page of this portal; else the home page."""
    target = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def login_paused(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """What axes answers after too many failures: the same for numbers with and without an account."""
    paused = render(
        request, "branches/login_paused.html", {"minutes": PAUSE_MINUTES, "tries": guessing.TRIES}, status=429
    )
    paused["Retry-After"] = str(PAUSE_MINUTES * 60)
    return paused


@require_POST
def logout(request: PortalRequest) -> HttpResponse:
    by_sso = bool(settings.SSO) and request.login_session is not None and request.login_session.by_sso
    if request.login_session:
        sessions.end(request.login_session, End.LOGOUT, request.access)
    auth.logout(request)
    if by_sso:
        response = redirect("branches:sso_ended")  # the login there may have to end, too
    else:
        messages.success(request, "已退出登录。在公用电脑上，请同时关闭浏览器。")
        response = redirect("branches:login")
    # Nothing of what was looked at stays in the browser; its cookies go with the session, but for the message's.
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


# ------------------------------------------------------------------------------------------------------- own account


def account(request: PortalRequest) -> HttpResponse:
    """Who I am here: facts, branch, posts held today."""
    access = request.access
    member = get_object_or_404(Member, pk=access.member_id)
    membership = member.memberships.filter(on_day(access.on)).select_related("branch", "group").first()
    posts = member.posts.filter(on_day(access.on)).select_related("branch", "committee").order_by("from_on", "pk")
    facts = [
        ("姓名", member.name),
        ("工号", member.staff_number),
        ("党支部", membership.branch.name if membership else "不在任何支部的名册上"),
        ("党小组", membership.group.name if membership and membership.group else "不分小组"),
        ("人员类别", member.category(access.on) if membership else ""),
        ("行政职务", member.job_title),
    ]
    personal = [(name, field.label, masked(member, name)) for name, field in FIELDS.items()]
    logins = sessions.live(request.now).filter(user=access.actor)
    return render(
        request,
        "branches/account.html",
        {
            "facts": facts,
            "posts": posts,
            "membership": membership,
            "own_branch": membership.branch_id if membership and membership.branch_id in access.branches else None,
            "member": member,
            "personal": personal,
            "logins": list(logins),
            "here": request.login_session,
            "totp_at": access.actor.totp_at if access.actor.totp_sealed else None,
        },
    )


@sensitive_post_parameters("old", "new", "again")
def password(request: PortalRequest) -> HttpResponse:
    """An own password; whoever has none yet, or one that is too old, gets no further without a new one."""
    user = get_object_or_404(User.objects.select_related("member"), pk=request.user.pk)
    first, expired = user.must_change_password, passwords.is_expired(request.access)
    if first and request.login_session and request.login_session.by_sso and not is_fresh(request):
        # No password is asked where none was ever set: then the campus says once more who this is.
        return redirect(f"{reverse('branches:sudo')}?{urlencode({'next': request.get_full_path()})}")
    form = PasswordForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        accounts.change_password(user, form.cleaned_data["new"], request.access)
        # This login goes on; all others of this account end.
        sessions.keep(request, user)
        sessions.end_all(user, End.CHANGED, request.access, but=request.login_session)
        messages.success(request, "密码已修改。下次登录请用新密码；其他电脑和手机上的登录已退出。")
        return redirect(settings.LOGIN_REDIRECT_URL if first or expired else "branches:account")
    if request.POST.get("old") and "old" in form.errors:
        audit.note(request.access, audit.Kind.LOGIN, "再次验证身份未通过", ok=False)
        if not fail(request):
            return _end_after_wrong(request)
    days = passwords.days_of(request.access)
    return render(request, "branches/password.html", {"form": form, "first": first, "expired": expired, "days": days})


def privacy(request: PortalRequest) -> HttpResponse:
    """The privacy notice: read before anything else, and whenever one likes."""
    access, user = request.access, request.access.actor
    if request.method == "POST":
        with audit.act(access, audit.Kind.RIGHTS, "阅读隐私告知", user, version=PRIVACY_VERSION):
            User.objects.filter(pk=user.pk).update(privacy_version=PRIVACY_VERSION, privacy_at=access.now)
        return redirect(settings.LOGIN_REDIRECT_URL)
    step = first_steps.pending(request)
    return render(
        request,
        "branches/privacy.html",
        {
            "committee": access.committee or Committee.objects.order_by("pk").first(),
            "accepted_at": user.privacy_at if user.privacy_version == PRIVACY_VERSION else None,
            "asked": step is not None and step.route == "branches:privacy",
            "version": PRIVACY_VERSION,
        },
    )


@sensitive_post_parameters("password")
def sudo(request: PortalRequest) -> HttpResponse:
    """The password once more, or the digits on the phone; then on to the page that asked for it."""
    user = get_object_or_404(User, pk=request.user.pk)
    form = SudoForm(request.POST or None, user=user, now=request.now, initial={"next": request.GET.get("next", "")})
    if request.method == "POST":
        if form.is_valid():
            audit.note(request.access, audit.Kind.LOGIN, "再次验证身份")
            freshen(request)
            messages.info(request, f"已确认是您本人，{MINUTES}分钟内不再询问。请继续办理。")
            return redirect(_safe_target(request))
        if request.POST.get("password"):
            audit.note(request.access, audit.Kind.LOGIN, "再次验证身份未通过", ok=False)
            if not fail(request):
                return _end_after_wrong(request)
    return render(request, "branches/sudo.html", {"form": form, "minutes": MINUTES})


def _end_after_wrong(request: PortalRequest) -> HttpResponse:
    """Whoever sits there does not know the password: the login ends."""
    if request.login_session:
        sessions.end(request.login_session, End.ENDED, request.access)
    auth.logout(request)
    messages.warning(request, f"再次验证身份时连续输错{TRIES}次，已退出登录。请重新登录。")
    return redirect("branches:login")


# ---------------------------------------------------------------------------------------- the administrator's list


def _administered(access: Access) -> MemberQuerySet:
    """Whoever belongs to a branch of the administrator's committees, holds a post there, or went from there nowhere."""
    return Member.objects.filter(account_of(access.administers, access.on))


def _branches(access: Access) -> QuerySet[Branch]:
    return Branch.objects.filter(committee__in=access.administers).existing_on(access.on).order_by("committee", "code")


@dataclass(frozen=True)
class AccountRow:
    """A line of the list: the member, and how the account stands, as a code of the standings and as a word."""

    member: Member
    branch: str
    code: str
    text: str
    state: str
    seen: str


def _account_row(member: Member, now: datetime) -> AccountRow:
    user: User | None = getattr(member, "user", None)
    state = accounts.state_of(user, now)
    branch = member.branch_name or "不在册"  # type: ignore[attr-defined]
    return AccountRow(member, branch, *accounts.STATES[state], state, _seen(user))


def _seen(user: User | None) -> str:
    """Which account the page was showing: pressing 开通 twice must not make the first slip worthless."""
    return "" if user is None else f"{user.opened_at or ''}"


def _without_access(now: datetime) -> Q:
    """Members with no account, and those whom neither a code nor a password lets in: they get a slip."""
    return Q(user__isnull=True) | _late(now)


def _late(now: datetime) -> Q:
    over = Q(user__activation_until_at__isnull=True) | Q(user__activation_until_at__lte=now)
    closed = Q(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return over & closed & Q(user__is_active=True, user__must_change_password=True)


def user_list(request: PortalRequest) -> HttpResponse:
    """Who has an account, and how it stands."""
    access = request.access
    branches = _branches(access)
    form = UserFilter(request.GET, branches=branches)
    wanted = form.cleaned_data if form.is_valid() else {}
    here = Membership.objects.filter(on_day(access.on), member=OuterRef("pk"))
    members = _administered(access).filter(Exists(here) | Q(user__isnull=False))
    members = members.filter(matching(wanted.get("q", "")))
    branch = wanted.get("branch")
    if branch:
        members = members.filter(Exists(here.filter(branch=branch)))
    waiting = members.filter(_without_access(access.now)).count() if branch else 0
    late = _late(access.now)
    by_state = {
        "none": Q(user__isnull=True),
        "waiting": Q(user__is_active=True, user__must_change_password=True) & ~late,
        "late": late,
        "active": Q(user__is_active=True, user__must_change_password=False),
        "paused": Q(user__is_active=False),
    }
    members = members.filter(by_state.get(wanted.get("state", ""), Q()))
    page = Paginator(
        members.select_related("user").with_branch(access.on).order_by("name_key", "pk"), PER_PAGE
    ).get_page(request.GET.get("page"))
    return render(
        request,
        "branches/user_list.html",
        {
            "form": form,
            "page": page,
            "rows": [_account_row(member, access.now) for member in page],
            "branch": branch,
            "waiting": waiting,
            "filtered": any(wanted.values()),
        },
    )


@require_POST
@sudo_required
def user_open(request: PortalRequest, member_id: int) -> HttpResponse:
    """Open the account, or issue another code; the answer itself is the slip, shown this once."""
    member = get_object_or_404(_administered(request.access).select_related("user"), pk=member_id)
    if request.POST.get("seen", "") != _seen(getattr(member, "user", None)):
        messages.warning(
            request, f"{member.name}的激活码刚刚已发放。激活码只显示一次；如果没有记下，请再点“重发激活码”。"
        )
        return _back_to_list(request)
    return _slips(request, [member])


@require_POST
@sudo_required
def user_open_branch(request: PortalRequest, pk: int) -> HttpResponse:
    """A sheet of slips for all of a branch who have no account, or whose code ran out before they used it."""
    branch = get_object_or_404(_branches(request.access), pk=pk)
    members = list(branch.roster(request.access.on).filter(_without_access(request.now)))
    if not members:
        messages.warning(request, f"{branch.name}的党员都已有账号，没有需要发激活码的。")
        return redirect(f"{reverse('branches:user_list')}?{urlencode({'branch': branch.pk})}")
    return _slips(request, members, branch)


def _slips(request: PortalRequest, members: list[Member], branch: Branch | None = None) -> HttpResponse:
    try:
        slips = accounts.open_accounts(members, request.access)
    except IntegrityError:
        messages.warning(request, "这些账号正由另一位管理员开通，请在列表中核对后再操作。")
        return _back_to_list(request)
    address = request.build_absolute_uri(reverse("branches:activate"))
    # Scanned with a phone it opens the page; the code itself is in no address, where logs would keep it.
    picture = segno.make(address, micro=False).svg_data_uri(scale=3, border=2, light="white")
    return render(
        request, "branches/slips.html", {"slips": slips, "branch": branch, "address": address, "picture": picture}
    )


@require_POST
def user_pause(request: PortalRequest, member_id: int) -> HttpResponse:
    """Pause an account, which ends its sessions at once, or let it be used again."""
    accounts = _administered(request.access).filter(user__isnull=False).select_related("user")
    member = get_object_or_404(accounts, pk=member_id)
    pause = request.POST.get("action") == "pause"
    if pause and member.pk == request.access.member_id:
        messages.error(request, "不能暂停自己的账号，请由另一位系统管理员办理。")
        return _back_to_list(request)
    with audit.act(request.access, audit.Kind.RIGHTS, "暂停账号" if pause else "恢复账号", member):
        # Resumed is opened anew: the days in which nobody used it no longer count.
        opened = {} if pause else {"opened_at": request.now}
        User.objects.filter(member=member).update(is_active=not pause, **opened)
        if pause:
            sessions.end_all(member.user, End.CHANGED, request.access)
    words = "已暂停，对方已被退出登录" if pause else "已恢复使用，密码不变"
    messages.success(request, f"{member.name}的账号{words}。")
    return _back_to_list(request)


def _back_to_list(request: PortalRequest) -> HttpResponse:
    """The list as it was filtered."""
    kept = {
        name: request.POST[f"list_{name}"]
        for name in ("q", "branch", "state", "page")
        if request.POST.get(f"list_{name}")
    }
    return redirect(f"{reverse('branches:user_list')}?{urlencode(kept)}" if kept else "branches:user_list")
