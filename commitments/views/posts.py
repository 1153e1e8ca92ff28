"""Pioneer posts: which there are and who stands there; setting up, changing and closing one; its history."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches.access import Access
from branches.checkup import Scope
from branches.form_base import PortalForm
from branches.models import Branch
from branches.requests import PortalRequest
from commitments import posting
from commitments.models import PioneerPost, Term
from commitments.post_forms import EndForm, HandoverForm, LostUpdate, PostForm, ReasonForm
from commitments.posts_checkup import ONE_DAY, hints_of, waiting_in
from commitments.posts_paper import register_document
from documents.official import build
from documents.text import printable
from plan.kept_files import to_save

PER_PAGE = 50
LOST = "这个岗位在您打开之后被别人修改过，您刚才填写的还没有保存。请看过现在的内容后重新修改。"


class PostFilter(PortalForm):
    """Which posts are listed."""

    branch = forms.ModelChoiceField(
        label="党支部", queryset=Branch.objects.none(), required=False, empty_label="全部支部"
    )
    show = forms.ChoiceField(label="显示", required=False, choices=[("", "现有岗位"), ("closed", "已撤销的")])

    def __init__(self, data: Any, *, access: Access) -> None:
        super().__init__(data)
        field: Any = self.fields["branch"]
        field.queryset = Branch.objects.visible_to(access).order_by("committee", "code", "pk")
        if not access.sees_committees:
            del self.fields["branch"]


def own_branch(access: Access) -> Branch | None:
    """The branch that somebody of a branch works for or belongs to; None for those who only see all branches."""
    led = access.led_branch_id
    if led and (access.branch is None or access.branch.pk != led):
        return Branch.objects.select_related("committee").get(pk=led)
    return access.branch


def asked_branch(request: PortalRequest) -> Branch | None:
    """The branch that the address names, of those the person sees; else the own one."""
    number = request.GET.get("branch", "") or request.POST.get("branch", "")
    if not number:
        return own_branch(request.access)
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise Http404
    seen = Branch.objects.visible_to(request.access).select_related("committee")
    return get_object_or_404(seen, pk=int(number))


def led_branch(request: PortalRequest) -> Branch:
    """The branch that the person leads, as asked; one that is only seen answers 403."""
    branch = asked_branch(request)
    if branch is None or branch.pk not in request.access.leads:
        raise PermissionDenied("党员先锋岗由本支部的支委会成员设立和安排，您可以查看。")
    return branch


def post_list(request: PortalRequest) -> HttpResponse:
    """The posts that the person sees: who stands there now and until when, who is next, and what deserves a look."""
    access = request.access
    form = PostFilter(request.GET, access=access)
    asked = form.cleaned_data if form.is_valid() else {}
    branch, show = asked.get("branch"), asked.get("show", "")
    rows = PioneerPost.objects.visible_to(access).select_related("branch").with_turns(access.on)
    rows = rows.filter(closed_on__isnull=show != "closed")
    if branch:
        rows = rows.filter(branch=branch)
    order = ("-closed_on", "-pk") if show else ("branch__committee", "branch__code", "opened_on", "pk")
    page = Paginator(rows.order_by(*order), PER_PAGE).get_page(request.GET.get("page"))
    listed: list[Any] = list(page.object_list)
    lines = [
        {"post": post, "hints": hints_of(post, access.on), "last": post.now_until and post.now_until - ONE_DAY}
        for post in listed
    ]
    passed_over = waiting_in({post.branch_id for post in listed}, Scope(access)) if not show else {}
    here = branch or (None if access.sees_committees else own_branch(access))
    names = {post.branch_id: post.branch.name for post in listed}
    many = here is None
    return render(
        request, "commitments/post_list.html",
        {"page": page, "lines": lines, "filter_form": form, "show": show, "branch": here, "many": many,
         "leads": own_branch(access) if access.leads and (here is None or here.pk in access.leads) else None,
         "narrowed": bool(branch or show),
         "passed_over": [(names[pk] if many else "", who) for pk, who in passed_over.items()]},
    )  # fmt: skip


# Setting up


def post_new(request: PortalRequest) -> HttpResponse:
    """A post set up; a second click on the same form answers with what the first has made."""
    branch = led_branch(request)
    if request.method != "POST":
        return _form_page(request, PostForm(access=request.access, branch=branch), branch)
    if earlier := _sent_before(request):
        return redirect(earlier)
    return _saved(request, PostForm(request.POST, access=request.access, branch=branch), branch)


def post_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A post changed; one that is closed stays as it was."""
    post = _mine(request, pk)
    if post.closed_on:
        messages.info(request, "已撤销的岗位不再修改。")
        return redirect(post)
    if request.method != "POST":
        return _form_page(request, PostForm(access=request.access, branch=post.branch, post=post), post.branch, post)
    form = PostForm(request.POST, access=request.access, branch=post.branch, post=post)
    return _saved(request, form, post.branch, post)


