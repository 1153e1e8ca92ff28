"""Gatherings: the list, and the one form that records them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Case, Count, Max, Min, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import localtime

from branches import audit
from branches.access import Access
from branches.form_base import FilterForm
from branches.models import Branch
from branches.requests import PortalRequest, wants_json
from plan import moves
from plan.lookalikes import with_words
from plan.models import Duty, Filing
from study import joint
from study.gathering_form import OUT, GatheringForm, LostUpdate, beginning, form_key
from study.gatherings import hints, may_leave_out
from study.models import Attendance, Gathering, Kind, PlanItem
from study.today import items_of_today

A_PAGE = 50
A_FEW = 10  # joint gatherings shown above the branch's own; older ones are among what was sent
Presence = Attendance.Presence
State = Filing.State


# Recording


def gathering_new(request: PortalRequest) -> HttpResponse:
    """A record begun: prefilled from a duty, from an item of the plan, or from today's item; nothing is written yet."""
    access = request.access
    if request.method == "POST":
        earlier = _sent_before(request, access)
        if earlier:
            return _record(request, access, earlier.branch, earlier)
    duty = _asked(request, "duty", Duty.objects.filter(branch__in=access.leads, requirement__proof="gathering"))
    items = PlanItem.objects.filter(plan__branch__in=access.leads).select_related("plan__branch")
    item = _asked(request, "item", items)
    if duty and duty.occasion_id:
        return redirect(duty.occasion.record.get_edit_url())
    branch = duty.branch if duty else item.plan.branch if item else _led(access)
    if duty is None and item is None:
        item = items_of_today([branch.pk], access.on).filter(draft_id=None).first()
    return _record(request, access, branch, None, duty=duty, item=item)


