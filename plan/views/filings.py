"""The desks and what lies on them: the in-tray, one filing with its course, its versions, and the log of all moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.timezone import localdate, localtime, make_aware
from django.views.decorators.http import require_POST

from branches.access import Access
from branches.form_base import FilterForm
from branches.models import Branch, Post, normal_staff_number, on_day
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment
from documents.official import build
from plan import lookalikes, moves, reliefs
from plan.comparing import compared
from plan.models import Duty, Filing, Move, Requirement, under
from plan.paperwork import file_name, filing_document
from plan.snapshots import Snapshot

State = Filing.State
Desk = Filing.Desk
PER_PAGE = 50
LOG_PER_PAGE = 100
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

# What is usually wrong, in the words in which the office says it; a click puts them into the reason.
PHRASES: dict[str, tuple[str, ...]] = {
    Filing.Kind.GATHERING: (
        "图片看不清，请换一张清楚的现场照片。", "到会人数与名单不一致，请核对。",
        "主要内容过于简单，请写明学了什么、谁发言、定了什么事。", "活动时间或地点有误，请核对。",
    ),
    Filing.Kind.JOINT: (
        "到会人数与名单不一致，请核对。", "缺席人员没有写明事由，请补充。", "请核对本支部完成的任务。",
    ),
    Filing.Kind.BRANCH_PLAN: (
        "有的学习没有确定责任人，请逐次写明。", "学习时限不明确，请写明起止日期和学时。",
        "学习内容请具体到篇目。", "缺少部分月份的安排，请补齐。",
    ),
    Filing.Kind.MEMBER_PLAN: (
        "学习内容请写具体：读哪本书、哪一章。", "有的周没有安排，请补齐。", "请结合本人岗位补充学习内容。",
    ),
    Filing.Kind.PAPER: (
        "内容过于简单，请写明做了什么、结果怎样。", "图片看不清，请换一张清楚的现场照片。",
        "目标、责任或措施不具体，请补充。",
    ),
    Filing.Kind.PLEDGE: (
        "目标不具体，请写明做到什么程度。", "没有完成时限，请写明日期。", "请结合本人岗位，写力所能及的事。",
        "措施是口号，请写明怎样做。",
    ),
    Filing.Kind.WEEK: ("内容过于简单，请写明谁做了什么、结果怎样。",),
}  # fmt: skip
DID = {
    "begin": "起草", "file": "报送", "keep": "留存", "receive": "备案", "approve": "审定", "send_back": "退回补正",
    "correct": "更正", "discard": "作废",
}  # fmt: skip
TONES = {"receive": "done", "approve": "done", "keep": "done", "send_back": "soon", "correct": "soon"}


# One filing


class MoveForm(forms.Form):
    """What a button of the filing's page sends."""

    name = forms.ChoiceField(choices=[(name, name) for name in moves.MOVES])
    note = forms.CharField(max_length=500, required=False)
    late_reason = forms.CharField(max_length=200, required=False)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


@dataclass
class Typed:
    """What was typed on the page before a move was refused, and what is wrong with it."""

    note: str = ""
    late_reason: str = ""
    note_errors: list[str] = field(default_factory=list)
    late_errors: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    @property
    def reason_open(self) -> bool:
        return bool(self.note or self.note_errors)


def filing_detail(request: PortalRequest, pk: int) -> HttpResponse:
    return _page(request, _seen(request, pk), Typed())


@require_POST
def filing_move(request: PortalRequest, pk: int) -> HttpResponse:
    """Make the move that the button names; what cannot be done is said on the same page, with what was typed."""
    filing = _seen(request, pk)
    form = MoveForm(request.POST)
    form.is_valid()
    if "name" in form.errors or "edition" in form.errors:
        raise BadRequest("没有这样的操作。")
    name = form.cleaned_data["name"]
    typed = Typed(
        note=request.POST.get("note", ""),
        late_reason=request.POST.get("late_reason", ""),
        note_errors=[str(said) for said in form.errors.get("note", [])],
        late_errors=[str(said) for said in form.errors.get("late_reason", [])],
    )
    if form.errors:
        return _page(request, filing, typed, status=422)
    try:
        moved = moves.move(
            filing, name, access=request.access, note=form.cleaned_data["note"],
            late_reason=form.cleaned_data["late_reason"], expected_edition=form.cleaned_data["edition"],
        )  # fmt: skip
    except moves.NotAllowed as error:
        raise PermissionDenied(error.sentences[0]) from None
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
        return redirect(filing)
    except moves.MoveRefused as error:
        if moves.MOVES[name].needs_note and not form.cleaned_data["note"]:
            typed.note_errors = error.sentences
        else:
            _at_the_field(error.sentences, typed)
        return _page(request, filing, typed, status=422)
    messages.success(request, done_words(moved, name, request.now))
    return redirect("plan:filing_list") if name == "discard" else redirect(moved)


