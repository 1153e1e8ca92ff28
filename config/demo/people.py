"""The people of the demo: twelve office branches and two hundred members, every name invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random

from django.contrib.auth.hashers import make_password

from branches.first_steps import taken
from branches.models import Branch, Committee, Member, Membership, PartyGroup, Post, User, sort_key
from branches.personal import check_character, set_personal
from plan.cadence import SHANGHAI

PASSWORD = "Demo-only-2018!"  # noqa: S105 — printed by `demo --accounts`; the demo holds nobody's data

# Staff number of an account (with it one logs in) and the word for what its holder does.
ACCOUNTS = {
    "office": "机关党委办公室",
    "secretary": "支部书记",
    "deputy": "支部副书记",
    "member": "党员",
    "inspector": "督查人员",
    "auditor": "审计管理员",
    "sysadmin": "系统管理员",
    "security": "安全管理员",
}

# Office, members, of them probationary, and (week of the month, weekday from Monday = 0) of the theme day.
OFFICES = (
    ("学校办公室", 18, 1, (1, 2)),
    ("组织部", 13, 0, (2, 4)),
    ("宣传部", 12, 1, (1, 4)),
    ("教务处", 24, 2, (2, 2)),
    ("科研处", 17, 1, (2, 4)),
    ("人事处", 19, 0, (3, 2)),
    ("财务处", 21, 1, (1, 3)),
    ("学生处", 26, 3, (2, 3)),
    ("发展规划与学科建设办公室", 12, 0, (3, 4)),
    ("审计处", 6, 1, (2, 1)),
    ("国有资产管理处", 26, 1, (3, 3)),
    ("工会", 6, 0, (1, 1)),
)
# Two offices stand under a general branch of the committee, and one branch serves two offices.
GENERAL = ("综合服务党总支部", "综合服务总支")
OF_GENERAL = ("国有资产管理处", "工会")
JOINT = {"审计处": "审计处、招标采购中心"}
ORDINALS = "一二三四"
WEEKDAYS = "一二三四五六日"

# Whose account is whose: (office, place in the office's list of members).
SEATS = {
    "office": ("学校办公室", 5),
    "secretary": ("教务处", 0),
    "deputy": ("教务处", 1),
    "member": ("教务处", 8),
    "inspector": ("组织部", 6),
    "auditor": ("审计处", 2),
    "sysadmin": ("国有资产管理处", 9),
    "security": ("国有资产管理处", 10),
}
OF_COMMITTEE = {
    "office": Post.Kind.OFFICE,
    "inspector": Post.Kind.INSPECTOR,
    "auditor": Post.Kind.AUDITOR,
    "sysadmin": Post.Kind.SYSADMIN,
    "security": Post.Kind.SECURITY,
}
IN_ORDER = (
    Post.Kind.SECRETARY, Post.Kind.DEPUTY, Post.Kind.ORGANIZATION, Post.Kind.PUBLICITY, Post.Kind.DISCIPLINE
)  # fmt: skip

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
FIRST = "建国志文晓海永春秋明立德少庆宏俊玉雪思雨嘉子亚新学广振佳欣婉"
SECOND = "华军敏静丽强磊洋艳勇娟涛超霞平刚桂英芳宁波辉玲斌凯琳鹏倩楠岚峰瑾"
# Names of several peoples: a dot inside, and longer than a form's first thought of a name.
WITH_A_DOT = (
    "阿依古丽·买买提", "努尔兰·哈力克", "迪丽努尔·艾山", "巴特尔·苏和", "扎西·次仁多吉", "古丽娜尔·吐尔逊江"
)  # fmt: skip
JOBS = ("科员", "科员", "副主任科员", "主任科员", "科长", "副科长")


@dataclass
class House:
    """One branch of the demo with everything that the story asks of it again and again."""

    branch: Branch
    members: list[Member]
    groups: list[PartyGroup] = field(default_factory=list)
    posts: dict[str, Member] = field(default_factory=dict)

    @property
    def secretary(self) -> Member:
        return self.posts[Post.Kind.SECRETARY]

    @property
    def deputy(self) -> Member | None:
        """The deputy, where the branch is large enough to have one."""
        return self.posts.get(Post.Kind.DEPUTY)


@dataclass
class Cast:
    """Everybody: the committee, its branches, and the account of each member."""

    committee: Committee
    houses: list[House]
    users: dict[int, User]  # by member id
    office: User


def gather(year: int, random: Random) -> Cast:
    """Write the committee, its branches, members, posts and accounts, all there since before `year`."""
    committee = Committee.objects.create(name="西北政法大学机关党委", short_name="机关党委", code="西法大机党")
    general = Committee.objects.create(
        kind=Committee.Kind.GENERAL, parent=committee, name=GENERAL[0], short_name=GENERAL[1]
    )
    since = date(year - 2, 3, 1)
    names = _names(random)
    houses = [
        _house(general if office[0] in OF_GENERAL else committee, n, since, names, random)
        for n, office in enumerate(OFFICES)
    ]
    by_office = {office[0]: house for office, house in zip(OFFICES, houses, strict=True)}
    seated = {who: by_office[office].members[place] for who, (office, place) in SEATS.items()}
    Post.objects.bulk_create(
        Post(member=seated[who], kind=kind, committee=committee, from_on=since) for who, kind in OF_COMMITTEE.items()
    )
    # A draw of its own: the story's other draws stay what they were.
    _personal(by_office, since, Random(f"{year} personal"))  # noqa: S311
    users = _accounts(
        [member for house in houses for member in house.members], datetime(year - 2, 3, 1, 9, tzinfo=SHANGHAI)
    )
    return Cast(committee, houses, users, users[seated["office"].pk])


def _personal(by_office: dict[str, House], since: date, random: Random) -> None:
    """Numbers of nobody, for the members of one branch; one retired, one mobile, one long absent, one entered twice.

    The numbers' area is 610102, their check digits are right, and their serials run from 001: they are made, not taken.
    """
    house = by_office["教务处"]
    for serial, member in enumerate(house.members[:12], 1):
        joined = member.joined_on or since
        born = date(joined.year - random.randint(20, 30), random.randint(1, 12), random.randint(1, 28))
        first = f"610102{born:%Y%m%d}{serial:03}"
        set_personal(member, id_number=first + check_character(first), phone=f"1890000{serial:04}")
    retired, mobile, absent, doubled = house.members[14:18]
    retired.retired_on = date(since.year, 9, 1)
    mobile.mobile_from_on, mobile.mobile_place = date(since.year + 1, 3, 1), "陕西省榆林市"
    absent.absent_from_on = date(since.year + 1, 10, 8)
    set_personal(doubled, phone="18900000999")
    Member.objects.bulk_update(house.members, [
        "id_number_sealed", "id_number_index", "phone_sealed", "phone_index", "retired_on", "mobile_from_on",
        "mobile_place", "absent_from_on",
    ])  # fmt: skip
    # He left the branch's roster long ago under his old number: 名册查重 finds it.
    again = Member.objects.create(
        staff_number=f"0{doubled.staff_number}", name=doubled.name, joined_on=doubled.joined_on,
        confirmed_on=doubled.confirmed_on,
    )  # fmt: skip
    Membership.objects.create(
        member=again, branch=by_office["工会"].branch, from_on=since, until_on=date(since.year, 3, 15)
    )  # fmt: skip


def _names(random: Random) -> list[str]:
    """Two hundred names, all different, a few of them with a dot; taken from the end."""
    wanted = sum(size for _, size, _, _ in OFFICES) - len(WITH_A_DOT)
    names: dict[str, None] = {}
    while len(names) < wanted:
        given = random.choice(SECOND) if random.random() < 0.25 else random.choice(FIRST) + random.choice(SECOND)
        names[random.choice(SURNAMES) + given] = None
    mixed = [*names, *WITH_A_DOT]
    random.shuffle(mixed)
    return mixed


def _house(committee: Committee, n: int, since: date, names: list[str], random: Random) -> House:
    office, size, probationary, (week, weekday) = OFFICES[n]
    branch = Branch.objects.create(
        committee=committee, code=f"{n + 1:02}", name=f"{office}{'联合' if office in JOINT else ''}党支部",
        kind=Branch.Kind.JOINT if office in JOINT else Branch.Kind.ORDINARY, units=JOINT.get(office, ""),
        founded_on=since, elected_on=since,
        theme_day=f"每月第{ORDINALS[week - 1]}个星期{WEEKDAYS[weekday]}",
    )  # fmt: skip
    small = size < 8
    seats = {place: who for who, (where, place) in SEATS.items() if where == office}
    members = []
    for place in range(size):
        # The secretary, and here and there one more, are leading cadres (处级).
        leading = place == 0 or (place == 1 and size >= 24)
        joined = date(since.year - random.randint(3, 25), random.randint(1, 12), random.randint(1, 28))
        full = place < size - probationary
        name, number = names.pop(), seats.get(place, f"{since.year - 15 + n}{place + 1:03}")
        members.append(
            Member(
                staff_number=number, name=name, name_key=sort_key(name),
                job_title=("处长" if place == 0 else "副处长") if leading else random.choice(JOBS),
                joined_on=joined if full else date(since.year + 1, 11, 20),
                confirmed_on=joined.replace(year=joined.year + 1) if full else None, is_leading_cadre=leading,
            )
        )  # fmt: skip
    members = Member.objects.bulk_create(members)
    groups = [] if size < 18 else [
        PartyGroup.objects.create(branch=branch, name=f"第{ORDINALS[g]}党小组") for g in range(2 if size < 24 else 3)
    ]  # fmt: skip
    Membership.objects.bulk_create(
        Membership(member=member, branch=branch, group=groups[i % len(groups)] if groups else None, from_on=since)
        for i, member in enumerate(members)
    )
    kinds = IN_ORDER[:1] if small else IN_ORDER
    posts = {str(kind): member for kind, member in zip(kinds, members, strict=False)}
    leaders = [(Post.Kind.GROUP_LEADER, members[5 + i]) for i in range(len(groups))]
    Post.objects.bulk_create(
        Post(member=member, kind=kind, branch=branch, from_on=since) for kind, member in [*posts.items(), *leaders]
    )
    return House(branch, members, groups, posts)


def _accounts(members: list[Member], opened_at: datetime) -> dict[int, User]:
    """An account for each: whose name is in ACCOUNTS can log in, the others only sign what they did."""
    # Argon2 is slow on purpose: it is asked once.
    known, closed = make_password(PASSWORD), make_password(None)
    users = User.objects.bulk_create(
        User(
            member=member, staff_number=member.staff_number, opened_at=opened_at,
            password=known if member.staff_number in ACCOUNTS else closed,
            **(taken(opened_at) if member.staff_number in ACCOUNTS else {}),
        )
        for member in members
    )  # fmt: skip
    return {user.member_id: user for user in users}
