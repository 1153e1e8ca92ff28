"""Materials: the list of what is to be studied, one material's page, and the office's keeping of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import FilterForm
from branches.models import Branch, Committee
from branches.requests import PortalRequest
from documents.text import printable
from plan import kept_files
from plan.marking import marked
from plan.models import Filing, Plan, Reading
from study import material_files, reader
from study.coverage import Coverage
from study.material_form import MaterialForm, seen_of
from study.models import Gathering, Material, PlanItem

A_PAGE = 50
A_FEW = 10
TAKEN = "已有名为“{}”的学习资料。"
LOST = (
    "这份资料在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您填写的为准；"
    "选了附件的，请重新选择。"
)


# Reading


class MaterialFilter(FilterForm):
    """Conditions of the list; what is retired only the office asks for."""

    q = forms.CharField(
        label="名称或来源", required=False, max_length=50,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "名称、作者"}),
    )  # fmt: skip
    kind = forms.ChoiceField(label="类型", required=False, choices=[("", "全部类型"), *Material.Kind.choices])

    def __init__(self, data: Any, *, is_office: bool) -> None:
        super().__init__(data)
        if is_office:
            shown = [("", "使用中的"), ("retired", "已停用的")]
            self.fields["show"] = forms.ChoiceField(label="状态", required=False, choices=shown)

    def asked(self) -> dict[str, str]:
        self.is_valid()
        return {name: self.cleaned_data.get(name, "").strip() for name in ("q", "kind", "show")}


def material_list(request: PortalRequest) -> HttpResponse:
    """The plan's key readings with their clause, then what the office keeps; each with how far it has come."""
    access = request.access
    plan = _plan(access)
    form = MaterialFilter(request.GET, is_office=bool(access.office_of))
    asked = form.asked()
    readings = list(plan.readings.all()) if plan else []
    titles = [reading.title for reading in readings]
    texts = {one.title: one for one in Material.objects.visible_to(access).filter(title__in=titles)}
    rows = _narrowed(Material.objects.visible_to(access).exclude(title__in=titles), asked)
    page = Paginator(rows.order_by("title", "pk"), A_PAGE).get_page(request.GET.get("page"))
    # The readings head the first page only, and a filter narrows them like the rest.
    shown = [r for r in readings if _fits(r, texts.get(r.title), asked)] if page.number == 1 else []
    branches = _branches(access)
    coverage = Coverage.of([*(r.title for r in shown), *(m.title for m in page)], branches, access.on.year)
    words = coverage.words if access.sees_committees else coverage.own_words if access.branches else _no_words
    context = {
        "plan": plan, "page": page, "filter_form": form, "filtered": any(asked.values()), "year": access.on.year,
        "groups": _by_quote(plan, shown, texts, words), "materials": [(one, words(one.title)) for one in page],
        "readings_count": len(shown), "is_office": bool(access.office_of), "retired": asked["show"] == "retired",
    }  # fmt: skip
    return render(request, "study/material_list.html", context)


def _no_words(title: str) -> str:
    return ""


def _plan(access: Access) -> Plan | None:
    """The plan that asks the person's branch or committee this year."""
    committee = access.branch.committee_id if access.branch else access.committee.pk if access.committee else None
    return Plan.objects.asking(committee, access.on.year, access.on) if committee else None


def _branches(access: Access, committee_id: int | None = None) -> QuerySet[Branch]:
    """The branches that the person sees today, by code; of one committee's tree where it is given."""
    branches = Branch.objects.visible_to(access)
    if committee_id is not None:
        branches = branches.filter(committee__in=Committee.objects.under(committee_id).values("pk"))
    return branches.existing_on(access.on).order_by("code", "pk")


def _narrowed(materials: Any, asked: dict[str, str]) -> Any:
    materials = materials.filter(retired_at__isnull=asked["show"] != "retired")
    if asked["kind"]:
        materials = materials.filter(kind=asked["kind"])
    if asked["q"]:
        materials = materials.filter(Q(title__icontains=asked["q"]) | Q(source__icontains=asked["q"]))
    return materials


def _fits(reading: Reading, text: Material | None, asked: dict[str, str]) -> bool:
    """Does one of the plan's readings meet the conditions? Its kind is that of its text, where it has one."""
    if asked["show"] == "retired" or (asked["kind"] and (text is None or text.kind != asked["kind"])):
        return False
    source = text.source if text else ""
    return asked["q"].lower() in f"{reading.title}\n{source}".lower()


