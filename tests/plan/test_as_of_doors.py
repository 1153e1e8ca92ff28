"""Through which doors a duty's dates change, and what its page and the lists tell of an earlier moment."""

from __future__ import annotations

import ast
from datetime import date

import pytest
from django.urls import reverse

from plan import opening
from plan.changing import change
from plan.models import Duty, DutyChange, Plan
from plan.moves import begin, move
from plan.opening import issue, open_duties, open_event_duties
from tests.conftest import ROOT, World, add_member, at
from tests.plan.filed import duty_of, filed_report, paper_by

OWN_DATES = {"due_at", "late_at", "exempted_at", "exempted_by", "exempt_reason"}
# The door itself, and the rows that opening adds.
DOOR, OPENING = "plan/changing.py", ("plan/opening.py", "open_event_duties")
APPS = ("commitments", "config", "inspections", "plan", "scoring", "study")
WRITING = ("update", "update_or_create", "get_or_create", "bulk_update", "create", "Duty")


def called(node: ast.AST) -> str:
    """The last word of what is called: update, bulk_update, Duty; create only of Duty's own manager."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if not isinstance(node.func, ast.Attribute):
        return ""
    own = node.func.attr != "create" or any(isinstance(n, ast.Name) and n.id == "Duty" for n in ast.walk(node.func))
    return node.func.attr if own else ""


def writers(source: str) -> list[tuple[str, int, str]]:
    """The places that set one of these columns: (function, line, column)."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        calls = [node for node in ast.walk(function) if called(node) == "update" and isinstance(node, ast.Call)]
        spread = any(word.arg is None for call in calls for word in call.keywords)
        for node in ast.walk(function):
            names: list[object] = []
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [t.attr for target in targets for t in ast.walk(target) if isinstance(t, ast.Attribute)]
            elif isinstance(node, ast.Call) and called(node) in WRITING:
                names = [word.arg for word in node.keywords]
                if called(node) == "bulk_update":
                    names += [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            elif isinstance(node, ast.Dict) and spread:
                names = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            found += [(function.name, node.lineno, str(name)) for name in names if name in OWN_DATES]
    return found


def test_a_duty_s_dates_and_its_exemption_are_written_in_one_place_only() -> None:
    elsewhere = []
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" in name:
                continue
            elsewhere += [
                f"{name}:{line} {function} sets {column}"
                for function, line, column in writers(path.read_text(encoding="utf-8"))
                if name != DOOR and (name, function) != OPENING
            ]
    assert elsewhere == [], "these go around plan.changing, and the past would change: " + "; ".join(elsewhere)


def test_the_search_for_writers_finds_each_way_of_writing() -> None:
    ways = [
        "duty.due_at = x", "duty.due_at, y = x, 1", "rows.update(late_at=x)", "rows.bulk_update(rows, ['due_at'])",
        "Duty(due_at=x)", "rows.update_or_create(code=x, due_at=x)", "v = {'exempted_at': x}; rows.update(**v)",
    ]  # fmt: skip
    for way in ways:
        assert writers(f"def f():\n    {way}\n"), way
    assert not writers("def f():\n    change(rows, due_at=x)\n    rows.filter(due_at=x)\n")


# ----------------------------------------------------------------------------------------------- through the doors


pytestmark = pytest.mark.django_db


def stood(duty: Duty, moment: str) -> tuple[str, bool]:
    row = Duty.objects.with_standing(at(moment)).get(pk=duty.pk)
    return row.standing, row.was_late


def test_what_is_opened_later_was_owed_by_nobody_before(issued: World) -> None:
    late = add_member(issued.first, "新同志", "20001")
    late.memberships.update(from_on=date(2018, 7, 5))
    open_duties(issued.plan, at=at("2018-07-06 09:00"))
    mine = Duty.objects.filter(member=late)
    assert mine.count() > 1
    for moment, there in (("2018-07-06 08:59:59.999999", 0), ("2018-07-06 09:00", mine.count())):
        assert mine.there_at(at(moment)).count() == mine.with_standing(at(moment)).count() == there
        assert mine.unsettled(at(moment)).count() == there
    assert not Duty.objects.with_standing(at("2018-06-11 08:59")).exists()
    assert not Duty.objects.overdue(at("2018-06-11 08:59")).exists()


def test_an_amendment_moves_what_is_owed_and_leaves_the_past_as_it_was(issued: World) -> None:
    duty, gone = duty_of(issued, "S12"), duty_of(issued, "S8", starts_on=date(2018, 7, 1))
    first = issued.plan
    toml = first.toml.replace('once_by = "07-11"', 'once_by = "07-25"')
    head, *blocks = toml.split("[[requirement]]")
    toml = "[[requirement]]".join([head, *(block for block in blocks if 'code = "S8"' not in block)])
    moment = at("2018-07-10 09:00")
    plan = Plan.objects.begin(committee=issued.committee, toml=toml, source_text=first.source_text, at=moment)
    issue(plan, access=issued.access("office", moment))
    # On the 13th it was not late any more; on the 9th it was due within the week, as everybody then read.
    assert [stood(duty, f"2018-07-{day} 12:00")[0] for day in ("09", "13", "25", "26")] == [
        "not_due", "not_due", "todo", "overdue",
    ]  # fmt: skip
    then = Duty.objects.with_standing(at("2018-07-10 08:59")).get(pk=duty.pk)
    assert (then.due_then, then.due_at) == (at("2018-07-12 00:00"), at("2018-07-26 00:00"))
    assert [stood(gone, f"2018-07-{day} 12:00")[0] for day in ("09", "10")] == ["not_due", "waived"]
    assert DutyChange.objects.get(duty=duty).why == "按修订后的方案执行"
    assert DutyChange.objects.get(duty=gone).changed_by == issued.users["office"]
    july = Duty.objects.filter(pk=duty.pk).due_between
    assert july(at("2018-07-11 00:00"), at("2018-07-13 00:00"), at("2018-07-09 12:00")).exists()
    assert not july(at("2018-07-11 00:00"), at("2018-07-13 00:00")).exists()


def test_weeks_and_months_that_begin_on_one_day_keep_their_own_ends_when_the_plan_is_amended(issued: World) -> None:
    """1 October 2018 is a Monday: the large branch's week and the small branch's month begin together."""
    first = issued.plan
    monthly = first.toml.replace(
        '[settings.small_branch_committee]\nvalue = "exempt"', '[settings.small_branch_committee]\nvalue = "monthly"'
    )
    assert monthly != first.toml
    for toml, moment in ((monthly, at("2018-06-20 09:00")), (monthly, at("2018-07-20 09:00"))):
        plan = Plan.objects.begin(committee=issued.committee, toml=toml, source_text=first.source_text, at=moment)
        issue(plan, access=issued.access("office", moment))
    octobers = Duty.objects.filter(code="C9", starts_on=date(2018, 10, 1)).order_by("branch__code")
    assert [(duty.branch.code, duty.ends_on, duty.due_at) for duty in octobers] == [
        ("01", date(2018, 10, 7), at("2018-10-08 00:00")), ("02", date(2018, 10, 31), at("2018-11-01 00:00")),
    ]  # fmt: skip


def test_an_activity_that_moves_takes_its_deadline_along_and_the_past_keeps_the_old_one(issued: World) -> None:
    access = issued.access("secretary", at("2018-07-03 10:00"))
    filing = begin(kind="gathering", access=access, title="活动", year=2018, branch=issued.first, desk="office",
                   handling="inform")  # fmt: skip
    open_event_duties(filing, kinds=["theme_day"], ended_at=at("2018-07-02 17:00"), at=access.now)
    duty = Duty.objects.get(occasion=filing)
    assert duty.due_at == at("2018-07-04 00:00")
    open_event_duties(filing, kinds=["theme_day"], ended_at=at("2018-07-09 17:00"), at=at("2018-07-05 10:00"))
    moved = Duty.objects.with_standing(at("2018-07-04 12:00")).get(pk=duty.pk)
    assert (moved.due_at, moved.due_then, moved.standing) == (
        at("2018-07-11 00:00"), at("2018-07-04 00:00"), "overdue",
    )  # fmt: skip
    assert stood(duty, "2018-07-05 10:00")[0] == "not_due"
    # Saved again on the same day, an extension that was granted meanwhile stays.
    mine = Duty.objects.filter(pk=duty.pk)
    change(mine, at=at("2018-07-10 09:00"), by=None, why="延期", due_at=at("2018-07-15 00:00"))
    open_event_duties(filing, kinds=["theme_day"], ended_at=at("2018-07-09 18:00"), at=at("2018-07-10 10:00"))
    assert mine.get().due_at == at("2018-07-15 00:00")


def test_no_later_extension_makes_the_late_punctual_or_the_punctual_late(issued: World) -> None:
    punctual = filed_report(issued, at("2018-07-02 10:00"))
    duty = Duty.objects.get(settled_by=punctual)
    change(
        Duty.objects.filter(pk=duty.pk), at=at("2018-07-05 09:00"), by=None, why="提前", due_at=at("2018-07-01 00:00")
    )
    others = Duty.objects.filter(code="C1", branch=issued.first)
    other = others.get()
    draft = paper_by(issued.access("secretary", at("2018-08-02 10:00")), other, handling="approve")
    late = move(draft, "file", access=issued.access("secretary", at("2018-08-02 10:00")), late_reason="出差")
    change(
        Duty.objects.filter(pk=other.pk), at=at("2018-08-03 09:00"), by=None, why="延期", due_at=at("2018-09-01 00:00")
    )
    assert (punctual.is_late, late.is_late) == (False, True)
    for moment in ("2018-08-02 10:00", "2018-08-04 09:00", "2018-12-01 09:00"):
        assert (stood(duty, moment)[1], stood(other, moment)[1]) == (False, True)


def test_who_waits_for_the_opening_is_called_after_it(issued: World, monkeypatch) -> None:
    told = []
    monkeypatch.setattr(opening, "after_opening", [lambda plan, moment: told.append((plan, moment)) or 0])
    open_duties(issued.plan, at=at("2018-06-12 09:00"))
    assert told == [(issued.plan, at("2018-06-12 09:00"))]


# ---------------------------------------------------------------------------------------------------- on the pages


def test_the_page_of_a_duty_tells_any_moment_and_every_change(issued: World, login, clock) -> None:
    clock("2018-07-20 09:00")
    duty = duty_of(issued, "S12")
    mine = Duty.objects.filter(pk=duty.pk)
    change(
        mine, at=at("2018-07-11 15:00"), by=issued.users["office"], why="全员外出学习", due_at=at("2018-07-17 00:00")
    )
    change(mine, at=at("2018-07-18 15:00"), by=issued.users["office"], why="机构调整", exempt=True)
    client, url = login("secretary"), reverse("plan:duty_detail", args=[duty.pk])

    def page(moment: str = "") -> str:
        return client.get(url, {"at": moment} if moment else {}).content.decode()

    now = page()
    for words in ("变更记录", "全员外出学习", "机构调整", "最迟 7月11日", "郑洁", "免除"):
        assert words in now, words
    assert "截至" not in now
    early = page("2018-07-11T14:59")
    assert "截至 7月11日 14:59" in early and "待办" in early
    assert "变更记录" not in early and "全员外出学习" not in early and "免除" not in early
    assert "填写学习计划" not in early, "nobody acts in the past"
    between = page("2018-07-17T12:00")
    assert "逾期" in between and "全员外出学习" in between and "机构调整" not in between
    assert "还没有这项任务" in page("2018-06-11T08:59")
    for nonsense in ("9" * 5000, "9999-12-31T23:59", "0001-01-01T00:00", "2018-02-30T00:00", "\0", "昨天"):
        answer = client.get(url, {"at": nonsense})
        assert answer.status_code == 200 and "没有看懂" in answer.content.decode(), nonsense[:20]


def test_the_page_of_a_requirement_tells_the_deadlines_of_the_moment(issued: World, login, clock) -> None:
    clock("2018-07-20 09:00")
    duty = duty_of(issued, "S12")
    change(Duty.objects.filter(requirement=duty.requirement), at=at("2018-07-13 09:00"), by=None, why="延期",
           due_at=at("2018-08-01 00:00"))  # fmt: skip
    client, url = login("office"), duty.requirement.get_absolute_url()
    assert "7月31日" in client.get(url).content.decode()
    then = client.get(url, {"at": "2018-07-12T12:00"}).content.decode()
    assert "逾期" in then and "7月11日" in then
    assert client.get(url, {"at": "9999-12-31T23:59"}).status_code == 200


def test_the_months_and_the_week_of_an_earlier_moment_are_those_of_its_deadlines(issued: World, login, clock) -> None:
    """Granted more time on the 10th, the duty had been July's and that week's until then."""
    duty = duty_of(issued, "S12")
    change(
        Duty.objects.filter(pk=duty.pk), at=at("2018-07-10 09:00"), by=None, why="延期", due_at=at("2018-08-16 00:00")
    )
    clock("2018-07-12 09:00")
    client, listed, shown = (
        login("office"),
        f'href="{duty.get_absolute_url()}"',
        f"branch={duty.branch_id}&amp;code=S12",
    )

    def told(moment: str, **asked: str) -> tuple[bool, bool]:
        """Whether the list names the duty, and whether the board has its cell."""
        rows = client.get("/duties/", {"standing": "all", "code": "S12", "at": moment} | asked).content.decode()
        board = client.get("/board/", {"code": "S12", "at": moment} | asked).content.decode()
        return listed in rows, shown in board

    assert [told("2018-07-09T12:00", month=month) for month in "78"] == [(True, True), (False, False)]
    assert [told("2018-07-11T12:00", month=month) for month in "78"] == [(False, False), (True, True)]
    only = Duty.objects.filter(code="S12", branch__isnull=False).exclude(pk=duty.pk)
    only.update(settled_at=at("2018-06-12 09:00"), done_at=at("2018-06-12 09:00"))
    assert told("2018-07-09T12:00", standing="week") == (True, True)
    assert told("2018-07-11T12:00", standing="week") == (False, False)
