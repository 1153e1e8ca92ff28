"""The activity weeks: the list by month, and the one form that records a week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import IntegrityError
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render

from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch
from branches.requests import PortalRequest
from commitments.models import ActivityWeek, WeekAction
from commitments.week_form import Start, WeekForm
from commitments.weeks import A_WEEK, MOST_ACTIONS, done_on, label_of, last_week_of, monday_of
from documents.text import printable
from plan import lookalikes, moves, pictures
from plan.cadence import ONE_DAY, days_label
from plan.models import Duty, Filing, Requirement
from plan.paper_form import LostUpdate, desk_for
from plan.settling import may_settle
from plan.views.filings import done_words, sending_label
from plan.views.papers import captions_typed, chosen, keep_answers

PER_PAGE = 24  # two years of months
SOON = timedelta(days=3)


# The list


class BranchFilter(PortalForm):
    """Whose weeks are listed; only those who see many branches are asked."""

    def __init__(self, data: QueryDict, branches: QuerySet[Branch]) -> None:
        super().__init__(data)
        self.fields["branch"] = forms.ModelChoiceField(
            label="党支部", queryset=branches, required=False, empty_label="全部党支部"
        )


@dataclass(frozen=True)
class Line:
    """One line of the list: a week's record, or a month for which there is none yet and which is owed."""

    week: ActivityWeek | None = None
    days: str = ""  # from when to when, the year only where it is not this year
    duty: Duty | None = None
    standing: str = ""  # of the duty
    may_edit: bool = False
    may_begin: bool = False


def week_list(request: PortalRequest) -> HttpResponse:
    """The activity weeks, the newest first; of one branch also the months for which one is owed."""
    access = request.access
    form, branch = branch_asked(request)
    weeks = ActivityWeek.objects.visible_to(access)
    rows: Any = _entries(weeks, branch, access) if branch else weeks.order_by("-starts_on", "branch__code", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page, "lines": _lines(page, access), "filter_form": form, "branch": branch, "show_branch": not branch,
        "may_begin": bool(access.leads), "mine": _mine(access), "this_week": _week_words(access.on),
    }  # fmt: skip
    return render(request, "commitments/week_list.html", context)


def branch_asked(request: PortalRequest) -> tuple[PortalForm | None, Branch | None]:
    """The filter of those who see many branches and the branch chosen in it; for all others their own branch."""
    access = request.access
    if access.sees_committees:
        form = BranchFilter(request.GET, Branch.objects.visible_to(access))
        return form, form.cleaned_data.get("branch") if form.is_valid() else None
    if access.led_branch_id:
        return None, Branch.objects.select_related("committee").get(pk=access.led_branch_id)
    return None, access.branch


def _entries(weeks: QuerySet[ActivityWeek], branch: Branch, access: Access) -> list[tuple[date, int, int]]:
    """Day, id of the week, id of the duty, one of the two being 0: light enough to be sorted as a whole."""
    there = list(weeks.filter(branch=branch).values_list("starts_on", "pk"))
    owed = (
        Duty.objects.visible_to(access)
        .filter(
            branch=branch, requirement__proof="week", settled_at__isnull=True, exempted_at__isnull=True,
            starts_on__lte=access.on,
        )
        .values_list("starts_on", "ends_on", "pk")
    )  # fmt: skip
    days = {day for day, _ in there}
    empty = [(starts, 0, pk) for starts, ends, pk in owed if not any(starts <= day <= ends for day in days)]
    return sorted([(day, pk, 0) for day, pk in there] + empty, reverse=True)


def _lines(page: Page[Any], access: Access) -> list[Line]:
    """What stands on the page, fetched in two statements."""
    entries = [(one.starts_on, one.pk, 0) if isinstance(one, ActivityWeek) else one for one in page]
    weeks = (
        ActivityWeek.objects.select_related("filing", "branch")
        .annotate(actions_count=Count("actions"))
        .in_bulk([week for _, week, _ in entries if week])
    )
    duties = Duty.objects.select_related("branch").in_bulk([duty for _, _, duty in entries if duty])
    return [
        Line(week=weeks[week], days=_days(weeks[week], access.on), may_edit=moves.may_edit(access, weeks[week].filing))
        if week
        else Line(
            duty=duties[duty],
            standing=_standing(duties[duty], access),
            may_begin=duties[duty].branch_id in access.leads,
        )
        for _, week, duty in entries
    ]


def _standing(duty: Duty, access: Access) -> str:
    if duty.due_at <= access.now:
        return "overdue"
    return "todo" if duty.due_at <= access.now + SOON else "not_due"


def _days(week: ActivityWeek, today: date) -> str:
    year = "" if week.starts_on.year == today.year else f"{week.starts_on.year}年"
    return year + days_label(week.starts_on, week.ends_on)


