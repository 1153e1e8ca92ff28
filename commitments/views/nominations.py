"""Who is put forward for the pioneer posts: the list, a new one, one with the branch's decision, stepping back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_POST

from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch
from branches.requests import PortalRequest
from commitments import nominating
from commitments.models import Nomination
from commitments.post_forms import DecisionForm, NominationForm, ReasonForm
from commitments.posting import Already, Refused
from commitments.views.posts import asked_branch, own_branch
from documents.text import printable
from plan.models import Filing
from plan.pictures import read

PER_PAGE = 50
State = Nomination.State


class NominationFilter(PortalForm):
    """Which are listed."""

    branch = forms.ModelChoiceField(
        label="党支部", queryset=Branch.objects.none(), required=False, empty_label="全部支部"
    )
    state = forms.ChoiceField(label="状态", required=False, choices=[("", "全部"), *State.choices])

    def __init__(self, data: Any, *, access: Access) -> None:
        super().__init__(data)
        field: Any = self.fields["branch"]
        field.queryset = Branch.objects.visible_to(access).order_by("committee", "code", "pk")
        if not access.sees_committees:
            del self.fields["branch"]


def nomination_list(request: PortalRequest) -> HttpResponse:
    """Everybody put forward whom the person may see, what is open first."""
    access = request.access
    form = NominationFilter(request.GET, access=access)
    asked = form.cleaned_data if form.is_valid() else {}
    rows = Nomination.objects.visible_to(access).select_related("member", "branch")
    if asked.get("branch"):
        rows = rows.filter(branch=asked["branch"])
    if asked.get("state"):
        rows = rows.filter(state=asked["state"])
    page = Paginator(rows.order_by("decided_at", "-nominated_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request, "commitments/nomination_list.html",
        {"page": page, "nominations": page.object_list, "filter_form": form, "narrowed": any(asked.values()),
         "many": bool(access.sees_committees), "may_nominate": own_branch(access) is not None},
    )  # fmt: skip


def nomination_new(request: PortalRequest) -> HttpResponse:
    """Somebody put forward; a second click on the same form answers with what the first has made."""
    access = request.access
    branch = asked_branch(request)
    if branch is None or not nominating.may_nominate(access, branch.pk):
        raise PermissionDenied("先锋岗人选由本支部的党员推荐，您可以查看。")
    if request.method != "POST":
        return _form_page(request, NominationForm(access=access, branch=branch), branch)
    if earlier := _sent_before(request):
        return redirect(earlier)
    form = NominationForm(request.POST, request.FILES, access=access, branch=branch)
    if not form.is_valid():
        return _form_page(request, form, branch, status=422)
    try:
        nomination = _nominate(form, branch, access)
    except Refused as refused:
        form.add_error(refused.field, str(refused))
        return _form_page(request, form, branch, status=422)
    except IntegrityError:
        if earlier := _sent_before(request):
            return redirect(earlier)
        form.add_error("member", "这名党员刚刚已经有人推荐，不必再次推荐。")
        return _form_page(request, form, branch, status=422)
    messages.success(request, f"已推荐{nomination.member.name}，等待支部评议。")
    return redirect(nomination)


def _nominate(form: NominationForm, branch: Branch, access: Access) -> Nomination:
    given = dict(form.cleaned_data)
    file = given.pop("picture")
    if file:
        picture = nominating.take_picture(file, branch, access)
        given |= {"picture_sha256": picture.sha256, "thumb_sha256": picture.thumb_sha256}
    given["form_key"] = given["form_key"] or None
    return nominating.nominate(access, branch, **given)


def _sent_before(request: PortalRequest) -> Nomination | None:
    key = printable(request.POST.get("form_key", ""))
    return Nomination.objects.filter(form_key=key, nominated_by=request.access.actor).first() if key else None


def _form_page(request: PortalRequest, form: NominationForm, branch: Branch, *, status: int = 200) -> HttpResponse:
    chosen = bool(request.FILES)
    return render(
        request, "commitments/nomination_form.html", {"form": form, "branch": branch, "file_lost": chosen},
        status=status,
    )  # fmt: skip


# One


def _seen(request: PortalRequest, pk: int) -> Nomination:
    rows = Nomination.objects.visible_to(request.access)
    near = ("branch__committee", "member", "nominated_by__member", "decided_by__member", "proof")
    return get_object_or_404(rows.select_related(*near), pk=pk)


def nomination_detail(request: PortalRequest, pk: int) -> HttpResponse:
    return _page(request, _seen(request, pk))


def _page(
    request: PortalRequest, nomination: Nomination, *, decision: DecisionForm | None = None,
    leaving: ReasonForm | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    access = request.access
    is_open = nomination.state in Nomination.OPEN
    terms = nomination.terms.filter(begun_at__isnull=False).select_related("post").order_by("-from_on", "-pk")
    sees_proof = nomination.proof_id and Filing.objects.visible_to(access).filter(pk=nomination.proof_id).exists()
    return render(
        request, "commitments/nomination_detail.html",
        {"nomination": nomination, "terms": list(terms), "is_open": is_open,
         "may_decide": nominating.may_decide(access, nomination), "decision": decision or DecisionForm(),
         "may_withdraw": nominating.may_withdraw(access, nomination), "leaving": leaving or ReasonForm(),
         "is_own": nomination.member_id == access.member_id, "sees_proof": bool(sees_proof)},
        status=status,
    )  # fmt: skip


@require_POST
def nomination_decide(request: PortalRequest, pk: int) -> HttpResponse:
    """The branch's decision, with its opinion; nobody decides on oneself."""
    nomination, access = _seen(request, pk), request.access
    if nomination.state == State.ASKED and not nominating.may_decide(access, nomination):
        raise PermissionDenied("人选由支部书记或副书记按支部评议的结果办理；本人的，由其他负责人办理。")
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, nomination, decision=form, status=422)
    accept = form.cleaned_data["accept"] == "yes"
    try:
        nominating.decide(nomination, access, accept=accept, opinion=form.cleaned_data["opinion"])
    except Already as told:
        messages.info(request, str(told))
    except Refused as refused:
        form.add_error(refused.field, str(refused))
        return _page(request, nomination, decision=form, status=422)
    else:
        words = "已入选，可以安排驻岗" if accept else "未入选，意见已记下"
        messages.success(request, f"{nomination.member.name}{words}。")
    return redirect(nomination)


