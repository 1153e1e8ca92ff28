"""The member's own study plan: its weeks, ticking them off, and the branch's review of its members' plans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import F
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import ErrorLine, PortalForm
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment
from plan import moves
from plan.models import Duty, Filing, Plan
from study.clarity import missing_in_member_plan
from study.drafting import weeks_left
from study.models import MemberPlan, Method, WeekItem
from study.progress import is_ticking
from study.week_choice import LostUpdate, WeekChoiceForm

A_PAGE = 50
State = Filing.State
HOURS = "学时填0.5到100之间的数，最多一位小数。"
LOST = "这份计划在您打开之后被修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您现在填写的为准。"


# The member's page


def member_plan(request: PortalRequest) -> HttpResponse:
    """The member's own plan: this week's item first, then what is overdue, then all the weeks."""
    access = request.access
    record = _own(access)
    if record is not None:
        return render(request, "study/member_plan.html", _context(record, access))
    committee = access.branch.committee_id if access.branch else None
    plan = Plan.objects.asking(committee, access.on.year, access.on) if committee else None
    choice = WeekChoiceForm(None, plan=plan, committee_id=committee) if plan and committee else None
    return _before(request, plan, choice)


def _before(
    request: PortalRequest, plan: Plan | None, choice: WeekChoiceForm | None, status: int = 200
) -> HttpResponse:
    """The page while there is no plan yet: what to study, and how many hours a week."""
    access = request.access
    weeks = weeks_left(plan.year, _first_day(plan, access.on)) if plan else []
    context = {
        "record": None, "branch": access.branch, "plan": plan, "weeks_count": len(weeks), "owed": _owed(access),
        "choice": choice,
    }  # fmt: skip
    return render(request, "study/member_plan.html", context, status=status)


def _own(access: Access) -> MemberPlan | None:
    return (
        MemberPlan.objects.filter(member=access.member_id, plan__year=access.on.year)
        .exclude(filing__state=State.DISCARDED)
        .select_related("filing__branch__committee", "filing__committee", "member", "plan")
        .order_by("-plan__version")
        .first()
    )


def _owed(access: Access, filing: Filing | None = None) -> Duty | None:
    """The member's duty to file the year's plan, while it is owed and nothing was filed."""
    if filing and filing.first_filed_at:
        return None
    mine = Duty.objects.filter(member=access.member_id, year=access.on.year, requirement__proof="member_plan")
    return mine.unsettled(access.now).order_by("due_at").first()


def _first_day(plan: Plan, today: date) -> date:
    return max(today, plan.effective_on or today)


def _context(record: MemberPlan, access: Access) -> dict[str, Any]:
    weeks = list(record.weeks.all())
    this_week = next((week for week in weeks if week.week_on <= access.on <= week.ends_on), None)
    due = [week for week in weeks if week.ends_on < access.on]
    filing = record.filing
    return {
        "record": record, "filing": filing, "branch": filing.branch, "plan": record.plan, "weeks": weeks,
        "this_week": this_week, "overdue": [week for week in due if not week.done_at],
        "done_count": sum(week.done_at is not None for week in weeks), "editable": moves.may_edit(access, filing),
        "ticking": is_ticking(filing), "today": access.on, "owed": _owed(access, filing),
        "sent_back": filing.moves.filter(to_state=State.SENT_BACK).select_related("made_by__member").last()
        if filing.state == State.SENT_BACK else None,
    }  # fmt: skip


@require_POST
def member_plan_begin(request: PortalRequest) -> HttpResponse:
    """The member's plan with all its weeks, drafted from what was chosen; where there is one already, that one."""
    access = request.access
    if access.member is None or access.branch is None:
        raise PermissionDenied("您目前不在任何支部，组织关系转入支部后再制定自学计划。")
    plan = Plan.objects.asking(access.branch.committee_id, access.on.year, access.on)
    if plan is None:
        messages.info(request, "本年度实施方案还没有下发，下发后即可制定自学计划。")
        return redirect("study:member_plan")
    record = _own(access)
    if record is None:
        choice = WeekChoiceForm(request.POST, plan=plan, committee_id=access.branch.committee_id)
        if not choice.is_valid():
            return _before(request, plan, choice, status=422)
        try:
            with audit.act(access, audit.Kind.WRITE, "起草个人自学计划") as entry:
                record = _begin(access, plan, choice)
                entry.about = record.filing
        except IntegrityError:
            # Two clicks at once: the constraint let one in, and its plan answers for both.
            record = _own(access)
            if record is None:
                raise
    return redirect(record.get_edit_url() if record.filing.is_editable else record.filing)