def _mine(access: Access) -> list[WeekAction]:
    """What the member does in this week: the own actions and the whole branch's.

    While the week lasts its record is a draft of the branch's leaders; whoever is named in it must know their part.
    """
    if access.branch is None:
        return []
    asked = Q(member=access.member_id) | Q(member__isnull=True)
    of_week = {"week__branch": access.branch, "week__starts_on": monday_of(access.on), "week__dropped_at__isnull": True}
    actions = WeekAction.objects.filter(asked, **of_week).select_related("week").order_by("position")
    return list(actions[:MOST_ACTIONS])


def _week_words(on: date) -> str:
    return days_label(monday_of(on), monday_of(on) + A_WEEK - ONE_DAY)


# Recording


def week_new(request: PortalRequest) -> HttpResponse:
    """A week begun; a second click on the same form answers with what the first has made."""
    access = request.access
    duty = _asked_duty(request)
    if request.method == "POST" and (earlier := _sent_before(request)):
        return _go_on(request, earlier)
    if duty:
        if not may_settle(access, duty):
            raise PermissionDenied("活动周由本支部的支委会成员记录，您可以查看，不能代填。")
        if duty.settled_at or duty.exempted_at:
            messages.info(request, "这项任务已经办结，无需再填活动周记录。")
            return redirect(duty.settled_by or duty)
        if duty.draft_record_id:
            return redirect("commitments:week_edit", pk=duty.draft_record_id)
    start = _start(request, duty)
    late = bool(duty and duty.due_at <= request.now)
    if request.method != "POST":
        return _form_page(request, WeekForm(access=access, start=start, late=late))
    form = WeekForm(request.POST, access=access, start=start, late=late)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        week = form.begin()
    except IntegrityError:
        # Two clicks at once: the unique key let one in, and what it made answers for both.
        if earlier := _sent_before(request):
            return _go_on(request, earlier)
        form.add_error(None, "这一周的记录刚刚由别人建好，或这张表单已经用过一次。请从“党员活动周”重新打开后填写。")
        return _form_page(request, form, status=422)
    return _kept(request, week, form)


def week_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A week's record gone on with: a draft, or one that is being corrected."""
    access = request.access
    week = get_object_or_404(_whole(ActivityWeek.objects.visible_to(access)), pk=pk)
    if not moves.may_edit(access, week.filing):
        if week.filing.is_editable or week.branch_id not in access.leads:
            raise PermissionDenied("活动周由本支部的支委会成员记录，您可以查看，不能修改。")
        return _go_on(request, week)
    late = week.filing.first_filed_at is None and bool(moves.by_filing(week.filing, request.now))
    if request.method != "POST":
        return _form_page(request, WeekForm(access=access, week=week, late=late))
    form = WeekForm(request.POST, access=access, week=week, late=late)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        week = form.save(captions_typed(request))
    except LostUpdate:
        return _lost(request, form, late)
    except IntegrityError:
        form.add_error("starts_on", "这一周的记录刚刚由别人建好，请换一周。")
        return _form_page(request, form, status=422)
    return _kept(request, week, form)


def _asked_duty(request: PortalRequest) -> Any:
    """The duty that the address names, if any; what is foreign, no number, or proved otherwise is not found."""
    number = request.GET.get("duty", "")
    if not number:
        return None
    if not chosen(number):
        raise Http404
    duties = Duty.objects.visible_to(request.access).filter(requirement__proof="week", branch__isnull=False)
    rows = duties.with_draft(request.now).select_related("requirement__plan", "branch__committee", "settled_by")
    return get_object_or_404(rows, pk=int(number))


def _start(request: PortalRequest, duty: Duty | None) -> Start:
    access = request.access
    branch = duty.branch if duty else None
    if branch is None:
        branch = get_object_or_404(Branch.objects.select_related("committee"), pk=access.led_branch_id or 0)
    # A window longer than a month is asked about where we are in it.
    day = access.on if duty is None or duty.starts_on <= access.on <= duty.ends_on else duty.starts_on
    copied = last_week_of(branch) if request.GET.get("copy") else None
    return Start(branch, day.year, day.month, duty, copied)


def _whole(weeks: QuerySet[ActivityWeek]) -> QuerySet[ActivityWeek]:
    return weeks.select_related("filing__branch__committee", "filing__committee", "branch")


def _sent_before(request: PortalRequest) -> ActivityWeek | None:
    key = printable(request.POST.get("form_key", ""))
    mine = ActivityWeek.objects.filter(filing__form_key=key, filing__created_by=request.access.user)
    return _whole(mine).first() if key else None


def _go_on(request: PortalRequest, week: ActivityWeek) -> HttpResponse:
    filing = week.filing
    if filing.is_editable:
        return redirect(week.get_edit_url())
    number = "编号" if filing.desk == Filing.Desk.NONE else "回执号"
    messages.info(request, f"这份活动周记录现在是“{filing.get_state_display()}”，{number} {filing.receipt}。")
    return redirect(filing)