def _by_quote(plan: Plan | None, readings: list[Reading], texts: dict[str, Material], words: Any) -> list[dict]:
    """The readings under the sentence of the plan that names them."""
    groups: list[dict] = []
    for reading in readings:
        if not groups or groups[-1]["quote"] != reading.quote:
            assert plan is not None  # noqa: S101 — its readings are listed
            groups.append({"quote": reading.quote, "readings": []} | _clause(plan, reading.quote))
        groups[-1]["readings"].append((reading, texts.get(reading.title), words(reading.title)))
    return groups


def _clause(plan: Plan, quote: str) -> dict[str, str]:
    """The clause in which the quote stands, and its place on the plan's page."""
    place, anchor = "", ""
    for paragraph in marked(plan.document):
        if paragraph.number:
            anchor = f"#{'clause' if '.' in paragraph.number else 'chapter'}-{paragraph.number}"
            place = paragraph.number
        if quote.strip() in paragraph.text:
            break
    return {"clause": place, "url": f"{plan.get_absolute_url()}{anchor}"}


def material_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """One material: what it is, its text, who plans and who has studied it."""
    access = request.access
    material = get_object_or_404(Material.objects.visible_to(access).select_related("committee"), pk=pk)
    plan = _plan(access)
    reading = plan.readings.filter(title=material.title).first() if plan else None
    return _detail(request, material.title, material.committee_id, material, reading)


def reading_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """One of the plan's key readings; where the office keeps a text for it, that material's page."""
    access = request.access
    plans = Plan.objects.visible_to(access).issued()
    reading = get_object_or_404(Reading.objects.filter(plan__in=plans.values("pk")).select_related("plan"), pk=pk)
    material = Material.objects.visible_to(access).filter(title=reading.title).order_by("pk").first()
    if material:
        return redirect(material)
    return _detail(request, reading.title, reading.plan.committee_id, None, reading)


def _detail(
    request: PortalRequest, title: str, committee_id: int, material: Material | None, reading: Reading | None
) -> HttpResponse:
    access = request.access
    branches = _branches(access, committee_id)
    coverage = Coverage.of([title], branches, access.on.year)
    planned, studied = coverage.planned.get(title, set()), coverage.studied.get(title, set())
    page = Paginator(branches, A_PAGE).get_page(request.GET.get("page"))
    seen = Filing.objects.visible_to(access)
    cites = Q(readings__title=title) | Q(materials__title=title)
    items = PlanItem.objects.filter(cites, plan__filing__in=seen).distinct().order_by("-starts_on", "-pk")
    held = Gathering.objects.filter(cites, filing__in=seen).distinct().order_by("-held_at", "-pk")
    parts = reader.parts_of(material.text) if material else []
    context = {
        "title": title, "material": material, "reading": reading, "year": access.on.year,
        "clause": _clause(reading.plan, reading.quote) if reading else None,
        "parts": parts, "in_reader": reader.is_long(parts), "sizes": reader.SIZES,
        "reader_key": f"material-{material.pk}" if material else "",
        "page": page, "lines": [(one, one.pk in planned, one.pk in studied) for one in page],
        "words": coverage.words(title) if access.sees_committees else "", "own": not access.sees_committees,
        "items": items.select_related("plan__branch")[:A_FEW], "items_count": items.count(),
        "gatherings": held.select_related("branch", "filing")[:A_FEW], "gatherings_count": held.count(),
        "may_edit": bool(material and material.committee_id in access.office_of),
        "may_add": bool(access.office_of) and material is None, "many": bool(access.sees_committees),
    }  # fmt: skip
    return render(request, "study/material_detail.html", context)


def material_file(request: PortalRequest, pk: int) -> HttpResponse:
    """The file of a material, to be taken away and never opened as a page of the portal."""
    rows = Material.objects.visible_to(request.access).exclude(file_sha256="")
    material = get_object_or_404(rows, pk=pk)
    data = material_files.read(material)
    if data is None:
        raise Http404
    return kept_files.to_save(data, material.file_name, material.file_format)


# Keeping


