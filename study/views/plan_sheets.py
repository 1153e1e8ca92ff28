"""A branch's study plan as a workbook: out, the template, and in again by a preview and one commit."""

from __future__ import annotations

import io
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render

from branches import audit
from branches.form_base import PortalForm
from branches.requests import PortalRequest
from branches.templatetags.portal import whole_moment
from documents.text import printable
from documents.workbook import MAX_BYTES, Sheet, WorkbookRefused, write
from plan.models import Filing
from study.models import BranchPlan
from study.plan_items import EditionForm, save_rows
from study.plan_keeping import LostUpdate, page_of, take
from study.plan_sheets import MOST_ROWS, Incoming, Sheetful, plan_sheets, read_sheet, template_sheets, title_of
from study.views.branch_plans import away, seen

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LOST = "计划在您核对之后被别人修改过，还没有写入。下面已按最新的计划重新对照，请核对后再写入。"


def _download(sheets: list[Sheet], name: str, stamp: str = "") -> FileResponse:
    return FileResponse(io.BytesIO(write(sheets, stamp=stamp)), as_attachment=True, filename=name, content_type=XLSX)


def plan_xlsx(request: PortalRequest, pk: int) -> HttpResponseBase:
    """The plan in the columns that the import takes; who does not work on it gets what was filed, or nothing yet."""
    access = request.access
    rows = BranchPlan.objects.filter(filing__in=Filing.objects.visible_to(access))
    record = get_object_or_404(rows.select_related("filing", "branch", "plan"), pk=pk)
    if record.branch_id not in access.leads and record.filing.is_editable:
        if record.filing.first_filed_at is None:
            raise Http404
        messages.info(request, "支部正在调整这份计划，再次报送后可以导出。")
        return redirect(page_of(record.branch))
    stamp = f"导出人：{access.name}　导出时间：{whole_moment(request.now)}"
    return _download(plan_sheets(record, access.on), f"{title_of(record)}.xlsx", stamp)


def plan_template(request: PortalRequest, pk: int) -> HttpResponseBase:
    """The empty workbook to fill in, with the choices listed."""
    record = seen(request.access, pk)
    return _download(template_sheets(record, request.access.on), f"{record.plan.year}年度学习计划模板.xlsx")


class PlanUploadForm(PortalForm):
    """A plan's workbook."""

    file = forms.FileField(
        label="学习计划文件",
        help_text=f"Excel 工作簿（.xlsx），不超过{MOST_ROWS}行。列的顺序不限，表头上面可以有标题行。",
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx"}),
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(f"文件超过 {MAX_BYTES // 2**20} MB，请删去图片和无关的工作表后再上传。")
        return file


def plan_import(request: PortalRequest, pk: int) -> HttpResponse:
    """Upload a workbook, see what it would change, and then write all of it or nothing."""
    record = seen(request.access, pk)
    if elsewhere := away(request, record):
        return elsewhere
    if request.method != "POST":
        return _upload_page(request, record, PlanUploadForm())
    if request.POST.get("action") == "commit":
        return _commit(request, record)
    form = PlanUploadForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            sheetful = read_sheet(form.cleaned_data["file"], title_of(record))
        except WorkbookRefused as refusal:
            form.add_error("file", f"{str(refusal).rstrip('。')}。")
        else:
            name = printable(form.cleaned_data["file"].name).replace("\n", "")[-120:]
            return _preview(request, record, sheetful, name=name)
    return _upload_page(request, record, form, status=422)


def _upload_page(
    request: PortalRequest, record: BranchPlan, form: PlanUploadForm, *, status: int = 200
) -> HttpResponse:
    context = {"record": record, "form": form, "plan_url": page_of(record.branch)}
    return render(request, "study/plan_import.html", context, status=status)


def _preview(
    request: PortalRequest, record: BranchPlan, sheetful: Sheetful, *, name: str = "", lost: str = "", status: int = 200
) -> HttpResponse:
    incoming = Incoming(record, sheetful, request.access.on)
    context = {
        "record": record, "incoming": incoming, "counts": incoming.counts, "rows": sheetful.as_text(), "name": name,
        "notes": sheetful.notes, "lost": lost, "edition": record.filing.edition, "plan_url": page_of(record.branch),
    }  # fmt: skip
    return render(request, "study/plan_import_preview.html", context, status=status)


def _commit(request: PortalRequest, record: BranchPlan) -> HttpResponse:
    edition = EditionForm(request.POST)
    try:
        sheetful = Sheetful.from_text(request.POST.get("rows", ""))
    except (ValueError, TypeError, RecursionError):
        raise BadRequest("提交的内容不完整，请重新上传文件。") from None
    if not edition.is_valid():
        raise BadRequest("提交的内容不完整，请重新上传文件。")
    incoming = Incoming(record, sheetful, request.access.on)
    absent = [item.pk for item in incoming.absent] if request.POST.get("remove_absent") == "1" else []
    if incoming.wrong:
        return _preview(request, record, sheetful, status=422)
    if not incoming.changes and not absent:
        messages.info(request, "计划与文件一致，没有需要写入的内容。")
        return redirect(page_of(record.branch))
    try:
        with audit.act(request.access, audit.Kind.WRITE, "导入学习计划", record.filing):
            take(record.filing, edition.cleaned_data["edition"])
            save_rows([line.row for line in incoming.changes], absent)
    except LostUpdate:
        record = seen(request.access, record.pk)
        return away(request, record) or _preview(request, record, sheetful, lost=LOST, status=409)
    counts = incoming.counts
    told = ((counts["new"], "新增"), (counts["changed"], "修改"), (len(absent), "删去"))
    messages.success(request, f"已导入：{'、'.join(f'{verb}{n}条' for n, verb in told if n)}。")
    return redirect(page_of(record.branch))
