"""What the people pages ask: branches, members, transfers, posts, and a roster to import."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict

from branches.access import Access
from branches.exclusion import exclusive
from branches.form_base import FilterForm, PortalForm, PortalModelForm
from branches.models import (
    Branch,
    Committee,
    Member,
    Membership,
    PartyGroup,
    Post,
    normal_staff_number,
    on_day,
    with_subtrees,
)
from branches.personal_forms import PersonalFields
from branches.roster_cells import Unreadable, clean_name, is_name, staff_number_of
from branches.sight import kept
from documents.workbook import MAX_BYTES

# A day that no calendar of the Party's work needs: what is outside is a slip of the finger.
FIRST_DAY, LAST_DAY = date(1920, 1, 1), date(2099, 12, 31)

# The kinds of committee from the top of the tree down: each stands under one of an earlier kind.
LEVELS = [kind.value for kind in Committee.Kind]


class DayField(forms.DateField):
    """A calendar day between 1920 and 2099."""

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is not None and not FIRST_DAY <= value <= LAST_DAY:
            raise forms.ValidationError("年份不对，请核对。")


# -------------------------------------------------------------------------------------------------- what was seen


class SeenForm(PortalModelForm):
    """A form that knows which entry it was opened on, so that nobody's change is overwritten unseen."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._standing = {name: self.instance.serializable_value(name) for name in self._meta.fields or ()}
        text = repr(sorted((name, str(value)) for name, value in self._standing.items()))
        self._mark = hashlib.sha256(text.encode()).hexdigest()[:16] if self.instance.pk else ""
        self.initial["seen"] = self._mark

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.instance.pk and self.cleaned_data.get("seen") != self._mark:
            differing = [
                f"“{self.fields[name].label}”现在是“{_words(value)}”"
                for name, value in self._standing.items()
                if name in self.cleaned_data and self.cleaned_data[name] != value
            ]
            self.add_error(
                None,
                f"您打开本页之后，内容已被他人修改：{'；'.join(differing) or '与您填写的相同'}。"
                "没有保存。请核对下面您填写的内容，再保存一次。",
            )
            knowing = QueryDict(mutable=True)  # the next try is made knowing the present entry
            knowing.update(self.data)
            knowing["seen"] = self._mark
            self.data = knowing
        return self.cleaned_data


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "空" if value in (None, "") else str(value)


# ----------------------------------------------------------------------------------------------------------- branches


