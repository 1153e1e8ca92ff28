"""Pages that belong to no chapter: the homes, the gallery of components, the health page."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from branches import gallery as samples
from branches.access import Role
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_date, due_by
from config import homes
from config import todo as todos

LEADERS = {Role.SECRETARY, Role.DEPUTY, Role.COMMISSIONER}


def home(request: PortalRequest) -> HttpResponse:
    """Where somebody's work begins, by the highest of the posts held today; the navigation goes by the same order."""
    access = request.access
    roles = access.roles
    said = {"greeting": homes.greeting(access)}
    if Role.OFFICE in roles:
        return render(request, "home/office.html", said | homes.office_home(access))
    if roles & LEADERS:
        return render(request, "home/secretary.html", said | homes.leader_home(access))
    if Role.INSPECTOR in roles:
        return redirect("plan:board")
    if Role.SYSADMIN in roles:
        return redirect("branches:user_list")
    if Role.SECURITY in roles:
        return redirect("branches:security_list")
    if Role.AUDITOR in roles:
        return redirect("branches:audit_log")
    if Role.MEMBER in roles:
        return render(request, "home/member.html", said | homes.member_home(access))
    return render(request, "home/plain.html", said)


PER_PAGE = 50


def todo(request: PortalRequest) -> HttpResponse:
    """All that this person has to do, in the groups of the homes; one group alone by pages."""
    access = request.access
    sides = [(name, todos.WHOSE[name]) for name in todos.sides_of(access)]
    whose = request.GET.get("whose", "")
    whose = whose if whose in dict(sides) else ""
    said: dict[str, Any] = {
        "sides": sides,
        "whose": whose,
        "heading": "全部待办",
        "lead": f"{cn_date(access.now, access.now)}。",
    }
    name = request.GET.get("group", "")
    if name in todos.GROUPS:
        return render(request, "todo/todo.html", said | _alone(request, name, whose))
    groups = todos.groups_of(access, whose=whose)
    following = todos.next_of(groups, access.now)
    is_quiet = not any(groups[name].total for name in ("now", "late", "week"))
    context: dict[str, Any] = {
        "alone": "", "now_group": groups["now"], "late": groups["late"], "week_group": groups["week"],
        "later": groups["later"], "is_quiet": is_quiet, "next_url": following.action_url if following else "",
        "next_label": following.action_label if following else "", "query": f"&whose={whose}" if whose else "",
        "quiet_text": "本周没有要办的事。", "quiet_hint": "",
    }  # fmt: skip
    if following:
        due = f"，{due_by(following.due_at, access.now)}" if following.due_at else ""
        context["quiet_text"] += f"下一件：{following.title}{due}。"
    elif is_quiet:
        context["quiet_hint"] = "到了新的时段，或有材料退回、送审时，会列在这里。"
    return render(request, "todo/todo.html", said | context)


def _alone(request: PortalRequest, name: str, whose: str) -> dict[str, Any]:
    """One group: its duties by pages, with what the other sources have before the first of them."""
    access = request.access
    page = Paginator(todos.duties_in(access, name, whose), PER_PAGE).get_page(request.GET.get("page"))
    lines = [todos.duty_line(access, duty) for duty in page]
    others = todos.groups_of(access, whose=whose, leave_out={"duties"})[name]
    group = todos.together(todos.Group([*(others.lines if page.number == 1 else ()), *lines], 0, others.rest))
    group.total = page.paginator.count + others.total
    return {"alone": name, "heading": todos.GROUPS[name], "group": group, "page": page}


def gallery(request: HttpRequest) -> HttpResponse:
    return samples.gallery(request)


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """For the load balancer: the process answers and the database is there; nothing else is told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