def gathering_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A record gone on with: a draft, or one that was sent back."""
    access = request.access
    gathering = get_object_or_404(_whole(Gathering.objects.visible_to(access)), pk=pk)
    if gathering.branch_id not in access.leads:
        raise PermissionDenied("活动由本支部的支委会成员记录，您可以查看，不能修改。")
    if not moves.may_edit(access, gathering.filing):
        messages.info(request, _where_it_is(gathering.filing))
        return redirect(gathering.filing)
    return _record(request, access, gathering.branch, gathering)


def _whole(gatherings: QuerySet[Gathering]) -> QuerySet[Gathering]:
    return gatherings.select_related("filing__branch__committee", "filing__committee", "branch", "group", "lecturer")


def _led(access: Access) -> Branch:
    if access.led_branch_id is None:
        raise PermissionDenied
    return Branch.objects.select_related("committee").get(pk=access.led_branch_id)


def _asked(request: PortalRequest, name: str, rows: QuerySet[Any]) -> Any:
    """The row that the address names, if it names one; what is foreign or no number is not found."""
    number = request.GET.get(name, "")
    if not number:
        return None
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise Http404
    return get_object_or_404(rows, pk=int(number))


def _sent_before(request: PortalRequest, access: Access) -> Gathering | None:
    """The record that this very form has made already: a second click goes on with it and makes no other."""
    key = form_key(request.POST.get("form_key", ""))
    mine = Gathering.objects.filter(filing__form_key=key, filing__created_by=access.user)
    return _whole(mine).first() if key else None


def _where_it_is(filing: Filing) -> str:
    if filing.filed_at:
        done = "留存" if filing.desk == Filing.Desk.NONE else "报送"
        return f"这份记录已于 {_moment(filing.filed_at)} {done}，{_receipt(filing)}。"
    return f"这份记录现在是“{filing.get_state_display()}”。"


def _moment(at: datetime) -> str:
    local = localtime(at)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def _receipt(filing: Filing) -> str:
    return f"{'编号' if filing.desk == Filing.Desk.NONE else '回执号'} {filing.receipt}"


def _record(
    request: PortalRequest, access: Access, branch: Branch, gathering: Gathering | None,
    *, duty: Duty | None = None, item: PlanItem | None = None, data: QueryDict | None = None,
) -> HttpResponse:  # fmt: skip
    """Show the form, or do what its button says: look again (nothing is written), keep the draft, or file it."""
    if gathering and not moves.may_edit(access, gathering.filing):
        messages.info(request, _where_it_is(gathering.filing))
        return _answer(request, reverse("plan:filing_detail", args=[gathering.filing_id]))
    if request.method != "POST":
        initial = None if gathering else beginning(branch, access, duty=duty, item=item)
        ticked = frozenset([duty.pk] if duty else [])
        form = GatheringForm(branch=branch, access=access, gathering=gathering, initial=initial, ticked=ticked)
        return _page(request, form)
    form = GatheringForm(data or request.POST, branch=branch, access=access, gathering=gathering)
    action = request.POST.get("action")
    if action == "refresh" or not form.is_valid():
        return _page(request, form, looking=action == "refresh")
    try:
        with audit.together():
            kept = form.save()
            refused = _filed(form, kept, access) if action == "file" else []
    except LostUpdate:
        return _lost(request, form)
    except moves.NotAllowed as error:
        raise PermissionDenied(error.sentences[0]) from None
    except IntegrityError:
        # Two clicks at once: the unique key let one in, and the record it made answers for both.
        earlier = _sent_before(request, access)
        if earlier:
            return _answer(request, earlier.get_edit_url())
        if not Filing.objects.filter(form_key=form.cleaned_data["form_key"]).exists():
            raise
        form.add_error(None, "这张表单已经用过一次，请从“记录活动”重新打开后填写。")
        return _page(request, form)
    if action == "file" and not refused:
        messages.success(request, _done(kept.filing))
        return _answer(request, kept.filing.get_absolute_url())
    if wants_json(request):
        return JsonResponse(_parts(request, form) | _saved(kept, access))
    if refused:
        messages.warning(request, "已存草稿，还没有报送。" + "".join(refused))
    else:
        messages.success(request, "已保存修改，还没有再次报送。" if kept.filing.first_filed_at else "已存草稿。")
    return redirect(kept.get_edit_url())


def _filed(form: GatheringForm, gathering: Gathering, access: Access) -> list[str]:
    """File what was just kept; returns what is missing, and then it stays a draft."""
    reason = form.cleaned_data["late_reason"]
    if form.unseen:
        names = "、".join(form.unseen[:5]) + (f"等{len(form.unseen)}人" if len(form.unseen) > 5 else "")
        return [f"按当天名册新增了{names}，请核对到会情况后再报送。"]
    missing = moves.missing_to_file(gathering.filing, access.now, reason)
    if missing:
        return missing
    name = "keep" if gathering.filing.desk == Filing.Desk.NONE else "file"
    gathering.filing = moves.move(gathering.filing, name, access=access, late_reason=reason)
    return []


def _done(filing: Filing) -> str:
    done = "留存" if filing.state == State.KEPT else "报送"
    late = "，注明“补报”" if filing.is_late else ""
    return f"已于 {_moment(filing.filed_at or filing.state_since)} {done}，{_receipt(filing)}{late}。"


def _lost(request: PortalRequest, form: GatheringForm) -> HttpResponse:
    """Somebody else was quicker: both texts on one page, and saving again then keeps what is typed here."""
    assert form.filing is not None  # noqa: S101 — only a record that exists can be changed by another
    kept = _whole(Gathering.objects.all()).get(filing=form.filing.pk)
    if not kept.filing.is_editable:
        messages.info(request, _where_it_is(kept.filing))
        return _answer(request, reverse("plan:filing_detail", args=[kept.filing_id]))
    differences = form.differences(kept)
    data = request.POST.copy()
    data["edition"] = str(kept.filing.edition)
    if not differences:
        # The same was sent twice: nothing can be lost.
        return _record(request, form.access, form.branch, kept, data=data)
    sentence = "这份记录在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您的为准。"
    if wants_json(request):
        return JsonResponse({"lost": sentence}, status=409)
    form = GatheringForm(data, branch=form.branch, access=form.access, gathering=kept)
    form.is_valid()
    form.add_error(None, sentence)
    return _page(request, form, status=409, differences=differences)


def _answer(request: PortalRequest, url: str) -> HttpResponse:
    """Go there: by redirect, or by telling the page's script."""
    return JsonResponse({"go": url}) if wants_json(request) else redirect(url)


