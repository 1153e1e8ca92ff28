"""The branch's own features: the list, one page with its pictures, writing it and taking it down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from branches.models import Branch
from branches.requests import PortalRequest
from commitments import features
from commitments.feature_form import FeatureForm
from commitments.models import ActivityWeek, Feature, FeaturePicture
from commitments.views.weeks import branch_asked
from documents.text import printable
from plan import kept_files
from plan.paper_form import LostUpdate
from plan.views.papers import captions_typed, chosen

PER_PAGE = 24
LOST = "这项特色工作在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您的为准。"


# Reading


def feature_list(request: PortalRequest) -> HttpResponse:
    """The features of the branch, or of the branches that the person sees, each with its first picture."""
    access = request.access
    form, branch = branch_asked(request)
    rows = Feature.objects.visible_to(access)
    if branch:
        rows = rows.filter(branch=branch)
    first = FeaturePicture.objects.shown().filter(feature=OuterRef("pk"))
    rows = rows.select_related("branch").annotate(picture_id=Subquery(first.values("pk")[:1]))
    page = Paginator(rows.order_by("branch__code", "branch", "-changed_at", "-pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page, "features": page.object_list, "filter_form": form, "branch": branch, "show_branch": not branch,
        "may_begin": bool(access.leads),
    }  # fmt: skip
    return render(request, "commitments/feature_list.html", context)


def feature_detail(request: PortalRequest, pk: int) -> HttpResponse:
    feature = _seen(request, pk)
    weeks = ActivityWeek.objects.visible_to(request.access).filter(features=feature).select_related("filing")
    context = {
        "feature": feature, "photos": feature.pictures.shown(), "weeks": weeks.order_by("-starts_on"),
        "keeps": features.may_keep(request.access, feature),
    }  # fmt: skip
    return render(request, "commitments/feature_detail.html", context)


def _seen(request: PortalRequest, pk: int) -> Feature:
    rows = Feature.objects.visible_to(request.access).select_related(
        "branch", "created_by__member", "changed_by__member"
    )
    return get_object_or_404(rows, pk=pk)


def feature_picture(request: PortalRequest, pk: int, size: str) -> HttpResponse:
    """The photo or its thumbnail, for those who see the page; as a picture and as nothing else."""
    if size not in ("full", "thumb"):
        raise Http404
    seen = FeaturePicture.objects.shown().filter(feature__in=Feature.objects.visible_to(request.access))
    row = get_object_or_404(seen, pk=pk)
    sha256 = row.sha256 if size == "full" else row.thumb_sha256
    etag = quote_etag(sha256)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        data = kept_files.read(sha256, "jpg")
        if data is None:
            raise Http404
        response = HttpResponse(data, content_type="image/jpeg")
    response["ETag"] = etag
    # Asked for anew each time: what was taken down must not stay to be seen.
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox"
    return response


# Writing


def feature_new(request: PortalRequest) -> HttpResponse:
    """A page begun; a second click on the same form answers with what the first has made."""
    access = request.access
    branch = get_object_or_404(Branch, pk=access.led_branch_id or 0)
    if request.method != "POST":
        return _form_page(request, FeatureForm(access=access, branch=branch))
    if earlier := _sent_before(request):
        return redirect(earlier)
    form = FeatureForm(request.POST, access=access, branch=branch)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        feature = form.begin()
    except IntegrityError:
        # Two clicks at once: the unique key let one in, and what it made answers for both.
        if earlier := _sent_before(request):
            return redirect(earlier)
        form.add_error(None, "这张表单已经用过一次，请从“特色工作”重新打开后填写。")
        return _form_page(request, form, status=422)
    return _kept(request, feature)


def feature_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A page gone on with, over the years."""
    feature = _mine(request, pk)
    if request.method != "POST":
        return _form_page(request, FeatureForm(access=request.access, branch=feature.branch, feature=feature))
    form = FeatureForm(request.POST, access=request.access, branch=feature.branch, feature=feature)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        feature = form.save(captions_typed(request))
    except LostUpdate:
        return _lost(request, form)
    return _kept(request, feature)


def feature_remove(request: PortalRequest, pk: int) -> HttpResponse:
    """Take the page down, after a question."""
    feature = _mine(request, pk)
    if request.method != "POST":
        return render(request, "commitments/feature_remove.html", {"feature": feature})
    if features.remove(feature, request.access):
        messages.success(request, f"已撤下“{feature.name}”。")
    return redirect("commitments:feature_list")


def _mine(request: PortalRequest, pk: int) -> Feature:
    """A page that the person keeps; what is only read answers 403, what is foreign 404."""
    feature = _seen(request, pk)
    if not features.may_keep(request.access, feature):
        raise PermissionDenied("特色工作由本支部的支委会成员填写，您可以查看，不能修改。")
    return feature


def _sent_before(request: PortalRequest) -> Feature | None:
    key = printable(request.POST.get("form_key", ""))
    mine = Feature.objects.filter(form_key=key, created_by=request.access.actor, removed_at__isnull=True)
    return mine.first() if key else None


def _kept(request: PortalRequest, feature: Feature) -> HttpResponse:
    """The text is kept; now its pictures."""
    errors = features.add_pictures(feature, request.FILES.getlist("pictures"), request.access)
    for sentence in errors:
        messages.error(request, sentence)
    gone = feature.pictures.shown().filter(pk=chosen(request.POST.get("remove", ""))).first()
    if gone:
        features.remove_picture(gone, request.access)
        messages.success(request, "已移除1张图片，其余内容已保存。")
    elif errors:
        messages.warning(request, "文字内容已保存。")
    else:
        messages.success(request, "已保存。")
        return redirect(feature)
    return redirect("commitments:feature_edit", pk=feature.pk)


def _lost(request: PortalRequest, form: FeatureForm) -> HttpResponse:
    """Somebody else was quicker: both texts on one page, and saving again then keeps what is typed here."""
    kept = Feature.objects.filter(pk=form.feature.pk if form.feature else 0, removed_at__isnull=True).first()
    if kept is None:
        messages.warning(request, "这项特色工作刚刚被撤下，您填写的没有保存。")
        return redirect("commitments:feature_list")
    differences = form.differences(kept)
    data = request.POST.copy()
    data["edition"] = str(kept.edition)
    again = FeatureForm(data, access=form.access, branch=form.branch, feature=kept)
    if not again.is_valid():
        return _form_page(request, again, status=422)
    if not differences:
        # The same was sent twice: nothing can be lost.
        try:
            return _kept(request, again.save(captions_typed(request)))
        except LostUpdate:
            return redirect(kept)
    again.add_error(None, LOST)
    return _form_page(request, again, differences=differences, status=409)


def _form_page(
    request: PortalRequest, form: FeatureForm, *, differences: Sequence[tuple[str, str, str]] = (), status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form, "feature": form.feature, "branch": form.branch, "differences": differences,
        "most": features.MOST_PICTURES, "photos": form.feature.pictures.shown() if form.feature else [],
    }  # fmt: skip
    return render(request, "commitments/feature_form.html", context, status=status)