def _begin(access: Access, plan: Plan, choice: WeekChoiceForm) -> MemberPlan:
    assert access.member is not None and access.branch is not None  # noqa: S101 — asked by the caller
    # A draft that was discarded makes room: its filing stays in the log.
    MemberPlan.objects.filter(member=access.member, plan=plan, filing__state=State.DISCARDED).delete()
    filing = moves.begin(
        kind=Filing.Kind.MEMBER_PLAN, access=access, title=f"{access.member.name}{plan.year}年个人自学计划",
        year=plan.year, branch=access.branch, member=access.member, desk=Filing.Desk.BRANCH, handling="approve",
    )  # fmt: skip
    record = MemberPlan.objects.create(filing=filing, member=access.member, plan=plan)
    WeekItem.objects.bulk_create(choice.draft(record, weeks_left(plan.year, _first_day(plan, access.on))))
    duties = Duty.objects.filter(
        member=access.member, year=plan.year, requirement__proof="member_plan", exempted_at__isnull=True
    )
    moves.claim(filing, set(duties.values_list("pk", flat=True)), access.now)
    return record


# Editing


class GoalForm(PortalForm):
    """What concerns the whole plan."""

    goal = forms.CharField(
        label="年度目标", max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="结合本人岗位，写一两句今年学习要达到的目标。",
    )  # fmt: skip
    late_reason = forms.CharField(
        label="补报原因", widget=forms.Textarea(attrs={"rows": 2}), required=False, max_length=200,
        help_text="已过报送时限。写明原因后仍可报送，并注明“补报”。",
    )  # fmt: skip
    edition = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)


class WeekForm(PortalForm):
    """One week's line of the table."""

    content = forms.CharField(
        label="学习内容", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 1, "maxlength": 200})
    )
    method = forms.ChoiceField(label="学习方式", choices=Method.choices)
    hours = forms.DecimalField(
        label="学时", min_value=Decimal("0.5"), max_value=Decimal(100), decimal_places=1,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value", "max_decimal_places"), HOURS),
    )  # fmt: skip

    def __init__(self, data: QueryDict | None, week: WeekItem) -> None:
        known = {"content": week.content, "method": week.method, "hours": f"{week.hours:.1f}".removesuffix(".0")}
        super().__init__(data, initial=known, prefix=f"week-{week.pk}")
        self.week = week
        words = f"{week.week_on.month}月{week.week_on.day}日起一周"
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = f"{words}的{field.label}"
            field.widget.attrs["class"] = "form-select" if name == "method" else "form-control"
            if data is not None and self[name].errors:
                field.widget.attrs["class"] += " is-invalid"
                field.widget.attrs["aria-invalid"] = "true"

    @property
    def words(self) -> str:
        return f"{self.week.week_on.month}月{self.week.week_on.day}日起一周"

    def keep(self) -> WeekItem:
        """Put what was typed on the week, unsaved."""
        for name in ("content", "method", "hours"):
            setattr(self.week, name, self.cleaned_data[name])
        return self.week

    def difference(self) -> tuple[str, str, str] | None:
        """What is kept and what is typed, where they differ."""
        kept = f"{self.week.content}（{self.week.get_method_display()}，{self.week.hours:.1f}学时）"
        facts = self.cleaned_data
        typed = f"{facts['content']}（{Method(facts['method']).label}，{facts['hours']:.1f}学时）"
        return None if kept == typed else (self.words, kept, typed)


class Sheet:
    """The whole form: the goal and all the weeks at once."""

    def __init__(self, record: MemberPlan, data: QueryDict | None = None) -> None:
        self.record = record
        self.goal = GoalForm(data, initial={"goal": record.goal, "edition": record.filing.edition})
        # A week that is done stays as it was done: it is shown, and no longer asked.
        self.lines = [(week, None if week.done_at else WeekForm(data, week)) for week in record.weeks.all()]
        self.weeks = [form for _, form in self.lines if form]

    def is_valid(self) -> bool:
        return all([self.goal.is_valid(), *[form.is_valid() for form in self.weeks]])

    def error_lines(self) -> list[ErrorLine]:
        """Every error, with the week it belongs to."""
        lines = self.goal.error_lines()
        for form in self.weeks:
            lines += [ErrorLine(f"{form.words}：{line.text}", line.href) for line in form.error_lines()]
        return lines

    def differences(self) -> list[tuple[str, str, str]]:
        found = [difference for form in self.weeks if (difference := form.difference())]
        if self.record.goal != self.goal.cleaned_data["goal"]:
            found.insert(0, ("年度目标", self.record.goal, self.goal.cleaned_data["goal"]))
        return found

    def save(self) -> None:
        """Keep everything, if the plan is still the one that was opened; else LostUpdate and nothing is written."""
        filing = self.record.filing
        taken = Filing.objects.filter(
            pk=filing.pk, edition=self.goal.cleaned_data["edition"], state__in=[State.DRAFT, State.SENT_BACK]
        )
        if taken.update(edition=F("edition") + 1) != 1:
            raise LostUpdate
        MemberPlan.objects.filter(pk=self.record.pk).update(goal=self.goal.cleaned_data["goal"])
        # The rows are locked: a week that is ticked off in this moment is not written over.
        undone = self.record.weeks.select_for_update().filter(done_at__isnull=True)
        still = set(undone.values_list("pk", flat=True))
        kept = [form.keep() for form in self.weeks if form.week.pk in still]
        WeekItem.objects.bulk_update(kept, ["content", "method", "hours"])

    def left_out(self, data: QueryDict) -> list[str]:
        """The weeks that were done in between, for which the page still sent another content."""
        return [
            f"{week.week_on.month}月{week.week_on.day}日起一周"
            for week in self.record.weeks.filter(done_at__isnull=False)
            if data.get(f"week-{week.pk}-content", week.content).strip() != week.content
        ]