def _page(
    request: PortalRequest, form: GatheringForm, *, looking: bool = False, status: int = 200, **more: Any
) -> HttpResponse:
    """The form as it stands; who only looks again is not told what is not yet right."""
    if wants_json(request):
        errors = [] if looking else [line.text for line in form.error_lines()]
        return JsonResponse(_parts(request, form) | {"errors": errors}, status=422 if errors else 200)
    filing = form.filing
    context = _context(request, form) | {
        "form": form,
        "gathering": form.gathering,
        "filing": filing,
        "branch": form.branch,
        "sent_back": None,
    }
    if filing and filing.state == State.SENT_BACK:
        context["sent_back"] = filing.moves.filter(to_state=State.SENT_BACK).select_related("made_by__member").last()
    if form.is_bound and not looking and status == 200:
        status = 422
    return render(request, "study/gathering_form.html", context | more, status=status)


def _context(request: PortalRequest, form: GatheringForm) -> dict[str, Any]:
    """What depends on the fields: what can be settled, who is expected, what is missing, where it goes."""
    kinds = form.kinds_now
    desk, _ = form.rules.desk(kinds)
    if form.sitting.was_filed and form.filing:
        desk = form.filing.desk
    attendance = form.attendance
    counted = [line for line in attendance if line.presence != OUT]
    lacks = form.lacks
    return {
        "proposal": form.proposal,
        "kinds_ticked": bool(kinds),
        "claimed": form.claimed,
        "attendance": attendance,
        "leave_out": may_leave_out(kinds, form.group_now),
        "expected_count": len(counted),
        "present_count": sum(line.presence == Presence.PRESENT for line in counted),
        "reasons": Attendance.Reason.choices,
        "suggested": form.suggested,
        "lacks": lacks,
        "missing_words": list(dict.fromkeys(lack.word for lack in lacks)),
        "sentences": [lack.sentence for lack in lacks],
        "hints": hints(form.sitting),
        "electorate": form.electorate if form.sitting.votes_expected else None,
        "motions": [(motion.text, form.electorate.result(motion)) for motion in form.sitting.motions],
        "next_step": form.next_step if Kind.LIFE_MEETING in kinds else "",
        "late": form.late,
        "kept_only": desk == Filing.Desk.NONE,
        "may_file": form.branch.pk in form.access.files_for,
        "file_label": _label(kinds, desk, again=form.sitting.was_filed, office=_office_of(form)),
        "pictures_needed": form.rules.pictures(kinds),
        "photos": with_words(form.photos, form.filing, form.access, request.now) if form.filing else [],
        "attachments": list(form.filing.attachments.shown()) if form.filing else [],
        "action_url": form.gathering.get_edit_url() if form.gathering else request.get_full_path(),
    }


def _office_of(form: GatheringForm) -> str:
    """Where it will lie: at the desk it was sent to before, else at that of the committee whose plan asks for it."""
    if form.filing:
        return form.filing.committee.office_name
    return (form.rules.plan or form.branch).committee.office_name


def _label(kinds: list[str], desk: str, *, again: bool, office: str) -> str:
    """What the button does; while no kind is ticked nobody knows yet where the record goes."""
    if not kinds:
        return "报送"
    return ("再次" if again else "") + ("留存" if desk == Filing.Desk.NONE else f"报送{office}")


def _parts(request: PortalRequest, form: GatheringForm) -> dict[str, Any]:
    """The parts of the page that depend on its fields, drawn anew for the page's script."""
    context = _context(request, form)
    return {
        "duties": render_to_string("study/parts/gathering_duties.html", context, request),
        "attendance": render_to_string("study/parts/gathering_attendance.html", context, request),
        "status": render_to_string("study/parts/gathering_status.html", context, request),
        "lacking": render_to_string("study/parts/gathering_missing.html", context, request),
        "photos": render_to_string("study/parts/gathering_photos.html", context, request),
        "more": {
            "quorum": render_to_string("study/parts/gathering_quorum.html", context, request),
            "next-step": render_to_string("study/parts/gathering_next_step.html", context, request),
        },
        "fragments": {"attachment-list": render_to_string("study/parts/attachment_list.html", context, request)},
        "suggested": context["suggested"],
        "missing": context["missing_words"],
        "label": context["file_label"],
        "late": context["late"],
    } | (_beginning(form) if form.gathering is None else {})