def _at_the_field(sentences: Sequence[str], typed: Typed) -> None:
    """The sentence about the late reason stands at its field, the others in the box of what is missing."""
    for sentence in sentences:
        (typed.late_errors if "补报原因" in sentence else typed.sentences).append(sentence)


def done_words(filing: Filing, name: str, now: datetime) -> str:
    """What has just happened: 已于 7月12日 09:14 报送，回执号 2018-01-0017。"""
    match name:
        case "file" | "keep":
            number = "编号" if name == "keep" else "回执号"
            late = "，注明“补报”" if filing.is_late else ""
            return f"已于 {cn_moment(filing.filed_at, now)} {DID[name]}，{number} {filing.receipt}{late}。"
        case "receive" | "approve":
            return f"“{filing.title}”已{DID[name]}。"
        case "send_back":
            return f"“{filing.title}”已退回，对方会看到您写的原因。"
        case "correct":
            again = "留存" if filing.desk == Filing.Desk.NONE else "报送"
            return f"可以更正了：改好后再次{again}，原来的版本仍然保留。"
    return f"草稿“{filing.title}”已作废。"


def _seen(request: PortalRequest, pk: int) -> Filing:
    rows = Filing.objects.visible_to(request.access).select_related(
        "committee", "branch__committee", "member", "filed_by__member"
    )
    return get_object_or_404(rows, pk=pk)


def _page(request: PortalRequest, filing: Filing, typed: Typed, *, status: int = 200) -> HttpResponse:
    """The record as it was filed, its course, the sentences it answers, and the buttons of this person."""
    access, now = request.access, request.now
    version = filing.newest
    snapshot = Snapshot.of_version(version) if version else Snapshot.of(moves.frozen(filing))
    allowed = moves.allowed(access, filing)
    sending = next((name for name in ("file", "keep") if name in allowed), "")
    missing = typed.sentences or (moves.missing_to_file(filing, now) if sending else [])
    late = moves.by_filing(filing, now) if sending and filing.first_filed_at is None else []
    duties = list(
        Duty.objects.filter(Q(pk__in=filing.claim_rows.values("duty")) | Q(settled_by=filing))
        .select_related("requirement")
        .with_standing(now)
        .order_by("requirement__position", "starts_on", "pk")
    )
    said = lookalikes.beside(filing, [shot.pk for shot in snapshot.pictures], access, now) if snapshot else {}
    is_office = filing.committee_id in access.office_of
    context: dict[str, Any] = {
        "notes": [one.note for one in said.values() if one.note] if is_office else [],
        "snapshot": snapshot and snapshot.with_words({pk: one.words for pk, one in said.items()}),
        "filing": filing, "version": version, "is_draft": version is None,
        "course": _course(filing, now), "duties": duties, "requirements": _answered(filing, duties),
        "typed": typed, "missing": missing, "late": [_named(duty) for duty in late], "sending": sending,
        "sending_label": sending_label(filing), "allowed": allowed, "may_edit": moves.may_edit(access, filing),
        "edit_url": _edit_url(filing), "gate_url": _gate_url(filing, allowed),
        "desk_move": next((n for n in ("receive", "approve") if n in allowed), ""),
        "back_move": next((n for n in ("send_back", "correct") if n in allowed), ""),
        "phrases": PHRASES[filing.kind], "next_filing": None, "waiting_count": None,
    }  # fmt: skip
    if _just_decided(filing, access):
        waiting = waiting_for(access).exclude(pk=filing.pk)
        context |= {"next_filing": waiting.select_related("branch").first(), "waiting_count": waiting.count()}
    return render(request, "plan/filing_detail.html", context, status=status)


