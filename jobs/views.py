"""Background work as it is watched: all of it by the system administrator, one's own by whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Min, Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access, Role
from branches.requests import PortalRequest
from jobs import rounds
from jobs.forms import JobFilter
from jobs.models import Job, JobQuerySet, Round, Worker
from jobs.queue import again, kinds, label_of

PER_PAGE = 50
# Waiting for longer than this, something is wrong with the worker or with the engine.
LONG = timedelta(minutes=10)
State = Job.State
# How each state is shown: the sign and colour of a standing.
SIGNS = {State.WAITING: "not_due", State.RUNNING: "draft", State.DONE: "received", State.FAILED: "overdue"}


@dataclass(frozen=True)
class Row:
    """One job as a line of the list."""

    job: Job

    @property
    def label(self) -> str:
        return label_of(self.job.kind)

    @property
    def sign(self) -> str:
        return SIGNS[State(self.job.state)]

    @property
    def took(self) -> str:
        """How long it took, `12秒`, `3分05秒`; nothing while it is not over."""
        job = self.job
        if not (job.began_at and job.ended_at):
            return ""
        seconds = max(0, round((job.ended_at - job.began_at).total_seconds()))
        return f"{seconds}秒" if seconds < 60 else f"{seconds // 60}分{seconds % 60:02d}秒"


def _visible(request: PortalRequest) -> JobQuerySet:
    return Job.objects.visible_to(request.access)


def job_list(request: PortalRequest) -> HttpResponse:
    """Whether somebody works, how much waits, what comes round when, and every job with its outcome."""
    form = JobFilter(request.GET)
    jobs = _visible(request)
    page = Paginator(form.applied(jobs).order_by("-asked_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [Row(job) for job in page],
        "counts": _counts(jobs, request.now),
        "workers": [worker for worker in Worker.objects.all() if worker.lives(request.now)],
        "rounds": _rounds(request.now),
    }
    return render(request, "jobs/job_list.html", context)


def _counts(jobs: JobQuerySet, now: datetime) -> list[dict[str, object]]:
    """How many jobs are in each state, as figures that lead to them."""
    each = {str(state): Count("pk", filter=Q(state=state)) for state in State}
    found = jobs.aggregate(**each, since=Min("next_at", filter=Q(state=State.WAITING)))
    waits = now - found["since"] if found["since"] else timedelta(0)
    note = f"最早的已等{int(waits.total_seconds() // 60)}分钟" if waits > LONG else ""
    tones = {State.FAILED: "late" if found["failed"] else "plain", State.WAITING: "soon" if note else "plain"}
    return [
        {
            "label": state.label, "number": found[state], "url": f"?state={state}", "tone": tones.get(state, "plain"),
            "note": note if state == State.WAITING else "",
        }
        for state in State
    ]  # fmt: skip


def _rounds(now: datetime) -> list[dict[str, object]]:
    seen = {row.name: row.slot_at for row in Round.objects.all()}
    return [
        {
            "label": label_of(regular.kind),
            "words": regular.words,
            "last": seen.get(regular.name),
            "next": regular.next(now),
        }
        for regular in rounds.regulars()
    ]


def job_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """How far one job is, for whoever asked for it, the office it concerns, and the system administrator."""
    job = get_object_or_404(_visible(request), pk=pk)
    known = kinds().get(job.kind)
    context = {
        "row": Row(job),
        "job": job,
        "busy": _is_busy(job),
        "unit": known.unit if known else "",
        "url": _url_after(job, request.access),
        "keeps": Role.SYSADMIN in request.access.roles,
    }
    return render(request, "jobs/job_detail.html", context)


def _is_busy(job: Job) -> bool:
    return job.state in (State.WAITING, State.RUNNING)


def _url_after(job: Job, access: Access) -> str:
    """Where whoever asked goes on from here; the system administrator has no business there."""
    theirs = job.committee_id in access.office_of or (job.asked_by_id and access.user and job.asked_by == access.user)
    url = str(job.arguments.get("url", "")) if theirs else ""
    return url if url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None) else ""


def job_progress(request: PortalRequest, pk: int) -> JsonResponse:
    """How far the job is, for the page that asks every second."""
    job = get_object_or_404(_visible(request), pk=pk)
    said = {"what": job.get_state_display(), "done": job.done, "total": job.total}
    return JsonResponse({"busy": _is_busy(job), "tries": job.tries, **said})


@require_POST
def job_retry(request: PortalRequest, pk: int) -> HttpResponse:
    """Have what was given up done anew; pressed twice it is one."""
    job = get_object_or_404(_visible(request), pk=pk)
    with audit.act(request.access, audit.Kind.SETTING, "重新执行后台任务", job) as entry:
        entry.ok = again(job, request.now)
    if entry.ok:
        messages.success(request, f"已重新交办：{label_of(job.kind)}。")
    else:
        messages.warning(request, "没有重新交办：这项任务现在不是失败的。")
    return redirect(job)
