"""Pioneer posts: who stands where, who is put forward, whose turn it is."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from branches.requests import PortalRequest


def post_list(request: PortalRequest) -> HttpResponse:
    raise Http404


def post_detail(request: PortalRequest, pk: int) -> HttpResponse:
    raise Http404
