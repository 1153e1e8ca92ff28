"""A pledge from its approval to its judgement."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from branches.requests import PortalRequest


def pledge_detail(request: PortalRequest, pk: int) -> HttpResponse:
    raise Http404
