"""The activity week's record, and the branch's own features."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from branches.requests import PortalRequest


def week_new(request: PortalRequest) -> HttpResponse:
    raise Http404


def week_edit(request: PortalRequest, pk: int) -> HttpResponse:
    raise Http404


def feature_detail(request: PortalRequest, pk: int) -> HttpResponse:
    raise Http404
