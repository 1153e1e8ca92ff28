"""What the security administrator is asked when somebody gets a right of the committee, or loses it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q

from branches.access import Access
from branches.exclusion import exclusive
from branches.form_base import PortalForm
from branches.forms import DayField
from branches.models import Committee, Member, MemberQuerySet, Membership, Post, normal_staff_number, on_day

GRANTED = (Post.Kind.OFFICE, *Post.ADMINISTRATORS)
# Without one of these nobody could put things right from inside the portal.
NEVER_NONE = (Post.Kind.OFFICE, Post.Kind.SYSADMIN, Post.Kind.SECURITY)


def known_to(committees: frozenset[int]) -> MemberQuerySet:
    """Whoever belongs or belonged to a branch of these committees, or holds or held a post there."""
    belonged = Membership.objects.filter(branch__committee__in=committees, member=OuterRef("pk"))
    served = Post.objects.filter(committee__in=committees, member=OuterRef("pk"))
    return Member.objects.filter(Exists(belonged) | Exists(served), merged_into=None)


def _basis() -> forms.CharField:
    return forms.CharField(
        label="依据",
        max_length=60,
        help_text="批准文件的文号或会议日期，如“机关党〔2018〕12号”。记入审计日志。",
    )


class GrantForm(PortalForm):
    """Who works in the committee's office or administers the portal, from a day on."""

    committee = forms.ModelChoiceField(Committee.objects.none(), label="党组织", empty_label="请选择")
    kind = forms.ChoiceField(label="职务", choices=[("", "请选择"), *((kind.value, kind.label) for kind in GRANTED)])
    staff_number = forms.CharField(label="工号", max_length=30, help_text="须已在名册中，或已由运维人员用命令登记。")
    from_on = DayField(label="任职日期", help_text="从这一天起有相应的权限。")
    basis = _basis()

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        kwargs["initial"] = {"from_on": access.on, "committee": access.committee, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.access = access
        committees = Committee.objects.filter(pk__in=access.secures).order_by("pk")
        self.fields["committee"].queryset = committees  # type: ignore[attr-defined]
        if len(committees) == 1:
            self.fields["committee"].empty_label = None  # type: ignore[attr-defined]

    def clean_staff_number(self) -> str:
        number = normal_staff_number(self.cleaned_data["staff_number"])
        member = known_to(self.access.secures).filter(staff_number=number).first()
        if member is None:
            raise forms.ValidationError(f"没有工号为 {number[:30]} 的人，请核对，或先在名册中登记。")
        if member.pk == self.access.member_id:
            raise forms.ValidationError("不能给自己授权，请由另一位安全管理员办理。")
        self.cleaned_data["member"] = member
        return number

    def clean_from_on(self) -> date:
        day = self.cleaned_data["from_on"]
        if day < self.access.on:
            raise forms.ValidationError("权限不能从过去的日子起，请填今天或以后的日期。")
        return day

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not all(data.get(name) for name in ("member", "committee", "kind", "from_on")):
            return data
        member, kind = data["member"], data["kind"]
        later = Q(until_on__isnull=True) | Q(until_on__gt=data["from_on"])
        held = list(Post.objects.filter(later, member=member).select_related("committee", "branch"))
        same = [post for post in held if post.kind == kind and post.committee_id == data["committee"].pk]
        if same:
            self.add_error("staff_number", f"{member.name}已自 {same[0].from_on} 起担任此职务。")
        elif exclusive({kind, *(post.kind for post in held)}):
            standing = "、".join(f"{post.branch or post.committee}{post.get_kind_display()}" for post in held)
            self.add_error(
                "staff_number",
                f"{member.name}现任{standing}。系统、安全、审计管理员互斥，也不兼其他职务；请先办理原职务的离任，或换一个人。",
            )
        return data

    def save(self) -> Post:
        data = self.cleaned_data
        return Post.objects.create(
            member=data["member"], kind=data["kind"], committee=data["committee"], from_on=data["from_on"]
        )


class WithdrawForm(PortalForm):
    """The day from which somebody no longer has a right of the committee."""

    until_on = DayField(label="离任日期", help_text="从这一天起不再有相应的权限；填今天则立即收回。")
    basis = _basis()

    def __init__(self, *args: Any, access: Access, post: Post, **kwargs: Any) -> None:
        kwargs["initial"] = {"until_on": access.on, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.access, self.post = access, post

    def clean_until_on(self) -> date:
        day, post = self.cleaned_data["until_on"], self.post
        if day < self.access.on:
            raise forms.ValidationError("离任日期不能早于今天：已经办过的事不因此失去依据。")
        if day <= post.from_on:
            raise forms.ValidationError(f"离任日期须晚于任职日期 {post.from_on}。")
        if post.kind in NEVER_NONE:
            others = Post.objects.filter(on_day(day), committee=post.committee_id, kind=post.kind).exclude(pk=post.pk)
            if not others.exists():
                label = post.get_kind_display()
                raise forms.ValidationError(f"{day} 起将没有{label}，请先登记接替的人。")
        return day
