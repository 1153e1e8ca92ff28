"""Writing a pledge, and the gate."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from branches.requests import PortalRequest


def pledge_new(request: PortalRequest) -> HttpResponse:
    raise Http404


def pledge_edit(request: PortalRequest, pk: int) -> HttpResponse:
    raise Http404