def _saved(request: PortalRequest, form: PostForm, branch: Branch, post: PioneerPost | None = None) -> HttpResponse:
    if not form.is_valid():
        return _form_page(request, form, branch, post, status=422)
    try:
        saved = form.save()
    except LostUpdate:
        fresh = get_object_or_404(_posts(), pk=post.pk if post else 0)
        messages.warning(request, LOST)
        return _form_page(
            request, PostForm(access=request.access, branch=branch, post=fresh), branch, fresh, status=409
        )
    except IntegrityError:
        # Two clicks at once: what the first has made answers for both.
        if earlier := _sent_before(request):
            return redirect(earlier)
        form.name_taken()
        return _form_page(request, form, branch, post, status=422)
    messages.success(request, "已保存。" if post else "已设立。下一步：推荐人选，起草轮流驻岗安排。")
    return redirect(saved)


def _sent_before(request: PortalRequest) -> PioneerPost | None:
    key = printable(request.POST.get("form_key", ""))
    return PioneerPost.objects.filter(form_key=key, created_by=request.access.actor).first() if key else None


def _posts() -> QuerySet[PioneerPost]:
    return PioneerPost.objects.select_related("branch__committee")


def _seen(request: PortalRequest, pk: int) -> PioneerPost:
    return get_object_or_404(PioneerPost.objects.visible_to(request.access).select_related("branch__committee"), pk=pk)


def _mine(request: PortalRequest, pk: int) -> PioneerPost:
    post = _seen(request, pk)
    if post.branch_id not in request.access.leads:
        raise PermissionDenied("党员先锋岗由本支部的支委会成员管理，您可以查看，不能改动。")
    return post


def _form_page(
    request: PortalRequest, form: PostForm, branch: Branch, post: PioneerPost | None = None, *, status: int = 200
) -> HttpResponse:
    return render(request, "commitments/post_form.html", {"form": form, "branch": branch, "post": post}, status=status)


@require_POST
def post_close(request: PortalRequest, pk: int) -> HttpResponse:
    """The post is no more, with the reason."""
    post = _mine(request, pk)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            posting.close(post, request.access, form.cleaned_data["reason"])
        except posting.Already as told:
            messages.info(request, str(told))
            return redirect(post)
        except posting.Refused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, f"已撤销“{post.name}”，驻岗的历史仍可查看。")
            return redirect(post)
    return post_page(request, post, close_form=form, status=422)


# One post


def post_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """What the post asks, who stands there and for what, who is next, and who stood there when."""
    return post_page(request, _seen(request, pk))


def post_page(
    request: PortalRequest, post: PioneerPost, *, close_form: ReasonForm | None = None, end_form: EndForm | None = None,
    handover_form: HandoverForm | None = None, about: Term | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The page of a post, with the form that was refused, if one was; `about` is the term it speaks of."""
    access = request.access
    leads = post.branch_id in access.leads
    terms = Term.objects.filter(post=post).select_related("member", "nomination", "handed_over__written_by__member")
    holder = terms.running().first()
    planned = list(terms.planned().order_by("from_on", "pk")[:PER_PAGE])
    past = terms.filter(ended_on__isnull=False).exclude(end=Term.End.CANCELLED, end_reason="重新安排轮换")
    page = Paginator(past.order_by("-from_on", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    before = terms.filter(handed_over__isnull=False).exclude(pk=holder.pk if holder else 0)
    rotations = post.rotations.select_related("adopted_by__member").order_by("-adopted_at", "-pk")[:5]
    hands_over = holder is not None and posting.may_hand_over(access, holder)
    return render(
        request, "commitments/post_detail.html",
        {"post": post, "holder": holder, "planned": planned, "page": page, "past": page.object_list,
         "leads": leads, "rotations": list(rotations), "handed": before.order_by("-from_on", "-pk").first(),
         "next": planned[0] if planned else None,
         "end_form": _end_form(holder, about, end_form, access) if leads else None,
         "cancel_form": end_form if about and about.is_planned else None, "about": about,
         "hands_over": hands_over, "handover_form": handover_form or _handover_form(holder if hands_over else None),
         "close_form": close_form or ReasonForm(), "today": access.on,
         "overdue": holder is not None and holder.until_on <= access.on},
        status=status,
    )  # fmt: skip


def _end_form(holder: Term | None, about: Term | None, form: EndForm | None, access: Access) -> EndForm | None:
    if form is not None and about is not None and not about.is_planned:
        return form
    return EndForm(term=holder, today=access.on) if holder else None


def _handover_form(holder: Term | None) -> HandoverForm | None:
    if holder is None:
        return None
    written = getattr(holder, "handed_over", None)
    return HandoverForm(initial={"text": written.text if written else ""})


def post_register(request: PortalRequest) -> HttpResponse:
    """《党员先锋岗登记表》 of a branch, with who stood where when."""
    branch = asked_branch(request)
    if branch is None:
        raise Http404
    document = register_document(branch, request.now)
    return to_save(build(document), f"{branch.name}党员先锋岗登记表.docx", "docx")
