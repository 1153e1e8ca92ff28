"""Who owes what, as of any moment: the list and its workbook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, TextChoices
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.timezone import localtime

from branches.access import Access
from branches.models import Branch
from branches.requests import PortalRequest
from branches.templatetags.portal import STANDINGS, days_late, due_by, last_day, whole_moment
from documents.workbook import Column as SheetColumn
from documents.workbook import Sheet
from plan.board import end_of_week, month_span, plan_at
from plan.models import DONE, Duty, Plan, Standing
from plan.relieved import first_due
from plan.views.board_papers import workbook_of
from plan.views.conditions import PER_PAGE, AsOfForm, moments, with_query
from plan.views.saved_views import saved_for

MOST_ROWS = 100_000  # of one workbook: about a quarter of a minute


class Group(TextChoices):
    """Groups of standings by which the list is asked."""

    NOW = "", "应办未办"
    OPEN = "open", "全部未办结"
    OVERDUE = "overdue", "逾期"
    WEEK = "week", "本周到期"
    TO_COME = "not_due", "未到期"
    SENT_BACK = "sent_back", "退回补正"
    DONE = "done", "已办结"
    WAIVED = "waived", "免"
    ALL = "all", "全部"


class DutyFilter(AsOfForm):
    """Which requirement, whose, how it stands; the branch comes from the board or is looked for by name."""

    field_order = ["branch", "standing", "code", "whose", "q", "month", "at"]

    branch = forms.ModelChoiceField(Branch.objects.none(), required=False, widget=forms.HiddenInput)
    standing = forms.ChoiceField(label="状态", choices=Group.choices, required=False)
    code = forms.ChoiceField(label="要求", required=False)
    whose = forms.ChoiceField(
        label="谁的", choices=[("", "全部"), ("branch", "党支部"), ("member", "党员")], required=False
    )
    q = forms.CharField(
        label="支部或姓名", max_length=80, required=False, widget=forms.TextInput(attrs={"type": "search"})
    )

    def __init__(self, data: QueryDict, *, access: Access, plan: Plan | None) -> None:
        super().__init__(data)
        self.fields["branch"].queryset = Branch.objects.visible_to(access)  # type: ignore[attr-defined]
        codes = list(plan.requirements.values_list("code", "title")) if plan else []
        self.fields["code"].choices = [("", "全部要求"), *[(c, f"{c} {title}") for c, title in codes]]  # type: ignore[attr-defined]


class DutyAsk:
    """What is asked of the list: the duties that match, as of a moment, in the order of their deadlines."""

    def __init__(self, request: PortalRequest) -> None:
        access = request.access
        committee = access.committee.pk if access.committee else min(access.sees_committees, default=0)
        moment = AsOfForm(request.GET)
        moment.is_valid()
        self.at: datetime = moment.cleaned_data.get("at") or request.now
        self.plan = plan_at(committee, self.at)
        self.form = DutyFilter(request.GET, access=access, plan=self.plan)
        self.form.is_valid()
        given = self.form.cleaned_data
        self.at_given: datetime | None = given.get("at")
        self.branch: Branch | None = given.get("branch")
        self.group: str = given.get("standing") or Group.NOW
        duties = Duty.objects.visible_to(access)
        if self.branch:
            duties = duties.filter(branch=self.branch)
        if given.get("code"):
            duties = duties.filter(code=given["code"])
        if given.get("whose"):
            # What the committee itself owes is neither a branch's nor a member's.
            duties = duties.filter(branch__isnull=False, member__isnull=given["whose"] == "branch")
        if given.get("q"):
            duties = duties.filter(Q(branch__name__icontains=given["q"]) | Q(member__name__contains=given["q"]))
        if given.get("month"):
            year = self.plan.year if self.plan else localtime(self.at).year
            duties = duties.due_between(*month_span(year, given["month"]), self.at)
        self.duties: Any = _in_group(duties.with_standing(self.at), self.group, self.at).order_by(
            "due_then", "branch__code", "member__name_key", "pk"
        )


def _in_group(duties: Any, group: str, at: datetime) -> Any:
    """The annotated duties of one group; what was sent back is settled, yet somebody has to act."""
    sent_back = Q(standing=Standing.SENT_BACK)
    match group:
        case Group.NOW:
            return duties.filter(sent_back | Q(pk__in=Duty.objects.unsettled(at).due_until(end_of_week(at), at)))
        case Group.ALL:
            return duties
        case Group.OVERDUE:
            return duties.overdue(at)
        case Group.WEEK:
            return duties.to_come(at).due_until(end_of_week(at), at)
        case Group.TO_COME:
            return duties.to_come(at)
        case Group.SENT_BACK:
            return duties.filter(sent_back)
        case Group.DONE:
            return duties.filter(standing__in=[s for s in DONE if s != Standing.WAIVED])
        case Group.WAIVED:
            return duties.filter(standing=Standing.WAIVED)
    return duties.exclude(standing__in=DONE)


DUTY_COLUMNS = [("要求", "head"), ("谁来做", "text"), ("时段", "short"), ("期限", "short"), ("状态", "short")]
# Said where nothing matches, by the group that was asked for.
NOTHING = {
    Group.NOW: "没有逾期、退回补正和本周到期的任务。", Group.OPEN: "没有未办结的任务。",
    Group.OVERDUE: "没有逾期的任务。", Group.WEEK: "本周没有到期的任务。",
    Group.TO_COME: "没有未到期的任务。", Group.SENT_BACK: "没有退回补正的任务。", Group.DONE: "还没有办结的任务。",
    Group.WAIVED: "没有免除的任务。", Group.ALL: "还没有任务。",
}  # fmt: skip


def duty_list(request: PortalRequest) -> HttpResponse:
    """Who owes what: by default whatever is not yet done, the nearest deadline first."""
    asked = DutyAsk(request)
    duties = asked.duties.select_related("requirement", "branch", "member", "committee").defer(
        "requirement__data", "requirement__quotes"
    )
    page = Paginator(duties, PER_PAGE).get_page(request.GET.get("page"))
    given = any(value for name, value in request.GET.items() if name != "page")
    alone = not request.access.sees_committees and not request.access.leads
    context = {
        "form": asked.form, "page": page, "branch": asked.branch,
        "rows": [{"cells": _duty_cells(duty, asked.at)} for duty in page],
        "columns": [{"label": label, "kind": kind} for label, kind in DUTY_COLUMNS],
        "moments": moments("plan:duty_list", request.GET, asked.at_given, request.now),
        "nothing": NOTHING[Group(asked.group)],
        "asked": given, "reset_url": request.path if given else "",
        "heading": "欠报清单" if request.access.sees_committees else "任务清单",
        "note": "逾期、退回补正和本周到期的，" if asked.group == Group.NOW else "",
        "xlsx_url": "" if alone else with_query("plan:duty_xlsx", request.GET),
        "saved": saved_for(request, "duties"),
    }  # fmt: skip
    return render(request, "plan/duty_list.html", context)


def _owner(duty: Duty) -> str:
    if duty.member:
        return f"{duty.member}（{duty.branch}）"
    return str(duty.branch or duty.committee)


def _duty_cells(duty: Any, at: datetime) -> list[Any]:
    words = f"逾期{days_late(duty.due_then, at)}天" if duty.standing == Standing.OVERDUE else ""
    return [
        {"text": f"{duty.code} {duty.requirement.title}", "url": duty.get_absolute_url()},
        _owner(duty),
        duty.period,
        due_by(duty.due_then, at),
        {"standing": duty.standing, "text": words, "late": duty.was_late},
    ]


def duty_xlsx(request: PortalRequest) -> HttpResponseBase:
    """The same list, all its pages; refused where it would be more than one workbook reads well."""
    asked = DutyAsk(request)
    total = asked.duties.count()
    if total > MOST_ROWS:
        messages.warning(request, f"共{total:,}项，一次最多导出{MOST_ROWS:,}项。请先用筛选缩小范围，再导出。")
        return redirect(with_query("plan:duty_list", request.GET))
    columns = [
        SheetColumn("编号", 8), SheetColumn("要求", 42), SheetColumn("党支部", 32), SheetColumn("党员", 16),
        SheetColumn("时段", 24), SheetColumn("最迟", 13, "date"), SheetColumn("状态", 11),
        SheetColumn("逾期天数", 10, "int"), SheetColumn("补报", 8), SheetColumn("完成时间", 18, "datetime"),
        SheetColumn("回执号", 15), SheetColumn("免除理由", 30), SheetColumn("延期（原期限）", 15, "date"),
    ]  # fmt: skip
    as_of = f"截至 {whole_moment(asked.at)}"
    group = Group(asked.group).label
    sheet = Sheet("任务清单", columns, _duty_rows(asked), title_row=f"任务清单（{group}）", notes=[as_of])
    return workbook_of(request, [sheet], f"任务清单（{group}，{localtime(asked.at):%Y-%m-%d}）.xlsx")


def _duty_rows(asked: DutyAsk) -> Iterator[tuple[Any, ...]]:
    fields = ("code", "requirement__title", "branch__name", "committee__name", "member__name", "period", "due_then",
              "standing", "was_late", "settled_at", "settled_by__receipt", "exempt_reason", "first_due")  # fmt: skip
    for row in asked.duties.annotate(first_due=first_due()).values_list(*fields).iterator(chunk_size=2000):
        code, title, branch, committee, member, period, due_at, standing, late, settled_at, receipt, why, was = row
        settled = settled_at if settled_at and settled_at <= asked.at else None
        is_late, is_back = standing == Standing.OVERDUE, standing == Standing.SENT_BACK
        yield (
            code, title, branch or committee, member or "", period, last_day(due_at), STANDINGS[standing].label,
            days_late(due_at, asked.at) if is_late else "", "补报" if late else "", "" if is_back else settled,
            receipt if settled and receipt else "", why if standing == Standing.WAIVED else "",
            last_day(was) if was and was < due_at else "",
        )  # fmt: skip