def material_new(request: PortalRequest) -> HttpResponse:
    """A material added by the office; for one of the plan's readings its title is there already."""
    access = request.access
    committee_id = _keeper(access)
    reading = _reading_asked(request)
    if request.method != "POST":
        initial = {"title": reading.title, "kind": _kind_of(reading.title)} if reading else {}
        return _form_page(request, MaterialForm(committee_id=committee_id, initial=initial), reading=reading)
    if earlier := _sent_before(request, committee_id):
        return redirect(earlier)
    form = MaterialForm(request.POST, files=request.FILES, committee_id=committee_id)
    if not form.is_valid():
        return _form_page(request, form, reading=reading, status=422)
    try:
        with audit.act(access, audit.Kind.WRITE, "添加学习资料") as entry:
            entry.about = material = Material.objects.create(
                committee_id=committee_id, created_at=access.now, created_by=access.actor, **form.facts()
            )
    except IntegrityError:
        # Two clicks at once: the title let one in, and the other looks again.
        if earlier := _sent_before(request, committee_id):
            return redirect(earlier)
        form.add_error("title", TAKEN.format(form.cleaned_data.get("title", "")))
        return _form_page(request, form, reading=reading, status=422)
    messages.success(request, f"已添加“{material.title}”。")
    return redirect(material)


def _keeper(access: Access) -> int:
    """The committee for which the office keeps its materials: its own, else the first of its tree."""
    own = access.committee.pk if access.committee else 0
    return own if own in access.office_of else min(access.office_of)


def _reading_asked(request: PortalRequest) -> Reading | None:
    number = request.GET.get("reading", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    plans = Plan.objects.visible_to(request.access)
    return Reading.objects.filter(plan__in=plans.values("pk"), pk=int(number)).select_related("plan").first()


def _kind_of(title: str) -> str:
    return Material.Kind.BOOK if title.startswith("《") else Material.Kind.DOCUMENT


def _sent_before(request: PortalRequest, committee_id: int) -> Material | None:
    """What this very form has made already: the same title and text, by the same person."""
    title = " ".join(printable(request.POST.get("title", "")).split())
    mine = Material.objects.filter(committee=committee_id, title=title, created_by=request.access.user).first()
    if mine is None:
        return None
    form = MaterialForm(request.POST, files=request.FILES, committee_id=committee_id, material=mine)
    return mine if form.is_valid() and not form.differences() else None


def material_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """Mend a material; what was filed with it keeps its words."""
    access = request.access
    material = get_object_or_404(Material.objects.filter(committee__in=access.office_of), pk=pk)
    if request.method != "POST":
        return _form_page(request, MaterialForm(committee_id=material.committee_id, material=material))
    form = MaterialForm(request.POST, files=request.FILES, committee_id=material.committee_id, material=material)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    if not form.differences():
        return redirect(material)
    try:
        with audit.act(access, audit.Kind.WRITE, "修改学习资料", material):
            now = Material.objects.select_for_update().get(pk=pk)
            is_same = seen_of(now) == form.cleaned_data["seen"]
            if is_same:
                Material.objects.filter(pk=pk).update(**form.facts())
    except IntegrityError:
        # Somebody gave another material this title at the same moment.
        form.add_error("title", TAKEN.format(form.cleaned_data.get("title", "")))
        return _form_page(request, form, status=422)
    if not is_same:
        return _lost(request, now)
    messages.success(request, f"已保存“{form.cleaned_data['title']}”。")
    return redirect(material)


def _lost(request: PortalRequest, now: Material) -> HttpResponse:
    """Changed in between: both texts on one page; saved again, the one typed here stands."""
    data = request.POST.copy()
    data["seen"] = seen_of(now)
    form = MaterialForm(data, committee_id=now.committee_id, material=now)
    form.is_valid()
    differences = form.differences()
    form.add_error(None, LOST)
    return _form_page(request, form, status=409, differences=differences)


def _form_page(
    request: PortalRequest, form: MaterialForm, *, reading: Reading | None = None, status: int = 200,
    differences: list[tuple[str, str, str]] | None = None,
) -> HttpResponse:  # fmt: skip
    context = {
        "form": form, "material": form.material, "reading": reading, "differences": differences,
        "back_url": form.material.get_absolute_url() if form.material else reverse("study:material_list"),
    }  # fmt: skip
    return render(request, "study/material_form.html", context, status=status)


@require_POST
def material_retire(request: PortalRequest, pk: int) -> HttpResponse:
    """Offer it no more, or with undo=1 again; where it is cited it stays."""
    access = request.access
    material = get_object_or_404(Material.objects.filter(committee__in=access.office_of), pk=pk)
    back = bool(request.POST.get("undo"))
    with audit.act(access, audit.Kind.WRITE, "恢复学习资料" if back else "停用学习资料", material):
        rows = Material.objects.filter(pk=pk)
        if back:
            rows.update(retired_at=None)
        else:
            rows.filter(retired_at__isnull=True).update(retired_at=access.now)
    messages.success(request, "已恢复使用。" if back else "已停用：不再供选择，原来引用的地方不变。")
    return redirect(material)
