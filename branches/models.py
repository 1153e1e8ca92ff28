"""Who: committees, branches, party groups, members, the posts they hold, and the accounts they log in with."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from pypinyin import Style, lazy_pinyin

from branches.constraints import both_or_neither, in_order

if TYPE_CHECKING:
    from branches.access import Access

# Below this number of full members a branch has no branch committee (支部工作条例).
COMMITTEE_FROM = 7

# pypinyin reads a character in its commonest way; as surnames these are read otherwise.
SURNAMES = {
    "曾": "zeng", "单": "shan", "仇": "qiu", "区": "ou", "解": "xie", "查": "zha", "翟": "zhai", "朴": "piao",
    "盖": "ge", "任": "ren", "华": "hua", "尉迟": "yuchi", "长孙": "zhangsun", "万俟": "moqi", "乐": "yue", "覃": "qin",
}  # fmt: skip


def normal_staff_number(text: str) -> str:
    """One spelling for one staff number: full-width to half-width, no blanks, lower case."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def sort_key(name: str) -> str:
    """Pinyin of a name, for sorting and search: 单雄信 → 'shan xiong xin'; at most 200 characters."""
    for surname, reading in SURNAMES.items():
        if name.startswith(surname):
            return " ".join([reading, *lazy_pinyin(name[len(surname) :])])[:200]
    return " ".join(lazy_pinyin(name, style=Style.NORMAL))[:200]


def on_day(day: date, prefix: str = "") -> Q:
    """Rows whose term (from, until; until is the first day no longer in it) holds `day`."""
    return Q(**{f"{prefix}from_on__lte": day}) & (
        Q(**{f"{prefix}until_on__isnull": True}) | Q(**{f"{prefix}until_on__gt": day})
    )


