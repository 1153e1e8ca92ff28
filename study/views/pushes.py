"""The mobile branch's pages: what was pushed, reading it, marking it as studied; writing, sending out, taking back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_POST

from branches.form_base import PortalForm
from branches.requests import PortalRequest
from documents.text import printable
from plan import kept_files
from study import pushes, reader, sending
from study.models import Channel, Delivery, Push, PushFile
from study.models.mobile import addressed_to, kept_by
from study.push_form import LostUpdate, PushForm

PER_PAGE = 50
LOST = "这份推送在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您的为准。"


# Reading


class PushFilter(PortalForm):
    """Which pushes are listed."""

    show = forms.ChoiceField(label="显示", required=False)

    def __init__(self, data: Any, *, keeps: bool) -> None:
        super().__init__(data)
        kept = [("mine", "我们推送的")] if keeps else []
        field: Any = self.fields["show"]
        field.choices = [("", "全部"), ("todo", "未学习"), ("done", "已学习"), *kept]


def push_list(request: PortalRequest) -> HttpResponse:
    """What was pushed to me, the newest first; what I keep, drafts and all, on request."""
    access = request.access
    keeps = bool(access.leads or access.office_of)
    form = PushFilter(request.GET, keeps=keeps)
    show = form.cleaned_data["show"] if form.is_valid() else ""
    mine = addressed_to([access.branch.pk] if access.branch else [])
    rows = Push.objects.filter(kept_by(access)) if show == "mine" else Push.objects.readable(access)
    rows = rows.with_mark_of(access.member_id).select_related("branch", "committee", "material")
    if show in ("todo", "done"):
        rows = rows.filter(mine, Q(is_studied=show == "done"))
    # A draft has no day yet: it is what is being written, and comes first.
    order = ("-created_at", "-pk") if show == "mine" else ("-published_at", "-pk")
    page = Paginator(rows.defer("text").order_by(*order), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request, "study/push_list.html",
        {"page": page, "pushes": page.object_list, "filter_form": form, "show": show, "keeps": keeps,
         "may_channel": bool(access.office_of or access.files_for), "reads": access.branch is not None},
    )  # fmt: skip


class NoteForm(PortalForm):
    """A member's word on what was studied."""

    note = forms.CharField(
        label="学习体会（可不填）", max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="本人和本支部支委会成员可以看到。",
    )  # fmt: skip


def _visible(request: PortalRequest, pk: int) -> Push:
    rows = Push.objects.visible_to(request.access).select_related("branch", "committee", "material")
    return get_object_or_404(rows, pk=pk)


def push_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """One push: to be read and marked by members, to be followed by its senders."""
    return _page(request, _visible(request, pk))


def _page(request: PortalRequest, push: Push, form: NoteForm | None = None, *, status: int = 200) -> HttpResponse:
    access = request.access
    keeps = pushes.may_keep(access, push)
    marks = push.studied.filter(member=access.member_id).first() if access.member_id else None
    parts, of_material = _parts(push)
    files = list(push.files.all())
    context: dict[str, Any] = {
        "push": push, "keeps": keeps, "is_for_me": pushes.is_for(access, push), "mark": marks,
        "form": form or NoteForm(initial={"note": marks.note if marks else ""}),
        "parts": parts, "of_material": of_material, "in_reader": reader.is_long(parts), "sizes": reader.SIZES,
        "reader_key": f"material-{push.material_id}" if of_material else f"push-{push.pk}",
        "pictures": [file for file in files if file.format == "jpg"],
        "documents": [file for file in files if file.format != "jpg"],
        "course": None if push.is_draft else pushes.course_of(push, access),
        "deliveries": push.deliveries.select_related("channel") if keeps and not push.is_draft else [],
        "missing": pushes.missing_to_publish(push) if keeps and push.is_draft else [],
        "channels": Channel.objects.of(push) if keeps and push.is_draft else [],
    }  # fmt: skip
    return render(request, "study/push_detail.html", context, status=status)


def _parts(push: Push) -> tuple[list[reader.Part], bool]:
    """What is read in parts, and whether it is the material's text because the push has little of its own."""
    own = reader.parts_of(push.text)
    if len(own) < 2 and push.material and push.material.text:
        return reader.parts_of(push.material.text), True
    return own, False


def push_file(request: PortalRequest, pk: int, size: str) -> HttpResponseBase:
    """A picture or a document of a push for those who may read it; nothing in it runs."""
    if size not in ("full", "thumb"):
        raise Http404
    seen = PushFile.objects.filter(push__in=Push.objects.visible_to(request.access))
    file = get_object_or_404(seen, pk=pk)
    thumb = size == "thumb" and file.format == "jpg"
    etag = quote_etag(file.thumb_sha256 if thumb else file.sha256)
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        data = pushes.read(file, thumb=thumb)
        if data is None:
            raise Http404
        if file.format == "jpg":
            response = HttpResponse(data, content_type="image/jpeg")
        else:
            response = kept_files.to_save(data, file.name, file.format)
    response["ETag"] = etag
    # Asked for anew each time: what was taken back must not stay to be seen.
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Content-Security-Policy", "sandbox")
    return response


@require_POST
def push_done(request: PortalRequest, pk: int) -> HttpResponse:
    """Mark it as studied, with a note; or take the mark back."""
    push = _visible(request, pk)
    if not pushes.is_for(request.access, push):
        raise PermissionDenied("这份推送不是发给您所在支部的，或已撤回，不能标记。")
    if request.POST.get("action") == "undo":
        pushes.unmark(push, request.access)
        messages.success(request, "已取消标记。")
        return redirect(push)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _page(request, push, form, status=422)
    new = pushes.mark(push, request.access, form.cleaned_data["note"])
    messages.success(request, "已标记为学过。" if new else "已保存学习体会。")
    return redirect("home" if new and request.POST.get("next") == "home" else push)


