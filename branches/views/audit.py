"""The auditor's log, what can be taken from it and how it is verified; and everybody's own history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localtime, make_aware
from django.views.decorators.http import require_POST

from branches import audit
from branches.form_base import FilterForm
from branches.models import AuditEvent, normal_staff_number
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment, whole_moment
from documents.workbook import Column, Sheet, write_to

PER_PAGE = 50
# What a click verifies; the whole chain, however long, is the nightly command's.
VERIFIED_AT_ONCE = 20_000
# What one workbook holds: written within the request, and still opened by any desk's computer.
MOST_ROWS = 50_000
COLUMNS = [
    {"label": "时间", "kind": "head"}, {"label": "操作人"}, {"label": "身份"}, {"label": "事项"}, {"label": "对象"},
    {"label": "结果", "kind": "short"}, {"label": "地址", "kind": "short"}, {"label": "详情"},
]  # fmt: skip
OWN_COLUMNS = [
    {"label": "时间", "kind": "head"},
    {"label": "事项"},
    {"label": "对象"},
    {"label": "结果"},
    {"label": "地址"},
]
# The keys of an event's detail as they are read.
WORDS = {
    "route": "页面", "path": "网址", "status": "状态码", "query": "条件", "fields": "改动项",
    "count": "数量", "duties": "任务数", "plan": "方案", "code": "要求", "week": "周", "branch": "党支部", "to": "去向",
    "on": "日期", "until": "止", "from_on": "起", "of": "组织", "new": "新增", "changed": "变更", "reason": "理由",
    "field": "内容", "merged": "并入的工号", "moved": "移动", "counts": "条数", "other": "另一工号",
    "via": "方式", "why": "原因", "version": "版本", "parent": "上级", "imports": "份数",
    "trouble": "情形", "basis": "依据", "year": "年度",
}  # fmt: skip


# How somebody proved who it is, as it is read.
WAYS = {
    "password": "密码",
    "activation": "激活码",
    "cas": "统一身份认证",
    "oidc": "统一身份认证",
    "sso": "统一身份认证",
}


class AuditFilter(FilterForm):
    """Conditions of the log: what sort of event, whose, about what, in which days, and whether it was refused."""

    kind = forms.ChoiceField(label="类别", required=False, choices=[("", "全部"), *AuditEvent.Kind.choices])
    ok = forms.ChoiceField(label="结果", required=False, choices=[("", "全部"), ("1", "成功"), ("0", "未成功")])
    since = forms.DateField(label="从", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="到", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    q = forms.CharField(
        label="操作人或对象", max_length=50, required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "姓名、工号、对象"}),
    )  # fmt: skip

    def applied(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """The events that meet the conditions, the newest first; a condition that cannot be read is left out."""
        self.is_valid()
        asked = self.cleaned_data
        if asked.get("kind"):
            events = events.filter(kind=asked["kind"])
        if asked.get("ok"):
            events = events.filter(ok=asked["ok"] == "1")
        if asked.get("since"):
            events = events.filter(at__gte=_midnight(asked["since"]))
        if asked.get("until"):
            events = events.filter(at__lt=_midnight(asked["until"] + timedelta(days=1)))
        if asked.get("q"):
            text = asked["q"].strip()
            events = events.filter(
                Q(actor_name__contains=text)
                | Q(actor__staff_number=normal_staff_number(text))
                | Q(object_name__contains=text)
            )
        return events.order_by("-seq")

    @property
    def is_narrowed(self) -> bool:
        return any(self.cleaned_data.values())

    def clean(self) -> dict[str, Any]:
        for name in ("since", "until"):
            day = self.cleaned_data.get(name)
            if day and not 1990 <= day.year <= 2100:
                self.add_error(name, "请填写1990年至2100年之间的日期。")
        return self.cleaned_data


def _midnight(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))


def _detail(event: AuditEvent) -> str:
    shown = ((key, WAYS.get(value, value) if key == "via" else value) for key, value in event.detail.items())
    return "；".join(f"{WORDS.get(key, key)}：{value}" for key, value in shown)


def audit_log(request: PortalRequest) -> HttpResponse:
    """What was done, refused and taken away under the committees that this auditor audits."""
    form = AuditFilter(request.GET)
    events = form.applied(AuditEvent.objects.visible_to(request.access))
    page = Paginator(events, PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "cells": [
                f"{cn_moment(event.at, request.now)}:{localtime(event.at):%S}",
                event.actor_name or "未登录",
                event.roles or "—",
                event.what,
                event.object_name or "—",
                "成功" if event.ok else "未成功",
                event.ip or "—",
                _detail(event) or "—",
            ]
        }
        for event in page
    ]
    context = {
        "form": form, "page": page, "rows": rows, "columns": COLUMNS, "asked": form.is_narrowed,
        "reset_url": request.path if form.is_narrowed else "", "query": request.GET.urlencode(),
    }  # fmt: skip
    return render(request, "branches/audit_log.html", context)


def audit_xlsx(request: PortalRequest) -> HttpResponseBase:
    """The same events with their chain values, row by row, so that they can be verified elsewhere."""
    access = request.access
    events = AuditFilter(request.GET).applied(AuditEvent.objects.visible_to(access))
    if (count := events.count()) > MOST_ROWS:
        messages.warning(request, f"共{count}条，一次最多导出{MOST_ROWS}条。请先按日期缩小范围，再导出。")
        return redirect(f"{reverse('branches:audit_log')}?{request.GET.urlencode()}")
    names = ["序号", "时间", "类别", "操作人", "身份", "事项", "对象", "结果", "地址", "请求编号", "详情", "校验值"]
    widths = [8, 20, 12, 20, 24, 22, 30, 8, 16, 18, 50, 66]
    columns = [Column(name, width) for name, width in zip(names, widths, strict=True)]

    def rows() -> Iterator[list[str]]:
        for event in events.iterator(chunk_size=2000):
            yield [
                str(event.seq), f"{localtime(event.at):%Y-%m-%d %H:%M:%S}", event.get_kind_display(), event.actor_name,
                event.roles, event.what, event.object_name, "成功" if event.ok else "未成功", event.ip or "",
                event.request_id, _detail(event), event.mac,
            ]  # fmt: skip

    file = TemporaryFile()  # noqa: SIM115 — the answer closes it
    try:
        stamp = f"{access.name} {whole_moment(request.now)} 导出"
        write_to(file, [Sheet("审计日志", columns, rows(), title_row="审计日志")], stamp=stamp)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"审计日志（{access.on:%Y-%m-%d}）.xlsx")


@require_POST
def audit_verify(request: PortalRequest) -> HttpResponse:
    """Verify the newest part of the chain now; what does not hold is named."""
    count, broken = audit.verify(newest=VERIFIED_AT_ONCE)
    audit.note(request.access, audit.Kind.SETTING, "核对审计日志", ok=not broken, count=count)
    for place in broken[:20]:
        messages.error(request, f"{place}。")
    if broken:
        messages.error(request, f"核对了最近{count}条，有{len(broken)}处不符。请保留现场，联系系统管理员查明。")
    else:
        messages.success(request, f"核对了最近{count}条，每一条都与写入时一致，前后相接。")
    return redirect("branches:audit_log")


def own_history(request: PortalRequest) -> HttpResponse:
    """What I did and from where: whoever sees a login that was not theirs can say so."""
    page = Paginator(audit.of_user(request.access.actor), PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "cells": [
                f"{cn_moment(event.at, request.now)}:{localtime(event.at):%S}", event.what, event.object_name or "—",
                "成功" if event.ok else "未成功", event.ip or "—",
            ]
        }
        for event in page
    ]  # fmt: skip
    return render(request, "branches/own_history.html", {"page": page, "rows": rows, "columns": OWN_COLUMNS})
