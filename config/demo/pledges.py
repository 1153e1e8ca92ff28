"""The demo's pledges of a branch: how the story writes them, through the portal's own doors."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils.timezone import localdate

from branches.models import Member
from commitments.models import Pledge, PledgeItem, Progress, Result
from commitments.stages import Outcome, take
from commitments.views.pledges import decide
from commitments.writing import board_lines_of, title_of
from plan import moves
from plan.models import Duty, Filing
from plan.workdays import is_workday, next_workday

if TYPE_CHECKING:
    from config.demo.story import BranchYear

# 承诺事项, 目标, 实施措施, 衡量标准, the month at whose end it is due, 类别.
Item = tuple[str, str, str, str, int, str]
GUIDE = ("师生来一次就能办成", "逐项梳理，请3个学院试读后修改", "10月底前上线，材料清单齐全", 10, "service")
QUICK = (
    "3个工作日内办结的占九成以上",
    "收件当天登记，退件写明原因并电话告知",
    "办件登记表，3日内办结率90%",
    12,
    "work",
)
VISIT = ("听到的意见件件有答复", "意见当天登记，10个工作日内答复", "走访记录4次，意见登记表", 12, "service")
ORDER = ("查一份材料不超过10分钟", "每周五下午集中整理，按年度编目", "编目600卷，抽查20卷全部找到", 11, "work")
# What each branch promises, by its office: its own business, so no two are alike.
OF_BRANCHES: dict[str, tuple[Item, ...]] = {
    "学校办公室": (("开通公文办理进度查询", *GUIDE), ("用印申请当天办结", *QUICK)),
    "组织部": (("编印《发展党员工作手册》", *GUIDE), ("为2010年以来入党的同志补齐档案材料", *ORDER)),
    "宣传部": (("校园新闻稿件两天内审完", *QUICK), ("每季度到2个学院征求校报和公众号的意见", *VISIT)),
    "教务处": (
        ("公开28个教务事项的办理流程，编印办事指南", *GUIDE),
        ("党员每个工作日轮流到教务大厅值班，解答选课问题", "窗口每天有一名党员", "每月末排出下月值班表，在门口公布",
         "值班登记不少于80个工作日", 12, "service"),
    ),
    "科研处": (("编一本《横向项目合同办理指南》", *GUIDE), ("科研经费入账通知当天发给项目负责人", *QUICK)),
    "人事处": (("为新教师办理入职手续只跑一个窗口", *QUICK), ("整理教职工职称评审档案", *ORDER)),
    "财务处": (("报销单据三个工作日审完", *QUICK), ("到8个学院讲解新的差旅报销办法", *VISIT)),
    "学生处": (("国家助学金评审材料改为网上提交", *GUIDE), ("走访12个宿舍楼，听学生对住宿的意见", *VISIT)),
    "发展规划与学科建设办公室": (("汇编近五年学科建设统计数据", *ORDER), ("逐个学科召开规划座谈会", *VISIT)),
    "审计处": (("公布预算执行审计的资料清单和时间表", *GUIDE), ("工程结算送审项目限期出具意见", *QUICK)),
    "国有资产管理处": (("清查3栋教学楼的闲置设备并调剂使用", *ORDER), ("设备验收两天内到现场", *QUICK)),
    "工会": (("会费收支每季度在公告栏公布一次", *GUIDE), ("慰问住院和生育的教职工会员", *VISIT)),
}  # fmt: skip
OF_CADRES: tuple[Item, ...] = (
    (
        "每月到联系的学院听一次意见",
        "反映的问题当月有答复",
        "提前一周预告时间地点，带科室负责人同去",
        "走访记录不少于5次",
        12,
        "service",
    ),
    (
        "为本处青年职工讲两次业务课",
        "新入职的3名同事能独立值班",
        "备好讲稿和案例，课后留半小时答疑",
        "讲稿2份、签到表2份",
        11,
        "work",
    ),
    (
        "读完《习近平谈治国理政》第二卷，在支部交流",
        "每月读两章",
        "每周二晚上自学，写读书笔记",
        "读书笔记6篇，交流1次",
        12,
        "study",
    ),
    (
        "本人经手的采购全部在系统中办理",
        "不接受供应商宴请和礼品",
        "会见供应商两人在场并登记",
        "投诉为零，每季度报告1次",
        12,
        "discipline",
    ),
    (
        "结对帮扶2名经济困难学生",
        "两人都不因困难缺课",
        "每月谈话一次，帮助申请助学金",
        "谈话记录每人不少于5次",
        12,
        "service",
    ),
    ("把本处12项常用表格改为网上填写", "不再手工抄写", "与信息中心对接，9月试行", "10月底前12项全部上线", 10, "work"),
    (
        "接待日每周四下午在办公室等候来访教师",
        "当场答复八成以上",
        "来访登记，答不了的3日内回复",
        "接待登记20次",
        12,
        "service",
    ),
    ("修订本部门2项管理办法", "审批环节由6个减到4个", "征求各学院意见，提交办公会审议", "11月底前印发", 11, "work"),
)
EMPTY: tuple[Item, ...] = (
    ("努力提高自身素质，加强理论学习", "理论水平不断提高", "认真学习党的理论知识", "水平明显提高", 12, "study"),
    ("进一步转变工作作风，提高服务意识", "让师生满意", "切实增强责任感和使命感", "作风明显好转", 12, "work"),
)
AD_HOC: tuple[Item, ...] = (
    ("录取通知书寄发期间，每天接听新生和家长的咨询电话", "来电三声内接听", "与两名同事分早晚两班，疑难问题当天回复",
     "值班签到10天，登记来电人次", 8, "service"),
)  # fmt: skip
PROGRESS = (
    "已完成一半，其余按计划推进，记录在支部。",
    "本月按时完成一次，登记表已留存。",
    "初稿已写好，正在请各学院提意见。",
)
SENT_BACK = "第1、2项是口号，没有数字和衡量标准，请结合岗位写具体。"
WHY_VAGUE = "参照往年的写法。"
EMPTY_FROM = "04"  # the branch whose secretary wrote empty words first
FIRST_DAYS = 8  # after the plan's issue nobody has pledged yet


def write(year: BranchYear, duty: Duty, at: datetime) -> None:
    """Plan into the branch's year what settles this duty, from shortly after the issue until just before it is due."""
    # Apart from the story's own chances, so that those fall as they would without it.
    chance = Random(f"{year.year}-{duty.branch_id}-{duty.member_id}")  # noqa: S311 — a story, nothing secret
    span = max(1, (duty.ends_on - year.first_day).days - FIRST_DAYS - 3)
    days = min(chance.randint(0, span), chance.randint(0, span))
    told = year.branch.code == EMPTY_FROM and duty.member_id in (None, year.secretary.pk)
    if told:
        days = 0 if duty.member_id is None else 5
    at = _on(year.first_day + timedelta(days=FIRST_DAYS + days), at)
    if duty.member is None:
        name = year.branch.name
        items = next(texts for office, texts in OF_BRANCHES.items() if name.startswith(office))
        year.then(at, partial(_send, year, year.secretary, items, at, chance, duty))
    else:
        place = year.house.members.index(duty.member)
        items = tuple(OF_CADRES[(2 * place + n) % len(OF_CADRES)] for n in range(2))
        year.then(
            at, partial(_send, year, duty.member, EMPTY if told else items, at, chance, duty, items if told else ())
        )
    if duty.member is None and year.number % 4 == 0:
        who, later = year.house.members[8 % len(year.house.members)], _on(date(year.year, 7, 9), at)
        year.then(later, partial(_send, year, who, AD_HOC, later, chance))


