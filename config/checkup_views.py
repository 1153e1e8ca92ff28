"""The health check's pages: what every rule found, one rule in full, and the whole as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localtime

from branches.access import Access
from branches.checkup import Level, Scope
from branches.form_base import FilterForm
from branches.models import Branch
from branches.requests import PortalRequest
from branches.templatetags.portal import whole_moment
from config import checkup
from documents.workbook import Column, Sheet, write_to

FIRST = 20
PER_PAGE = 50
MOST_ROWS = 100_000


class CheckupFilter(FilterForm):
    """One branch, one level, or one rule of all."""

    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部支部")
    level = forms.ChoiceField(label="级别", choices=[("", "全部"), *[(one, one) for one in Level]], required=False)
    rule = forms.ChoiceField(label="检查项", required=False)

    def __init__(self, data: QueryDict, *, access: Access) -> None:
        super().__init__(data)
        branches = Branch.objects.filter(Scope(access).of()).order_by("committee", "code")
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
        rules = [(rule.code, rule.title) for rule in checkup.rules_for(access)]
        self.fields["rule"].choices = [("", "全部检查项"), *rules]  # type: ignore[attr-defined]
        if not access.office_of and len(access.leads) == 1:
            del self.fields["branch"]


class Asked:
    """What is asked: the person's rules and branches, narrowed by the conditions in the address."""

    def __init__(self, request: PortalRequest) -> None:
        access = request.access
        self.form = CheckupFilter(request.GET, access=access)
        self.form.is_valid()
        given = self.form.cleaned_data
        self.branch: Branch | None = given.get("branch")
        self.rules = checkup.rules_for(access, given.get("level") or "")
        if given.get("rule"):
            self.rules = [rule for rule in self.rules if rule.code == given["rule"]]
        self.scope = Scope(access, self.branch.pk if self.branch else None)
        # Which one was asked for, to keep it in the addresses.
        self.query = urlencode({"branch": self.branch.pk}) if self.branch else ""


def checkup_home(request: PortalRequest) -> HttpResponse:
    """What every rule found, what has to be put right first; and what was looked at and found in order."""
    asked = Asked(request)
    told = checkup.told(asked.rules, asked.scope, FIRST)
    found = {one.rule.code for one in told}
    given = bool(asked.form.is_valid() and any(asked.form.cleaned_data.values()))
    context = {
        "form": asked.form, "told": told, "total": sum(one.total for one in told), "query": asked.query,
        "clean": [rule for rule in asked.rules if rule.code not in found], "rules": len(asked.rules),
        "reset_url": request.path if given else "", "branch": asked.branch, "office": bool(request.access.office_of),
        "xlsx_url": _address("checkup_xlsx", request.GET),
    }  # fmt: skip
    return render(request, "checkup/checkup.html", context)


def checkup_rule(request: PortalRequest, code: str) -> HttpResponse:
    """One rule with all its findings, by pages."""
    asked = Asked(request)
    rule = next((one for one in checkup.rules_for(request.access) if one.code == code), None)
    if rule is None:
        raise Http404
    page = Paginator(rule.found(asked.scope), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rule": rule, "page": page, "findings": [rule.say(row, asked.scope) for row in page], "branch": asked.branch,
        "back_url": reverse("checkup") + (f"?{asked.query}" if asked.query else ""), "query": asked.query,
    }  # fmt: skip
    return render(request, "checkup/rule.html", context)


def checkup_xlsx(request: PortalRequest) -> HttpResponseBase:
    """Everything that was found, as it stands now; refused where it would be more than one workbook reads well."""
    asked = Asked(request)
    total = sum(checkup.totals(asked.rules, asked.scope).values())
    if total > MOST_ROWS:
        messages.warning(request, f"共{total:,}条，一次最多导出{MOST_ROWS:,}条。请先用筛选缩小范围，再导出。")
        return redirect(_address("checkup", request.GET))
    columns = [
        Column("级别", 8), Column("检查项", 28), Column("党支部", 32), Column("发现", 70), Column("怎么办", 46),
        Column("谁来办", 18), Column("依据", 12),
    ]  # fmt: skip
    now = localtime(request.now)
    notes = [f"截至 {whole_moment(now)}"]
    sheet = Sheet("体检", columns, _rows(asked), title_row="数据体检", notes=notes)
    stamp = f"{request.access.name} {whole_moment(now)} 导出"
    file = TemporaryFile()  # noqa: SIM115 — the answer closes it
    try:
        write_to(file, [sheet], stamp=stamp)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=f"数据体检（{now:%Y-%m-%d}）.xlsx")
    response["Cache-Control"] = "no-store"
    return response


def _rows(asked: Asked) -> Iterator[tuple[Any, ...]]:
    for rule, finding in checkup.everything(asked.rules, asked.scope):
        yield (
            rule.level.value, rule.title, finding.branch, finding.text, finding.cure or rule.cure,
            finding.who or rule.who, rule.clause,
        )  # fmt: skip


def _address(name: str, query: QueryDict) -> str:
    kept = query.copy()
    kept.pop("page", None)
    return reverse(name) + (f"?{kept.urlencode()}" if kept else "")
