"""What is vague in a pledge, said in sentences: rules that anybody can follow, no counting of points, no Django.

Six rules, each by itself: a slogan without an act, no number, no day, nobody and nothing it is done for, nothing to
measure it by, and copied from another. They look for words; whoever knows better says why, and pledges all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

# Two texts are the same when that share of their pairs of neighbouring characters is common to both.
ALIKE = 0.8
# Shorter texts are alike by chance.
COMPARED_FROM = 8  # Chinese characters
# A clause says an act when that much is left once attitudes and generalities are taken out.
LEFT_OF_AN_ACT = 3  # characters
QUOTED = 16  # characters of a text that are said again


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# How one feels and how much, but not what one does.
ATTITUDES = _words("""
努力 加强 提高 提升 增强 不断 进一步 切实 认真 牢固树立 树立 坚定 坚持 积极 深入 大力 全面 强化 着力 充分 发挥
争做 争创 争当 严格 遵守 自觉 践行 弘扬 落实 贯彻 做好 扎实 推进 推动 圆满 踏实 尽职尽责 尽心尽力 全心全意
兢兢业业 任劳任怨 一丝不苟 精益求精 开拓创新 开拓进取 与时俱进 勇于 敢于 善于 勇挑重担 担当 以身作则 率先垂范
带头 恪尽职守 爱岗敬业 甘于奉献 无私奉献 奉献 维护 营造 促进 保持 转变 改进 统筹 狠抓 抓好 抓实 凝心聚力
攻坚克难 真抓实干 求真务实 迎难而上 解放思想 实事求是 热情 耐心 微笑 主动 关心 关爱 了解 团结 互相 帮助 互助
厉行 反对 从我做起 从小事做起 从自身做起 时时处处 想师生之所想 急师生之所急 合理 安排 明显 稳步 持续 始终 时刻
负责 投入 饱满 再创 再上 迈上 取得 办好 做到 展现 创新 扩大 加大 勤俭 发扬 养成 执行 参与 思考 参加 服务 学习
工作 完成 按时 按要求 服从 听从 紧跟 拥护 履行 多读书 读好书 多沟通 多协商 建言献策 贡献 传播 好声音 高度 一致
为人师表 教书育人 以德立身 以德立学 不折不扣 身体力行 求实 创优 争先 强 抓 严 实
""")
# What one can do everything and nothing about.
GENERALITIES = _words("""
自身 自己 本人 素质 政治 思想 理论 知识 水平 能力 意识 作风 觉悟 修养 党性 本领 质量 效率 责任 责任感 使命
使命感 大局 态度 党员 共产党员 先锋 模范 带头作用 作用 先锋模范 表率 榜样 战斗堡垒 堡垒 凝聚力 战斗力 向心力
支部 党支部 建设 组织生活 三会一课 制度 各项 任务 领导 交办 上级 决策 部署 精神 党 党章 党规 党纪 党的 十九大
廉洁 自律 清正 清正廉洁 纪律 规矩 规章 法律法规 铺张浪费 节约 四个意识 四个自信 四有 两学一做 学习教育 常态化
制度化 党中央 社会主义 核心价值观 人民 群众 师生 学生 同志 同事 集体 荣誉 氛围 和谐 本职 岗位 业务 业绩 成绩
实效 一流 优秀 合格 良好 良好形象 形象 风气 正能量 新台阶 新局面 新突破 佳绩 事业 发展 学校 改革 教学 人才 培养
方式 方法 机制 力度 宣传 影响 知名度 美誉度 集中制 民主集中制 班子 合力 沟通 交流 时间 观念 新时代 新气象 作为
师德 初心 情怀 行动 时候 事情 方面 成长 教育 管理 科研 水准 好老师 标准 要求
""")
FUNCTION_WORDS = "的了着和与及并或也都把将对为以于在中上下去到从而其这那个有是不要能会更再各多好大新做用向给让使被"

PEOPLE = _words("""
学生 师生 教师 老师 学员 新生 毕业生 研究生 本科生 留学生 国际学生 辅导员 班主任 职工 员工 同志 同事 党员 老党员
老同志 离退休 群众 居民 社区 村 户 家长 家属 校友 会员 读者 患者 病人 用户 来访 来电 来人 来宾 客人 外宾 学院
部门 处室 科室 单位 支部 基层 机关 供应商 评委 专家 文书 干部 职员 保安 工人 维修工 志愿者 团员 青年 老人 儿童
孩子 困难 同学 宿舍 食堂 教室 班级 院系 企业 纳税人 编外人员
""")
THINGS = _words("""
办法 制度 流程 手册 指南 清单 台账 登记 系统 平台 网站 网页 网上 公众号 窗口 大厅 电话 邮箱 档案 材料 文件 公文
合同 单据 报销 经费 预算 账目 会费 党费 资产 设备 仪器 实验室 机房 教材 课程 课堂 课件 讲稿 试卷 学位 学籍
成绩单 证书 证件 学生证 论文 课题 项目 报告 笔记 文章 著作 专著 体会 简报 信息 新闻 照片 视频 图书 旧书 书库
阅览室 校史 楼道 教学楼 桌椅 管道 水电 供暖 电梯 绿地 树木 垃圾 隐患 消防 车辆 校车 车位 校医院 献血 体检 奖学金
助学金 贷款 招生 考试 选课 就业 实习 招聘 采购 招标 工程 维修 报修 库房 屋面 会议 讲座 培训 党课 服务队 志愿
公告栏 宣传栏 展板 意见 投诉 提案 问题 事项 环节 材料清单 信访 数据 表格 表单 印章 密钥 网络 软件
""")

_NUMERAL = "一二两三四五六七八九十百千半"
_COUNTED = _words("""
次 场 节 课 篇 本 册 部 章 份 件 项 个 名 位 人 户 对 批 期 遍 轮 条 张 幅 天 日 周 月 年 小时 分钟 秒 学时 处
所 间 栋 层 台 套 万 元 米 倍 成 声 批次 人次 家 组 队 篇幅 章节 季度 学期
""")
# 三会一课 and its like count nothing.
FIXED = re.compile(
    "三会一课|两学一做|四个意识|四个自信|四讲四有|三严三实|五位一体|四个全面|两个维护|一带一路|一岗双责|“四有”|一流|一致|一定|统一|进一步|一丝不苟|"
    "万众一心|一如既往|一个合格|一名合格|一名优秀|做一名|做一个|十九大|十八大|不折不扣|同党中央|一心一意|三心二意|再上一个|上一个"
)
QUANTITY = re.compile(
    r"[0-9０-９.]*[0-9０-９]+[％%]?|百分之"
    f"|[{_NUMERAL}]+多?(?:{'|'.join(sorted(_COUNTED, key=len, reverse=True))})"
    r"|每[天日周月季年]|每个?(?:工作日|学期|季度|星期|月)|每两|逐[一户人项件条日月个]|人人|人手一|全部|全员|全数|全覆盖|为零|零[投差违逾事失报]|当[日天周月场面]|随时"
)
TIME = re.compile(
    r"[0-9一二三四五六七八九十]+月|年[底末前内初]|月[底末]|学期|季度|每[天日周月季年]|每个?(?:工作日|学期|星期)|[0-9]{4}[-./年]|全年|本年度|"
    r"[0-9一二三四五六七八九十]+(?:个工作)?日[内前]|长期"
)
EVIDENCE = re.compile(
    "记录|台账|登记|清单|照片|签到|签字|笔记|名单|证书|报表|表格|评分|验收|通知书|合同|目录|编目|上线|开通|印发|发布|公布|公开|出版|刊发|"
    "一致|抽查|测评|问卷|满意率|合格率|及格率|按时率|完成率|办结率|投诉"
)
NAMED = re.compile("《[^》]+》")
_CLAUSES = re.compile(r"[，。；、！？,;.!?\s：:]+")
_HAN = re.compile(r"[0-9A-Za-z\u3400-\u9fff]")


@dataclass(frozen=True)
class Said:
    """One item as it is worded; `due_on` None while no day is set."""

    text: str
    goal: str = ""
    measures: str = ""
    success: str = ""
    due_on: date | None = None

    @property
    def whole(self) -> str:
        return "，".join(part for part in (self.text, self.goal, self.measures, self.success) if part)


@dataclass(frozen=True)
class Other:
    """An item of another pledge; `whose` is how it may be named to the one who writes."""

    text: str
    whose: str


@dataclass(frozen=True)
class Vague:
    """What is vague in the item at that place (from 1), by which rule, as a sentence that says what to do."""

    position: int
    rule: str
    sentence: str


def vague_in(items: Sequence[Said], others: Iterable[Other] = ()) -> list[Vague]:
    """Everything vague in the items, in their order; what has no text is skipped."""
    others = list(others)
    found: list[Vague] = []
    for position, item in enumerate(items, 1):
        if item.text.strip():
            before = [Other(one.text, f"第{place}项") for place, one in enumerate(items[: position - 1], 1)]
            found += [Vague(position, rule, words) for rule, words in _of_one(item, [*before, *others])]
    return found


def sentences(found: Sequence[Vague]) -> list[str]:
    """As they stand in a list of what is missing: 第2项：没有数字……"""
    return [f"第{one.position}项：{one.sentence}" for one in found]


def _of_one(item: Said, others: Sequence[Other]) -> list[tuple[str, str]]:
    found = []
    if is_slogan(item):
        found.append(("slogan", f"“{_short(item.text)}”只表明态度，没有说做哪件事。请写明做什么、怎样做。"))
    if not has_quantity(item.whole):
        found.append(("number", "没有数字。请写明多少、多久一次，或到什么程度。"))
    if item.due_on is None and not TIME.search(item.whole):
        found.append(("date", "没有时间。请填完成时限。"))
    if not has_object(item):
        found.append(("object", "没有写明为谁做、对哪件事做。请写出对象。"))
    if not item.success.strip():
        found.append(("measure", "没有衡量标准。请写明凭什么看出做到了。"))
    elif not (has_quantity(item.success) or EVIDENCE.search(item.success)):
        found.append(("measure", f"衡量标准“{_short(item.success)}”无法核对。请写一个数，或一份查得到的记录。"))
    if (same := copied_from(item.text, others)) is not None:
        found.append(("copied", f"与{same.whose}几乎相同。请结合自己的岗位写。"))
    return found


def has_quantity(text: str) -> bool:
    """A number, a share, how often, or that nobody and nothing is left out; 三会一课 does not count."""
    return bool(QUANTITY.search(FIXED.sub("", text)))


def is_slogan(item: Said) -> bool:
    """Neither the item nor its measures say an act: of every clause nothing is left but attitudes."""
    clauses = [part for part in _CLAUSES.split(f"{item.text}，{item.measures}") if part]
    return all(len(left_of(clause)) < LEFT_OF_AN_ACT for clause in clauses)


@lru_cache(maxsize=1)
def _empty_words() -> re.Pattern[str]:
    words = sorted({*ATTITUDES, *GENERALITIES}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


def left_of(clause: str) -> str:
    """What the clause says beside attitudes, generalities, how often and how much, and little words."""
    rest = QUANTITY.sub("", TIME.sub("", re.sub("[“”‘’（）()《》]", "", clause)))
    rest = _empty_words().sub("", rest)
    return "".join(one for one in rest if one not in FUNCTION_WORDS)


def has_object(item: Said) -> bool:
    """Somebody or something: a known word, a name in 《》, or a clause with enough in it of its own."""
    words = f"{item.text}，{item.goal}，{item.measures}"
    if NAMED.search(words) or any(word in words for word in (*PEOPLE, *THINGS)):
        return True
    return any(len(left_of(clause)) > LEFT_OF_AN_ACT for clause in _CLAUSES.split(words))


def copied_from(text: str, others: Iterable[Other]) -> Other | None:
    """The first of the others that is word for word or nearly the same."""
    mine = _pairs(text)
    if len(mine) < COMPARED_FROM - 1:
        return None
    return next((other for other in others if _alike(mine, _pairs(other.text))), None)


def _alike(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    if len(theirs) < COMPARED_FROM - 1:
        return False
    return 2 * len(mine & theirs) >= ALIKE * (len(mine) + len(theirs))


@lru_cache(maxsize=4096)
def _pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters, without marks and spaces."""
    plain = "".join(_HAN.findall(text))
    return frozenset(plain[at : at + 2] for at in range(len(plain) - 1))


def _short(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"