def _just_decided(filing: Filing, access: Access) -> bool:
    """Whether a desk of this person decided on the filing today, so that the next one may be opened."""
    last = filing.moves.order_by("-made_at", "-pk").first()
    if last is None or last.name not in ("receive", "approve", "send_back"):
        return False
    return localdate(last.made_at) == access.on and moves.is_desk(access, filing)


def _course(filing: Filing, now: datetime) -> list[dict[str, Any]]:
    """The moves, newest first, as the lines of the timeline; each sending says which version it made."""
    lines, number = [], 0
    for move in filing.moves.select_related("made_by__member"):
        sent = move.name in ("file", "keep")
        number += sent
        lines.append({
            "at": move.made_at, "by": move.made_by.member.name, "tone": TONES.get(move.name, "plain"),
            "text": DID.get(move.name, move.name) + (f"（第{number}版）" if sent else ""),
            "note": f"补报原因：{move.note}" if sent and move.note and filing.is_late else move.note,
            "receipt": filing.receipt if sent else "", "number": "编号" if move.name == "keep" else "回执号",
        })  # fmt: skip
    return lines[::-1]


def _answered(filing: Filing, duties: list[Duty]) -> list[Requirement]:
    """The requirements that the filing answers, each once, in the plan's order."""
    found = {duty.requirement_id: duty.requirement for duty in duties}
    if filing.kind == Filing.Kind.PAPER:
        requirement = filing.record.requirement
        found.setdefault(requirement.pk, requirement)
    return sorted(found.values(), key=lambda requirement: requirement.position)


def _named(duty: Duty) -> str:
    return f"{duty.requirement.title}（{duty.period}）"


def sending_label(filing: Filing) -> str:
    """What the button says that sends the record: 报送机关党委办公室, 再次报送…, 留存."""
    again = "再次" if filing.first_filed_at else ""
    return f"{again}留存" if filing.desk == Desk.NONE else f"{again}报送{filing.desk_name}"


def _edit_url(filing: Filing) -> str:
    edit_url = getattr(filing.record, "get_edit_url", None)
    return edit_url() if edit_url else ""


def _gate_url(filing: Filing, allowed: Sequence[str]) -> str:
    """The page on which the desk decides, where the record has one of its own: it asks more than a button can."""
    gate_url = getattr(filing.record, "get_gate_url", None)
    return gate_url() if gate_url and filing.state == State.FILED and "send_back" in allowed else ""


# The desks


def waiting_for(access: Access) -> QuerySet[Filing]:
    """What waits for this person's decision, oldest first; one's own plan waits for somebody else."""
    leaders = (Post.Kind.SECRETARY, Post.Kind.DEPUTY)
    other_leader = Post.objects.filter(on_day(access.on), branch=OuterRef("branch"), kind__in=leaders).exclude(
        member=OuterRef("member")
    )
    at_branch = Q(desk=Desk.BRANCH)
    return (
        Filing.objects.filter(state=State.FILED)
        .filter(
            Q(desk=Desk.OFFICE, committee__in=access.office_of)
            | at_branch & Q(branch__in=access.files_for)
            # A leader's own plan, where nobody else leads the branch, waits at the office: as moves.is_desk has it.
            | at_branch & Q(committee__in=access.office_of) & ~Exists(other_leader)
        )
        .exclude(member__isnull=False, member=access.member_id)
        .order_by("filed_at", "pk")
    )


def intray(request: PortalRequest) -> HttpResponse:
    """What waits for this person, oldest first, with one button that opens the first of it."""
    access = request.access
    waiting = waiting_for(access)
    kinds = list(waiting.order_by("kind").values_list("kind").annotate(n=Count("pk")))
    paginator = Paginator(waiting.select_related("committee", "branch", "member"), PER_PAGE)
    # Counted by kind already: not once more.
    vars(paginator)["count"] = sum(n for _, n in kinds)
    page = paginator.get_page(request.GET.get("page"))
    labels = dict(Filing.Kind.choices)
    context = {
        "page": page, "kinds": [(labels[kind], n) for kind, n in kinds],
        "first": waiting.first() if page.number > 1 else next(iter(page), None),
        "rows": [{"cells": _tray_cells(filing, request.now)} for filing in page],
        "columns": [{"label": label, "kind": kind} for label, kind in TRAY_COLUMNS],
        "plans": bool(access.files_for) and any(kind == Filing.Kind.MEMBER_PLAN for kind, _ in kinds),
        "reliefs_waiting": reliefs.waiting_for(access).count() if access.office_of else 0,
    }  # fmt: skip
    return render(request, "plan/intray.html", context)