@require_POST
def nomination_withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    """No longer put forward, with the reason; the planned turns with it are cancelled."""
    nomination, access = _seen(request, pk), request.access
    if nomination.state in Nomination.OPEN and not nominating.may_withdraw(access, nomination):
        raise PermissionDenied("由本人、推荐人或本支部的支委会成员办理。")
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, nomination, leaving=form, status=422)
    try:
        nominating.withdraw(nomination, access, form.cleaned_data["reason"])
    except Already as told:
        messages.info(request, str(told))
    except Refused as refused:
        form.add_error(refused.field, str(refused))
        return _page(request, nomination, leaving=form, status=422)
    else:
        messages.success(request, f"{nomination.member.name}已退出人选，原来安排的驻岗已取消。")
    return redirect(nomination)


@require_POST
def nomination_willing(request: PortalRequest, pk: int) -> HttpResponse:
    """The member's own word, given through the leaders where the member does not do it."""
    nomination, access = _seen(request, pk), request.access
    if nomination.member_id != access.member_id and nomination.branch_id not in access.leads:
        raise PermissionDenied("是否驻岗由本人决定，支委会成员可以代为登记。")
    willing = request.POST.get("willing") == "1"
    try:
        nominating.say_willing(nomination, access, willing=willing)
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, "已登记：同意驻岗。" if willing else "已登记：暂不驻岗，起草安排时不会排到。")
    return redirect(nomination)


def nomination_picture(request: PortalRequest, pk: int, size: str) -> HttpResponse:
    """The certificate's picture or its thumbnail, for those who see the nomination."""
    if size not in ("full", "thumb"):
        raise Http404
    nomination = get_object_or_404(Nomination.objects.visible_to(request.access), pk=pk)
    sha256 = nomination.picture_sha256 if size == "full" else nomination.thumb_sha256
    if not sha256:
        raise Http404
    etag = quote_etag(sha256)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        data = read(sha256)
        if data is None:
            raise Http404
        response = HttpResponse(data, content_type="image/jpeg")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox"
    return response
