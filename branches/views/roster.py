"""The roster as a workbook: the template, the export, and the import with its preview and its one commit."""

from __future__ import annotations

import io
from datetime import date
from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import localtime
from django.views.decorators.http import require_POST

from branches import audit
from branches.forms import DayFilter, RosterUploadForm, office_branches
from branches.models import Branch, Member, Membership, RosterImport, User, on_day
from branches.requests import PortalRequest
from branches.roster import ImportPlan, carry_out, plan_import, roster_changed, roster_lock
from branches.roster_cells import Reading, read_roster
from branches.roster_sheets import error_sheet, roster_sheet, template_sheets
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
    stamp = f"{day:%Y-%m-%d} 在册　导出人：{access.name}　导出时间：{localtime(request.now):%Y-%m-%d %H:%M}"
    return _download([roster_sheet(members, day, title)], f"{title}-{day:%Y-%m-%d}.xlsx", stamp)


def roster_import(request: PortalRequest) -> HttpResponse:
    """Upload a roster; nothing is written to the roster itself before the preview is confirmed."""
    access = request.access
    form = RosterUploadForm(request.POST or None, request.FILES or None, access=access)
    if request.method == "POST" and form.is_valid():
        file, committee = form.cleaned_data["file"], form.cleaned_data["committee"]
        try:
            reading = read_roster(file)
        except WorkbookRefused as refusal:
            form.add_error("file", f"{refusal}。".replace("。。", "。"))
        else:
            day: date = form.cleaned_data["effective_on"]
            with audit.act(access, audit.Kind.WRITE, "上传名册") as entry:
                record = entry.about = RosterImport.objects.create(
                    committee=committee,
                    file_name=printable(file.name).replace("\n", "")[-120:],
                    uploaded_by=cast(User, access.user),
                    uploaded_at=request.now,
                    rows={"effective_on": day.isoformat(), "reading": reading.as_data()},
                    roster_mark=plan_import(reading, committee, day).mark,
                )
            return redirect(record)
    recent = RosterImport.objects.filter(committee__in=access.office_of).select_related("uploaded_by__member")
    return render(
        request,
        "branches/roster_import.html",
        {"form": form, "recent": recent.defer("rows").order_by("-uploaded_at", "-pk")[:5]},
    )


def _import_of(request: PortalRequest, pk: int) -> RosterImport:
    imports = RosterImport.objects.filter(committee__in=request.access.office_of)
    return get_object_or_404(imports.select_related("committee", "uploaded_by__member", "committed_by__member"), pk=pk)


def _planned(record: RosterImport) -> tuple[Reading, ImportPlan]:
    """The uploaded rows against the roster as it stands now."""
    reading = Reading.from_data(record.rows["reading"])
    return reading, plan_import(reading, record.committee, date.fromisoformat(record.rows["effective_on"]))


def roster_preview(request: PortalRequest, pk: int) -> HttpResponse:
    """Row by row what would change; after the commit, what did."""
    record = _import_of(request, pk)
    if record.committed_at:
        return render(request, "branches/roster_done.html", {"record": record, "counts": record.rows["counts"]})
    reading, plan = _planned(record)
    counts = plan.counts
    show = request.GET.get("show", "")
    if show not in STATUSES:
        show = next((status for status in ("error", "new", "changed", "unchanged") if counts[status]), "unchanged")
    page = Paginator([row for row in plan.rows if row.status == show], PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "branches/roster_preview.html",
        {
            "record": record,
            "reading": reading,
            "plan": plan,
            "counts": counts,
            "tabs": [(status, label, counts[status]) for status, label in STATUSES.items()],
            "show": show,
            "show_label": STATUSES[show],
            "page": page,
            "absent": plan.absent[:30],
            "absent_more": max(0, len(plan.absent) - 30),
            "moved": plan.mark != record.roster_mark,
        },
    )


@require_POST
def roster_commit(request: PortalRequest, pk: int) -> HttpResponse:
    """Write what the preview showed, all of it or nothing, and only if the roster is still the one it showed."""
    with roster_lock(*request.access.office_of):
        record = _import_of(request, pk)
        if record.committed_at:
            return redirect(record)  # sent twice: the first answer holds
        _, plan = _planned(record)
        if request.POST.get("mark") != plan.mark:
            messages.warning(request, "预览之后，名册有了变动，没有写入。下面已按最新的名册重新核对，请再看一遍。")
            return redirect(record)
        if not plan.is_sound:
            messages.error(request, f"还有 {plan.counts['error']} 行有误，没有写入。请改好文件后重新上传。")
            return redirect(record)
        RosterImport.objects.filter(pk=record.pk).update(
            committed_at=request.now,
            committed_by=request.user.pk,
            roster_mark=plan.mark,
            rows={**record.rows, "counts": plan.counts},
        )
        carry_out(plan)
        audit.note(
            request.access, audit.Kind.WRITE, "写入名册", record, new=plan.counts["new"], changed=plan.counts["changed"]
        )
        roster_changed(record.committee, request.now)
        messages.success(request, f"已写入名册：新增 {plan.counts['new']} 人，变更 {plan.counts['changed']} 人。")
    return redirect(record)


def roster_errors(request: PortalRequest, pk: int) -> HttpResponseBase:
    """All uploaded rows, those refused with reason and cure, to be mended and uploaded again."""
    record = _import_of(request, pk)
    reading, plan = _planned(record)
    return _download([error_sheet(reading, plan)], "需要改正的名册.xlsx")