TRAY_COLUMNS = [("报送件", "head"), ("报送单位", "text"), ("种类", "short"), ("报送时间", "short"), ("已等", "number"),
                ("状态", "short")]  # fmt: skip


WAITS_FOR = {"inform": "待备案", "approve": "待审定"}


def _tray_cells(filing: Filing, now: datetime) -> list[Any]:
    days = (localdate(now) - localdate(filing.filed_at)).days if filing.filed_at else 0
    return [
        {"text": filing.title, "url": filing.get_absolute_url()},
        sender(filing),
        filing.get_kind_display(),
        cn_moment(filing.filed_at, now),
        f"{days}天" if days else "不到1天",
        {"standing": filing.state, "text": WAITS_FOR.get(filing.handling, ""), "late": filing.is_late},
    ]


def sender(filing: Filing) -> str:
    """Whose filing it is: 教务处党支部, 李强（教务处党支部）, 机关党委."""
    if filing.member:
        return f"{filing.member}（{filing.branch}）"
    return str(filing.branch or filing.committee)


class FilingFilter(FilterForm):
    """Conditions of the list of filings."""

    state = forms.ChoiceField(
        label="状态", choices=[("", "全部状态"), *[(s.value, s.label) for s in State if s != State.DISCARDED]],
        required=False,
    )  # fmt: skip
    kind = forms.ChoiceField(label="种类", choices=[("", "全部种类"), *Filing.Kind.choices], required=False)
    q = forms.CharField(
        label="支部、姓名、标题或回执号", max_length=80, required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )  # fmt: skip
    branch = forms.ModelChoiceField(Branch.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, *, access: Access) -> None:
        super().__init__(data)
        self.fields["branch"].queryset = Branch.objects.visible_to(access)  # type: ignore[attr-defined]


FILING_COLUMNS = [("报送件", "head"), ("报送单位", "text"), ("种类", "short"), ("最近办理", "short"),
                  ("回执号", "short"), ("状态", "short")]  # fmt: skip


def filing_list(request: PortalRequest) -> HttpResponse:
    """The filings that the person sees, what was moved last first."""
    form = FilingFilter(request.GET, access=request.access)
    form.is_valid()
    given = form.cleaned_data
    filings = Filing.objects.visible_to(request.access)
    for name in ("state", "kind", "branch"):
        if given.get(name):
            filings = filings.filter(**{name: given[name]})
    if given.get("q"):
        text = given["q"]
        filings = filings.filter(
            Q(title__icontains=text)
            | Q(receipt__startswith=text)
            | Q(branch__name__icontains=text)
            | Q(member__name__contains=text)
        )
    filings = filings.select_related("committee", "branch", "member").order_by("-state_since", "-pk")
    page = Paginator(filings, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form, "page": page, "branch": given.get("branch"),
        "rows": [{"cells": _filing_cells(filing, request.now)} for filing in page],
        "columns": [{"label": label, "kind": kind} for label, kind in FILING_COLUMNS],
        "asked": any(given.values()), "reset_url": request.path if any(given.values()) else "",
    }  # fmt: skip
    return render(request, "plan/filing_list.html", context)


def _filing_cells(filing: Filing, now: datetime) -> list[Any]:
    return [
        {"text": filing.title, "url": filing.get_absolute_url()},
        sender(filing),
        filing.get_kind_display(),
        cn_moment(filing.state_since, now),
        filing.receipt or "",
        {"standing": filing.state, "text": "", "late": filing.is_late},
    ]


# Versions and paper


def filing_versions(request: PortalRequest, pk: int) -> HttpResponse:
    """Two versions side by side, field by field; the last two unless the address names others."""
    filing = _seen(request, pk)
    versions = list(filing.versions.select_related("filed_by__member"))
    if not versions:
        messages.info(request, "还没有报送过，报送后才有存档版本。")
        return redirect(filing)
    by_number = {str(version.number): version for version in versions}
    new = by_number.get(request.GET.get("new", ""), versions[-1])
    old = by_number.get(request.GET.get("old", ""), versions[max(0, versions.index(new) - 1)])
    context = {
        "filing": filing, "versions": versions, "old": old, "new": new, "two": old != new,
        "comparison": compared(Snapshot.of_version(old), Snapshot.of_version(new)),
    }  # fmt: skip
    return render(request, "plan/filing_versions.html", context)


