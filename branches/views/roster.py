"""The roster as a workbook: the template, the export, and the import: its columns, its preview and its one commit."""

from __future__ import annotations

import io
from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import OperationalError
from django.db.models import Exists, OuterRef, Q
from django.http import FileResponse, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches import audit, roster_jobs
from branches.forms import DayFilter, RosterUploadForm, office_branches
from branches.models import Branch, Member, Membership, RosterImport, User, on_day
from branches.requests import PortalRequest
from branches.roster import ImportPlan, plan_import
from branches.roster_cells import BY_KEY, Reading
from branches.roster_columns import Cells, Columns, doubts, propose, read_cells, reading_of
from branches.roster_forms import ColumnsForm, HeaderForm
from branches.roster_jobs import Stage, effective_on, opened, planned
from branches.roster_sheets import error_sheet, roster_sheet, template_sheets
from branches.sudo import sudo_required
from branches.templatetags.portal import whole_moment
from documents.text import printable
from documents.workbook import Sheet, WorkbookRefused, write

PER_PAGE = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STATUSES = {"error": "有误", "new": "新增", "changed": "变更", "unchanged": "不变"}


def _download(sheets: list[Sheet], name: str, stamp: str = "") -> FileResponse:
    return FileResponse(io.BytesIO(write(sheets, stamp=stamp)), as_attachment=True, filename=name, content_type=XLSX)


def roster_template(request: PortalRequest) -> HttpResponseBase:
    """The empty workbook to fill in."""
    branches = office_branches(request.access).prefetch_related("groups")
    return _download(template_sheets(branches), "党员名册模板.xlsx")


def roster_export(request: PortalRequest) -> HttpResponseBase:
    """The roster of a day, of one branch or all that the person reads, in the very columns the import takes."""
    access = request.access
    form = DayFilter(request.GET)
    day = (form.cleaned_data["on"] if form.is_valid() else None) or access.on
    branches = Branch.objects.filter(Q(committee__in=access.sees_committees) | Q(pk__in=access.leads))
    title = "党员名册"
    if request.GET.get("branch", "").isdecimal():
        branch = get_object_or_404(branches, pk=request.GET["branch"])
        branches, title = branches.filter(pk=branch.pk), f"{branch.name}党员名册"
    there = Membership.objects.filter(on_day(day), branch__in=branches, member=OuterRef("pk"))
    members = Member.objects.filter(Exists(there))
    stamp = f"{day:%Y-%m-%d} 在册　导出人：{access.name}　导出时间：{whole_moment(request.now)}"
    return _download([roster_sheet(members, day, title)], f"{title}-{day:%Y-%m-%d}.xlsx", stamp)


# ------------------------------------------------------------------------------------------------------------ uploading


def roster_import(request: PortalRequest) -> HttpResponse:
    """Upload a roster; nothing is written to the roster itself before the preview is confirmed.

    A small file is read here and refused at its field; a large one is kept sealed for a process of its own.
    """
    access = request.access
    form = RosterUploadForm(request.POST or None, request.FILES or None, access=access)
    if request.method == "POST" and form.is_valid():
        file, committee, day = (form.cleaned_data[name] for name in ("file", "committee", "effective_on"))
        try:
            if file.size <= roster_jobs.SMALL_BYTES:
                cells = read_cells(file)
                kept = roster_jobs.as_ready(cells, propose(cells), committee, day)
            else:
                kept = {"cells": roster_jobs.sealed_file(file.read()), "stage": Stage.TO_READ}
        except WorkbookRefused as refusal:
            form.add_error("file", f"{str(refusal).rstrip('。')}。")
        else:
            with audit.act(access, audit.Kind.WRITE, "上传名册") as entry:
                record = entry.about = RosterImport.objects.create(
                    committee=committee,
                    file_name=printable(file.name).replace("\n", "")[-120:],
                    uploaded_by=cast(User, access.user),
                    uploaded_at=request.now,
                    stage_at=request.now,
                    rows={"effective_on": day.isoformat()},
                    **kept,
                )
            if kept["stage"] == Stage.TO_READ:
                roster_jobs.start(record.pk, request.now)
            return redirect(record)
    recent = RosterImport.objects.filter(committee__in=access.office_of).select_related("uploaded_by__member")
    return render(
        request,
        "branches/roster_import.html",
        {"form": form, "recent": recent.defer("rows", "cells").order_by("-uploaded_at", "-pk")[:5]},
    )


def _import_of(request: PortalRequest, pk: int) -> RosterImport:
    imports = RosterImport.objects.filter(committee__in=request.access.office_of)
    return get_object_or_404(imports.select_related("committee", "uploaded_by__member", "committed_by__member"), pk=pk)


# ------------------------------------------------------------------------------------------------------- what it shows


def roster_preview(request: PortalRequest, pk: int) -> HttpResponse:
    """Where the import stands: on the way, refused, what is which column, row by row what would change, or done."""
    record = _import_of(request, pk)
    if record.committed_at:
        return render(request, "branches/roster_done.html", {"record": record, "counts": record.rows["counts"]})
    if roster_jobs.is_under_way(record):
        dead = roster_jobs.is_dead(record, request.now)
        return render(
            request,
            "branches/roster_progress.html",
            {"record": record, "point": roster_jobs.point_of(record), "dead": dead},
        )
    if "sheet" not in record.cells:
        return render(request, "branches/roster_failed.html", {"record": record, "days": roster_jobs.KEPT_FOR.days})
    cells, columns = opened(record)
    forms = _column_forms(cells, columns)
    if said := doubts(cells, columns):
        return render(request, "branches/roster_columns.html", {"record": record, "doubts": said, **forms})
    reading = reading_of(cells, columns)
    plan = plan_import(reading, record.committee, effective_on(record))
    return render(request, "branches/roster_preview.html", {**_preview(request, record, reading, plan), **forms})


