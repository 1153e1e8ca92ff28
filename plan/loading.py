"""Loading a plan: its TOML checked key by key and against the paper's words, every problem said at once, in Chinese."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from plan.cadence import Cadence, DaysAfter, LinesOf, parse, parse_day, shown
from plan.document import (
    HANDLINGS,
    KINDS,
    LECTURERS,
    OWNERS,
    PROOFS,
    RECEIVERS,
    SETTING_KEYS,
    Chapter,
    Clause,
    Document,
    DocumentErrors,
    Question,
    Reading,
    RequirementSpec,
    Settings,
)

SCHEMA = 1
YEARS = range(1990, 2101)
# What the portal can do for each question that is a choice; a document may offer fewer, never others.
CHOICES: dict[str, tuple[Any, ...]] = {
    "deadline_inclusive": (True, False),
    "next_day": ("calendar", "working"),
    "holiday_policy": ("none", "next_working", "before"),
    "small_branch_committee": ("exempt", "monthly", "owed"),
    "seminar_windows": ("fixed",),
    "year_end_from": ("12-01", "10-01"),
}

# The shape of each table: key to (type, Chinese name of the type, required).
Shape = dict[str, tuple[type, bool]]
TYPE_WORDS = {str: "引号里的文字", int: "整数", bool: "true 或 false", list: "方括号里的列表", dict: "花括号里的表"}
TOP: Shape = {
    "schema": (int, True),
    "year": (int, True),
    "title": (str, True),
    "issuer": (str, True),
    "text": (str, True),
    "settings": (dict, True),
    "reading": (list, True),
    "chapter": (list, True),
    "clause": (list, True),
    "requirement": (list, True),
}
SETTING: Shape = {
    "value": (object, True),
    "title": (str, True),
    "quote": (str, True),
    "choices": (dict, False),
    "basis": (str, False),
}
READING: Shape = {"title": (str, True), "quote": (str, True), "standing": (bool, False)}
CHAPTER: Shape = {"number": (str, True), "title": (str, True)}
CLAUSE: Shape = {"number": (str, True), "heading": (str, True)}
REQUIREMENT: Shape = {
    "code": (str, True),
    "clause": (str, True),
    "title": (str, True),
    "quotes": (list, True),
    "owners": (list, True),
    "cadence": (dict, True),
    "proof": (str, True),
    "receiver": (str, True),
    "handling": (str, True),
    "evidence": (str, True),
    "kinds": (list, False),
    "forms_at_least": (int, False),
    "pictures": (int, False),
    "lecturer": (str, False),
    "by_size": (bool, False),
}


# How long the words may be that become rows of the database, by noun and key.
LONGEST = {("学习重点", "title"): 120, ("要求", "title"): 60, ("章", "number"): 6}


def load(toml_text: str, source_text: str) -> Document:
    """Read a plan's TOML and check it against the paper's text; DocumentErrors with every problem found at once."""
    return _Reader(read_toml(toml_text), source_text).document()


def read_toml(toml_text: str) -> dict[str, Any]:
    """Give the TOML's values; DocumentErrors names the line where it is broken."""
    try:
        return tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise DocumentErrors([_syntax_error(toml_text, str(error))]) from None


def _syntax_error(toml_text: str, message: str) -> str:
    lines = toml_text.splitlines() or [""]
    found = re.search(r"at line (\d+), column (\d+)", message)
    number = int(found[1]) if found else len(lines)
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return f"第{number}行写法有误：“{line}”，请检查这一行和上一行的引号、括号、等号是否成对，键是否重复。"