def _kept(request: PortalRequest, week: ActivityWeek, form: WeekForm) -> HttpResponse:
    """The text is kept; now its pictures, and then what the button asked for."""
    filing, access = week.filing, request.access
    added = pictures.add_pictures(filing, request.FILES.getlist("pictures"), access)
    for sentence in added.errors:
        messages.error(request, sentence)
    keep_answers(request, filing)
    gone = filing.pictures.shown().filter(pk=chosen(request.POST.get("remove", ""))).first()
    if gone:
        pictures.remove_picture(gone, access)
        messages.success(request, f"已移除“{gone.name}”，其余内容已保存。")
    elif request.POST.get("action") == "file" and not added.errors:
        return _send(request, week, form.cleaned_data.get("late_reason", ""))
    elif added.errors:
        messages.warning(request, "文字内容已保存。")
    else:
        again = "留存" if filing.desk == Filing.Desk.NONE else "报送"
        messages.success(request, f"已保存修改，还没有再次{again}。" if filing.first_filed_at else "已存草稿。")
    return redirect(week.get_edit_url())


def _send(request: PortalRequest, week: ActivityWeek, late_reason: str) -> HttpResponse:
    name = "keep" if week.filing.desk == Filing.Desk.NONE else "file"
    did = "留存" if name == "keep" else "报送"
    try:
        filing = moves.move(week.filing, name, access=request.access, late_reason=late_reason)
    except moves.NotAllowed:
        messages.info(request, f"已保存。{did}由支部书记或副书记办理。")
    except moves.MoveRefused as error:
        messages.warning(request, f"内容已保存，还没有{did}。" + "".join(error.sentences))
    else:
        messages.success(request, done_words(filing, name, request.now))
        return redirect(filing)
    return redirect(week.get_edit_url())


def _lost(request: PortalRequest, form: WeekForm, late: bool) -> HttpResponse:
    """Somebody else was quicker: both texts on one page, and saving again then keeps what is typed here."""
    assert form.week is not None  # noqa: S101 — only what exists can be changed by another
    kept = _whole(ActivityWeek.objects.all()).get(pk=form.week.pk)
    if not kept.filing.is_editable:
        return _go_on(request, kept)
    differences = form.differences(kept)
    data = request.POST.copy()
    data["edition"] = str(kept.filing.edition)
    again = WeekForm(data, access=form.access, week=kept, late=late)
    if not again.is_valid():
        return _form_page(request, again, status=422)
    if not differences:
        # The same was sent twice: nothing can be lost.
        try:
            return _kept(request, again.save(captions_typed(request)), again)
        except LostUpdate:
            return _go_on(request, kept)
    again.add_error(
        None,
        "这份记录在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您的为准。",
    )
    return _form_page(request, again, differences=differences, status=409)


def _form_page(
    request: PortalRequest, form: WeekForm, *, differences: Sequence[tuple[str, str, str]] = (), status: int = 200
) -> HttpResponse:
    access, week, start = request.access, form.week, form.start
    filing = week.filing if week else None
    # While the week lasts there is nothing to be kept: the one thing to do is to save the draft.
    chosen_week = form.cleaned_data.get("starts_on") if form.is_bound else form.initial["starts_on"]
    ready = done_on(chosen_week) if chosen_week else access.on
    context: dict[str, Any] = {
        "ready": ready, "is_over": ready <= access.on,
        "form": form, "week": week, "filing": filing, "branch": form.branch, "differences": differences,
        "most": pictures.MOST, "most_actions": MOST_ACTIONS, "photos": [], "missing": [], "sent_back": None,
        "duty": start.duty if start else None, "last": None, "copied": start.copied if start else None,
        "requirement": _requirement(form.branch, start.duty if start else None, filing),
    }  # fmt: skip
    if filing:
        back = filing.moves.filter(to_state=Filing.State.SENT_BACK).select_related("made_by__member")
        context |= {
            "may_file": moves.is_author(access, filing),
            "label": sending_label(filing),
            "missing": moves.missing_to_file(filing, request.now),
            "photos": lookalikes.with_words(list(filing.pictures.shown()), filing, access, request.now),
            "sent_back": back.last() if filing.state == Filing.State.SENT_BACK else None,
        }
    else:
        duty = start.duty if start else None
        desk = desk_for(duty) if duty else Filing.Desk.NONE
        new = Filing(branch=form.branch, committee=duty.committee if duty else form.branch.committee, desk=desk)
        last = last_week_of(form.branch)
        context |= {
            "may_file": moves.is_author(access, new),
            "label": sending_label(new),
            "last": last,
            "last_label": label_of(last.starts_on) if last else "",
        }
    return render(request, "commitments/week_form.html", context, status=status)


def _requirement(branch: Branch, duty: Duty | None, filing: Filing | None) -> Requirement | None:
    """The sentence of the plan that the week answers, quoted beside the form."""
    if duty:
        return duty.requirement
    asked = Duty.objects.filter(branch=branch, requirement__proof="week")
    mine = asked.filter(claim_rows__filing=filing) if filing else asked
    duty = mine.select_related("requirement__plan").order_by("-starts_on").first()
    return duty.requirement if duty else None
