"""A pledge's page from its approval to its judgement: what is owed now, its items, and what others say of it."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import IntegrityError
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.requests import PortalRequest
from commitments import life, stages
from commitments.life_forms import AnswerForm, DecideForm, NoteForm, ProgressForm, QuestionForm, SayForm
from commitments.models import Judgement, Pledge, PledgeItem, Progress, Question, Result, Stage
from commitments.showing import ItemRow, now_of, stage_line
from documents.pictures import PictureRefused
from documents.storage import DamagedContent
from documents.text import printable
from plan import kept_files, moves
from plan.models import Claim, Filing, Requirement

log = logging.getLogger(__name__)

NOT_KEPT = "图片没有存上：服务器的存储暂时不可用。请稍后再传；仍不行时请联系系统管理员。"
DONE_WORDS = {
    "judge": "已开始评诺，党员可以逐项互评。", "decide": "已评定，结果已告知承诺人。", "reopen": "已重新开始评诺。",
    "withdraw": "已撤下，不再在承诺墙上显示。",
}  # fmt: skip


def pledge_detail(request: PortalRequest, pk: int) -> HttpResponse:
    return _page(request, _seen(request, pk))


def pledge_of(request: PortalRequest, pk: int) -> HttpResponse:
    """From a filing to its pledge: what knows only the filing leads here."""
    pledge = get_object_or_404(Pledge.objects.visible_to(request.access), filing=pk)
    return redirect(pledge)


def _seen(request: PortalRequest, pk: int) -> Pledge:
    rows = Pledge.objects.visible_to(request.access).select_related(
        "branch", "member", "filing__committee", "filing__branch", "filing__member", "renews__filing"
    )
    return get_object_or_404(rows, pk=pk)


def _page(request: PortalRequest, pledge: Pledge, status: int = 200, **typed: PortalForm) -> HttpResponse:
    """The page; `typed` are forms that were sent and are shown again, by their prefix."""
    access, stage = request.access, Stage(pledge.stage)
    lines = Progress.objects.select_related("told_by__member", "proof").order_by("told_at", "pk")
    items = list(pledge.items.prefetch_related(Prefetch("progress", lines)))
    judgements = list(Judgement.objects.filter(item__pledge=pledge).select_related("member"))
    telling, judging = life.may_tell(access, pledge), stage == Stage.JUDGING
    can = stages.allowed(access, pledge)
    offered = list(life.proofs(access, pledge)[: life.MOST_PROOFS]) if telling else []
    mine = {one.item_id: one for one in judgements if one.member_id == access.member_id}
    say = typed.get("say") or (SayForm(items=items, mine=mine) if life.may_say(access, pledge) else None)
    decide = typed.get("decide") or (DecideForm(items=items) if "decide" in can else None)
    rows = [
        ItemRow.of(
            item, stage, access.now, [one for one in judgements if one.item_id == item.pk],
            typed.get(f"item-{item.pk}") or (ProgressForm(item=item, offered=offered) if telling else None),
        )
        for item in items
    ]  # fmt: skip
    questions = list(pledge.questions.select_related("asked_by__member", "answered_by__member"))
    answering = stages.is_pledger(access, pledge)
    for one in questions:
        form = typed.get(f"answer-{one.pk}")
        one.form = form or (AnswerForm(pk=one.pk) if answering and not one.answered_at else None)  # type: ignore[attr-defined]
    steps = list(pledge.steps.select_related("made_by__member"))
    unsaid = life.names_of_unsaid(pledge, access) if judging else []
    requirements = Requirement.objects.filter(
        pk__in=Claim.objects.filter(filing=pledge.filing_id).values("duty__requirement")
    ).order_by("position")
    context: dict[str, Any] = {
        "pledge": pledge, "rows": rows, "stage_line": stage_line(pledge, steps), "can": can,
        "now_words": now_of(pledge, rows, access, questions, unsaid), "questions": questions,
        "question_form": typed.get("question") or (QuestionForm() if life.may_ask(access, pledge) else None),
        "say_form": say, "decide_form": decide,
        "say_rows": [(row, say.of(row.item)) for row in rows] if say else [],  # type: ignore[attr-defined]
        "decide_rows": [(row, decide.of(row.item)) for row in rows] if decide else [],  # type: ignore[attr-defined]
        "note_forms": {n: typed.get(n) or NoteForm(name=n) for n in ("reopen", "withdraw") if n in can},
        "has_said": bool(mine), "unsaid": unsaid, "course": _course(steps), "requirements": list(requirements),
        "readable": _readable(access, items), "sees_filing": _sees_filing(access, pledge),
        "may_edit": moves.may_edit(access, pledge.filing), "tells": telling,
        "is_desk": stage == Stage.REVIEW and moves.is_desk(access, pledge.filing),
        "error_form": next(iter(typed.values()), None), "is_judging": judging, "is_judged": stage == Stage.JUDGED,
        "result_counts": _result_words(items) if stage == Stage.JUDGED else "",
    }  # fmt: skip
    return render(request, "commitments/pledge_detail.html", context, status=status)


def _course(steps: list[Any]) -> list[dict[str, Any]]:
    tones = {"approve": "done", "decide": "done", "send_back": "soon", "correct": "soon", "withdraw": "soon"}
    return [
        {"at": step.made_at, "text": stages.STEPS[step.name].label if step.name in stages.STEPS else step.name,
         "by": step.made_by.member.name, "note": step.note, "tone": tones.get(step.name, "plain")}
        for step in reversed(steps)
    ]  # fmt: skip


def _readable(access: Access, items: list[PledgeItem]) -> set[int]:
    """Which of the records named as proof this reader may open; the others are named without a link."""
    named = {line.proof_id for item in items for line in item.progress.all() if line.proof_id}
    return set(Filing.objects.visible_to(access).filter(pk__in=named).values_list("pk", flat=True)) if named else set()


def _sees_filing(access: Access, pledge: Pledge) -> bool:
    return Filing.objects.visible_to(access).filter(pk=pledge.filing_id).exists()


def _result_words(items: list[PledgeItem]) -> str:
    counts = Counter(item.result for item in items)
    return "、".join(f"{label}{counts[code]}项" for code, label in Result.choices if counts[code])


# Acts


@require_POST
def pledge_step(request: PortalRequest, pk: int) -> HttpResponse:
    """Begin the judging, decide, open again, or take down, as the button names it."""
    pledge, access, name = _seen(request, pk), request.access, request.POST.get("name", "")
    if name not in DONE_WORDS:
        raise BadRequest("没有这样的操作。")
    if not stages.STEPS[name].may(access, pledge):
        raise PermissionDenied("您不能办理这一步。")
    form: Any = None
    if name == "decide" and pledge.stage == Stage.JUDGING:
        form = DecideForm(request.POST, items=pledge.items.all())
    elif stages.STEPS[name].needs_note:
        form = NoteForm(request.POST, name=name)
    if form is not None and not form.is_valid():
        return _page(request, pledge, 422, **{form.prefix: form})
    note = form.cleaned_data.get("note", "") if form is not None else ""
    results = form.outcomes() if isinstance(form, DecideForm) else None
    try:
        with audit.together():
            pledge = stages.take(pledge, name, access=access, note=note, results=results)
            step = pledge.steps.order_by("-pk").values_list("note", flat=True).first()
            life.tell_of(pledge, name, access, step or "")
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
        return redirect(pledge)
    except moves.MoveRefused as error:
        if form is None:
            messages.warning(request, "".join(error.sentences))
            return redirect(pledge)
        for sentence in error.sentences:
            form.add_error(None, sentence)
        return _page(request, _seen(request, pk), 422, **{form.prefix: form})
    messages.success(request, DONE_WORDS[name])
    return redirect(pledge)


@require_POST
def pledge_say(request: PortalRequest, pk: int) -> HttpResponse:
    """A member's word on the items of another's pledge, once for each, changeable until the decision."""
    pledge, access = _seen(request, pk), request.access
    if not life.is_peer(access, pledge):
        raise PermissionDenied("本支部党员互评，承诺人不评自己的承诺。")
    form = SayForm(request.POST, items=pledge.items.all(), mine={})
    if not form.is_valid():
        return _page(request, pledge, 422, say=form)
    said = form.said()
    if not said and pledge.stage == Stage.JUDGING:
        form.add_error(None, "还没有选评价，请至少评一项。")
        return _page(request, pledge, 422, say=form)
    try:
        life.say(pledge, access, said)
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
    else:
        messages.success(request, f"已评{len(said)}项，评定之前可以改。")
    return redirect(pledge)


@require_POST
def progress_new(request: PortalRequest, pk: int) -> HttpResponse:
    """A line of progress for one item; a second click on the same form answers with what the first has made."""
    access = request.access
    seen = PledgeItem.objects.filter(pledge__in=Pledge.objects.visible_to(access))
    item = get_object_or_404(seen, pk=pk)
    pledge = _seen(request, item.pledge_id)
    item.pledge = pledge
    if not stages.is_pledger(access, pledge):
        raise PermissionDenied("进展由承诺人填写。")
    back = redirect(f"{pledge.get_absolute_url()}#item-{item.pk}")
    if pledge.stage not in stages.LIVE:
        messages.info(request, f"这份承诺现在是“{pledge.get_stage_display()}”，不能再填写进展。")
        return back
    key = printable(request.POST.get(f"item-{item.pk}-form_key", ""))[:40]
    if key and Progress.objects.filter(form_key=key, told_by=access.actor).exists():
        return back
    form = ProgressForm(request.POST, request.FILES, item=item, offered=life.proofs(access, pledge)[: life.MOST_PROOFS])
    if not form.is_valid():
        return _page(request, pledge, 422, **{f"item-{item.pk}": form})
    given = form.cleaned_data
    try:
        picture = life.cleaned(given["picture"]) if given["picture"] else None
        life.tell_progress(
            item, access, text=given["text"], is_done=given["is_done"], picture=picture, proof=form.chosen,
            form_key=given["form_key"],
        )  # fmt: skip
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
        return back
    except IntegrityError:
        # Two clicks at once: the unique key let one in.
        return back
    except (moves.MoveRefused, PictureRefused) as error:
        form.add_error("picture" if given["picture"] else None, str(error))
        return _page(request, _seen(request, pledge.pk), 422, **{f"item-{item.pk}": form})
    except (OSError, DamagedContent):
        log.exception("a picture of a pledge could not be kept")
        form.add_error("picture", NOT_KEPT)
        return _page(request, pledge, 422, **{f"item-{item.pk}": form})
    messages.success(request, "已记下进展。" + ("这一项已报告完成。" if given["is_done"] else ""))
    return back


def progress_picture(request: PortalRequest, pk: int, size: str) -> HttpResponseBase:
    """The picture of a line of progress, for those who may see the pledge."""
    if size not in ("full", "thumb"):
        raise Http404
    seen = Progress.objects.filter(item__pledge__in=Pledge.objects.visible_to(request.access)).exclude(
        picture_sha256=""
    )
    line = get_object_or_404(seen, pk=pk)
    sha256 = line.thumb_sha256 if size == "thumb" else line.picture_sha256
    etag = quote_etag(sha256)
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        data = kept_files.read(sha256, "jpg")
        if data is None:
            raise Http404
        response = HttpResponse(data, content_type="image/jpeg")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Content-Security-Policy", "sandbox")
    return response


@require_POST
def question_new(request: PortalRequest, pk: int) -> HttpResponse:
    """A question or remark by name; sent twice, it is there once."""
    pledge, access = _seen(request, pk), request.access
    back = redirect(f"{pledge.get_absolute_url()}#questions")
    if pledge.branch_id not in access.branches or stages.is_pledger(access, pledge):
        raise PermissionDenied("意见由本支部其他党员提出，由承诺人答复。")
    if not life.may_ask(access, pledge):
        messages.info(request, f"这份承诺现在是“{pledge.get_stage_display()}”，不再提意见。")
        return back
    key = printable(request.POST.get("question-form_key", ""))[:40]
    if key and Question.objects.filter(form_key=key, asked_by=access.actor).exists():
        return back
    form = QuestionForm(request.POST)
    if not form.is_valid():
        return _page(request, pledge, 422, question=form)
    try:
        life.ask(pledge, access, form.cleaned_data["text"], form.cleaned_data["form_key"])
    except IntegrityError:
        return back
    except moves.MoveRefused as error:
        messages.info(request, error.sentences[0])
        return back
    messages.success(request, "已提出，承诺人答复后会告诉您。")
    return back


@require_POST
def question_answer(request: PortalRequest, pk: int) -> HttpResponse:
    """The answer of the one who pledged, given once."""
    access = request.access
    seen = Question.objects.filter(pledge__in=Pledge.objects.visible_to(access)).select_related("asked_by")
    question = get_object_or_404(seen, pk=pk)
    pledge = _seen(request, question.pledge_id)
    if not stages.is_pledger(access, pledge):
        raise PermissionDenied("意见由承诺人答复。")
    form = AnswerForm(request.POST, pk=pk)
    if not question.answered_at and not form.is_valid():
        return _page(request, pledge, 422, **{f"answer-{pk}": form})
    try:
        life.answer(question, access, form.cleaned_data["text"] if form.is_valid() else "")
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
    else:
        messages.success(request, "已答复。")
    return redirect(f"{pledge.get_absolute_url()}#questions")
