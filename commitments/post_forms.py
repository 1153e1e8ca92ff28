"""The forms of the pioneer posts: a post, somebody put forward for it, and the steps of a term."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django import forms

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch, Member
from commitments.models import Nomination, PioneerPost, Term
from commitments.posting import lock_posts, open_post
from documents.text import printable
from plan.models import Filing

EARLIEST = date(1950, 1, 1)
MOST_PROOFS = 60
FIELDS = ("name", "duties", "place", "every_months", "opened_on")


class LostUpdate(Exception):
    """Somebody else changed the post after this form was opened; nothing was written."""


def _line(text: str) -> str:
    return " ".join(printable(text).split())


class PostForm(PortalForm):
    """What is asked of a post."""

    name = forms.CharField(
        label="岗位名称", max_length=40, widget=forms.TextInput(attrs={"placeholder": "例如：一站式服务窗口"})
    )
    duties = forms.CharField(
        label="岗位职责", max_length=600, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="驻岗的党员做什么、做到什么样，写成师生看得懂的几句话。",
    )  # fmt: skip
    place = forms.CharField(label="亮牌位置", max_length=60, required=False, help_text="岗位牌摆在哪里。")
    every_months = forms.TypedChoiceField(
        label="轮换周期", coerce=int, choices=PioneerPost.Every.choices, initial=PioneerPost.Every.MONTH
    )
    opened_on = forms.DateField(label="设立日期", widget=forms.DateInput)
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, access: Access, branch: Branch, post: PioneerPost | None = None
    ) -> None:
        self.access, self.branch, self.post = access, branch, post
        if post:
            initial = {name: getattr(post, name) for name in FIELDS} | {"seen": digest_of(post)}
        else:
            initial = {"opened_on": access.on, "form_key": str(uuid.uuid4())}
        super().__init__(data, initial=initial)

    def clean_name(self) -> str:
        name = _line(self.cleaned_data["name"])
        same = PioneerPost.objects.open().filter(branch=self.branch, name=name)
        if same.exclude(pk=self.post.pk if self.post else 0).exists():
            raise forms.ValidationError("本支部已有同名的岗位，请换一个名称。")
        return name

    def clean_opened_on(self) -> date:
        day = self.cleaned_data["opened_on"]
        if day > self.access.on + timedelta(days=366) or day < EARLIEST:
            raise forms.ValidationError("设立日期离今天太远，请核对年份。")
        if self.post:
            first = Term.objects.filter(post=self.post, begun_at__isnull=False).order_by("from_on").first()
            if first and day > first.from_on:
                raise forms.ValidationError(f"{first.from_on:%Y-%m-%d}已有党员在这个岗位驻岗，设立日期不能更晚。")
        return day

    def save(self) -> PioneerPost:
        """Write the post, new or changed; raises LostUpdate where the form shows an older text.

        IntegrityError: the form was used before, or the name was taken at this very moment.
        """
        columns = {name: self.cleaned_data[name] for name in FIELDS}
        if self.post is None:
            return open_post(self.branch, self.access, form_key=self.cleaned_data["form_key"] or None, **columns)
        with audit.act(self.access, audit.Kind.WRITE, "修改党员先锋岗", self.post) as entry:
            lock_posts(self.branch.pk)
            kept = PioneerPost.objects.get(pk=self.post.pk)
            if digest_of(kept) != self.cleaned_data["seen"]:
                raise LostUpdate
            PioneerPost.objects.filter(pk=kept.pk).update(**columns)
            changed = [str(self.fields[n].label) for n in FIELDS if getattr(kept, n) != columns[n]]
            entry.detail["fields"] = "、".join(changed)
        return PioneerPost.objects.get(pk=kept.pk)

    def name_taken(self) -> None:
        """Two who gave the same name at once: the database let one in."""
        self.add_error("name", "本支部已有同名的岗位，请换一个名称。")


def digest_of(post: PioneerPost) -> str:
    """What a form showed of the post: whoever saves over something else is told so."""
    return hashlib.sha256(repr([getattr(post, name) for name in FIELDS]).encode()).hexdigest()


class NominationForm(PortalForm):
    """Who is put forward, for which honour, and what shows it."""

    member = forms.ModelChoiceField(label="推荐人选", queryset=Member.objects.none(), help_text="可以推荐本人。")
    kind = forms.ChoiceField(label="类别", choices=[("", "请选择"), *Nomination.Kind.choices])
    honour = forms.CharField(
        label="依据的荣誉",
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": "例如：2017年度校级优秀共产党员"}),
    )
    honoured_on = forms.DateField(label="授予日期", required=False, widget=forms.DateInput)
    deeds = forms.CharField(label="主要事迹", max_length=600, required=False, widget=forms.Textarea(attrs={"rows": 4}))
    picture = forms.FileField(
        label="证书照片", required=False, widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text="JPG、PNG 或 WebP，不超过20 MB；拍摄地点等信息会自动清除。",
    )  # fmt: skip
    proof = forms.ModelChoiceField(
        label="或选择已报送的记录作为佐证", queryset=Filing.objects.none(), required=False, empty_label="不选"
    )
    is_willing = forms.BooleanField(
        label="本人同意驻岗", required=False, help_text="没有征求过本人意见的，先不勾；本人可以自己选。"
    )
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: Any = None, *, access: Access, branch: Branch
    ) -> None:
        self.access = access
        own = access.member_id if access.branch and access.branch.pk == branch.pk else None
        leads = branch.pk in access.leads
        initial = {"member": None if leads else own, "form_key": str(uuid.uuid4()), "is_willing": not leads}
        super().__init__(data, files, initial=initial)
        fields: dict[str, Any] = self.fields
        fields["member"].queryset = branch.roster(access.on)
        seen = Filing.objects.visible_to(access).filter(branch=branch, first_filed_at__isnull=False)
        if not leads:
            # Of a branch's own records a member sees the titles anyway; of members' only the own.
            seen = seen.filter(member__isnull=True) | seen.filter(member=own)
        newest = seen.order_by("-first_filed_at").values_list("pk", flat=True)[:MOST_PROOFS]
        fields["proof"].queryset = Filing.objects.filter(pk__in=list(newest)).order_by("-first_filed_at")
        fields["proof"].label_from_instance = lambda filing: f"{filing.title}（{filing.receipt}）"

    def clean_honour(self) -> str:
        return _line(self.cleaned_data["honour"])

    def clean_honoured_on(self) -> date | None:
        day: date | None = self.cleaned_data["honoured_on"]
        if day and not EARLIEST <= day <= self.access.on:
            raise forms.ValidationError("授予日期不对，请核对年份；不能晚于今天。")
        return day

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not given.get("picture") and not given.get("proof") and "picture" not in self.errors:
            self.add_error("picture", "请上传证书照片，或在下面选择一份已报送的记录作为佐证。")
        return given


class DecisionForm(PortalForm):
    """The branch's decision on somebody put forward."""

    accept = forms.ChoiceField(label="评议结果", choices=[("yes", "入选"), ("no", "不入选")], widget=forms.RadioSelect)
    opinion = forms.CharField(
        label="评议意见", max_length=200, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="例如：6月支部党员大会评议通过，同意驻岗。",
    )  # fmt: skip