def _on(day: date, at: datetime) -> datetime:
    """The same hour of that day, or of the next that is worked."""
    day = day if is_workday(day) else next_workday(day)
    return at.replace(year=day.year, month=day.month, day=day.day)


def _send(
    year: BranchYear, who: Member, items: Sequence[Item], at: datetime, chance: Random, duty: Duty | None = None,
    instead: Sequence[Item] = (),
) -> None:  # fmt: skip
    """Write the pledge and file it; empty words come back and are written anew."""
    pledge = _draft(year, who, items, at, duty)
    if instead:
        Pledge.objects.filter(pk=pledge.pk).update(vague_reason=WHY_VAGUE)
    filing = year.file(pledge.filing, who, at)
    if not instead:
        return _gate(year, pledge, filing, who, at, chance)
    back, again = at + timedelta(days=2), at + timedelta(days=6)

    def anew() -> None:
        pledge.items.all().delete()
        _fill(pledge, instead)
        Pledge.objects.filter(pk=pledge.pk).update(vague_reason="")
        Filing.objects.filter(pk=filing.pk).update(edition=F("edition") + 1)
        _gate(year, pledge, year.file(filing, who, again), who, again, chance)

    year.then(back, lambda: _decided(year, pledge, filing, "send_back", back))
    year.then(again, anew)
    return None


