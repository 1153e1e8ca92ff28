"""Take the portal's guards away one by one, and see that somebody notices: `make guards`.

A guard is: the roles of a row of config/matrix.py; a `visible_to`; a condition with one of the sets of `Access` in a
query (`committee__in=access.office_of`) or in a comparison (`branch.pk in access.leads`); an `if` that raises
PermissionDenied, Http404 or NotAllowed; a predicate (`may_edit`); `sudo_required`; the two middlewares at the door.
They are found in the source, so that a new one is among them by itself.

For each guard a process is forked from one that has the records of the tests in memory; there the guard is taken away
(the function gets the code without it) and everything is knocked at again: the cells of the access table, the
addresses of another committee's records, the words that are not everybody's. The first wrong answer ends it. A guard
that nobody missed there is taken away once more under the tests of its room (`GUARD=<n> pytest`).
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import inspect
import logging
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from django.db import transaction

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("branches", "jobs", "inbox", "plan", "study", "commitments", "scoring", "inspections", "config")
# The tests that need no service.
PLAIN = "not postgres and not browser and not redis"
SETS = frozenset({
    "secretary_of", "deputy_of", "commissioner_of", "office_of", "inspects", "audits", "administers", "secures",
    "branches", "leads", "files_for", "sees_committees", "member_id",
})  # fmt: skip
QUERIES = frozenset({"filter", "exclude", "get", "get_object_or_404", "Q", "When"})
REFUSALS = frozenset({"PermissionDenied", "Http404", "NotAllowed"})
PREDICATES = frozenset({"can"})
SIGNS = (ast.In, ast.NotIn, ast.Eq, ast.NotEq)

# What looks like a guard and is none, or is held twice; each with its reason: file, function, source.
DRAWS = "only draws a link or a button; behind it the guard proper stands"
TWICE = "the same is asked again right after it, or was asked right before"
EXCUSED: dict[tuple[str, str, str], str] = {
    ("branches/views/accounts.py", "account", "membership.branch_id in access.branches"): DRAWS,
    ("branches/views/people.py", "branch_detail", "branch.pk in access.leads"): DRAWS,
    ("branches/views/people.py", "_page_of", "branch.committee_id in access.sees_committees"): DRAWS,
    ("branches/views/people.py", "member_detail", "member.pk == access.member_id"): DRAWS,
    ("branches/views/personal.py", "_way_back", "member.pk == request.access.member_id"): DRAWS,
    ("plan/views/plans.py", "plan_detail", "plan.committee_id in request.access.office_of"): DRAWS,
    ("plan/views/conditions.py", "_committee", "own in access.sees_committees"): "which board is shown first",
    ("study/views/branch_plans.py", "_page", "record.branch_id in access.leads"): DRAWS,
    ("study/views/gatherings.py", "_context", "form.branch.pk in form.access.files_for"): DRAWS,
    ("study/views/gatherings.py", "gathering_list", "branch__in=access.leads"): "the order of the list",
    ("study/views/calendar.py", "calendar", "branch.pk in access.leads"): DRAWS,
    ("study/views/member_plans.py", "_owed", "member=access.member_id"): "the date in the lead of one's own page",
    ("study/gatherings.py", "may_leave_out", "def may_leave_out"): "a rule of meetings, not of access",
    ("plan/reminder_times.py", "Times.may_speak_on", "def may_speak_on"): "a rule of working days, not of access",
    ("plan/reminder_times.py", "Times.may_say", "def may_say"): "a rule of quiet hours, not of access",
    ("plan/reliefs.py", "_why_not", "relief.committee_id in access.office_of"): "which words say why not",
    ("jobs/views.py", "_url_after", "job.committee_id in access.office_of"): DRAWS,
    ("plan/board.py", "owed_under", "Duty.objects.visible_to(access)"): TWICE,
    ("plan/views/papers.py", "demand_edit", "filing.is_editable"): "which of two refusals is said",
    ("plan/views/papers.py", "paper_edit", "paper.filing.is_editable"): "refused with a word, or led to the filed one",
    ("plan/views/papers.py", "picture_remove", "not pictures.remove_picture(picture, request.access)"): TWICE,
    ("study/views/plan_items.py", "_item_seen", "Filing.objects.visible_to(access)"): TWICE,
    ("study/views/plan_items.py", "plan_item_remove", "Filing.objects.visible_to(access)"): TWICE,
    ("plan/views/evidence.py", "attachment_remove", "not attachments.remove_attachment(attachment, request.access)"):
        TWICE,
    ("plan/views/evidence.py", "picture_answer", "not lookalikes.answer(picture, words, request.access)"): TWICE,
    ("study/views/branch_plans.py", "branch_plan_edit", "action == 'file' and (not moves.is_author(access, filing))"):
        TWICE,
    ("study/views/gatherings.py", "_led", "access.led_branch_id is None"): TWICE,
}  # fmt: skip


@dataclass(frozen=True)
class Guard:
    """One guard: where it stands, as it is written, and how it is taken away."""

    kind: str
    file: str
    line: int
    function: str
    text: str
    # The place in the tree of the file: line and column.
    column: int = 0
    route: str = ""
    method: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function} {self.kind}: {self.text}"

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def room(self) -> str:
        return self.file.partition("/")[0]


# Finding


def sources() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            file = str(path.relative_to(ROOT))
            if "/migrations/" not in file and "/demo/" not in file and "/management/" not in file:
                yield file, ast.parse(path.read_text(encoding="utf-8"))


def is_rights(node: ast.expr) -> bool:
    """`access.office_of`, `request.access.leads`, or such sets together."""
    if isinstance(node, ast.BinOp):
        return is_rights(node.left) and is_rights(node.right)
    if not isinstance(node, ast.Attribute) or node.attr not in SETS:
        return False
    holder = node.value
    name = holder.id if isinstance(holder, ast.Name) else holder.attr if isinstance(holder, ast.Attribute) else ""
    return name == "access"


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def refuses(node: ast.If) -> bool:
    raised = node.body[0]
    if not isinstance(raised, ast.Raise) or raised.exc is None:
        return False
    what = raised.exc.func if isinstance(raised.exc, ast.Call) else raised.exc
    return getattr(what, "id", getattr(what, "attr", "")) in REFUSALS


def kind_of(node: ast.AST) -> str:
    """What kind of guard the node is; empty if it is none."""
    match node:
        case ast.Call(func=ast.Attribute(attr="visible_to")):
            return "visible_to"
        case ast.keyword(value=value) if is_rights(value):
            return "condition"
        case ast.Compare(ops=[sign], comparators=[right]) if is_rights(right) and isinstance(sign, SIGNS):
            return "comparison"
        case ast.If() if refuses(node):
            return "refusal"
    return ""


class Finder(ast.NodeVisitor):
    """The guards of one file, each with the function it stands in."""

    def __init__(self, file: str) -> None:
        self.file, self.inside, self.found = file, [], []  # type: tuple[str, list[str], list[Guard]]

    def add(self, kind: str, node: Any, text: str) -> None:
        name = ".".join(self.inside)
        self.found.append(Guard(kind, self.file, node.lineno, name, text, node.col_offset))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.inside.append(node.name)
        self.generic_visit(node)
        self.inside.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.inside.append(node.name)
        if node.name.startswith("may_") or node.name in PREDICATES:
            self.add("predicate", node, f"def {node.name}")
        for decorator in node.decorator_list:
            if getattr(decorator, "id", "") == "sudo_required":
                self.add("sudo", node, "@sudo_required")
        self.generic_visit(node)
        self.inside.pop()

    def visit_Call(self, node: ast.Call) -> None:
        if called(node) in QUERIES:
            for keyword in node.keywords:
                self.look(keyword)
        self.look(node)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        self.look(node)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self.look(node)
        self.generic_visit(node)

    def look(self, node: Any) -> None:
        if self.inside and (kind := kind_of(node)):
            shown = node.test if isinstance(node, ast.If) else node
            text = f"{node.arg}={ast.unparse(node.value)}" if isinstance(node, ast.keyword) else ast.unparse(shown)
            self.add(kind, node, text)


def matrix_guards() -> Iterator[Guard]:
    from branches.access import Role
    from config.matrix import ROUTES

    for route, row in ROUTES.items():
        for method, roles in (("GET", row.get), ("POST", row.post)):
            if roles is not None and not row.public and roles != frozenset(Role):
                yield Guard("role", "config/matrix.py", 0, route, method, route=route, method=method)


def guards() -> list[Guard]:
    """All of them, in the order of the files."""
    found = [
        Guard("door", "config/settings.py", 0, "MIDDLEWARE", "LoginRequiredMiddleware"),
        Guard("door", "config/settings.py", 0, "MIDDLEWARE", "GuardMiddleware"),
        *matrix_guards(),
    ]
    for file, tree in sources():
        finder = Finder(file)
        finder.visit(tree)
        # A condition inside a call that is a guard itself stands at its own place; one place is one guard.
        found += {(one.kind, one.line, one.column): one for one in finder.found}.values()
    return [one for one in found if (one.file, one.function, one.text) not in EXCUSED]


# Taking away


class Remover(ast.NodeTransformer):
    """The tree without the guard at one place."""

    def __init__(self, guard: Guard) -> None:
        self.guard, self.done = guard, 0

    def is_it(self, node: Any, kind: str) -> bool:
        here = (kind, node.lineno, node.col_offset) == (self.guard.kind, self.guard.line, self.guard.column)
        self.done += here
        return here

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if kind_of(node) == "visible_to" and self.is_it(node, "visible_to"):
            assert isinstance(node.func, ast.Attribute)
            return ast.Call(ast.Attribute(node.func.value, "all", ast.Load()), [], [])
        for keyword in list(node.keywords):
            if called(node) in QUERIES and kind_of(keyword) == "condition" and self.is_it(keyword, "condition"):
                node.keywords.remove(keyword)
                if called(node) != "exclude" and "pk__isnull" not in {other.arg for other in node.keywords}:
                    node.keywords.append(ast.keyword("pk__isnull", ast.Constant(False)))
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if kind_of(node) == "comparison" and self.is_it(node, "comparison"):
            return ast.Constant(isinstance(node.ops[0], ast.In | ast.Eq))
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if kind_of(node) == "refusal" and self.is_it(node, "refusal"):
            node.test = ast.Constant(False)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if self.guard.kind == "predicate" and self.is_it(node, "predicate"):
            node.body = [ast.Return(ast.Constant(True))]
        return node


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from codes(inner)


def function_of(guard: Guard) -> tuple[FunctionType, str]:
    """The outermost function the guard stands in, as it runs, and its qualified name."""
    place: Any = import_module(guard.module)
    path: list[str] = []
    for name in guard.function.split("."):
        path.append(name)
        place = inspect.getattr_static(place, name)
        if isinstance(place, property | cached_property):
            place = place.fget if isinstance(place, property) else place.func
        if isinstance(place, classmethod | staticmethod):
            place = place.__func__
        if callable(place) and not inspect.isclass(place):
            return inspect.unwrap(place), ".".join(path)  # type: ignore[return-value]
    raise LookupError(guard)


def remove(guard: Guard) -> None:
    """Take the guard away in this process."""
    if guard.kind == "role":
        from dataclasses import replace

        from branches.access import Role
        from config.matrix import ROUTES

        ROUTES[guard.route] = replace(ROUTES[guard.route], **{guard.method.lower(): frozenset(Role)})
    elif guard.kind == "door":
        from django.contrib.auth.middleware import LoginRequiredMiddleware

        from config.guard import GuardMiddleware

        door: Any = {"LoginRequiredMiddleware": LoginRequiredMiddleware, "GuardMiddleware": GuardMiddleware}[guard.text]
        door.process_view = lambda *args, **kwargs: None
    elif guard.kind == "sudo":
        asked = _asking(getattr(import_module(guard.module), guard.function))
        asked.__code__ = _not_asking(asked).__code__
    else:
        tree = copy.deepcopy(ast.parse((ROOT / guard.file).read_text(encoding="utf-8")))
        remover = Remover(guard)
        tree = ast.fix_missing_locations(remover.visit(tree))
        assert remover.done == 1, (guard, remover.done)
        function, name = function_of(guard)
        for code in codes(compile(tree, str(ROOT / guard.file), "exec")):
            if code.co_qualname == name and code.co_firstlineno == function.__code__.co_firstlineno:
                function.__code__ = code
                for inner in codes(code):
                    if inner is not code and "<" not in inner.co_name:
                        _replace_made(inner)
                return
        raise LookupError(guard)


def _replace_made(code: CodeType) -> None:
    """The functions that an outer one has made already, the wrappers of views, get the new code as well."""
    for made in gc.get_objects():
        if isinstance(made, FunctionType) and made.__code__.co_filename == code.co_filename:
            old = made.__code__
            if (old.co_qualname, old.co_firstlineno) == (code.co_qualname, code.co_firstlineno):
                made.__code__ = code


def _asking(view: Any) -> FunctionType:
    """The wrapper of a view that asks for the password."""
    while view.__code__.co_qualname != "sudo_required.<locals>.asked":
        view = view.__wrapped__
    return view


def _not_asking(view: Callable[..., Any]) -> FunctionType:
    def asked(request: Any, *args: Any, **kwargs: Any) -> Any:
        return view(request, *args, **kwargs)

    return asked


# Noticing


class Knocker:
    """The records in memory, and what must be true of every answer."""

    def __init__(self) -> None:
        from tests import test_access_matrix as matrix
        from tests import test_nothing_foreign as foreign
        from tests.foreign import make_foreign
        from tests.records import make_records

        self.matrix, self.foreign = matrix, foreign
        self.ours = make_records()
        self.theirs = make_foreign(self.ours)
        self.table = matrix.expected()
        foreign.deputy_of_the_second(self.ours)
        for name, row in self.table.items():
            row["both"] = foreign.AS_BOTH.get(name, row["office"])
        self.cases = matrix.addresses(self.ours)
        # 403 at the door and 403 in the room are told apart by who refused.
        self.stopped: list[bool] = []
        asked = matrix.GuardMiddleware.process_view

        def look(middleware: Any, *args: Any) -> Any:
            response = asked(middleware, *args)
            self.stopped.append(response is not None)
            return response

        matrix.GuardMiddleware.process_view = look  # type: ignore[method-assign]
        everybody = (*matrix.ACTORS, "both")
        self.actors = {who: matrix.actor_of(who, self.ours, self.stopped) for who in everybody}
        self.trusted = {who: matrix.actor_of(who, self.ours, self.stopped, sudo=True) for who in everybody}

    def checks(self) -> list[Callable[[], str]]:
        """Every question asked of the portal: each says what is wrong with the answer, or nothing."""
        found: list[Callable[[], str]] = []
        for name, (url, data) in self.cases.items():
            for who in self.actors:
                for n, method in enumerate(("GET", "POST")):
                    found.append(partial(self.cell, who, False, method, name, url, data, self.table[name][who][n]))
        for name, row in self.matrix.AFTER_SUDO.items():
            for who, cells in row.items():
                for method, cell in zip(("GET", "POST"), cells, strict=True):
                    found.append(partial(self.cell, who, True, method, name, *self.cases[name], cell))
        for name, (url, data) in self.matrix.addresses(self.theirs).items():
            if any(letter.isdigit() for letter in url) and name not in self.foreign.OWN_INSTEAD:
                for who in self.trusted:
                    for method in ("GET", "POST"):
                        found.append(partial(self.cell, who, True, method, f"another's {name}", url, data, "Lx0-"))
        for name, url in self.foreign.readable(self.ours).items():
            found += [partial(self.words, who, name, url) for who in self.matrix.ACTORS]
        return found

    def cell(self, who: str, trusted: bool, method: str, name: str, url: str, data: Any, right: str) -> str:
        actor = (self.trusted if trusted else self.actors)[who]
        with transaction.atomic():
            try:
                found = actor.cell(method, url, data if method == "POST" else None)
            except Exception as error:  # a guard taken away may well break what stands behind it
                found = type(error).__name__
            transaction.set_rollback(True)
        return "" if found in right else f"{method} {name} for {who}: {found} instead of {right}"

    def words(self, who: str, name: str, url: str) -> str:
        from tests.foreign import WORDS, words_in

        with transaction.atomic():
            try:
                self.trusted[who].ask("GET", url)
                met = words_in(self.trusted[who].body)
            except Exception as error:
                return f"GET {name} for {who}: {type(error).__name__}"
            finally:
                transaction.set_rollback(True)
        return next((f"{name} shows {who} {word}" for word in met if who not in WORDS[word]), "")

    def learn(self) -> str:
        """Ask everything once with all guards in place: which functions each question reaches; what is wrong."""
        self.asked = self.checks()
        self.reached: dict[tuple[str, str], list[int]] = {}
        rooms = tuple(str(ROOT / room) for room in ROOMS)
        for number, ask in enumerate(self.asked):
            met: set[tuple[str, str]] = set()

            def look(frame: Any, event: str, argument: object, met: set[tuple[str, str]] = met) -> None:
                code = frame.f_code
                if event == "call" and code.co_filename.startswith(rooms):
                    met.add((code.co_filename, code.co_qualname))

            sys.setprofile(look)
            try:
                wrong = ask()
            finally:
                sys.setprofile(None)
            if wrong:
                return wrong
            for place in met:
                self.reached.setdefault(place, []).append(number)
        return ""

    def notices(self, guard: Guard) -> str:
        """The first answer that is not as it should be; empty if all are."""
        if guard.kind == "door":
            numbers: Iterable[int] = range(len(self.asked))
        elif guard.kind == "sudo":
            numbers = [n for n, ask in enumerate(self.asked) if ask.func == self.cell and ask.args[-1] == "s"]
        elif guard.kind == "role":
            cases = [name for name in self.cases if name.partition("@")[0] == guard.route]
            numbers = [n for n, ask in enumerate(self.asked) if any(name in ask.args for name in cases)]
        else:
            function, name = function_of(guard)
            numbers = self.reached.get((function.__code__.co_filename, name), [])
        return next((wrong for number in numbers if (wrong := self.asked[number]())), "")


def in_a_fork(task: Callable[[], str]) -> tuple[int, int]:
    """Starts the task in a copy of this process; gives its number and the pipe on which it answers."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    try:
        answer = task()
    except BaseException as error:
        answer = f"{type(error).__name__}: {error}"
    os.write(writing, pickle.dumps(answer[:500]))
    os._exit(0)


