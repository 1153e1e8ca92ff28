"""The security administrator's console: who works in the committee's office, and who administers the portal."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from branches import audit
from branches.grant_forms import GRANTED, GrantForm, WithdrawForm
from branches.models import Post
from branches.requests import PortalRequest
from branches.roster import roster_lock
from branches.sudo import sudo_required

PER_PAGE = 50


@sudo_required
def grants(request: PortalRequest) -> HttpResponse:
    """Who holds a right of the committees, and giving one; nobody gives one to himself."""
    access = request.access
    form = GrantForm(access=access)
    if request.method == "POST":
        with roster_lock(*access.secures):
            form = GrantForm(request.POST, access=access)
            if form.is_valid() and (post := _granted(form)):
                audit.note(
                    access, audit.Kind.RIGHTS, "授权", post,
                    from_on=post.from_on, of=post.committee, basis=form.cleaned_data["basis"],
                )  # fmt: skip
                messages.success(
                    request, f"{post.member.name}自 {post.from_on} 起任{post.committee}{post.get_kind_display()}。"
                )
                return redirect("branches:grants")
    posts = Post.objects.filter(committee__in=access.secures, kind__in=GRANTED).select_related("member", "committee")
    standing = Q(until_on__isnull=True) | Q(until_on__gt=access.on)
    ended = Paginator(posts.exclude(standing).order_by("-until_on", "-pk"), PER_PAGE)
    return render(
        request,
        "branches/grants.html",
        {
            "form": form,
            "posts": posts.filter(standing).order_by("committee_id", "kind", "from_on", "pk"),
            "page": ended.get_page(request.GET.get("page")),
        },
    )


def _granted(form: GrantForm) -> Post | None:
    """The post; None, said at the field, where another committee's grant of this very moment excludes it."""
    try:
        with transaction.atomic():
            return form.save()
    except IntegrityError:
        form.add_error("staff_number", "这个人刚刚被登记了与此互斥的职务，没有写入。请核对后再办。")
        return None


@sudo_required
def grant_end(request: PortalRequest, pk: int) -> HttpResponse:
    """A right of the committee ends on a day; the last who could give it back is kept."""
    access = request.access
    posts = Post.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=access.on), committee__in=access.secures, kind__in=GRANTED
    ).exclude(member=access.member_id)
    get_object_or_404(posts, pk=pk)
    with roster_lock(*(access.secures if request.method == "POST" else ())):
        post = get_object_or_404(posts.select_related("member", "committee"), pk=pk)
        form = WithdrawForm(request.POST or None, access=access, post=post)
        if request.method == "POST" and form.is_valid():
            until = form.cleaned_data["until_on"]
            Post.objects.filter(pk=post.pk).update(until_on=until)
            audit.note(
                access, audit.Kind.RIGHTS, "收回权限", post, until=until, of=post.committee,
                basis=form.cleaned_data["basis"],
            )  # fmt: skip
            messages.success(request, f"{post.member.name}自 {until} 起不再担任{post.get_kind_display()}。")
            return redirect("branches:grants")
    return render(request, "branches/grant_end.html", {"form": form, "post": post})
