"""Who: committees, branches, party groups, members, the posts they hold, and the accounts they log in with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils.timezone import localtime
from pypinyin import Style, lazy_pinyin

from branches.constraints import both_or_neither, in_order
from branches.hints import COMMITTEE_FROM as COMMITTEE_FROM

if TYPE_CHECKING:
    from branches.access import Access

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


class CommitteeQuerySet(models.QuerySet["Committee"]):
    """The tree has three levels (校党委, 机关党委, 党总支), so both ways are asked within one query."""

    def under(self, pk: int) -> CommitteeQuerySet:
        """The committee and those below it."""
        return self.filter(Q(pk=pk) | Q(parent=pk) | Q(parent__parent=pk))

    def over(self, pk: int) -> CommitteeQuerySet:
        """The committee and those above it, annotated with `steps`: how many levels up."""
        ways = ({"pk": pk}, {"children": pk}, {"children__children": pk})
        either = Q(*(Q(**way) for way in ways), _connector=Q.OR)
        steps = models.Case(*(models.When(**way, then=models.Value(n)) for n, way in enumerate(ways)))
        return self.filter(either).annotate(steps=steps).distinct()

    def over_any(self, ids: Iterable[int]) -> CommitteeQuerySet:
        """These committees and those above any of them."""
        ids = list(ids)
        ways = ({"pk__in": ids}, {"children__in": ids}, {"children__children__in": ids})
        return self.filter(Q(*(Q(**way) for way in ways), _connector=Q.OR)).distinct()

    def beside(self, pk: int) -> CommitteeQuerySet:
        """All committees of the same tree."""
        furthest: tuple[str, ...] = ("-steps",)
        top = self.over(pk).order_by(*furthest).values_list("pk", flat=True)[:1]
        return self.under(next(iter(top), pk))


class Committee(models.Model):
    """A committee of the tree (校党委, 机关党委, 党总支): issues plans, and its office receives what branches file."""

    class Kind(models.TextChoices):
        UNIVERSITY = "university", "校党委"
        COMMITTEE = "committee", "机关党委"
        GENERAL = "general", "党总支"

    kind = models.CharField("类别", max_length=10, choices=Kind, default=Kind.COMMITTEE)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级党组织"
    )
    name = models.CharField("名称", max_length=80)
    short_name = models.CharField("简称", max_length=30)
    code = models.CharField("机关代字", max_length=20, blank=True)

    objects = CommitteeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "机关党委"
        constraints = [
            models.UniqueConstraint(fields=["name"], name="committee_name_once"),
            models.CheckConstraint(condition=~Q(parent=F("pk")), name="committee_not_its_own_parent"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def office_name(self) -> str:
        return f"{self.short_name}办公室"


def committee_tree() -> dict[int | None, list[int]]:
    """The children of each committee; one query."""
    children: dict[int | None, list[int]] = {}
    for pk, parent in Committee.objects.values_list("pk", "parent_id"):
        children.setdefault(parent, []).append(pk)
    return children


def with_subtrees(committee_ids: set[int], children: dict[int | None, list[int]] | None = None) -> frozenset[int]:
    """The committees and everything below them; one query, however deep the tree, or none where it is given."""
    if not committee_ids:
        return frozenset()
    if children is None:
        children = committee_tree()
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
    """A branch (党支部) of a committee; a joint one (联合党支部) serves several units."""

    class Kind(models.TextChoices):
        ORDINARY = "ordinary", "党支部"
        JOINT = "joint", "联合党支部"
        TEMPORARY = "temporary", "临时党支部"

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="branches", verbose_name="所属党委")
    name = models.CharField("支部名称", max_length=80)
    code = models.CharField("支部代码", max_length=8, help_text="用于回执号，如 03。")
    kind = models.CharField("支部类型", max_length=10, choices=Kind, default=Kind.ORDINARY)
    units = models.CharField(
        "联合单位", max_length=200, blank=True, help_text="联合党支部由哪些单位组成，用“、”分隔；一般不超过5个。"
    )
    theme_day = models.CharField("主题党日固定日", max_length=30, blank=True, help_text="如“每月第二个星期五”。")
    elected_on = models.DateField("本届选举日期", null=True, blank=True, help_text="用于提前提醒换届。")
    term_years = models.PositiveSmallIntegerField("每届任期（年）", default=3)
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
            models.CheckConstraint(condition=Q(term_years__gte=1, term_years__lte=5), name="branch_term_1_to_5_years"),
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
        return self.filter(visible(access))

    def with_branch(self, day: date) -> MemberQuerySet:
        """Annotates `branch_name` and `group_name` of the roster of `day`."""
        current = Membership.objects.filter(on_day(day), member=OuterRef("pk"))
        return self.annotate(
            branch_name=models.Subquery(current.values("branch__name")[:1]),
            group_name=models.Subquery(current.values("group__name")[:1]),
        )


def visible(access: Access) -> Q:
    """The rule of `visible_to`, to be asked of many accesses at once (`branches.sight`)."""
    there = Membership.objects.filter(on_day(access.on), member=OuterRef("pk")).filter(
        Q(branch__in=access.leads) | Q(branch__committee__in=access.sees_committees)
    )
    return Q(pk=access.member_id) | Q(Exists(there))


class Member(models.Model):
    """A Party member (党员), full or probationary; the staff number is the key."""

    staff_number = models.CharField("工号", max_length=30)
    name = models.CharField("姓名", max_length=50)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    job_title = models.CharField("行政职务", max_length=60, blank=True)
    joined_on = models.DateField("入党日期", null=True, blank=True)
    confirmed_on = models.DateField("转正日期", null=True, blank=True, help_text="预备党员留空。")
    is_leading_cadre = models.BooleanField("处级以上党员领导干部", default=False)
    retired_on = models.DateField("离退休日期", null=True, blank=True)
    mobile_from_on = models.DateField("流动党员，自", null=True, blank=True, help_text="外出半年以上、保留组织关系的。")
    mobile_place = models.CharField("流动去向", max_length=60, blank=True, help_text="写到市县即可，如“陕西省榆林市”。")
    absent_from_on = models.DateField("长期不能参加活动，自", null=True, blank=True, help_text="不填原因。")
    # Kept as `branches.secrets` seals them; found again by an index that tells nothing about the number.
    id_number_sealed = models.TextField(blank=True, default="", editable=False)
    id_number_index = models.CharField(max_length=64, blank=True, default="", editable=False, db_index=True)
    phone_sealed = models.TextField(blank=True, default="", editable=False)
    phone_index = models.CharField(max_length=64, blank=True, default="", editable=False, db_index=True)
    # An entry that turned out to be somebody entered twice: it stays, empty of memberships, and leads to the other.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="merged", verbose_name="已并入"
    )

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党员"
        ordering = ["name_key", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["staff_number"], name="member_staff_number_once"),
            models.UniqueConstraint(
                fields=["id_number_index"],
                condition=~Q(id_number_index="") & Q(merged_into__isnull=True),
                name="member_id_number_once",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_on__isnull=True)
                | Q(joined_on__isnull=True)
                | Q(confirmed_on__gte=F("joined_on")),
                name="member_confirmed_after_joined",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("pk")), name="member_not_merged_into_itself"),
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

    def signs(self, day: date) -> list[str]:
        """What sets the member apart on that day, for those who read the entry: retired, mobile, long absent."""
        dated = ((self.retired_on, "离退休"), (self.mobile_from_on, "流动"), (self.absent_from_on, "长期不能参加"))
        return [sign for since, sign in dated if since and since <= day]

    def branch_on(self, day: date) -> Branch | None:
        membership = self.memberships.filter(on_day(day)).select_related("branch__committee").first()
        return membership.branch if membership else None


class NotDuplicate(models.Model):
    """Two entries that look like one person's and were found to be two people's: they are not proposed again."""

    first = models.ForeignKey(Member, models.CASCADE, related_name="+")
    second = models.ForeignKey(Member, models.CASCADE, related_name="+")
    said_at = models.DateTimeField("认定时间")
    said_by = models.ForeignKey("User", models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "不是同一人"
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="not_duplicate_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="not_duplicate_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first} ≠ {self.second}"


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
        SECURITY = "security", "安全管理员"

    # The three administrators: nobody holds two of them, or one of them and a post of the Party's work (`exclusion`).
    ADMINISTRATORS = (Kind.SYSADMIN, Kind.SECURITY, Kind.AUDITOR)

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


class User(AbstractBaseUser):
    """An account: how a member logs in. It carries no rights; the member's posts do."""

    member = models.OneToOneField(Member, models.PROTECT, related_name="user", verbose_name="党员")
    staff_number = models.CharField("工号", max_length=30, unique=True)
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField("下次登录须修改密码", default=True)
    opened_at = models.DateTimeField("开通时间", null=True, blank=True)
    # The code on the slip of paper, of which only the digest is kept, and until when it opens the account.
    activation_mac = models.CharField(max_length=64, blank=True, default="")
    activation_until_at = models.DateTimeField("激活码有效期至", null=True, blank=True)
    password_at = models.DateTimeField("密码设置时间", null=True, blank=True)
    privacy_version = models.CharField("已阅读的隐私告知", max_length=10, blank=True, default="")
    privacy_at = models.DateTimeField("阅读隐私告知时间", null=True, blank=True)
    # The second factor: the secret as `branches.secrets` seals it, since when, and the last time step that was used.
    totp_sealed = models.TextField(blank=True, default="")
    totp_at = models.DateTimeField("启用两步验证时间", null=True, blank=True)
    totp_step = models.BigIntegerField(default=0)

    objects = UserManager()

    USERNAME_FIELD = "staff_number"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = verbose_name_plural = "账号"
        constraints = [
            models.CheckConstraint(
                condition=Q(privacy_version="") | Q(privacy_at__isnull=False),
                name="user_privacy_with_time",
            ),
        ]

    def __str__(self) -> str:
        return self.staff_number

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.staff_number = normal_staff_number(self.staff_number)
        super().save(*args, **kwargs)


