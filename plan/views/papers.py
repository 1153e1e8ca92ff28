"""Materials for requirements that have no page of their own, and the pictures of every record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag, url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from branches.requests import PortalRequest, wants_json
from documents.text import printable
from plan import attachments, lookalikes, moves, pictures
from plan.models import Attachment, Duty, Filing, FilingQuerySet, Paper, Picture, Requirement
from plan.moves import may_edit
from plan.paper_form import LostUpdate, PaperForm, desk_for
from plan.settling import may_settle
from plan.views.filings import done_words, sending_label

YEAR = 365 * 24 * 3600  # seconds


# Pictures


@require_POST
def picture_add(request: PortalRequest, pk: int) -> HttpResponse:
    """Take in one photo or many: the good ones stay, each of the others is named with its cure."""
    filing = get_object_or_404(with_owner().visible_to(request.access), pk=pk)
    demand_edit(request, filing)
    files = request.FILES.getlist("pictures")
    added = pictures.add_pictures(filing, files, request.access)
    if not files:
        added.errors.append("请先选择图片，再点“上传”。")
    if wants_json(request):
        rows = [{"id": picture.pk, "name": picture.name} for picture in added.kept]
        return JsonResponse({"pictures": rows, "errors": added.errors}, status=200 if rows else 422)
    for sentence in added.errors:
        messages.error(request, sentence)
    if added.kept:
        messages.success(request, f"已添加{len(added.kept)}张图片。")
    return redirect(back_to(request, filing))


@require_POST
def picture_remove(request: PortalRequest, pk: int) -> HttpResponse:
    """Take a photo out of a record that is being edited; the versions filed with it keep it."""
    shown = Picture.objects.shown().select_related("filing__committee", "filing__branch", "filing__member")
    picture = get_object_or_404(shown.filter(filing__in=Filing.objects.visible_to(request.access)), pk=pk)
    demand_edit(request, picture.filing)
    if not pictures.remove_picture(picture, request.access):
        raise PermissionDenied("这份记录刚刚报送，图片已随它存档，不能移除。")
    if wants_json(request):
        return JsonResponse({"removed": picture.pk})
    messages.success(request, f"已移除“{picture.name}”。")
    return redirect(back_to(request, picture.filing))


def picture(request: PortalRequest, pk: int, size: str) -> HttpResponse:
    """The photo or its thumbnail, for those who see the record; as a picture and as nothing else."""
    if size not in ("full", "thumb"):
        raise Http404
    rows = _seen_pictures(request)
    row = get_object_or_404(rows, pk=pk)
    if is_hidden(request, row):
        raise Http404
    sha256 = row.sha256 if size == "full" else row.thumb_sha256
    etag = quote_etag(sha256)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        data = pictures.read(sha256)
        if data is None:
            raise Http404
        response = HttpResponse(data, content_type="image/jpeg")
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox"
    return response


def _seen_pictures(request: PortalRequest) -> QuerySet[Picture]:
    """The pictures of the records the person sees, and those that a joint gathering shares with branches beside it."""
    seen = Filing.objects.visible_to(request.access)
    joint = Q(filing__gathering__partners__filing__in=seen) | Q(
        filing__gathering__partners__branch__in=request.access.leads
    )
    rows = Picture.objects.select_related("filing")
    return rows.filter(Q(filing__in=seen) | joint & ~Q(filing__state=Filing.State.DISCARDED)).distinct()


def is_hidden(request: PortalRequest, row: Picture | Attachment) -> bool:
    """Whether evidence of a record that the person sees is not for their eyes.

    While the record lies with its writers again, what they add or take out is theirs; what was filed stays.
    """
    unsent = row.removed_at or (row.filing.is_editable and not may_edit(request.access, row.filing))
    return bool(unsent) and not row.filing.versions.filter(text__contains=row.sha256).exists()


def with_owner() -> FilingQuerySet:
    return Filing.objects.select_related("committee", "branch", "member")


def demand_edit(request: PortalRequest, filing: Filing) -> None:
    if may_edit(request.access, filing):
        return
    if filing.is_editable:
        raise PermissionDenied("这份记录由本支部的支委会成员或本人填写，您可以查看，不能改动它的图片和附件。")
    raise PermissionDenied(f"这份记录现在是“{filing.get_state_display()}”，不能再改动它的图片和附件。")


def back_to(request: PortalRequest, filing: Filing, part: str = "pictures") -> str:
    """Where the person came from, if that is a page of the portal; else the record's own edit page."""
    there = request.POST.get("next", "")
    if re.match("/(?!/)", there) and url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        return there
    edit_url = getattr(filing.record, "get_edit_url", filing.get_absolute_url)
    return f"{edit_url()}#{part}"