class _Reader:
    """One reading of a parsed TOML, collecting every problem before it gives up."""

    def __init__(self, data: dict[str, Any], source_text: str) -> None:
        self.data = data
        self.source_text = source_text
        self.errors: list[str] = []

    def document(self) -> Document:
        top = self.shaped(self.data, TOP, "方案")
        if "schema" in top and top["schema"] != SCHEMA:
            self.wrong("方案", "schema", top["schema"], f"请写 {SCHEMA}")
        if "year" in top and top["year"] not in YEARS:
            self.wrong("方案", "year", top["year"], f"请写{YEARS.start}到{YEARS.stop - 1}之间的年份")
        if "text" in top and not re.fullmatch(r"[\w-]+\.txt", top["text"]):
            self.wrong("方案", "text", top["text"], "请写同一文件夹中的文件名，例如“2018.txt”")
        answers, questions = self.settings(top.get("settings", {}))
        readings = self.rows(top.get("reading", []), READING, "学习重点", "title")
        for where, row in readings:
            self.quoted(where, "quote", row.get("quote"))
        chapters = self.rows(top.get("chapter", []), CHAPTER, "章", "number")
        for where, row in chapters:
            self.quoted(where, "title", row.get("title"))
        clauses = self.clauses(top.get("clause", []), {row.get("number") for _, row in chapters})
        numbers = {row.get("number") for _, row in clauses}
        requirements = self.rows(top.get("requirement", []), REQUIREMENT, "要求", "code")
        for where, row in requirements:
            self.requirement(where, row, numbers, answers)
        if self.errors:
            raise DocumentErrors(self.errors)
        return Document(
            year=top["year"],
            title=top["title"],
            issuer=top["issuer"],
            text=top["text"],
            settings=Settings(**answers, questions=tuple(questions)),
            readings=tuple(Reading(**row) for _, row in readings),
            chapters=tuple(Chapter(**row) for _, row in chapters),
            clauses=tuple(Clause(**row) for _, row in clauses),
            requirements=tuple(RequirementSpec.from_dict(row) for _, row in requirements),
            source_text=self.source_text,
        )

    def wrong(self, where: str, key: str, value: object, cure: str) -> None:
        self.errors.append(f"{where}：{key} 写的是{shown(value)}，{cure}。")

    def shaped(self, table: object, shape: Shape, where: str, noun: str = "") -> dict[str, Any]:
        """Give the keys of `table` that have the right type; name the missing, the unknown and the wrong."""
        if not isinstance(table, dict):
            self.errors.append(f"{where}：写的是{shown(table)}，应写成一张表，请按 2018.toml 的样子填写。")
            return {}
        good = {}
        for key, (kind, required) in shape.items():
            if key not in table:
                if required:
                    self.errors.append(f"{where}：缺少 {key}，请补上。")
                continue
            value = table[key]
            limit = LONGEST.get((noun, key))
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                self.wrong(where, key, value, f"应写成{TYPE_WORDS[kind]}")
            elif isinstance(value, str) and not value.strip():
                self.wrong(where, key, value, "不能空着，请填写")
            elif isinstance(value, str) and limit and len(value) > limit:
                self.wrong(where, key, value, f"超过{limit}个字，请写短一些")
            else:
                good[key] = value
        for key in table:
            if key not in shape:
                self.errors.append(f"{where}：不认识 {key}，可写的有{'、'.join(shape)}，请改正或删去。")
        return good

    def rows(self, tables: list[Any], shape: Shape, noun: str, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Give each table of a list with the words that say where it stands; `name` must not repeat."""
        if not tables:
            self.errors.append(f"方案：一项{noun}也没有，请至少写一项。")
        rows, seen = [], set()
        for place, table in enumerate(tables, start=1):
            own = table.get(name) if isinstance(table, dict) else None
            where = f"{noun}{own}" if isinstance(own, str) and own.strip() else f"第{place}项{noun}"
            clause = table.get("clause") if isinstance(table, dict) else None
            if isinstance(clause, str) and clause.strip():
                where = f"{where}（{clause}）"
            row = self.shaped(table, shape, where, noun)
            if name in row:
                if row[name] in seen:
                    self.wrong(where, name, row[name], "与前面的重复，请换一个或删去其中一项")
                seen.add(row[name])
            rows.append((where, row))
        return rows

    def quoted(self, where: str, key: str, quote: object) -> None:
        """A quote stands word for word in the paper; only whitespace around it is ignored."""
        if isinstance(quote, str) and quote.strip() not in self.source_text:
            self.wrong(where, key, quote, "在方案原文中找不到，请照原文一字不差地抄录")

    def settings(self, tables: dict[str, Any]) -> tuple[dict[str, Any], list[Question]]:
        answers: dict[str, Any] = {}
        questions: list[Question] = []
        for key in SETTING_KEYS:
            if key not in tables:
                self.errors.append(f"方案：缺少设置 settings.{key}，请补上。")
        for key, table in tables.items():
            where = f"设置 {key}"
            if key not in SETTING_KEYS:
                known = "、".join(SETTING_KEYS)
                self.errors.append(f"方案：不认识设置 settings.{key}，可写的有{known}，请改正或删去。")
                continue
            row = self.shaped(table, SETTING, where)
            self.quoted(where, "quote", row.get("quote"))
            choices = self.choices(where, key, row.get("choices"))
            if "value" not in row:
                continue
            value, cure = _answer(key, row["value"], choices)
            if cure:
                self.wrong(where, "value", row["value"], cure)
                continue
            answers[key] = value
            if {"title", "quote"} <= set(row):
                questions.append(Question(key, row["title"], row["quote"], value, choices, row.get("basis", "")))
        return answers, questions

    def choices(self, where: str, key: str, table: dict[str, Any] | None) -> tuple[tuple[Any, str], ...]:
        known = {_choice_key(value): value for value in CHOICES.get(key, ())}
        if table is None:
            if known:
                self.errors.append(f"{where}：缺少 choices，请写明{'、'.join(known)}各是什么意思。")
            return ()
        choices = []
        for name, words in table.items():
            if name not in known:
                cure = f"可写的有{'、'.join(known)}" if known else "此项不是选择题，请删去 choices"
                self.wrong(where, "choices", name, cure)
            elif not isinstance(words, str) or not words.strip():
                self.wrong(where, f"choices.{name}", words, "请用中文写明它的意思")
            else:
                choices.append((known[name], words))
        return tuple(choices)

    def clauses(self, tables: list[Any], chapters: set[Any]) -> list[tuple[str, dict[str, Any]]]:
        rows = self.rows(tables, CLAUSE, "条", "number")
        for where, row in rows:
            self.quoted(where, "heading", row.get("heading"))
            number = row.get("number")
            if number is None:
                continue
            found = re.fullmatch(r"([^.\s]+)\.[1-9][0-9]?", number)
            if found is None:
                self.wrong(where, "number", number, "应写成“章.条”，例如“一.1”")
            elif found[1] not in chapters:
                self.wrong(where, "number", number, f"没有“{found[1]}”这一章，请先写这一章或改正条号")
        return rows

    def requirement(self, where: str, row: dict[str, Any], clauses: set[Any], answers: dict[str, Any]) -> None:
        if "code" in row and not re.fullmatch(r"[A-Z][1-9][0-9]{0,2}", row["code"]):
            self.wrong(where, "code", row["code"], "编号应是一个大写字母加数字，例如“S1”")
        if "clause" in row and row["clause"] not in clauses:
            self.wrong(where, "clause", row["clause"], "各条中没有这一条，请先写这一条或改正条号")
        self.quotes(where, row.get("quotes"))
        self.among(where, "owners", row.get("owners"), OWNERS, several=True)
        self.among(where, "proof", row.get("proof"), PROOFS)
        self.among(where, "receiver", row.get("receiver"), RECEIVERS)
        self.among(where, "handling", row.get("handling"), HANDLINGS)
        self.among(where, "lecturer", row.get("lecturer"), LECTURERS)
        self.among(where, "kinds", row.get("kinds"), KINDS, several=True)
        for key in ("forms_at_least", "pictures"):
            if row.get(key, 0) < 0:
                self.wrong(where, key, row[key], "应写不小于0的整数")
        if "cadence" in row:
            try:
                cadence = parse(row["cadence"], answers)
            except ValueError as error:
                self.errors.append(f"{where}：{error}。")
            else:
                self.agree(where, row, cadence)
        self.consistent(where, row)

    def quotes(self, where: str, quotes: list[Any] | None) -> None:
        if quotes is None:
            return
        if not quotes:
            self.wrong(where, "quotes", quotes, "请至少抄录方案原文中的一句")
        for quote in quotes:
            if not isinstance(quote, str) or not quote.strip():
                self.wrong(where, "quotes", quote, "应写成引号里的文字，不能空着")
            else:
                self.quoted(where, "quotes", quote)

    def among(self, where: str, key: str, value: Any, known: Mapping[str, str], several: bool = False) -> None:
        """What is written is one (or some) of the words the portal knows."""
        if value is None:
            return
        cure = f"可写的有{'、'.join(f'{word}（{words}）' for word, words in known.items())}"
        if not several:
            if value not in known:
                self.wrong(where, key, value, cure)
            return
        if not value:
            self.wrong(where, key, value, f"不能空着，{cure}")
        for place, word in enumerate(value):
            if not isinstance(word, str) or word not in known:
                self.wrong(where, key, word, cure)
            elif word in value[:place]:
                self.wrong(where, key, word, "重复了，请删去一个")

    def agree(self, where: str, row: dict[str, Any], cadence: Cadence) -> None:
        """The cadence and the proof speak of the same thing."""
        proof = row.get("proof")
        if isinstance(cadence, LinesOf) != (proof == "lines") and proof in PROOFS:
            self.wrong(where, "proof", proof, "“lines”须与 cadence = { lines = … } 一同使用，请把两处改一致")
        if isinstance(cadence, DaysAfter) and proof in PROOFS and proof != cadence.event:
            self.wrong(where, "proof", proof, f"按“{cadence.event}”逐次上报的，proof 也应写“{cadence.event}”")

    def consistent(self, where: str, row: dict[str, Any]) -> None:
        """Keys that need one another stand together."""
        gathering = row.get("proof") == "gathering"
        if gathering and "kinds" not in row:
            self.errors.append(f"{where}：缺少 kinds，用活动记录证明的，请写明哪几种活动。")
        if "proof" in row and not gathering:
            for key in ("kinds", "forms_at_least", "pictures", "lecturer"):
                if key in row:
                    self.wrong(where, key, row[key], '只有用活动记录（proof = "gathering"）证明的才能写，请删去')
        if "lecturer" in row and "lecture" not in row.get("kinds", ["lecture"]):
            self.wrong(where, "lecturer", row["lecturer"], "只有党课才有主讲人，请删去或在 kinds 中写上 lecture")
        if {"receiver", "handling"} <= set(row) and (row["receiver"] == "none") != (row["handling"] == "keep"):
            cure = '不上报（receiver = "none"）的只能留存（keep），上报的应备案（inform）或审定（approve）'
            self.wrong(where, "handling", row["handling"], cure)
        if row.get("by_size") and "branch" not in row.get("owners", ["branch"]):
            self.wrong(where, "by_size", True, "只有党支部（branch）负责的才能写，请删去")


def _answer(key: str, value: Any, choices: tuple[tuple[Any, str], ...]) -> tuple[Any, str]:
    """Give the checked answer to a question, or the cure in Chinese where it is none."""
    if key in CHOICES:
        # True == 1 in Python: the type has to agree as well.
        if any(value == choice and type(value) is type(choice) for choice, _ in choices):
            return value, ""
        return None, f"可选的有{'、'.join(_choice_key(choice) for choice, _ in choices) or '（choices 中没有可选的）'}"
    if key == "vacation_months":
        if isinstance(value, list) and all(type(month) is int and 1 <= month <= 12 for month in value):
            return tuple(sorted(set(value))), ""
        return None, "应写成1到12的月份列表，例如 [2, 8]，没有就写 []"
    if key == "pledge_due":
        try:
            parse_day(value, key)
        except ValueError as error:
            return None, str(error)
        return value, ""
    if key == "fixed_actions":
        if isinstance(value, list) and value and all(isinstance(word, str) and word.strip() for word in value):
            return tuple(dict.fromkeys(value)), ""
        return None, "应写成文字列表，至少一项"
    if type(value) is int and 0 <= value <= 366:
        return value, ""
    return None, "应写0到366之间的天数"


def _choice_key(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