class ReasonForm(PortalForm):
    """One reason."""

    reason = forms.CharField(label="原因", max_length=190, widget=forms.Textarea(attrs={"rows": 2}))


class EndForm(PortalForm):
    """How and when somebody left a post."""

    how = forms.ChoiceField(label="离岗方式", choices=[])
    on = forms.DateField(label="离岗日期", widget=forms.DateInput)
    reason = forms.CharField(
        label="原因", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="到期轮换的可不填。",
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any] | None = None, *, term: Term, today: date) -> None:
        over = term.last_on <= today
        initial = {"how": Term.End.ROTATED if over else "", "on": term.last_on if over and term.begun_at else today}
        super().__init__(data, initial=initial, prefix=f"end{term.pk}")
        field: Any = self.fields["how"]
        if term.begun_at is None:
            field.choices = [(Term.End.CANCELLED, Term.End.CANCELLED.label)]
            field.widget = forms.HiddenInput()
            field.initial = self.initial["how"] = Term.End.CANCELLED.value
            self.fields["on"].widget = forms.HiddenInput()
            self.fields["reason"].help_text = ""
            self.fields["reason"].required = True
            self.fields["reason"].error_messages["required"] = "请填写“原因”。"
        else:
            field.choices = [("", "请选择"), *(one for one in Term.End.choices if one[0] != Term.End.CANCELLED)]


class HandoverForm(PortalForm):
    """What goes on, and what the next one should look after."""

    text = forms.CharField(
        label="交接事项", max_length=400, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="正在办的、答应了还没办的、要留意的。接任的党员上岗前会看到。",
    )  # fmt: skip


class DraftForm(PortalForm):
    """From when and for how long the turns are drafted."""

    from_on = forms.DateField(label="从哪天起", widget=forms.DateInput)
    months = forms.TypedChoiceField(
        label="安排多久", coerce=int, choices=[(3, "3个月"), (6, "6个月"), (12, "12个月"), (24, "24个月")], initial=6
    )

    def __init__(self, data: Any, *, today: date) -> None:
        self.today = today
        super().__init__(data, initial={"from_on": today, "months": 6})

    def clean_from_on(self) -> date:
        day = self.cleaned_data["from_on"]
        if not self.today <= day <= self.today + timedelta(days=366):
            raise forms.ValidationError("请选今天或今后一年内的日子。")
        return day