class OldPassword(models.Model):
    """A password that an account had, hashed as it was: the last five are not taken again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="old_passwords")
    password = models.CharField(max_length=128)
    until_at = models.DateTimeField("停用时间")

    class Meta:
        verbose_name = verbose_name_plural = "用过的密码"
        ordering = ["-until_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.user} {self.until_at}"


class RecoveryCode(models.Model):
    """A code on paper that stands in for the second factor once."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    mac = models.CharField(max_length=64)
    used_at = models.DateTimeField("使用时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "恢复码"
        constraints = [models.UniqueConstraint(fields=["user", "mac"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"{self.user} {'已用' if self.used_at else '可用'}"


class KnownDevice(models.Model):
    """A browser on which the account has logged in before: others' wrong guesses do not keep it out."""

    user = models.ForeignKey(User, models.CASCADE, related_name="known_devices")
    mac = models.CharField(max_length=64, unique=True)
    first_at = models.DateTimeField("首次登录")
    seen_at = models.DateTimeField("最近登录")
    failures = models.PositiveSmallIntegerField("连续输错次数", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "常用设备"

    def __str__(self) -> str:
        return f"{self.user} {self.first_at}"


class LoginFailure(models.Model):
    """One wrong guess at a password or an activation code; kept for an hour, to slow down whoever guesses."""

    # A digest: what is typed where the staff number belongs may be anything, a password too.
    number_mac = models.CharField(max_length=64)
    address = models.CharField("地址", max_length=45, blank=True)
    at = models.DateTimeField("时间", db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = "登录失败"
        indexes = [
            models.Index(fields=["number_mac", "address", "at"], name="login_failure_of_pair"),
            models.Index(fields=["number_mac", "at"], name="login_failure_of_number"),
            models.Index(fields=["address", "at"], name="login_failure_of_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.at}"


class LoginSession(models.Model):
    """One login of one account: from when, where, until when and why it ended."""

    class End(models.TextChoices):
        LOGOUT = "logout", "本人退出"
        IDLE = "idle", "长时间未操作"
        LIMIT = "limit", "到了最长登录时间"
        NEWER = "newer", "在别处登录"
        ENDED = "ended", "由本人或安全管理员结束"
        CHANGED = "changed", "密码已修改或账号已暂停"
        SSO = "sso", "统一身份认证已退出"

    user = models.ForeignKey(User, models.CASCADE, related_name="login_sessions")
    # The digest of the session's key: who reads this table cannot take the session over.
    key_mac = models.CharField(max_length=64, unique=True)
    began_at = models.DateTimeField("登录时间")
    seen_at = models.DateTimeField("最近操作")
    ip = models.GenericIPAddressField("地址", null=True)
    agent = models.CharField("浏览器", max_length=120, blank=True)
    via = models.CharField("登录方式", max_length=10, default="password")
    # Single logout names the ticket or the provider's session that this login came from.
    ticket_mac = models.CharField(max_length=64, blank=True, default="", db_index=True)
    # Or it names the person by the provider's own word for them (OpenID Connect's `sub`).
    subject_mac = models.CharField(max_length=64, blank=True, default="", db_index=True)
    sudo_until_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    ended_why = models.CharField("结束原因", max_length=10, choices=End, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = "登录"
        ordering = ["-began_at", "-pk"]
        indexes = [models.Index(fields=["user", "ended_at"], name="login_session_of_user")]

    def __str__(self) -> str:
        return f"{self.user} {localtime(self.began_at):%Y-%m-%d %H:%M}"

    @property
    def by_sso(self) -> bool:
        """Whether the campus said who this is: no password of the portal's own was asked."""
        return self.via in ("cas", "oidc")


class RosterImport(models.Model):
    """A roster workbook that was read and previewed; it is committed whole, if nothing changed meanwhile."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="roster_imports")
    file_name = models.CharField("文件名", max_length=120)
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField("上传时间")
    # The workbook's cells as they were read, and which column was taken for what; `rows` is what follows from both.
    cells = models.JSONField("原样内容", default=dict)
    columns = models.JSONField("列的含义", default=dict)
    rows = models.JSONField("内容", default=dict)
    roster_mark = models.CharField("预览时名册的指纹", max_length=64, blank=True, default="")
    # How far the reading or the writing in the background has come, and why it stopped.
    stage = models.CharField(max_length=10, default="ready")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    stage_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=300, blank=True, default="")
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
