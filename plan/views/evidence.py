"""The documents of every record, and the answer to the question about a picture that another record has, too."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from branches.requests import PortalRequest, wants_json
from documents.text import printable
from plan import attachments, kept_files, lookalikes
from plan.models import Attachment, Filing, Picture
from plan.views.papers import back_to, demand_edit, is_hidden, with_owner

CONFIRMED = "确认就用这张"


@require_POST
def attachment_add(request: PortalRequest, pk: int) -> HttpResponse:
    """Take in one document or many: the good ones stay, each of the others is named with its cure."""
    filing = get_object_or_404(with_owner().visible_to(request.access), pk=pk)
    demand_edit(request, filing)
    files = request.FILES.getlist("attachments")
    added = attachments.add_attachments(filing, files, request.access)
    if not files:
        added.errors.append("请先选择文件，再点“上传”。")
    if wants_json(request):
        rows = [{"id": row.pk, "name": row.name, "size": row.size_words} for row in added.kept]
        return JsonResponse({"attachments": rows, "errors": added.errors}, status=200 if rows else 422)
    for sentence in added.errors:
        messages.error(request, sentence)
    if added.kept:
        messages.success(request, f"已添加{len(added.kept)}个附件。")
    return redirect(back_to(request, filing, "attachments"))


@require_POST
def attachment_remove(request: PortalRequest, pk: int) -> HttpResponse:
    """Take a document out of a record that is being edited; the versions filed with it keep it."""
    shown = Attachment.objects.shown().select_related("filing__committee", "filing__branch", "filing__member")
    attachment = get_object_or_404(shown.filter(filing__in=Filing.objects.visible_to(request.access)), pk=pk)
    demand_edit(request, attachment.filing)
    if not attachments.remove_attachment(attachment, request.access):
        raise PermissionDenied("这份记录刚刚报送，附件已随它存档，不能移除。")
    if wants_json(request):
        return JsonResponse({"removed": attachment.pk})
    messages.success(request, f"已移除“{attachment.name}”。")
    return redirect(back_to(request, attachment.filing, "attachments"))


def attachment(request: PortalRequest, pk: int) -> HttpResponse:
    """The document, for those who see the record; to be saved, never to be opened within the portal."""
    rows = Attachment.objects.select_related("filing").filter(filing__in=Filing.objects.visible_to(request.access))
    row = get_object_or_404(rows, pk=pk)
    if is_hidden(request, row):
        raise Http404
    data = attachments.read(row)
    if data is None:
        raise Http404
    return kept_files.to_save(data, row.name, row.format)


@require_POST
def picture_answer(request: PortalRequest, pk: int) -> HttpResponse:
    """Keep the picture that another record has, too, and what the branch says to it."""
    asked = Picture.objects.shown().filter(twin__isnull=False)
    asked = asked.select_related("filing__committee", "filing__branch", "filing__member")
    picture = get_object_or_404(asked.filter(filing__in=Filing.objects.visible_to(request.access)), pk=pk)
    demand_edit(request, picture.filing)
    words = " ".join(printable(request.POST.get("answer", "")).split()) or CONFIRMED
    if len(words) > 120:
        sentence = "说明请不超过120字。"
        if wants_json(request):
            return JsonResponse({"errors": [sentence]}, status=422)
        messages.error(request, sentence)
        return redirect(back_to(request, picture.filing))
    if not lookalikes.answer(picture, words, request.access):
        raise PermissionDenied("这份记录刚刚报送，不能再改动图片的说明。")
    if wants_json(request):
        return JsonResponse({"answer": words})
    messages.success(request, f"已记下对“{picture.name}”的说明。")
    return redirect(back_to(request, picture.filing))