def knocked(knocker: Knocker, wanted: list[tuple[int, Guard]], at_once: int) -> Iterator[tuple[int, Guard, str]]:
    """Each guard, and what noticed that it was gone; several at once."""
    todo, running = list(reversed(wanted)), {}
    while todo or running:
        while todo and len(running) < at_once:
            number, guard = todo.pop()

            def task(guard: Guard = guard) -> str:
                remove(guard)
                return knocker.notices(guard)

            child, pipe = in_a_fork(task)
            running[child] = (number, guard, pipe)
        child, _ = os.wait()
        number, guard, pipe = running.pop(child)
        with os.fdopen(pipe, "rb") as answer:
            yield number, guard, pickle.loads(answer.read() or pickle.dumps("the process ended"))  # noqa: S301 — ours


# Where a file is tested, if not in the tests of its own name.
TESTED_IN = {
    "branches/access.py": ("tests/plan/test_predicates.py",),
    "branches/forms.py": ("tests/branches/test_people.py",),
    "branches/grant_forms.py": ("tests/branches/test_grants.py",),
    "branches/views/duplicates.py": ("tests/branches/test_merging.py",),
    "branches/views/personal.py": ("tests/branches/test_personal_pages.py", "tests/test_sensitive_fields.py"),
    "branches/views/sso.py": ("tests/sso",),
    "config/handover.py": ("tests/test_handover.py",),
    "config/homes.py": ("tests/test_homes.py",),
    "config/todo.py": ("tests/test_todo.py", "tests/test_homes.py"),
    "plan/moves.py": ("tests/plan/test_predicates.py", "tests/plan/test_moves.py", "tests/plan/test_filings.py"),
    "config/checkup_views.py": ("tests/test_checkup.py",),
    "inbox/views/sendings.py": ("tests/inbox/test_sending.py", "tests/inbox/test_messages.py"),
    "jobs/models.py": ("tests/jobs/test_pages.py",),
    "jobs/views.py": ("tests/jobs/test_pages.py",),
    "plan/checkup_rules.py": ("tests/test_checkup.py",),
    "study/checkup_rules.py": ("tests/test_checkup.py",),
    "study/office_view.py": ("tests/study/test_follow_ups.py", "tests/study/test_make_ups.py"),
    "plan/models/duties.py": ("tests/plan/test_filings.py", "tests/plan/test_tree.py", "tests/test_homes.py"),
    "plan/models/filings.py": ("tests/plan/test_filings.py", "tests/plan/test_tree.py", "tests/test_homes.py"),
    "plan/models/plans.py": ("tests/plan/test_tree.py", "tests/plan/test_plan_pages.py"),
    "plan/models/reliefs.py": ("tests/plan/test_reliefs.py", "tests/plan/test_reliefs_pages.py"),
    "plan/relieved.py": ("tests/plan/test_reliefs.py", "tests/plan/test_reliefs_pages.py"),
    "plan/views/reliefs.py": ("tests/plan/test_reliefs_pages.py",),
    "plan/views/conditions.py": ("tests/plan/test_board_views.py", "tests/plan/test_tree.py"),
    "plan/views/duty_list.py": ("tests/plan/test_board.py", "tests/plan/test_board_views.py"),
    "plan/views/saved_views.py": ("tests/plan/test_board_views.py",),
    "plan/views/papers.py": (
        "tests/plan/test_predicates.py",
        "tests/plan/test_papers.py",
        "tests/plan/test_filings.py",
        "tests/study",
    ),
    "plan/views/plans.py": ("tests/plan/test_plan_pages.py", "tests/plan/test_tree.py"),
    "plan/views/duties.py": ("tests/plan/test_board.py", "tests/plan/test_spine.py", "tests/plan/test_tree.py"),
    "study/views/branch_plans.py": ("tests/study/test_branch_plans.py", "tests/study/test_branch_plan_page.py"),
    "study/views/plan_items.py": ("tests/study/test_branch_plans.py", "tests/study/test_branch_plan_page.py"),
    "study/views/plan_sheets.py": ("tests/study/test_plan_sheets.py",),
    "study/views/gatherings.py": ("tests/study/test_gatherings.py",),
    "study/views/member_plans.py": ("tests/study/test_member_plans.py", "tests/study/test_member_progress.py"),
    "study/views/plan_reviews.py": ("tests/study/test_member_plans.py", "tests/study/test_member_progress.py"),
}