class BranchForm(SeenForm):
    """A branch and the names of its party groups."""

    founded_on = DayField(label="成立日期")
    elected_on = DayField(label="本届选举日期", required=False, help_text="届满前3个月起提醒换届。")
    closed_on = DayField(label="撤销日期", required=False, help_text="从这一天起不再有这个支部；请先转出全部党员。")
    new_groups = forms.CharField(
        label="新增党小组",
        required=False,
        widget=forms.Textarea,
        help_text="一行一个，如“第一党小组”。不分小组的留空。",
    )

    class Meta:
        model = Branch
        fields = [
            "name", "code", "kind", "units", "theme_day", "elected_on", "term_years", "founded_on", "closed_on"
        ]  # fmt: skip

    def __init__(self, *args: Any, committees: QuerySet[Committee], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = list(self.instance.groups.order_by("pk")) if self.instance.pk else []
        if not self.instance.pk:
            del self.fields["closed_on"]
            if len(committees) > 1:
                field = forms.ModelChoiceField(committees, label="所属党组织", empty_label="请选择")
                self.fields = {"committee": field, **self.fields}
            else:
                self.instance.committee = committees[0]
        added = self.fields.pop("new_groups")
        for group in self.groups:
            self.fields[f"group_{group.pk}"] = forms.CharField(
                label=f"党小组“{group.name}”",
                required=False,
                max_length=40,
                initial=group.name,
                help_text="可以改名；清空则删去（小组里没有过党员时）。",
            )
        self.fields["new_groups"] = added

    def clean_name(self) -> str:
        return re.sub(r"\s", "", self.cleaned_data["name"])

    def clean_code(self) -> str:
        code = self.cleaned_data["code"].strip()
        if not re.fullmatch(r"[0-9A-Za-z]+", code):
            raise forms.ValidationError("代码用于回执号，只用数字和字母，如 03。")
        return code

    def clean_term_years(self) -> int:
        years = self.cleaned_data["term_years"]
        if not 1 <= years <= 5:
            raise forms.ValidationError("每届任期为1至5年，机关和高校的支部一般为3年。")
        return years

    def clean_new_groups(self) -> list[str]:
        names = [re.sub(r"\s", "", line) for line in self.cleaned_data["new_groups"].splitlines()]
        names = [name for name in names if name]
        if too_long := [name for name in names if len(name) > 40]:
            raise forms.ValidationError(f"“{too_long[0][:20]}…”超过40个字。")
        return names

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        committee = data.get("committee") or getattr(self.instance, "committee", None)
        if committee:
            others = Branch.objects.filter(committee=committee).exclude(pk=self.instance.pk)
            if data.get("name") and others.filter(name=data["name"]).exists():
                self.add_error("name", f"已有名称为“{data['name']}”的支部，请换一个。")
            # Receipts bear the code, and one desk may receive from the whole tree: there a code stands for one branch.
            if data.get("code") and (other := branch_with_code(committee, data["code"], self.instance.pk)):
                where = "" if other.committee_id == committee.pk else f"（{other.committee.name}的{other.name}）"
                self.add_error("code", f"已有代码为“{data['code']}”的支部{where}，请换一个。")
        founded, closed = data.get("founded_on"), data.get("closed_on")
        if self.instance.pk and founded:
            earliest = self.instance.memberships.order_by("from_on").values_list("from_on", flat=True).first()
            if earliest and founded > earliest:
                self.add_error("founded_on", f"支部在 {earliest} 已有党员，成立日期不能晚于这一天。")
        if founded and closed and closed <= founded:
            self.add_error("closed_on", "撤销日期须晚于成立日期。")
        elif self.instance.pk and closed:
            staying = self.instance.memberships.filter(Q(until_on__isnull=True) | Q(until_on__gt=closed)).count()
            if staying:
                self.add_error("closed_on", f"到 {closed} 支部还有 {staying} 名党员，请先为他们办理转接。")
        self._check_groups(data)
        return data

    def _check_groups(self, data: dict[str, Any]) -> None:
        taken: set[str] = set()
        for group in self.groups:
            name = re.sub(r"\s", "", data.get(f"group_{group.pk}", group.name))
            data[f"group_{group.pk}"] = name
            if not name and group.memberships.exists():
                self.add_error(f"group_{group.pk}", f"“{group.name}”里有过党员，不能删去；可以改名。")
            if name and name in taken:
                self.add_error(f"group_{group.pk}", f"有两个“{name}”，请改成不同的名称。")
            taken.add(name)
        for name in data.get("new_groups") or []:
            if name in taken:
                self.add_error("new_groups", f"有两个“{name}”，请改成不同的名称。")
            taken.add(name)

    def save(self, commit: bool = True) -> Branch:
        """The branch with its groups; groups are freed of their old names first, so that two may change places."""
        if "committee" in self.cleaned_data:
            self.instance.committee = self.cleaned_data["committee"]
        branch = super().save(commit)
        changed = [group for group in self.groups if self.cleaned_data[f"group_{group.pk}"] != group.name]
        for group in changed:
            PartyGroup.objects.filter(pk=group.pk).update(name=f"#{group.pk}")
        for group in changed:
            if name := self.cleaned_data[f"group_{group.pk}"]:
                PartyGroup.objects.filter(pk=group.pk).update(name=name)
            else:
                group.delete()
        PartyGroup.objects.bulk_create(PartyGroup(branch=branch, name=n) for n in self.cleaned_data["new_groups"])
        return branch


def branch_with_code(committee: Committee, code: str, but: int | None) -> Branch | None:
    """Another branch of the same tree that bears this code."""
    tree = Committee.objects.beside(committee.pk).values("pk")
    others = Branch.objects.filter(committee__in=tree, code=code).select_related("committee")
    return (others.exclude(pk=but) if but else others).first()


def branch_exists_on(branch: Branch, day: date) -> str:
    """Why nobody can belong to the branch on that day; empty if one can."""
    if day < branch.founded_on:
        return f"{branch.name}成立于 {branch.founded_on}，日期不能更早。"
    if branch.closed_on and day >= branch.closed_on:
        return f"{branch.name}已于 {branch.closed_on} 撤销。"
    return ""


def office_branches(access: Access) -> QuerySet[Branch]:
    """The branches whose roster the person keeps."""
    return Branch.objects.filter(committee__in=access.office_of).existing_on(access.on).order_by("committee_id", "code")


def group_choices(branches: QuerySet[Branch]) -> list[Any]:
    """The party groups of these branches, each under its branch's name."""
    listed: dict[str, list[tuple[str, str]]] = {}
    rows = PartyGroup.objects.filter(branch__in=branches).order_by("branch__committee_id", "branch__code", "name")
    for pk, name, branch in rows.values_list("pk", "name", "branch__name"):
        listed.setdefault(branch, []).append((str(pk), name))
    return [("", "不分小组"), *listed.items()]


# --------------------------------------------------------------------------------------------------------- committees


class CommitteeForm(SeenForm):
    """A committee and its place in the tree: a 党总支 stands under a 机关党委 or 校党委, never above one."""

    class Meta:
        model = Committee
        fields = ["kind", "name", "short_name", "code", "parent"]
        help_texts = {
            "short_name": "用于“××办公室”，如“机关党委”。",
            "code": "用于公文的发文字号，可以不填。",
            "parent": "上级的实施方案管到它的支部。本年度已经下发的任务，仍报原来的党组织。",
        }  # fmt: skip

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access
        committee, parent = self.instance, self.fields["parent"]
        if committee.pk and committee.parent_id and committee.parent_id not in access.organizes:
            # Where it hangs is for those above to say.
            del self.fields["parent"]
            return
        parent.queryset = Committee.objects.filter(pk__in=access.organizes).order_by("pk")  # type: ignore[attr-defined]
        top = bool(committee.pk) and committee.parent_id is None
        parent.required = not top
        parent.empty_label = "没有上级" if top else "请选择"  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name = re.sub(r"\s", "", self.cleaned_data["name"])
        if Committee.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"已有“{name}”，请换一个名称。")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        parent = data.get("parent", self.instance.parent if self.instance.pk else None)
        kind = data.get("kind")
        where = "parent" if "parent" in self.fields else "kind"
        if parent and self.instance.pk and parent.pk in with_subtrees({self.instance.pk}):
            self.add_error(where, f"{parent.name}就是它自己或它的下级，不能作它的上级，请另选。")
            return data
        if parent and kind and LEVELS.index(kind) <= LEVELS.index(parent.kind):
            labels = f"{Committee.Kind(kind).label}不能设在{Committee.Kind(parent.kind).label}之下"
            self.add_error(where, f"{labels}，请改类别或另选上级。")
        if kind and self.instance.pk:
            below = [child for child in self.instance.children.all() if LEVELS.index(child.kind) <= LEVELS.index(kind)]
            if below:
                names = "、".join(child.name for child in below)
                self.add_error("kind", f"它的下级有{names}，类别不能改为{Committee.Kind(kind).label}。")
        if parent and self.instance.pk and parent.pk != self.instance.parent_id:
            self._check_codes(parent)
        return data

    def _check_codes(self, parent: Committee) -> None:
        """Two trees that become one have no branch code in common."""
        mine = with_subtrees({self.instance.pk})
        tree = Committee.objects.beside(parent.pk).exclude(pk__in=mine).values("pk")
        there = Branch.objects.filter(committee__in=tree).values("code")
        same = Branch.objects.filter(committee__in=mine, code__in=there).order_by("code").values_list("code", flat=True)
        if same:
            codes = "、".join(list(same)[:10])
            self.add_error("parent", f"支部代码 {codes} 在那里已有别的支部使用，请先改成不同的代码。")