# Materials


def paper_new(request: PortalRequest) -> HttpResponse:
    """A material begun for one duty; a second click on the same form answers with what the first has made."""
    access = request.access
    duty = _asked_duty(request)
    if request.method == "POST":
        earlier = _sent_before(request)
        if earlier:
            return _go_on(request, earlier)
    if not may_settle(access, duty):
        raise PermissionDenied("这项任务的材料由承担它的支部或本人填写，您可以查看，不能代填。")
    if duty.settled_at or duty.exempted_at:
        messages.info(request, "这项任务已经办结，无需再填材料。")
        return redirect(duty.settled_by or duty)
    if duty.draft_record_id:
        return redirect("plan:paper_edit", pk=duty.draft_record_id)
    late = duty.due_at <= request.now
    if request.method != "POST":
        return _form_page(request, PaperForm(access=access, duty=duty, late=late), duty.requirement, duty=duty)
    form = PaperForm(request.POST, access=access, duty=duty, late=late)
    if not form.is_valid():
        return _form_page(request, form, duty.requirement, duty=duty, status=422)
    try:
        paper = form.begin(duty)
    except IntegrityError:
        # Two clicks at once: the unique key let one in, and what it made answers for both.
        earlier = _sent_before(request)
        if earlier:
            return _go_on(request, earlier)
        form.add_error(None, "这张表单已经用过一次，请从任务页面重新打开后填写。")
        return _form_page(request, form, duty.requirement, duty=duty, status=422)
    return _kept(request, paper, form)


