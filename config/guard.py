"""The guard at every route, and what every page is told: closed unless the matrix opens it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from branches import audit, first_steps, unsent
from branches.access import Access, Role
from branches.requests import wants_json
from config.matrix import ROUTES

log = logging.getLogger(__name__)

# The pages on which the place 方案 is the current one.
PLAN_PAGES = (
    "plan:plan_detail", "plan:plan_preview", "plan:plan_edit", "plan:plan_settings", "plan:plan_upload",
    "plan:rhythm", "plan:lead_time", "plan:workdays", "plan:workdays_notice",
    "plan:reminder_policy", "inbox:sending_list",
    "plan:requirement_detail", "plan:requirement_edit", "plan:requirement_new",
    # What the plan tells everybody to study stands beside it.
    "study:material_list", "study:material_detail", "study:material_new", "study:material_edit",
    "study:reading_detail",
)  # fmt: skip
# The tree of committees.
ORGANIZATION_PAGES = ("branches:organization", "branches:committee_new", "branches:committee_edit")
# The pages about people: a roster, one member, a branch and its posts, and what the office does to them.
PEOPLE_PAGES = (
    "branches:member_list", "branches:member_detail", "branches:member_new", "branches:member_edit",
    "branches:member_transfer", "branches:branch_detail", "branches:branch_new", "branches:branch_edit",
    "branches:handover", "branches:post_end", "branches:committee_posts", "branches:roster_import",
    "branches:roster_preview", "branches:member_find", "branches:member_reveal", "branches:member_duplicates",
    "branches:member_pair", "branches:roster_columns", *ORGANIZATION_PAGES, "handover_pack",
)  # fmt: skip
# What a branch's leaders see of its people.
ROSTER_PAGES = (
    "branches:member_list", "branches:member_detail", "branches:member_reveal", "branches:branch_detail",
    "handover_pack",
)  # fmt: skip
# What is exempted or extended stands beside what is owed, for the office beside what waits for it.
RELIEF_PAGES = ("plan:relief_list", "plan:relief_new", "plan:relief_detail")
# What belongs to one's own account.
ACCOUNT_PAGES = (
    "branches:account", "branches:password", "branches:privacy", "branches:totp", "branches:recovery_codes",
    "branches:own_contact", "branches:own_history", "branches:who_sees_me", "inbox:preference",
)  # fmt: skip
# The mobile branch.
MOBILE_PAGES = (
    "study:push_list", "study:push_detail", "study:push_new", "study:push_edit", "study:channel_list",
    "study:channel_new",
)  # fmt: skip
# The pioneer posts.
POST_PAGES = (
    "commitments:post_list", "commitments:post_detail", "commitments:post_new", "commitments:post_edit",
    "commitments:rotation_draft", "commitments:nomination_list", "commitments:nomination_new",
    "commitments:nomination_detail",
)  # fmt: skip
# Activity weeks and features.
WEEK_PAGES = (
    "commitments:week_list", "commitments:week_new", "commitments:week_edit", "commitments:feature_list",
    "commitments:feature_new", "commitments:feature_detail", "commitments:feature_edit", "commitments:feature_remove",
)  # fmt: skip
# Pledges, and what is reached from their page: boards, pioneer posts, activity weeks, features.
PLEDGE_PAGES = (
    "commitments:pledge_wall", "commitments:pledge_detail", "commitments:pledge_new", "commitments:pledge_edit",
    "commitments:pledge_list", "commitments:pledge_gate", "commitments:boards", *POST_PAGES, *WEEK_PAGES,
)  # fmt: skip
# The pages of what was sent: one filing and its versions.
FILING_PAGES = ("plan:filing_detail", "plan:filing_versions")
# For those who see all branches: the branches' records, calendars and study plans stand beside what was sent.
RECORD_PAGES = (
    "study:gathering_list", "study:follow_ups", "study:make_ups", "study:calendar", "study:calendar_feed",
    "study:branch_plan",
)  # fmt: skip
# What belongs to the records: one of them, its check-in, the branches that hold it too, make-ups and follow-ups.
GATHERING_PAGES = (
    "study:gathering_new", "study:gathering_edit", "study:check_in", "study:partners", "study:joint_edit",
    "study:make_ups", "study:follow_ups",
)  # fmt: skip
# What belongs to the place 日历.
CALENDAR_PAGES = ("study:calendar_feed",)
# In these addresses stands a secret: the log names the route instead.
SECRET_ROUTES = ("study:feed",)
# A leader's pages of the branch's plan and of the members' plans.
PLANNING_PAGES = (
    "study:branch_plan_edit", "study:plan_item_new", "study:plan_item_edit", "study:plan_item_remove",
    "study:plan_table", "study:plan_import", "study:plan_review", "study:member_progress",
)  # fmt: skip
# A member's pages of the own plan.
OWN_PLAN_PAGES = ("study:member_plan_edit", "study:member_plan_redraft")


class GuardMiddleware:
    """Looks the route up in the matrix before any view runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        self.write_down(request, response)
        if request.user.is_authenticated and "Cache-Control" not in response:
            # What one person saw must not come back from a shared machine's cache.
            response["Cache-Control"] = "no-store"
        return response

    def write_down(self, request: HttpRequest, response: HttpResponse) -> None:
        """What somebody was refused, and what somebody took away as a file, goes into the audit log."""
        access: Access = request.access  # type: ignore[attr-defined]
        if access.user is None:
            return
        match, status = request.resolver_match, response.status_code
        route = match.view_name if match else ""
        unsafe = request.method not in ("GET", "HEAD", "OPTIONS")
        if status == 403 or (unsafe and status in (404, 405)):
            what = "操作被拒绝" if unsafe else "查看被拒绝"
            path = match.route if match and route in SECRET_ROUTES else request.path
            audit.note(access, audit.Kind.REFUSED, what, ok=False, route=route, path=path, status=status)
        elif status == 200 and response.get("Content-Disposition", "").startswith("attachment"):
            asked = request.GET.copy()
            if asked.get("q"):
                asked["q"] = "*"  # somebody's name, as a rule: that it was narrowed is enough
            query = asked.urlencode(safe="*")
            audit.note(access, audit.Kind.EXPORT, "下载文件", route=route, path=request.path, query=query)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        row = ROUTES.get(name)
        if row is None:
            log.error("route %r is not in the access matrix", name)
            raise Http404
        allowed = row.post if request.method == "POST" else row.get if request.method in ("GET", "HEAD") else None
        if allowed is None:
            return HttpResponseNotAllowed([m for m, served in (("GET", row.get), ("POST", row.post)) if served])
        if row.public:
            return None
        access = request.access  # type: ignore[attr-defined]
        if not access.user:
            return None  # LoginRequiredMiddleware has sent them to the login page already
        if step := first_steps.stands_before(request, name):  # type: ignore[arg-type]
            return redirect(step.route)
        # Whoever can log in may reach what everybody may, even with no post and no branch today.
        if allowed != frozenset(Role) and not access.roles & allowed:
            return render(request, "403.html", status=403)
        return None