# ------------------------------------------------------------------------------------------------------------ members


class MemberFilter(FilterForm):
    """Conditions of the list of members."""

    q = forms.CharField(
        label="姓名、拼音或工号", required=False, max_length=50, widget=forms.TextInput(attrs={"type": "search"})
    )
    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部党支部")
    category = forms.ChoiceField(
        label="人员类别",
        required=False,
        choices=[
            ("", "全部在册党员"), ("full", "正式党员"), ("probationary", "预备党员"),
            ("cadre", "处级以上党员领导干部"), ("retired", "离退休"), ("mobile", "流动党员"),
            ("absent", "长期不能参加活动"),
        ],
    )  # fmt: skip
    on = DayField(
        label="哪一天的名册", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, branches: QuerySet[Branch], with_left: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
        if with_left:
            self.fields["category"].choices += [("left", "已转出")]  # type: ignore[attr-defined]


class DayFilter(FilterForm):
    """The day of which a roster is shown."""

    on = DayField(
        label="哪一天的名册", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )


class MemberForm(PersonalFields, SeenForm):
    """A member's facts; ID number and phone are sealed."""

    joined_on = DayField(label="入党日期", required=False)
    confirmed_on = DayField(label="转正日期", required=False, help_text="预备党员留空。")
    retired_on = DayField(label="离退休日期", required=False, help_text="在职的留空。")
    mobile_from_on = DayField(
        label="流动党员，自", required=False, help_text="外出半年以上、保留组织关系的；返回后清空。"
    )
    absent_from_on = DayField(
        label="长期不能参加活动，自", required=False, help_text="因年老体弱等原因；不填原因。恢复参加后清空。"
    )

    class Meta:
        model = Member
        fields = [
            "staff_number", "name", "joined_on", "confirmed_on", "job_title", "is_leading_cadre", "retired_on",
            "mobile_from_on", "mobile_place", "absent_from_on",
        ]  # fmt: skip

    field_order = [
        "staff_number", "name", "id_number", "forget_id_number", "phone", "forget_phone", "joined_on", "confirmed_on",
    ]  # fmt: skip

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_up_personal(access)

    def clean_staff_number(self) -> str:
        try:
            number = staff_number_of(("text", self.cleaned_data["staff_number"]))
        except Unreadable as problem:
            raise forms.ValidationError(f"{problem.reason}，请{problem.cure}。") from problem
        if self.instance.pk and number != self.instance.staff_number and self._holds_a_right():
            raise forms.ValidationError("工号是登录的凭据：任办公室或三员职务的，请先由安全管理员收回权限，再改。")
        others = Member.objects.filter(staff_number=number).exclude(pk=self.instance.pk)
        other = others.select_related("merged_into").first()
        if other is None:
            return number
        if other.merged_into:
            raise forms.ValidationError(f"工号 {number} 的条目已并入工号 {other.merged_into.staff_number}，请用后者。")
        if not Member.objects.filter(kept(self.access), pk=other.pk).exists():
            raise forms.ValidationError("这个工号已登记在其他机关党委，请核对工号，或请对方先办理转出。")
        branch = other.branch_on(self.access.on)
        where = branch.name if branch else "已转出"
        raise forms.ValidationError(f"工号 {number} 已登记为{other.name}（{where}），请在党员名册中找到后办理。")

    def _holds_a_right(self) -> bool:
        """Whether the member holds, or will hold, a post that the security administrator gives."""
        standing = Q(until_on__isnull=True) | Q(until_on__gt=self.access.on)
        return self.instance.posts.filter(standing, kind__in=(Post.Kind.OFFICE, *Post.ADMINISTRATORS)).exists()

    def clean_name(self) -> str:
        name = clean_name(self.cleaned_data["name"])
        if not is_name(name):
            raise forms.ValidationError("姓名为2至50个字，不含数字；少数民族姓名用“·”分隔。")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        joined, confirmed = data.get("joined_on"), data.get("confirmed_on")
        if joined and joined > self.access.on:
            self.add_error("joined_on", "入党日期还没有到，请核对。")
        if joined and confirmed and confirmed < joined:
            self.add_error("confirmed_on", f"转正日期不能早于入党日期 {joined}，请核对。")
        for name in ("mobile_from_on", "absent_from_on"):
            if data.get(name) and data[name] > self.access.on:
                self.add_error(name, "这一天还没有到，请在当天以后登记。")
        if data.get("mobile_place") and not data.get("mobile_from_on") and "mobile_from_on" in data:
            self.add_error("mobile_from_on", "填了流动去向，请填写从哪一天起；不是流动党员的，请清空去向。")
        self.weigh(data)
        return data

    def save(self, commit: bool = True) -> Member:
        """Only what this form asks is written: a phone that its owner changed meanwhile stays."""
        changed = self.put_personal()
        if not self.instance.pk:
            return super().save(commit)
        self.instance.save(update_fields=[*self.Meta.fields, "name_key", *changed])
        return self.instance


class NewMemberForm(MemberForm):
    """A member's facts, with the branch joined and the day from which."""

    branch = forms.ModelChoiceField(Branch.objects.none(), label="所在党支部", empty_label="请选择")
    group = forms.ChoiceField(label="所在党小组", required=False)
    from_on = DayField(label="从哪一天起", help_text="从这一天起列入支部名册，计入应到人数。")

    field_order = ["staff_number", "name", "branch", "group", "from_on", "id_number", "phone"]

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, access=access, **kwargs)
        branches = office_branches(access)
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
        self.fields["group"].choices = group_choices(branches)  # type: ignore[attr-defined]
        self.initial.setdefault("from_on", access.on)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        branch, day = data.get("branch"), data.get("from_on")
        if day and day > self.access.on:
            self.add_error("from_on", "这一天还没有到，请在当天以后登记。")
        elif branch and day and (reason := branch_exists_on(branch, day)):
            self.add_error("from_on", reason)
        data["group"] = _group_in(self, branch, data.get("group"))
        return data

    def save(self, commit: bool = True) -> Member:
        member = super().save(commit)
        data = self.cleaned_data
        Membership.objects.create(member=member, branch=data["branch"], group=data["group"], from_on=data["from_on"])
        return member