class Committee(models.Model):
    """A committee (机关党委): issues plans and has an office that receives what branches file."""

    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级党组织"
    )
    name = models.CharField("名称", max_length=80)
    short_name = models.CharField("简称", max_length=30)
    code = models.CharField("机关代字", max_length=20, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "机关党委"
        constraints = [models.UniqueConstraint(fields=["name"], name="committee_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def office_name(self) -> str:
        return f"{self.short_name}办公室"


def with_subtrees(committee_ids: set[int]) -> frozenset[int]:
    """The committees and everything below them; one query, however deep the tree."""
    if not committee_ids:
        return frozenset()
    children: dict[int | None, list[int]] = {}
    for pk, parent in Committee.objects.values_list("pk", "parent_id"):
        children.setdefault(parent, []).append(pk)
    found: set[int] = set()
    todo = list(committee_ids)
    while todo:
        pk = todo.pop()
        if pk not in found:
            found.add(pk)
            todo.extend(children.get(pk, []))
    return frozenset(found)


class BranchQuerySet(models.QuerySet["Branch"]):
    def existing_on(self, day: date) -> BranchQuerySet:
        return self.filter(founded_on__lte=day).filter(Q(closed_on__isnull=True) | Q(closed_on__gt=day))

    def visible_to(self, access: Access) -> BranchQuerySet:
        return self.filter(Q(committee__in=access.sees_committees) | Q(pk__in=access.branches))

    def with_full_members(self, day: date) -> BranchQuerySet:
        """Annotates `full_members`: members with a vote on the roster of `day`."""
        return self.annotate(
            full_members=models.Count(
                "memberships",
                filter=on_day(day, "memberships__") & Q(memberships__member__confirmed_on__lte=day),
                distinct=True,
            )
        )


class Branch(models.Model):
    """A branch (党支部) of a committee."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="branches", verbose_name="所属党委")
    name = models.CharField("支部名称", max_length=80)
    code = models.CharField("支部代码", max_length=8, help_text="用于回执号，如 03。")
    theme_day = models.CharField("主题党日固定日", max_length=30, blank=True, help_text="如“每月第二个星期五”。")
    founded_on = models.DateField("成立日期")
    closed_on = models.DateField("撤销日期", null=True, blank=True)

    objects = BranchQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党支部"
        ordering = ["committee", "code"]
        constraints = [
            models.UniqueConstraint(fields=["committee", "code"], name="branch_code_once"),
            models.UniqueConstraint(fields=["committee", "name"], name="branch_name_once"),
            models.CheckConstraint(condition=in_order("founded_on", "closed_on"), name="branch_closed_after_founded"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("branches:branch_detail", args=[self.pk])

    def roster(self, day: date) -> MemberQuerySet:
        """The members who belong to this branch on `day`, by pinyin."""
        return Member.objects.filter(
            Exists(Membership.objects.filter(on_day(day), branch=self, member=OuterRef("pk")))
        ).order_by("name_key", "pk")

    def has_committee(self, day: date) -> bool:
        return self.roster(day).full_on(day).count() >= COMMITTEE_FROM

    def holder(self, kind: str, day: date) -> Member | None:
        """Who holds the post on `day`, if anybody."""
        return Member.objects.filter(on_day(day, "posts__"), posts__branch=self, posts__kind=kind).first()


class PartyGroup(models.Model):
    """A party group (党小组) inside a branch."""

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="groups", verbose_name="党支部")
    name = models.CharField("小组名称", max_length=40)

    class Meta:
        verbose_name = verbose_name_plural = "党小组"
        ordering = ["branch", "name"]
        constraints = [models.UniqueConstraint(fields=["branch", "name"], name="group_name_once")]

    def __str__(self) -> str:
        return self.name


class MemberQuerySet(models.QuerySet["Member"]):
    def full_on(self, day: date) -> MemberQuerySet:
        return self.filter(confirmed_on__lte=day)

    def visible_to(self, access: Access) -> MemberQuerySet:
        """Oneself; the branch's roster for those who lead it; the subtree for the office."""
        there = Membership.objects.filter(on_day(access.on), member=OuterRef("pk")).filter(
            Q(branch__in=access.leads) | Q(branch__committee__in=access.sees_committees)
        )
        return self.filter(Q(pk=access.member_id) | Exists(there))

    def with_branch(self, day: date) -> MemberQuerySet:
        """Annotates `branch_name` and `group_name` of the roster of `day`."""
        current = Membership.objects.filter(on_day(day), member=OuterRef("pk"))
        return self.annotate(
            branch_name=models.Subquery(current.values("branch__name")[:1]),
            group_name=models.Subquery(current.values("group__name")[:1]),
        )


class Member(models.Model):
    """A Party member (党员), full or probationary; the staff number is the key."""

    staff_number = models.CharField("工号", max_length=30)
    name = models.CharField("姓名", max_length=50)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    job_title = models.CharField("行政职务", max_length=60, blank=True)
    joined_on = models.DateField("入党日期", null=True, blank=True)
    confirmed_on = models.DateField("转正日期", null=True, blank=True, help_text="预备党员留空。")
    is_leading_cadre = models.BooleanField("处级以上党员领导干部", default=False)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党员"
        ordering = ["name_key", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["staff_number"], name="member_staff_number_once"),
            models.CheckConstraint(
                condition=Q(confirmed_on__isnull=True)
                | Q(joined_on__isnull=True)
                | Q(confirmed_on__gte=F("joined_on")),
                name="member_confirmed_after_joined",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.staff_number = normal_staff_number(self.staff_number)
        self.name_key = sort_key(self.name)
        super().save(*args, **kwargs)

    def is_full(self, day: date) -> bool:
        return self.confirmed_on is not None and self.confirmed_on <= day

    def category(self, day: date) -> str:
        return "正式党员" if self.is_full(day) else "预备党员"

    def branch_on(self, day: date) -> Branch | None:
        membership = self.memberships.filter(on_day(day)).select_related("branch__committee").first()
        return membership.branch if membership else None


class Membership(models.Model):
    """A member belongs to a branch from a day until a day; history stays with the branch of its time."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="memberships", verbose_name="党员")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="memberships", verbose_name="党支部")
    group = models.ForeignKey(
        PartyGroup, models.PROTECT, null=True, blank=True, related_name="memberships", verbose_name="党小组"
    )
    from_on = models.DateField("起")
    until_on = models.DateField("止", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "组织关系"
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until_on__isnull=True), name="membership_one_current"
            ),
            models.CheckConstraint(condition=in_order("from_on", "until_on"), name="membership_until_after_from"),
        ]
        indexes = [models.Index(fields=["branch", "from_on", "until_on"], name="membership_roster")]

    def __str__(self) -> str:
        return f"{self.member} {self.branch}"


class Post(models.Model):
    """A member holds a post in a branch or committee from a day until a day; rights come from nothing else."""

    class Kind(models.TextChoices):
        SECRETARY = "secretary", "支部书记"
        DEPUTY = "deputy", "支部副书记"
        ORGANIZATION = "organization", "组织委员"
        PUBLICITY = "publicity", "宣传委员"
        DISCIPLINE = "discipline", "纪检委员"
        GROUP_LEADER = "group_leader", "党小组组长"
        OFFICE = "office", "机关党委办公室"
        INSPECTOR = "inspector", "督查人员"
        AUDITOR = "auditor", "审计管理员"
        SYSADMIN = "sysadmin", "系统管理员"

    IN_BRANCH = (
        Kind.SECRETARY, Kind.DEPUTY, Kind.ORGANIZATION, Kind.PUBLICITY, Kind.DISCIPLINE, Kind.GROUP_LEADER
    )  # fmt: skip

    member = models.ForeignKey(Member, models.PROTECT, related_name="posts", verbose_name="党员")
    kind = models.CharField("职务", max_length=20, choices=Kind)
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="posts")
    committee = models.ForeignKey(Committee, models.PROTECT, null=True, blank=True, related_name="posts")
    from_on = models.DateField("任职日期")
    until_on = models.DateField("离任日期", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "职务"
        constraints = [
            models.CheckConstraint(
                condition=Q(branch__isnull=False, committee__isnull=True)
                | Q(branch__isnull=True, committee__isnull=False),
                name="post_in_branch_or_committee",
            ),
            models.CheckConstraint(condition=in_order("from_on", "until_on"), name="post_until_after_from"),
            models.UniqueConstraint(
                fields=["branch"],
                condition=Q(kind="secretary", until_on__isnull=True),
                name="post_one_secretary",
            ),
        ]
        indexes = [models.Index(fields=["member", "kind"], name="post_of_member")]

    def __str__(self) -> str:
        return f"{self.member} {self.get_kind_display()}"


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(staff_number=normal_staff_number(username or ""))

    def open_for(self, member: Member, password: str, *, must_change: bool = True) -> User:
        """The member's account with this password; an account that exists gets the new password."""
        user = self.filter(member=member).first() or User(member=member)
        user.staff_number = member.staff_number
        user.must_change_password = must_change
        user.is_active = True
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """An account: how a member logs in. It carries no rights; the member's posts do."""

    member = models.OneToOneField(Member, models.PROTECT, related_name="user", verbose_name="党员")
    staff_number = models.CharField("工号", max_length=30, unique=True)
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField("下次登录须修改密码", default=True)
    opened_at = models.DateTimeField("开通时间", null=True, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "staff_number"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = verbose_name_plural = "账号"

    def __str__(self) -> str:
        return self.staff_number

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.staff_number = normal_staff_number(self.staff_number)
        super().save(*args, **kwargs)


class RosterImport(models.Model):
    """A roster workbook that was read and previewed; it is committed whole, if nothing changed meanwhile."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="roster_imports")
    file_name = models.CharField("文件名", max_length=120)
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField("上传时间")
    rows = models.JSONField("内容")
    roster_mark = models.CharField("预览时名册的指纹", max_length=64)
    committed_at = models.DateTimeField("写入时间", null=True, blank=True)
    committed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "名册导入"
        constraints = [
            models.CheckConstraint(
                condition=both_or_neither("committed_at", "committed_by"), name="roster_import_committed_whole"
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("branches:roster_preview", args=[self.pk])


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def visible_to(self, access: Access) -> AuditEventQuerySet:
        """What an auditor reads: the events of the committees audited, and those that belong to no committee."""
        if not access.audits:
            return self.none()
        return self.filter(Q(committee__in=access.audits) | Q(committee__isnull=True))


class AuditEvent(models.Model):
    """Something that somebody did, was refused or looked at; only ever added, by `branches.audit`."""

    class Kind(models.TextChoices):
        LOGIN = "login", "登录"
        REFUSED = "refused", "拒绝"
        WRITE = "write", "办理"
        RIGHTS = "rights", "职务与账号"
        SETTING = "setting", "设置"
        EXPORT = "export", "导出"
        REVEAL = "reveal", "查看敏感信息"

    seq = models.PositiveBigIntegerField("序号", unique=True)
    at = models.DateTimeField("时间")
    kind = models.CharField("类别", max_length=10, choices=Kind)
    what = models.CharField("事项", max_length=60)
    ok = models.BooleanField("成功", default=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="audit_events", verbose_name="操作人")
    actor_name = models.CharField("操作人", max_length=100, blank=True)
    roles = models.CharField("身份", max_length=100, blank=True)
    committee = models.ForeignKey(Committee, models.PROTECT, null=True, related_name="audit_events")
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    object_name = models.CharField("对象", max_length=120, blank=True)
    ip = models.GenericIPAddressField("地址", null=True)
    request_id = models.CharField("请求编号", max_length=32, blank=True)
    detail = models.JSONField("详情", default=dict)
    key_id = models.CharField(max_length=10)
    prev = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "审计日志"
        indexes = [
            models.Index(fields=["committee", "-seq"], name="audit_of_committee"),
            models.Index(fields=["actor", "-seq"], name="audit_of_actor"),
            models.Index(fields=["object_type", "object_id"], name="audit_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.what}"


class AuditHead(models.Model):
    """The end of the chain, one row: whoever appends holds it, so that no two events follow the same one."""

    seq = models.PositiveBigIntegerField()
    mac = models.CharField(max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "审计链头"
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="audit_one_head")]

    def __str__(self) -> str:
        return str(self.seq)
