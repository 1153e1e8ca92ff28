"""Editing a plan's TOML: one answer or one requirement changed; its other words, order and comments stay."""

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.items import AoT, Item, Table

from plan.loading import read_toml


def with_year(toml_text: str, year: int) -> str:
    """Give next year's plan as an editable copy: same words, order and comments, another year."""
    document = _parsed(toml_text)
    document["year"] = year
    return tomlkit.dumps(document)


def set_setting(toml_text: str, key: str, value: Any) -> str:
    """Give the TOML with another answer to one question; ValueError in Chinese if there is no such question."""
    document = _parsed(toml_text)
    settings = document.get("settings", {})
    if key not in settings:
        raise ValueError(f"没有设置“{key}”，可改的有：{'、'.join(settings)}")
    settings[key]["value"] = _item(value)
    return tomlkit.dumps(document)


def set_requirement(toml_text: str, code: str, **changes: Any) -> str:
    """Give the TOML with keys of one requirement changed (None removes); ValueError in Chinese if it is not there."""
    document = _parsed(toml_text)
    table = _requirement_table(document, code)
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = _item(value)
    return tomlkit.dumps(document)


def add_requirement(toml_text: str, code: str, **values: Any) -> str:
    """Give the TOML with one more requirement at the end; ValueError in Chinese if the code is taken."""
    document = _parsed(toml_text)
    tables = _requirement_tables(document)
    if any(table.get("code") == code for table in tables):
        raise ValueError(f"要求{code}已经有了，请换一个编号")
    table = tomlkit.table()
    table["code"] = code
    for key, value in values.items():
        table[key] = _item(value)
    if tables.body and not tables.body[-1].as_string().endswith("\n\n"):
        tables.body[-1].add(tomlkit.nl())
    tables.append(table)
    return _ended(document)


def remove_requirement(toml_text: str, code: str) -> str:
    """Give the TOML without one requirement; ValueError in Chinese if it is not there."""
    document = _parsed(toml_text)
    tables = _requirement_tables(document)
    del tables[tables.index(_requirement_table(document, code))]
    return _ended(document)


def _item(value: Any) -> Item:
    """Give a TOML value, tables written in one line."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for key, inner in value.items():
            table[key] = _item(inner)
        return table
    if isinstance(value, list | tuple):
        array = tomlkit.array()
        for inner in value:
            array.append(_item(inner))
        return array
    return tomlkit.item(value)


def _parsed(toml_text: str) -> tomlkit.TOMLDocument:
    """Give the TOML with its comments and order; DocumentErrors names the line where it is broken."""
    read_toml(toml_text)
    return tomlkit.parse(toml_text)


def _ended(document: tomlkit.TOMLDocument) -> str:
    """Give the text with one line break at its end, whichever table was taken from or put there."""
    return tomlkit.dumps(document).rstrip("\n") + "\n"


def _requirement_tables(document: tomlkit.TOMLDocument) -> AoT:
    tables = document.get("requirement")
    if tables is None:
        tables = tomlkit.aot()
        document["requirement"] = tables
    if not isinstance(tables, AoT):
        raise ValueError("各项要求应分别写在 [[requirement]] 之下，请先改成这种写法")
    return tables


def _requirement_table(document: tomlkit.TOMLDocument, code: str) -> Table:
    for table in _requirement_tables(document).body:
        if table.get("code") == code:
            return table
    raise ValueError(f"没有要求{code}，请核对编号")