def _group_in(form: forms.BaseForm, branch: Branch | None, group_id: str | None) -> PartyGroup | None:
    """The chosen group; an error at its field if it is another branch's."""
    if not group_id or branch is None:
        return None
    group = PartyGroup.objects.filter(pk=group_id, branch=branch).first()
    if group is None:
        form.add_error("group", f"这个党小组不在{branch.name}，请重新选择。")
    return group


class TransferForm(PortalForm):
    """Where a member belongs from a day on: another branch, another group, or nowhere here any more."""

    OUT = "out"

    to = forms.ChoiceField(label="转到")
    group = forms.ChoiceField(label="所在党小组", required=False)
    on = DayField(label="从哪一天起", help_text="前一天仍在原支部。原支部的职务同日终止。")

    def __init__(self, *args: Any, access: Access, member: Member, **kwargs: Any) -> None:
        kwargs["initial"] = {"on": access.on, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.member = member
        self.branches = office_branches(access)
        named = [(str(pk), name) for pk, name in self.branches.values_list("pk", "name")]
        here = member.memberships.filter(on_day(access.on)).exists()
        out = [(self.OUT, "转出：不再属于本党委的支部")] if here else []
        self.fields["to"].choices = [("", "请选择"), *named, *out]  # type: ignore[attr-defined]
        self.fields["group"].choices = group_choices(self.branches)  # type: ignore[attr-defined]
        self.current: Membership | None = None
        self.ending: list[Post] = []

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        day, to = data.get("on"), data.get("to")
        if not day or not to:
            return data
        branch = None if to == self.OUT else self.branches.get(pk=to)
        data["branch"], data["group"] = branch, _group_in(self, branch, data.get("group"))
        later = self.member.memberships.filter(from_on__gt=day).select_related("branch").first()
        if later:
            self.add_error("on", f"已登记自 {later.from_on} 起转入{later.branch.name}，日期须晚于这一天。")
            return data
        if branch and (reason := branch_exists_on(branch, day)):
            self.add_error("on", reason)
        self.current = self.member.memberships.filter(on_day(day)).select_related("branch", "group").first()
        if self.current is None:
            last = self.member.memberships.order_by("-from_on").first()
            if to == self.OUT:
                self.add_error("to", "这一天已不在任何支部，无需转出。")
            elif last and last.until_on and last.until_on > day:
                self.add_error("on", f"须不早于上次转出的日期 {last.until_on}。")
            return data
        self._check_against(self.current, branch, data["group"], day)
        return data

    def _check_against(self, current: Membership, branch: Branch | None, group: PartyGroup | None, day: date) -> None:
        same_branch = branch is not None and branch.pk == current.branch_id
        if same_branch and (group.pk if group else None) == current.group_id:
            self.add_error("to", "已经在这个支部和小组，没有变动。")
        if current.until_on:
            self.add_error("on", f"已登记于 {current.until_on} 转出{current.branch.name}，请改用这一天或以后的日期。")
        if branch is None and current.from_on == day:
            self.add_error("on", f"当天才转入{current.branch.name}，转出日期须晚于 {day}。")
        if same_branch:
            return
        self.ending = list(
            self.member.posts.filter(Q(until_on__isnull=True) | Q(until_on__gt=day), branch=current.branch_id)
        )
        for post in self.ending:
            if post.from_on >= day:
                label = post.get_kind_display()
                self.add_error("on", f"在原支部任{label}自 {post.from_on} 起，转接日期须晚于这一天。")

    def save(self) -> None:
        """End the old and begin the new; what began on the very same day is put right instead."""
        day, branch, group = self.cleaned_data["on"], self.cleaned_data["branch"], self.cleaned_data["group"]
        Post.objects.filter(pk__in=[post.pk for post in self.ending]).update(until_on=day)
        if self.current and self.current.from_on == day:
            Membership.objects.filter(pk=self.current.pk).update(branch=branch, group=group)
            return
        if self.current:
            Membership.objects.filter(pk=self.current.pk).update(until_on=day)
        if branch:
            Membership.objects.create(member=self.member, branch=branch, group=group, from_on=day)


# -------------------------------------------------------------------------------------------------------------- posts


class PostEndForm(PortalForm):
    """The day from which a post at the committee is no longer held."""

    until_on = DayField(label="离任日期", help_text="从这一天起不再有相应的权限；前一天为任职的最后一天。")

    def __init__(self, *args: Any, access: Access, post: Post, **kwargs: Any) -> None:
        kwargs["initial"] = {"until_on": access.on, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.post = post

    def clean_until_on(self) -> date:
        day = self.cleaned_data["until_on"]
        if day <= self.post.from_on:
            raise forms.ValidationError(f"离任日期须晚于任职日期 {self.post.from_on}。")
        return day


def topmost(committees: Iterable[Committee]) -> Committee | None:
    """The one that the others stand below: what is proposed where one of several is to be chosen."""
    known = {committee.pk: committee for committee in committees}
    return next((one for one in known.values() if one.parent_id not in known), None)


class CommitteePostForm(PortalForm):
    """Who inspects for the committee, from a day on; who works in its office is the security administrator's to say."""

    KINDS = (Post.Kind.INSPECTOR,)

    committee = forms.ModelChoiceField(Committee.objects.none(), label="党组织", empty_label="请选择")
    staff_number = forms.CharField(label="工号", max_length=30, help_text="须是名册中的党员。")
    from_on = DayField(label="任职日期", help_text="从这一天起有相应的权限。")

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        kwargs["initial"] = {"from_on": access.on, "committee": access.committee, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.access = access
        committees = Committee.objects.filter(pk__in=access.office_of).order_by("pk")
        self.fields["committee"].queryset = committees  # type: ignore[attr-defined]
        if len(committees) == 1:
            self.fields["committee"].empty_label = None  # type: ignore[attr-defined]
        self.fields["committee"].initial = topmost(committees)

    def clean_staff_number(self) -> str:
        number = normal_staff_number(self.cleaned_data["staff_number"])
        member = Member.objects.visible_to(self.access).filter(staff_number=number).first()
        if member is None:
            raise forms.ValidationError(f"名册中没有工号 {number[:30]}，请核对，或先登记这名党员。")
        self.cleaned_data["member"] = member
        return number

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if all(data.get(name) for name in ("member", "committee", "from_on")):
            member, kind = data["member"], Post.Kind.INSPECTOR
            later = Q(until_on__isnull=True) | Q(until_on__gt=data["from_on"])
            if exclusive({kind, *Post.objects.filter(later, member=member).values_list("kind", flat=True)}):
                self.add_error("staff_number", f"{member.name}是系统、安全或审计管理员，不能兼任其他职务。")
            already = Post.objects.filter(
                Q(until_on__isnull=True) | Q(until_on__gt=data["from_on"]),
                member=member, committee=data["committee"], kind=kind,
            ).first()  # fmt: skip
            if already:
                self.add_error("staff_number", f"{data['member'].name}已自 {already.from_on} 起担任此职务。")
        return data

    def save(self) -> Post:
        data = self.cleaned_data
        return Post.objects.create(
            member=data["member"], kind=Post.Kind.INSPECTOR, committee=data["committee"], from_on=data["from_on"]
        )


# -------------------------------------------------------------------------------------------------------------- import


class RosterUploadForm(PortalForm):
    """A roster workbook, and the day from which its changes take effect."""

    committee = forms.ModelChoiceField(Committee.objects.none(), label="党组织", empty_label="请选择")
    file = forms.FileField(
        label="名册文件",
        help_text="Excel 工作簿（.xlsx），不超过5000行。列的顺序不限，表头上面可以有标题行。",
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx"}),
    )
    effective_on = DayField(
        label="变动从哪一天起",
        help_text="新党员从这一天列入名册，转支部、任职也从这一天起。首次导入可填年初或更早。",
    )

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        kwargs["initial"] = {"effective_on": access.on, "committee": access.committee, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.access = access
        committees = Committee.objects.filter(pk__in=access.office_of).order_by("pk")
        self.fields["committee"].queryset = committees  # type: ignore[attr-defined]
        if len(committees) == 1:
            self.only: Committee | None = committees[0]
            del self.fields["committee"]
        else:
            self.only = None
            self.fields["committee"].initial = topmost(committees)

    def clean(self) -> dict[str, Any]:
        if self.only:
            self.cleaned_data["committee"] = self.only
        return self.cleaned_data

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(f"文件超过 {MAX_BYTES // 2**20} MB，请删去图片和无关的工作表后再上传。")
        return file

    def clean_effective_on(self) -> date:
        day = self.cleaned_data["effective_on"]
        if day > self.access.on:
            raise forms.ValidationError("这一天还没有到，请在当天以后导入。")
        return day