def tests_of(guard: Guard) -> list[str]:
    """The tests nearest to the guard; those of its room where none bears its name."""
    own = (f"tests/{guard.room}/test_{Path(guard.file).stem}.py",)
    found = [name for name in TESTED_IN.get(guard.file, own) if (ROOT / name).exists()]
    return found or [f"tests/{guard.room}"]


def under_the_tests(number: int, guard: Guard) -> str:
    """The first of the nearest tests that fails without it; empty if none does."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-m", PLAIN, "-p", "no:cacheprovider",
         *tests_of(guard)],
        cwd=ROOT, env=os.environ | {"GUARD": str(number)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0][:300] if failed else "" if done.returncode == 0 else f"pytest ended with {done.returncode}"


def start() -> None:
    """Django with the tests' settings and an empty database in memory."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings_test"
    import django

    django.setup()
    logging.disable(logging.CRITICAL)
    from django.db import connection
    from django.test.utils import setup_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)


def measured(second: bool, at_once: int, only: str = "") -> Iterator[tuple[Guard, str]]:
    """Every guard and what noticed; `second` sends those that nobody missed under the tests of their room."""
    start()
    from branches import clock
    from tests.conftest import at
    from tests.test_access_matrix import NOW

    clock.current_instant = lambda: at(NOW)
    knocker = Knocker()
    if wrong := knocker.learn():
        raise SystemExit(f"with all guards in place: {wrong}")
    wanted = [(number, guard) for number, guard in enumerate(guards()) if only in str(guard)]
    missed = []
    for number, guard, noticed in knocked(knocker, wanted, at_once):
        if noticed or not second:
            yield guard, noticed
        else:
            missed.append((number, guard))
    for number, guard in missed:
        yield guard, under_the_tests(number, guard)


def main() -> int:
    parser = argparse.ArgumentParser(description="Take the guards away one by one.")
    parser.add_argument("--only", default="", help="guards whose line holds this text")
    parser.add_argument("--list", action="store_true", help="name the guards and take none away")
    parser.add_argument("--count", action="store_true", help="how many cells are asked, and how many guards there are")
    parser.add_argument("--first", action="store_true", help="leave out the tests of the rooms")
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    if given.list:
        start()
        print("\n".join(str(guard) for guard in guards()))
        return 0
    if given.count:
        start()
        from tests.test_access_matrix import ACTORS, expected

        print(len(expected()) * len(ACTORS) * 2, len(guards()))
        return 0
    began, counted, survivors = time.monotonic(), 0, []
    for guard, noticed in measured(not given.first, given.at_once, given.only):
        counted += 1
        print(f"{'ok  ' if noticed else 'GONE'} {guard}\n     {noticed or 'nobody noticed'}", flush=True)
        if not noticed:
            survivors.append(guard)
    print(f"{counted} guards, {len(survivors)} unnoticed, {time.monotonic() - began:.0f} s")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main())
