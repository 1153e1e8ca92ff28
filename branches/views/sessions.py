"""One's own logins, and the security administrator's console: logins, pauses and second factors of accounts."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from branches import audit, guessing, second_factor, sessions, unsent
from branches.access import Access
from branches.account_forms import SecurityFilter
from branches.accounts import STATES, state_of
from branches.models import LoginSession, Member, User
from branches.requests import PortalRequest, wants_json
from branches.search import matching
from branches.sessions import End
from branches.sight import account_of
from branches.sudo import sudo_required

PER_PAGE = 50


# One's own


@require_POST
def session_end(request: PortalRequest, pk: int) -> HttpResponse:
    """End one other login of the own account."""
    row = get_object_or_404(LoginSession, pk=pk, user=request.access.actor)
    if request.login_session and row.pk == request.login_session.pk:
        messages.error(request, "这是您现在的登录。要退出，请点“退出登录”。")
    elif sessions.end(row, End.ENDED, request.access):
        messages.success(request, "已退出那里的登录。如果不是您本人登录的，请马上修改密码。")
    else:
        messages.warning(request, "那里的登录已经结束。")
    return redirect("branches:account")


@require_POST
def sessions_end(request: PortalRequest) -> HttpResponse:
    """End every login of the own account but this one."""
    count = sessions.end_all(request.access.actor, End.ENDED, request.access, but=request.login_session)
    if count:
        messages.success(request, "其他地方的登录都已退出。如果不是您本人登录的，请马上修改密码。")
    else:
        messages.warning(request, "没有其他地方的登录。")
    return redirect("branches:account")


def login_again(request: PortalRequest) -> HttpResponse:
    """Whose login this browser has now: for a page left open, as data with a token; for the person, as a sentence."""
    if wants_json(request):
        return JsonResponse({"me": request.access.actor.pk, "token": get_token(request)})
    return render(request, "branches/login_again.html")


def unsent_form(request: PortalRequest) -> HttpResponse:
    """The form that met an ended login, with a button that sends it once more; shown until it is sent or too old."""
    form = unsent.waiting(request)
    if form is None:
        return redirect("home")
    return render(request, "branches/unsent.html", {"unsent": form, "texts": unsent.texts_of(form.fields)})


# The security administrator's


def _secured(access: Access) -> QuerySet[User]:
    """The accounts of these committees' people, as the system administrator's list has them."""
    return User.objects.filter(account_of(access.secures, access.on, "member")).select_related("member")


@dataclass(frozen=True)
class SecurityRow:
    """A line of the console: an account, where it is logged in and where it is kept out."""

    user: User
    logins: int
    paused_at: int
    code: str
    text: str


def security_list(request: PortalRequest) -> HttpResponse:
    """Accounts as the security administrator sees them: no business, only how they stand."""
    form = SecurityFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    open_now = sessions.live(request.now)
    by_state = {
        "active": Q(is_active=True, must_change_password=False),
        "waiting": Q(is_active=True, must_change_password=True),
        "paused": Q(is_active=False),
        "logged_in": Exists(open_now.filter(user=OuterRef("pk"))),
        "second": ~Q(totp_sealed=""),
    }
    named = Member.objects.filter(matching(wanted.get("q", "")), pk=OuterRef("member"))
    found = _secured(request.access).filter(Exists(named))
    found = found.filter(by_state.get(wanted.get("state", ""), Q())).order_by("member__name_key", "pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    logins: dict[int, int] = {}
    for pk in open_now.filter(user__in=[user.pk for user in page]).values_list("user_id", flat=True):
        logins[pk] = logins.get(pk, 0) + 1
    paused = guessing.paused([user.staff_number for user in page], request.now)
    rows = [
        SecurityRow(user, logins.get(user.pk, 0), paused[user.staff_number], *STATES[state_of(user, request.now)])
        for user in page
    ]
    return render(
        request,
        "branches/security_list.html",
        {"form": form, "page": page, "rows": rows, "filtered": any(wanted.values())},
    )


@require_POST
@sudo_required
def security_end(request: PortalRequest, pk: int) -> HttpResponse:
    """End all logins of an account."""
    user = get_object_or_404(_secured(request.access), pk=pk)
    with audit.act(request.access, audit.Kind.RIGHTS, "结束账号的登录", user.member):
        count = sessions.end_all(user, End.ENDED, request.access, but=request.login_session)
    if count:
        messages.success(request, f"{user.member.name}的登录已结束，须重新登录。")
    else:
        messages.warning(request, f"{user.member.name}现在没有{'其他' if user == request.user else ''}登录。")
    return _back_to_list(request)


@require_POST
@sudo_required
def security_lift(request: PortalRequest, pk: int) -> HttpResponse:
    """Let an account log in again before its pause by failed logins is over."""
    user = get_object_or_404(_secured(request.access), pk=pk)
    with audit.act(request.access, audit.Kind.RIGHTS, "解除登录暂停", user.member):
        guessing.lift(user.staff_number)
    messages.success(request, f"{user.member.name}现在可以登录。如果不是本人输错，请提醒修改密码。")
    return _back_to_list(request)


@require_POST
@sudo_required
def security_totp_off(request: PortalRequest, pk: int) -> HttpResponse:
    """Take the lost phone off an account; its logins end with it."""
    user = get_object_or_404(_secured(request.access), pk=pk)
    if user == request.user:
        messages.error(request, "不能撤销自己的两步验证，请由另一位安全管理员办理。")
        return _back_to_list(request)
    if not user.totp_sealed:
        messages.warning(request, f"{user.member.name}没有启用两步验证。")
        return _back_to_list(request)
    with audit.together():
        second_factor.turn_off(user, request.access)
        sessions.end_all(user, End.CHANGED, request.access)
    messages.success(request, f"{user.member.name}的两步验证已撤销，本人下次登录后重新设置。")
    return _back_to_list(request)


def _back_to_list(request: PortalRequest) -> HttpResponse:
    """The list as it was filtered."""
    kept = {name: request.POST[f"list_{name}"] for name in ("q", "state", "page") if request.POST.get(f"list_{name}")}
    return redirect(f"{reverse('branches:security_list')}?{urlencode(kept)}" if kept else "branches:security_list")
