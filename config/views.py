"""Pages that belong to no chapter: the homes, the gallery of components, the health page."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from branches import gallery as samples
from branches.access import Role
from branches.requests import PortalRequest
from config import homes

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


def gallery(request: HttpRequest) -> HttpResponse:
    return samples.gallery(request)


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """For the load balancer: the process answers and the database is there; nothing else is told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