def paper_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A material gone on with: a draft, or one that was sent back."""
    access = request.access
    paper = get_object_or_404(_papers().filter(filing__in=Filing.objects.visible_to(access)), pk=pk)
    if not may_edit(access, paper.filing):
        if paper.filing.is_editable:
            raise PermissionDenied("这份材料由承担它的支部或本人填写，您可以查看，不能修改。")
        return _go_on(request, paper)
    late = paper.filing.first_filed_at is None and bool(moves.by_filing(paper.filing, request.now))
    if request.method != "POST":
        return _form_page(request, PaperForm(access=access, paper=paper, late=late), paper.requirement, paper=paper)
    form = PaperForm(request.POST, access=access, paper=paper, late=late)
    if not form.is_valid():
        return _form_page(request, form, paper.requirement, paper=paper, status=422)
    try:
        paper = form.save(captions_typed(request))
    except LostUpdate:
        return _lost(request, form, late)
    return _kept(request, paper, form)


def _asked_duty(request: PortalRequest) -> Any:
    """The duty that the address names; what is foreign, no number, or proved otherwise is not found."""
    number = request.GET.get("duty", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise Http404
    duties = Duty.objects.visible_to(request.access).filter(requirement__proof="paper").with_draft(request.now)
    rows = duties.select_related("requirement__plan", "branch__committee", "member", "committee", "settled_by")
    return get_object_or_404(rows, pk=int(number))


def _papers() -> QuerySet[Paper]:
    return Paper.objects.select_related(
        "requirement__plan", "filing__branch__committee", "filing__committee", "filing__member"
    )


def _sent_before(request: PortalRequest) -> Paper | None:
    key = printable(request.POST.get("form_key", ""))
    return _papers().filter(filing__form_key=key, filing__created_by=request.access.user).first() if key else None


def _go_on(request: PortalRequest, paper: Paper) -> HttpResponse:
    filing = paper.filing
    if filing.is_editable:
        return redirect(paper.get_edit_url())
    messages.info(request, f"这份材料现在是“{filing.get_state_display()}”，{_number(filing)}。")
    return redirect(filing)


def _number(filing: Filing) -> str:
    return f"{'编号' if filing.desk == Filing.Desk.NONE else '回执号'} {filing.receipt}"


def captions_typed(request: PortalRequest) -> dict[int, str]:
    """The captions typed, by the id of the picture."""
    return _typed(request, "caption")


def _typed(request: PortalRequest, what: str) -> dict[int, str]:
    found = (re.fullmatch(what + r"-([0-9]{1,18})", name) for name in request.POST)
    return {int(match[1]): printable(request.POST[match[0]]) for match in found if match}


def _kept(request: PortalRequest, paper: Paper, form: PaperForm) -> HttpResponse:
    """The text is kept; now its pictures, and then what the button asked for."""
    filing, access = paper.filing, request.access
    added = pictures.add_pictures(filing, request.FILES.getlist("pictures"), access)
    added.errors += attachments.add_attachments(filing, request.FILES.getlist("attachments"), access).errors
    for sentence in added.errors:
        messages.error(request, sentence)
    keep_answers(request, filing)
    unwanted = filing.attachments.shown().filter(pk=chosen(request.POST.get("remove_attachment", ""))).first()
    gone = filing.pictures.shown().filter(pk=chosen(request.POST.get("remove", ""))).first()
    if gone:
        pictures.remove_picture(gone, access)
        messages.success(request, f"已移除“{gone.name}”，其余内容已保存。")
    elif unwanted:
        attachments.remove_attachment(unwanted, access)
        messages.success(request, f"已移除“{unwanted.name}”，其余内容已保存。")
    elif request.POST.get("action") == "file" and not added.errors:
        name = "keep" if filing.desk == Filing.Desk.NONE else "file"
        try:
            filing = moves.move(filing, name, access=access, late_reason=form.cleaned_data.get("late_reason", ""))
        except moves.NotAllowed:
            messages.info(request, "已保存。报送由支部书记或副书记办理。")
        except moves.MoveRefused as error:
            messages.warning(request, "内容已保存，还没有报送。" + "".join(error.sentences))
        else:
            messages.success(request, done_words(filing, name, request.now))
            return redirect(filing)
    elif added.errors:
        messages.warning(request, "文字内容已保存，还没有报送。")
    else:
        messages.success(request, "已保存修改，还没有再次报送。" if filing.first_filed_at else "已存草稿。")
    return redirect(paper.get_edit_url())


def keep_answers(request: PortalRequest, filing: Filing) -> None:
    """What is said to the questions about pictures that another record has, too."""
    typed = {pk: words.strip() for pk, words in _typed(request, "answer").items()}
    for picture in filing.pictures.shown().filter(pk__in=typed, twin__isnull=False):
        if typed[picture.pk] != picture.twin_answer:
            lookalikes.answer(picture, typed[picture.pk], request.access)


def chosen(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _lost(request: PortalRequest, form: PaperForm, late: bool) -> HttpResponse:
    """Somebody else was quicker: both texts on one page, and saving again then keeps what is typed here."""
    assert form.paper is not None  # noqa: S101 — only what exists can be changed by another
    kept = _papers().get(pk=form.paper.pk)
    if not kept.filing.is_editable:
        return _go_on(request, kept)
    differences = form.differences(kept)
    data = request.POST.copy()
    data["edition"] = str(kept.filing.edition)
    again = PaperForm(data, access=form.access, paper=kept, late=late)
    again.is_valid()
    if not differences:
        # The same was sent twice: nothing can be lost.
        try:
            return _kept(request, again.save(captions_typed(request)), again)
        except LostUpdate:
            return _go_on(request, kept)
    again.add_error(
        None,
        "这份材料在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您的为准。",
    )
    return _form_page(request, again, kept.requirement, paper=kept, differences=differences, status=409)


def _form_page(
    request: PortalRequest, form: PaperForm, requirement: Requirement, *, duty: Duty | None = None,
    paper: Paper | None = None, differences: Sequence[tuple[str, str, str]] = (), status: int = 200,
) -> HttpResponse:  # fmt: skip
    access = request.access
    filing = paper.filing if paper else None
    context: dict[str, Any] = {
        "form": form, "requirement": requirement, "duty": duty, "paper": paper, "filing": filing,
        "differences": differences, "most": pictures.MOST, "most_files": attachments.MOST,
        "captions": captions_typed(request),
        "photos": [], "files": [], "missing": [], "sent_back": None,
    }  # fmt: skip
    if filing:
        context |= {
            "may_file": moves.is_author(access, filing), "label": sending_label(filing),
            "missing": moves.missing_to_file(filing, request.now), "photos": lookalikes.with_words(
                list(filing.pictures.shown()), filing, access, request.now),
            "files": filing.attachments.shown(),
            "sent_back": filing.moves.filter(to_state=Filing.State.SENT_BACK).select_related("made_by__member").last()
            if filing.state == Filing.State.SENT_BACK else None,
        }  # fmt: skip
    elif duty:
        begun = Filing(branch=duty.branch, member=duty.member, committee=duty.committee, desk=desk_for(duty))
        context |= {"may_file": moves.is_author(access, begun), "label": sending_label(begun)}
    return render(request, "plan/paper_form.html", context, status=status)