def member_plan_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """All weeks in one table: keep the draft, or file it with the branch."""
    access = request.access
    record = _seen(access, pk)
    if away := _away(request, record):
        return away
    if request.method != "POST":
        return _sheet(request, Sheet(record))
    sheet = Sheet(record, request.POST)
    if not sheet.is_valid():
        return _sheet(request, sheet, status=422)
    first = record.filing.first_filed_at is None
    try:
        with audit.act(access, audit.Kind.WRITE, "修改个人自学计划", record.filing):
            sheet.save()
    except LostUpdate:
        return _lost(request, record)
    if locked := sheet.left_out(request.POST):
        messages.info(request, f"{'、'.join(locked)}已经记为完成，学习内容不再改动。")
    record = _seen(access, pk)
    if request.POST.get("action") != "file":
        messages.success(request, "已存草稿。" if first else "已保存修改，还没有再次报送。")
        return redirect("study:member_plan_edit", pk=pk)
    try:
        filed = moves.move(
            record.filing, "file", access=access, late_reason=sheet.goal.cleaned_data["late_reason"],
            expected_edition=record.filing.edition,
        )  # fmt: skip
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
        return redirect(record.filing)
    except moves.MoveRefused as error:
        data = request.POST.copy()
        data["edition"] = str(record.filing.edition)
        sheet = Sheet(record, data)
        sheet.is_valid()
        for sentence in error.sentences:
            if "补报原因" in sentence:
                sheet.goal.add_error("late_reason", sentence)
            else:
                sheet.goal.add_error(None, f"内容已保存，还没有报送：{sentence}")
        return _sheet(request, sheet, status=422)
    late = "，注明“补报”" if filed.is_late else ""
    messages.success(request, f"已于 {cn_moment(filed.filed_at, access.now)} 报送，回执号 {filed.receipt}{late}。")
    return redirect(filed)


def _seen(access: Access, pk: int) -> MemberPlan:
    rows = MemberPlan.objects.filter(filing__in=Filing.objects.visible_to(access)).select_related(
        "filing__branch__committee", "filing__committee", "member", "plan"
    )
    record = get_object_or_404(rows, pk=pk)
    if record.member_id != access.member_id:
        raise PermissionDenied("自学计划由本人填写，您可以查看，不能修改。")
    return record


def _away(request: PortalRequest, record: MemberPlan) -> HttpResponse | None:
    """Where to go when the plan can not be changed now: to its filing, which says why."""
    filing = record.filing
    if moves.may_edit(request.access, filing):
        return None
    if filing.filed_at:
        moment = cn_moment(filing.filed_at, request.now)
        messages.info(request, f"这份计划已于 {moment} 报送，回执号 {filing.receipt}，现在不能修改。")
    else:
        messages.info(request, f"这份计划现在是“{filing.get_state_display()}”，不能修改。")
    return redirect(filing)


def _lost(request: PortalRequest, record: MemberPlan) -> HttpResponse:
    """Changed in between: both texts on one page; the same sent twice loses nothing."""
    record = _seen(request.access, record.pk)
    if away := _away(request, record):
        return away
    data = request.POST.copy()
    data["edition"] = str(record.filing.edition)
    sheet = Sheet(record, data)
    sheet.is_valid()
    differences = sheet.differences()
    if not differences and request.POST.get("action") != "file":
        messages.success(request, "已存草稿。")
        return redirect("study:member_plan_edit", pk=record.pk)
    sheet.goal.add_error(None, LOST)
    return _sheet(request, sheet, status=409, differences=differences)