def _column_forms(cells: Cells, columns: Columns) -> dict[str, object]:
    return {
        "columns_form": ColumnsForm(cells=cells, columns=columns),
        "header_form": HeaderForm(cells=cells, columns=columns),
        "header_row": columns.header + 1,
        "sheet": cells.sheet,
    }


def _preview(request: PortalRequest, record: RosterImport, reading: Reading, plan: ImportPlan) -> dict[str, object]:
    counts = plan.counts
    show = request.GET.get("show", "")
    if show not in STATUSES:
        show = next((status for status in ("error", "new", "changed", "unchanged") if counts[status]), "unchanged")
    return {
        "record": record,
        "reading": reading,
        "plan": plan,
        "counts": counts,
        "tabs": [(status, label, counts[status]) for status, label in STATUSES.items()],
        "show": show,
        "show_label": STATUSES[show],
        "page": Paginator([row for row in plan.rows if row.status == show], PER_PAGE).get_page(request.GET.get("page")),
        "absent": plan.absent[:30],
        "absent_more": max(0, len(plan.absent) - 30),
        "moved": plan.mark != record.roster_mark,
    }


def roster_progress(request: PortalRequest, pk: int) -> JsonResponse:
    """How far the work is, for the page that asks every second."""
    record = _import_of(request, pk)
    point = roster_jobs.point_of(record)
    return JsonResponse(
        {
            "busy": roster_jobs.is_under_way(record) and not roster_jobs.is_dead(record, request.now),
            "what": point.what,
            "done": point.done,
            "total": point.total,
        }
    )


@require_POST
def roster_restart(request: PortalRequest, pk: int) -> HttpResponse:
    """Give the work of a process that died to another; pressed twice, or too early, it does nothing."""
    record = _import_of(request, pk)
    try:
        with audit.together():
            asked = roster_jobs.ask_again(record, request.now)
            if asked:
                audit.note(request.access, audit.Kind.WRITE, "重新处理名册", record)
    except OperationalError:
        messages.warning(request, "上一次的处理还没有停下来，请稍等一分钟再试。")
    else:
        if asked:
            roster_jobs.start(record.pk, request.now)
    return redirect(record)


# ------------------------------------------------------------------------------------------------------------- deciding


@require_POST
def roster_columns(request: PortalRequest, pk: int) -> HttpResponse:
    """The office says which row is the heading, or which column is what; the preview follows from it."""
    record = _import_of(request, pk)
    if roster_jobs.is_under_way(record) or "sheet" not in record.cells:
        return redirect(record)  # written, being written, or emptied meanwhile: its page says which
    cells, columns = opened(record)
    forms = _column_forms(cells, columns)
    if "header" in request.POST:
        form = forms["header_form"] = HeaderForm(request.POST, cells=cells, columns=columns)
        chosen = propose(cells, form.cleaned_data["header"]) if form.is_valid() else None
    else:
        form = forms["columns_form"] = ColumnsForm(request.POST, cells=cells, columns=columns)  # type: ignore[assignment]
        chosen = form.columns if form.is_valid() else None  # type: ignore[attr-defined]
    if chosen is not None:
        try:
            kept = roster_jobs.as_ready(cells, chosen, record.committee, effective_on(record))
        except WorkbookRefused as refusal:
            form.add_error(None, f"{str(refusal).rstrip('。')}。")
        else:
            with audit.act(request.access, audit.Kind.WRITE, "改定名册各列的含义", record):
                RosterImport.objects.filter(pk=record.pk, stage=Stage.READY, committed_at=None).update(
                    **kept, trouble=""
                )
            return redirect(record)
    return render(request, "branches/roster_columns.html", {"record": record, "doubts": [], **forms})


@require_POST
def roster_commit(request: PortalRequest, pk: int) -> HttpResponse:
    """Write what the preview showed: a short roster here, a long one in a process of its own."""
    record = _import_of(request, pk)
    # Sent twice, the first one's answer holds: the second asks for nothing.
    if "sheet" in record.cells and roster_jobs.ask_to_write(record, request.access, request.POST.get("mark", "")):
        short = record.total <= roster_jobs.SMALL_ROWS
        (roster_jobs.work if short else roster_jobs.start)(record.pk, request.now)
    return redirect(record)


def roster_errors(request: PortalRequest, pk: int) -> HttpResponseBase:
    """All uploaded rows, those refused with reason and cure, to be mended and uploaded again.

    The office's own file comes back with the ID numbers and phones that were in it: then the password is asked first.
    """
    record = _import_of(request, pk)
    if roster_jobs.is_under_way(record) or "sheet" not in record.cells or doubts(*opened(record)):
        return redirect(record)
    reading, plan = planned(record)

    def hand_out(request: PortalRequest) -> HttpResponse:
        return _download([error_sheet(reading, plan)], "需要改正的名册.xlsx")  # type: ignore[return-value]

    has_numbers = any(BY_KEY[key].personal for line in reading.lines for key in line.cells)
    return (sudo_required(hand_out) if has_numbers else hand_out)(request)