def _place(request: HttpRequest, label: str, icon: str, name: str, *also: str) -> dict[str, Any]:
    here = request.resolver_match.view_name if request.resolver_match else ""
    return {"label": label, "icon": icon, "url": reverse(name), "current": here == name or here in also}


def places_of(request: HttpRequest) -> list[dict[str, Any]]:
    """The places of the navigation for this person, the four most needed first (the phone's bottom bar shows four)."""
    access = getattr(request, "access", None)
    if access is None or access.user is None or first_steps.pending(request):  # type: ignore[arg-type]
        return []
    roles = access.roles

    def place(label: str, icon: str, name: str, *also: str) -> dict[str, Any]:
        return _place(request, label, icon, name, *also)

    places = []
    if Role.OFFICE in roles:
        places = [
            place("工作台", "list-check", "home", "todo"),
            place("待审", "inbox", "plan:intray", "study:plan_review", *RELIEF_PAGES),
            place("总览", "grid-3x3", "plan:board", "plan:heat"),
            place("欠报清单", "check2-square", "plan:duty_list", "plan:duty_detail"),
            place("方案", "journal-text", "plan:plan_list", *PLAN_PAGES),
            place("支部与党员", "people", "branches:branch_list", *PEOPLE_PAGES),
            place("报送件", "files", "plan:filing_list", *FILING_PAGES, *RECORD_PAGES),
            place("承诺践诺", "patch-check", *PLEDGE_PAGES),
            place("移动党支部", "phone", *MOBILE_PAGES),
            place("体检", "clipboard2-pulse", "checkup", "checkup_rule"),
            place("登记簿", "clock-history", "plan:log"),
        ]
    elif roles & {Role.SECRETARY, Role.DEPUTY, Role.COMMISSIONER}:
        places = [
            place("待办", "list-check", "home", "todo"),
            place("记录", "pencil-square", "study:gathering_list", *GATHERING_PAGES),
            place("日历", "calendar3", "study:calendar", *CALENDAR_PAGES),
            place("我的", "person", "study:member_plan", *OWN_PLAN_PAGES),
            place("学习计划", "journal-text", "study:branch_plan", *PLANNING_PAGES),
            place("任务清单", "check2-square", "plan:duty_list", "plan:duty_detail", *RELIEF_PAGES),
            place("方案", "book", "plan:plan_list", *PLAN_PAGES),
            place("承诺践诺", "patch-check", *PLEDGE_PAGES),
            place("移动党支部", "phone", *MOBILE_PAGES),
            place("党员名册", "people", *ROSTER_PAGES),
            place("体检", "clipboard2-pulse", "checkup", "checkup_rule"),
        ]
    elif Role.INSPECTOR in roles:
        places = [
            place("总览", "grid-3x3", "plan:board", "plan:heat"),
            place("欠报清单", "list-check", "plan:duty_list", "plan:duty_detail", *RELIEF_PAGES),
            place("报送件", "files", "plan:filing_list", *FILING_PAGES, *RECORD_PAGES),
            place("支部", "people", "branches:branch_list", *PEOPLE_PAGES),
            place("承诺践诺", "patch-check", *PLEDGE_PAGES),
            place("移动党支部", "phone", *MOBILE_PAGES),
            place("方案", "book", "plan:plan_list", *PLAN_PAGES),
        ]
    elif Role.SYSADMIN in roles:
        places = [
            place("账号", "people", "branches:user_list", "branches:user_open", "branches:user_open_branch"),
            place("组织", "building", *ORGANIZATION_PAGES, "branches:branch_new", "branches:branch_edit"),
            place("后台任务", "hourglass-split", "jobs:job_list", "jobs:job_detail"),
            place("消息发送", "send", "inbox:sending_list"),
            place("我的账户", "person", *ACCOUNT_PAGES),
        ]
    elif Role.SECURITY in roles:
        places = [
            place("授权", "key", "branches:grants", "branches:grant_end"),
            place("登录与账号安全", "shield-check", "branches:security_list"),
            place("我的账户", "person", *ACCOUNT_PAGES),
        ]
    elif Role.AUDITOR in roles:
        places = [
            place("审计日志", "shield-check", "branches:audit_log"),
            place("登记簿", "clock-history", "plan:log"),
            place("我的账户", "person", *ACCOUNT_PAGES),
        ]
    elif Role.MEMBER in roles:
        places = [
            place("待办", "list-check", "home", "todo", "plan:duty_list", "plan:duty_detail", *RELIEF_PAGES),
            place("学习计划", "journal-text", "study:member_plan", *OWN_PLAN_PAGES),
            place("日历", "calendar3", "study:calendar", *CALENDAR_PAGES),
            place("方案", "book", "plan:plan_list", *PLAN_PAGES),
            place("承诺践诺", "patch-check", *PLEDGE_PAGES),
            place("移动党支部", "phone", *MOBILE_PAGES),
            place("支部计划", "journal-text", "study:branch_plan"),
            place("支部活动", "files", "study:gathering_list", "study:follow_ups"),
        ]
    return places


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What every page knows: now, the places, and whether this is the demo."""
    access = getattr(request, "access", None)
    return {
        "now": getattr(request, "now", None),
        "access": access,
        "places": places_of(request),
        # In the order in which Role lists them: a set would stand differently on each page.
        "roles": [role for role in Role if access and role in access.roles],
        "demo": settings.DEMO,
        "sso": settings.SSO is not None,
    }


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long or in another session: say so, and give back what was typed, to be sent again.

    Only what a page of this portal sent: another site's form must not come back with a token that is good.
    """
    if wants_json(request):
        # The page's script keeps what was typed, and asks for a token of the new login.
        return JsonResponse({"stale": True}, status=403)
    match, fields = request.resolver_match, []
    if match and request.user.is_authenticated and _is_from_here(request):
        fields = unsent.fields_of(request, match.view_name)
    said = {"fields": fields, "texts": unsent.texts_of(fields), "path": request.get_full_path(), "files": request.FILES}
    return render(request, "403_csrf.html", said, status=403)


def _is_from_here(request: HttpRequest) -> bool:
    """Whether the browser says that the form stood on a page of this portal."""
    here = f"{request.scheme}://{request.get_host()}"
    origin = request.headers.get("Origin")
    return origin == here if origin else request.headers.get("Referer", "").startswith(f"{here}/")