def _sheet(
    request: PortalRequest, sheet: Sheet, *, status: int = 200, differences: list[tuple[str, str, str]] | None = None
) -> HttpResponse:
    record = sheet.record
    filing = record.filing
    missing = missing_in_member_plan(record)
    late = moves.by_filing(filing, request.now) if filing.first_filed_at is None else []
    if not late:
        sheet.goal.fields.pop("late_reason")
    context = {
        "record": record, "filing": filing, "sheet": sheet, "goal": sheet.goal, "late": late, "missing": missing,
        "differences": differences, "owed": _owed(request.access, filing),
        "errors": sheet.error_lines() if sheet.goal.is_bound else [],
        "sent_back": filing.moves.filter(to_state=State.SENT_BACK).select_related("made_by__member").last()
        if filing.state == State.SENT_BACK else None,
    }  # fmt: skip
    return render(request, "study/member_plan_edit.html", context, status=status)


# Drafting anew


def member_plan_redraft(request: PortalRequest, pk: int) -> HttpResponse:
    """Another choice for the weeks to come; what is done, and what lies behind, stays as it is."""
    access = request.access
    record = _seen(access, pk)
    if away := _away(request, record):
        return away
    branch = record.filing.branch
    assert branch is not None  # noqa: S101 — a member's plan is sent to a branch
    asked = partial(WeekChoiceForm, plan=record.plan, committee_id=branch.committee_id, record=record)
    if request.method != "POST":
        return _redraft_page(request, record, asked(None))
    choice = asked(request.POST)
    if not choice.is_valid():
        return _redraft_page(request, record, choice, status=422)
    try:
        with audit.act(access, audit.Kind.WRITE, "重新起草个人自学计划", record.filing) as entry:
            entry.detail["count"] = count = choice.redraft(record, _first_day(record.plan, access.on))
    except LostUpdate:
        data = request.POST.copy()
        data["edition"] = str(Filing.objects.get(pk=record.filing_id).edition)
        choice = asked(data)
        choice.add_error(None, "这份计划在您打开之后被修改过，还没有重新起草。仍要重新起草的，请再点一次。")
        return _redraft_page(request, record, choice, status=409)
    messages.success(request, f"已重新起草{count}周的学习内容，请核对后报送。")
    return redirect("study:member_plan_edit", pk=pk)


def _redraft_page(
    request: PortalRequest, record: MemberPlan, choice: WeekChoiceForm, *, status: int = 200
) -> HttpResponse:
    first = _first_day(record.plan, request.access.on)
    monday = weeks_left(record.plan.year, first)[0]
    context = {
        "record": record, "choice": choice, "from_on": monday,
        "open_count": record.weeks.filter(week_on__gte=monday, done_at__isnull=True).count(),
        "done_count": record.weeks.filter(done_at__isnull=False).count(),
    }  # fmt: skip
    return render(request, "study/member_plan_redraft.html", context, status=status)


# Ticking the weeks off


class WeekDoneForm(forms.Form):
    """The note that goes with a week that is done."""

    note = forms.CharField(label="学习体会", max_length=300, required=False)


@require_POST
def week_done(request: PortalRequest, pk: int) -> HttpResponse:
    """This week's item is done, with a note; or, with undo=1, it is not after all. The filed plan does not change."""
    access = request.access
    weeks = WeekItem.objects.filter(plan__filing__in=Filing.objects.visible_to(access))
    week = get_object_or_404(weeks.select_related("plan__filing"), pk=pk)
    if week.plan.member_id != access.member_id:
        raise PermissionDenied("学习完成情况由本人填写。")
    at_home = request.POST.get("next") == "home"
    back = redirect("/" if at_home else f"{reverse('study:member_plan')}#week-{week.pk}")
    form = WeekDoneForm(request.POST)
    if not is_ticking(week.plan.filing):
        messages.info(request, "计划经党支部审定后，再逐周填写完成情况。")
    elif request.POST.get("undo"):
        with audit.act(access, audit.Kind.WRITE, "撤销每周学习完成", week.plan.filing, week=week.week_on):
            WeekItem.objects.filter(pk=week.pk).update(done_at=None, note="")
        messages.success(request, "已撤销，本周仍为未完成。")
    elif week.week_on > access.on:
        messages.info(request, f"这一周从{week.week_on.month}月{week.week_on.day}日开始，到时再填写。")
    elif not form.is_valid():
        context = _context(week.plan, access) | {"wrong": week.pk, "typed": request.POST.get("note", "")}
        context["note_error"] = "学习体会最多300字，请缩短后再保存。"
        return render(request, "study/member_plan.html", context, status=422)
    else:
        done = WeekItem.objects.filter(pk=week.pk, done_at__isnull=True)
        with audit.act(access, audit.Kind.WRITE, "填写每周学习完成", week.plan.filing, week=week.week_on):
            if done.update(done_at=access.now, note=form.cleaned_data["note"]):
                messages.success(request, "已记为完成。")
            elif form.cleaned_data["note"]:
                WeekItem.objects.filter(pk=week.pk, done_at__isnull=False).update(note=form.cleaned_data["note"])
                messages.success(request, "已保存学习体会。")
    return back