def _draft(year: BranchYear, who: Member, items: Sequence[Item], at: datetime, duty: Duty | None) -> Pledge:
    access, member = year.access(who, at), duty.member if duty else who
    filing = moves.begin(
        kind=Filing.Kind.PLEDGE, access=access, title="承诺书", year=year.year, branch=year.branch, member=member,
        committee=year.cast.committee, desk=Filing.Desk.BRANCH if member else Filing.Desk.OFFICE, handling="approve",
    )  # fmt: skip
    pledge = Pledge.objects.create(
        filing=filing, branch=year.branch, member=member, year=year.year, stage_since=at,
        scope=Pledge.Scope.ANNUAL if duty else Pledge.Scope.AD_HOC,
        position=(who.job_title or "支部书记") if member else f"支部书记{who.name}",
        phone=f"8888{1000 + year.number:04}", valid_until=date(year.year, 12, 31),
    )  # fmt: skip
    filing.title = title_of(pledge, localdate(at))
    filing.save(update_fields=["title"])
    _fill(pledge, items)
    if duty:
        moves.claim(filing, {duty.pk}, at)
    return pledge


def _fill(pledge: Pledge, items: Sequence[Item]) -> None:
    PledgeItem.objects.bulk_create(
        PledgeItem(
            pledge=pledge, position=n, text=text, goal=goal, measures=measures, success=success, angle=angle,
            due_on=date(pledge.year, month, monthrange(pledge.year, month)[1]),
        )
        for n, (text, goal, measures, success, month, angle) in enumerate(items, 1)
    )  # fmt: skip
    Pledge.objects.filter(pk=pledge.pk).update(board_lines=board_lines_of([item[0] for item in items]))


def _decided(year: BranchYear, pledge: Pledge, filing: Filing, action: str, at: datetime) -> None:
    access = year.desk(filing, at)
    if action == "send_back":
        decide(pledge, action, access=access, note=SENT_BACK)
        return
    gate = Pledge.Gate.OFFICE if access.office_of else Pledge.Gate.COMMITTEE
    if gate == Pledge.Gate.COMMITTEE and year.house.deputy is None:
        gate = Pledge.Gate.GENERAL
    decide(pledge, action, access=access, gate=gate.value, gate_on=localdate(at), gate_opinion="内容具体，同意公开。")


def _gate(year: BranchYear, pledge: Pledge, filing: Filing, who: Member, at: datetime, chance: Random) -> None:
    """The desk approves some days later; some weeks after that the first progress is told."""
    approved = _on(localdate(at) + timedelta(days=chance.randint(1, 6)), at.replace(hour=10))
    year.then(approved, lambda: _decided(year, pledge, filing, "approve", approved))
    told = _on(localdate(approved) + timedelta(days=chance.randint(5, 20)), at)
    year.then(told, lambda: _tell(year, pledge, who, told, chance))
    if pledge.scope == Pledge.Scope.AD_HOC:
        judged = _on(date(pledge.year, AD_HOC[0][4], 31) + timedelta(days=5), at)
        year.then(judged, lambda: _judge(year, pledge, filing, judged))


def _tell(year: BranchYear, pledge: Pledge, who: Member, at: datetime, chance: Random) -> None:
    """The first item gets on, and the pledge is being kept."""
    take(Pledge.objects.get(pk=pledge.pk), "keep", access=year.access(who, at))
    Progress.objects.create(
        item=pledge.items.earliest("position"),
        text=chance.choice(PROGRESS),
        told_at=at,
        told_by=year.cast.users[who.pk],
    )


def _judge(year: BranchYear, pledge: Pledge, filing: Filing, at: datetime) -> None:
    access, pledge = year.desk(filing, at), Pledge.objects.get(pk=pledge.pk)
    take(pledge, "judge", access=access)
    take(pledge, "decide", access=access, results={item.pk: Outcome(Result.DONE) for item in pledge.items.all()})