def filing_docx(request: PortalRequest, pk: int) -> HttpResponse:
    """The filing as an official document; a draft is marked as one."""
    filing = _seen(request, pk)
    version = filing.versions.select_related("filed_by__member").order_by("-number").first()
    snapshot = Snapshot.of_version(version) if version else Snapshot.of(moves.frozen(filing))
    if snapshot is None:
        messages.error(request, "存档文字已无法读出，不能生成文档，请联系系统管理员核查。")
        return redirect(filing)
    course = list(filing.moves.select_related("made_by__member"))
    data = build(filing_document(filing, snapshot, version, course, at=request.now))
    response = HttpResponse(data, content_type=DOCX)
    response["Content-Disposition"] = content_disposition_header(True, file_name(filing, version)) or "attachment"
    return response


# The log


class LogFilter(FilterForm):
    """Conditions of the log: a day, and somebody's name or staff number."""

    day = forms.DateField(
        label="日期", required=False, error_messages={"invalid": "请写成 2018-07-12 这样的日期。"},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    q = forms.CharField(
        label="办理人（姓名或工号）", max_length=50, required=False, widget=forms.TextInput(attrs={"type": "search"})
    )

    def clean_day(self) -> date | None:
        day = self.cleaned_data["day"]
        if day and not 1990 <= day.year <= 2100:
            raise forms.ValidationError("请填写1990年至2100年之间的日期。")
        return day


LOG_COLUMNS = [("时间", "head"), ("办理人", "text"), ("动作", "short"), ("状态", "short"), ("报送件", "text"),
               ("党支部", "text"), ("回执号", "short")]  # fmt: skip


def log(request: PortalRequest) -> HttpResponse:
    """The register of all moves, newest first; the auditor reads that something was done, not what it is called."""
    access = request.access
    form = LogFilter(request.GET)
    form.is_valid()
    given = form.cleaned_data
    rows = Move.objects.filter(under(access.audits | access.office_of, "filing__"))
    if given.get("day"):
        first = make_aware(datetime.combine(given["day"], datetime.min.time()))
        rows = rows.filter(made_at__gte=first, made_at__lt=first + timedelta(days=1))
    if given.get("q"):
        text = given["q"]
        people = Q(made_by__member__name__contains=text)
        rows = rows.filter(people | Q(made_by__staff_number__startswith=normal_staff_number(text)))
    rows = rows.select_related("filing__branch", "filing__committee", "made_by__member").order_by("-made_at", "-pk")
    page = Paginator(rows, LOG_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form, "page": page, "rows": [{"cells": _log_cells(move, access, request.now)} for move in page],
        "columns": [{"label": label, "kind": kind} for label, kind in LOG_COLUMNS],
        "asked": any(given.values()), "reset_url": request.path if any(given.values()) else "",
    }  # fmt: skip
    return render(request, "plan/log.html", context)


def _log_cells(move: Move, access: Access, now: datetime) -> list[Any]:
    """Kind, branch, receipt, who, when, from where to where; to the office the title of what was sent or is its own."""
    filing = move.filing
    unsent = filing.branch_id and not filing.first_filed_at
    name: Any = filing.get_kind_display()
    near = filing.committee_id in access.office_of or (
        filing.branch is not None and filing.branch.committee_id in access.office_of
    )
    if near and not unsent:
        name = {"text": filing.title, "url": filing.get_absolute_url()}
        if filing.state == State.DISCARDED:
            name = filing.title
    came_from = move.get_from_state_display() if move.from_state else ""
    return [
        f"{cn_moment(move.made_at, now)}:{localtime(move.made_at):%S}",
        f"{move.made_by.member.name}（{move.made_by.staff_number}）",
        DID.get(move.name, move.name),
        f"{came_from} → {move.get_to_state_display()}" if came_from else move.get_to_state_display(),
        name,
        str(filing.branch or filing.committee),
        filing.receipt or "",
    ]