def _beginning(form: GatheringForm) -> dict[str, Any]:
    """What a record not yet kept takes over from the plan and from the last time, in fields that nobody has touched."""
    return {"usual": form.usual, "item_kinds": form.item_now.kinds if form.item_now else []}


def _saved(gathering: Gathering, access: Access) -> dict[str, Any]:
    filing = gathering.filing
    return {
        "saved": f"已自动保存 {localtime(access.now):%H:%M}",
        "edition": filing.edition,
        "url": gathering.get_edit_url(),
        "pictures_url": reverse("plan:picture_add", args=[filing.pk]),
        "attachments_url": reverse("plan:attachment_add", args=[filing.pk]),
    }


# The list


class GatheringFilter(FilterForm):
    """Conditions of the list of records."""

    def __init__(self, data: QueryDict, *, branches: QuerySet[Branch] | None, months: list[tuple[str, str]]) -> None:
        super().__init__(data)
        if branches is not None:
            self.fields["branch"] = forms.ModelChoiceField(
                label="党支部", queryset=branches, required=False, empty_label="全部党支部"
            )
        self.fields["kind"] = forms.ChoiceField(
            label="活动类型", choices=[("", "全部类型"), *Kind.choices], required=False
        )
        self.fields["month"] = forms.ChoiceField(label="月份", choices=[("", "全部月份"), *months], required=False)


def gathering_list(request: PortalRequest) -> HttpResponse:
    """The records that the person sees: what is not yet sent first, then the newest."""
    access = request.access
    records = Gathering.objects.visible_to(access)
    span = records.aggregate(first=Min("held_at"), last=Max("held_at"))
    many = Branch.objects.visible_to(access) if access.sees_committees else None
    form = GatheringFilter(request.GET, branches=many, months=_months(span["first"], span["last"]))
    form.is_valid()
    asked = form.cleaned_data
    if asked.get("branch"):
        records = records.filter(branch=asked["branch"])
    if asked.get("kind"):
        # The kinds are kept as a JSON list; its text holds the word in quotes, on either database.
        records = records.annotate(kinds_text=Cast("kinds", TextField())).filter(
            kinds_text__contains=f'"{asked["kind"]}"'
        )
    if asked.get("month"):
        year, month = asked["month"].split("-")
        records = records.filter(held_at__year=int(year), held_at__month=int(month))
    # What still lies with the person who looks comes first; to others it is a record among records.
    mine = When(filing__state__in=[State.DRAFT, State.SENT_BACK], branch__in=access.leads, then=Value(0))
    records = (
        records.annotate(
            unsent=Case(mine, default=Value(1)),
            expected=Count("attendance", filter=Q(attendance__partner__isnull=True, attendance__isnull=False)),
            present=Count(
                "attendance", filter=Q(attendance__presence=Presence.PRESENT, attendance__partner__isnull=True)
            ),
        )
        .select_related("filing", "branch")
        .order_by("unsent", "-held_at", "-pk")
    )
    page = Paginator(records, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "records": [(record, moves.may_edit(access, record.filing)) for record in page],
        "filter_form": form,
        "branch": asked.get("branch"),
        "filtered": any(asked.values()),
        "show_branch": many is not None,
        "may_record": bool(access.leads),
        "joined": [(partner, joint.answering(partner)) for partner in joint.partners_of(access.leads)[:A_FEW]],
    }
    return render(request, "study/gathering_list.html", context)


def _months(first: datetime | None, last: datetime | None) -> list[tuple[str, str]]:
    """The months from the last to the first, as choices; none while there is no record."""
    if first is None or last is None:
        return []
    first, last = localtime(first), localtime(last)
    months = []
    year, month = last.year, last.month
    while (year, month) >= (first.year, first.month):
        months.append((f"{year}-{month:02d}", f"{year}年{month}月"))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return months