# Writing


def push_new(request: PortalRequest) -> HttpResponse:
    """A push begun; a second click on the same form answers with what the first has made."""
    access = request.access
    if request.method != "POST":
        return _form_page(request, PushForm(access=access, material=request.GET.get("material", "")))
    if earlier := _sent_before(request):
        return redirect("study:push_edit", pk=earlier.pk)
    form = PushForm(request.POST, access=access)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        push = form.begin()
    except IntegrityError:
        # Two clicks at once: the unique key let one in, and what it made answers for both.
        if earlier := _sent_before(request):
            return redirect("study:push_edit", pk=earlier.pk)
        form.add_error(None, "这张表单已经用过一次，请重新打开后填写。")
        return _form_page(request, form, status=422)
    return _kept(request, push)


def _sent_before(request: PortalRequest) -> Push | None:
    key = printable(request.POST.get("form_key", ""))
    return Push.objects.filter(form_key=key, created_by=request.access.actor).first() if key else None


def _mine(request: PortalRequest, pk: int) -> Push:
    """A push that the person keeps; what is only read answers 403, what is foreign 404."""
    push = _visible(request, pk)
    if not pushes.may_keep(request.access, push):
        raise PermissionDenied("这份推送由发出它的党组织管理，您可以阅读，不能改动。")
    return push


def push_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A draft gone on with; what is out is not changed any more."""
    push = _mine(request, pk)
    if not push.is_draft:
        messages.info(request, "已经推送的内容不再改动。要改，请撤回后另发一份。")
        return redirect(push)
    if request.method != "POST":
        return _form_page(request, PushForm(access=request.access, push=push), push)
    if request.POST.get("action") == "discard":
        if pushes.discard(push, request.access):
            messages.success(request, "已删除草稿。")
        return redirect("study:push_list")
    form = PushForm(request.POST, access=request.access, push=push)
    if not form.is_valid():
        return _form_page(request, form, push, status=422)
    try:
        push = form.save()
    except LostUpdate:
        return _lost(request, form)
    return _kept(request, push)


def _kept(request: PortalRequest, push: Push) -> HttpResponse:
    """The text is kept; now its pictures, and then what the button asked for."""
    access = request.access
    errors = pushes.add_files(push, request.FILES.getlist("files"), access)
    for sentence in errors:
        messages.error(request, sentence)
    gone = push.files.filter(pk=_number(request.POST.get("remove", ""))).first()
    if gone and pushes.remove_file(gone, access):
        messages.success(request, f"已移除“{gone.name}”，其余内容已保存。")
    elif errors:
        messages.warning(request, "文字内容已保存。")
    elif request.POST.get("action") == "look":
        return redirect(push)
    else:
        messages.success(request, "已存草稿，还没有推送。")
    return redirect("study:push_edit", pk=push.pk)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _lost(request: PortalRequest, form: PushForm) -> HttpResponse:
    """Somebody else was quicker: both texts on one page, and saving again then keeps what is typed here."""
    kept = _mine(request, form.push.pk if form.push else 0)
    if not kept.is_draft:
        messages.warning(request, "这份推送刚刚已由别人发出，您填写的没有保存。")
        return redirect(kept)
    differences = form.differences(kept)
    data = request.POST.copy()
    data["edition"] = str(kept.edition)
    again = PushForm(data, access=request.access, push=kept)
    if not again.is_valid():
        return _form_page(request, again, kept, status=422)
    if not differences:
        # The same was sent twice, or only a picture came in between: nothing can be lost.
        try:
            return _kept(request, again.save())
        except LostUpdate:
            return redirect("study:push_edit", pk=kept.pk)
    again.add_error(None, LOST)
    return _form_page(request, again, kept, differences=differences, status=409)


def _form_page(
    request: PortalRequest, form: PushForm, push: Push | None = None, *,
    differences: list[tuple[str, str, str]] | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    context = {
        "form": form, "push": push, "differences": differences or [], "most": pushes.MOST_FILES,
        "files": push.files.all() if push else [],
    }  # fmt: skip
    return render(request, "study/push_form.html", context, status=status)


# Out, and back


@require_POST
def push_publish(request: PortalRequest, pk: int) -> HttpResponse:
    """Send out what stands on the page that the button is on."""
    push = _mine(request, pk)
    try:
        count = pushes.publish(push, request.access, _number(request.POST.get("edition", "")))
    except pushes.Refused as reason:
        messages.warning(request, str(reason))
    else:
        through = f"，正在发到{count}个渠道" if count else ""
        messages.success(request, f"已推送，党员现在可以看到{through}。")
    return redirect(push)


@require_POST
def push_withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    """Take it back; done twice, the second time nothing happens."""
    push = _mine(request, pk)
    if pushes.withdraw(push, request.access):
        messages.success(request, "已撤回，党员不再看到。已经发到群里或邮箱里的通知收不回来。")
    else:
        messages.info(request, "这份推送没有发出，或已经撤回。")
    return redirect(push)


@require_POST
def delivery_again(request: PortalRequest, pk: int) -> HttpResponse:
    """Try anew what could not be announced."""
    seen = Delivery.objects.filter(push__in=Push.objects.visible_to(request.access))
    delivery = get_object_or_404(seen.select_related("push__branch", "channel"), pk=pk)
    if not pushes.may_keep(request.access, delivery.push):
        raise PermissionDenied("这份推送由发出它的党组织管理。")
    if sending.retry(delivery, request.access):
        messages.success(request, "正在重新发送，过一会儿刷新本页可看到结果。")
    else:
        messages.info(request, "没有重新发送：它不是“未能发送”，或渠道已停用，或推送已撤回。")
    return redirect(delivery.push)
