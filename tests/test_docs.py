"""What the documents name is there: links, pictures, commands, variables, files, and the words on the pages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands
from PIL import Image

from config.demo.people import ACCOUNTS, PASSWORD

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
MANUALS = ["docs/office.md", "docs/secretary.md", "docs/member.md", "docs/administrator.md"]

# This one names also what was considered and is not there.
SPEAKS_OF_THE_ABSENT = "docs/decisions/0001-dependencies-and-locking.md"
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))


@cache
def code_of_the_portal() -> str:
    """All of the portal's own modules, the plan's data, and the settings of its tools."""
    folders = (
        "config",
        "branches",
        "inbox",
        "jobs",
        "plan",
        "study",
        "commitments",
        "documents",
        "benchmarks",
        "tools",
    )
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "pyproject.toml", ROOT / "plan/2018.toml", ROOT / "tools/setup.sh"]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@cache
def said_on_pages() -> str:
    """Everything that templates, scripts and code can put on a page, without the icons that stand before a word."""
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static/js").glob("*.js")]
    for app in ("branches", "inbox", "jobs", "plan", "study", "commitments", "config"):
        sources += [path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    return "\n".join(re.sub(r"\{% icon [^%]*%\}", "", path.read_text(encoding="utf-8")) for path in sources)


def stands_on_a_page(word: str) -> bool:
    """Whether a page can show the word by itself, not as a part of a longer one."""
    return re.search(rf"(?<![\u4e00-\u9fff]){re.escape(word)}(?![\u4e00-\u9fff])", said_on_pages()) is not None


def broken_links(text: str, folder: Path) -> list[str]:
    """The relative targets of links and pictures in the text that are not there."""
    found = re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text))
    local = [target.partition("#")[0] for target in found if not re.match(r"[a-z]+:", target)]
    return [target for target in local if target and not (folder / target).exists()]


def files_named(text: str) -> set[str]:
    """The files and folders of the project that stand in the text as code: plan/moves.py, docs/decisions/."""
    named = {code for code in CODE.findall(text) if re.fullmatch(r"[a-z0-9_.-]+(/[\w.-]+)*/?", code)}
    return {code for code in named if "/" in code or re.search(r"\.(py|toml|txt|html|css|js|md|json)$", code)}


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_and_picture_is_there(name):
    assert not broken_links(text_of(name), (ROOT / name).parent)


def test_a_link_to_nothing_is_noticed():
    text = "[一](there.md) ![二](docs/no.png) [三](https://example.org)"
    assert broken_links(text, ROOT) == ["there.md", "docs/no.png"]


def test_every_picture_is_shown_somewhere_small_and_as_wide_as_a_screen():
    shown = {
        (path.parent / target).resolve()
        for path in DOCUMENTS
        for target in re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    }
    there = set((ROOT / "docs/pictures").iterdir())
    assert there == shown
    for path in there:
        assert path.stat().st_size <= 150 * 1024, path.name
        with Image.open(path) as picture:
            assert picture.format == "PNG" and picture.width in (390, 1440), path.name


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_named_is_in_the_makefile(name):
    text = text_of(name)
    named = re.findall(r"(?:^|`|\s)make ([a-z]+)(?=[\s`]|$)", "\n".join([*CODE.findall(text), *FENCED.findall(text)]))
    assert set(named) <= targets()


def test_the_readme_lists_every_make_target():
    assert set(re.findall(r"^\| `make ([a-z]+)` \|", text_of("README.md"), re.MULTILINE)) == targets()


def test_every_variable_of_the_readme_is_read_by_the_makefile_the_tools_or_the_settings():
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", text_of("README.md"), re.MULTILINE))
    assert {"PORT", "DEMO_NOW", "TEST_POSTGRES_URL", "FIGURES_BRANCHES"} <= named
    sources = [
        "Makefile",
        "config/settings.py",
        "config/settings_test.py",
        "tools/services.py",
        "benchmarks/figures.py",
    ]
    read = {word for name in sources for word in re.findall(r"[A-Z][A-Z_]+", text_of(name))}
    assert named <= read


def test_the_administrator_reads_of_every_variable_of_the_settings_and_of_no_other():
    read = set(re.findall(r"""(?:environ(?:\.get\(|\[)|_flag\(|_keys\()"([A-Z_]+)\"""", text_of("config/settings.py")))
    assert {"SECRET_KEY", "DATABASE_URL", "HTTPS"} <= read
    text = text_of("docs/administrator.md")
    explained = re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert set(explained) == read and len(explained) == len(read)
    set_there = set(re.findall(r"^([A-Z_]+)=", "\n".join(FENCED.findall(text)), re.MULTILINE))
    assert set_there and set_there <= read


@pytest.mark.parametrize("name", NAMES)
def test_every_management_command_named_is_there(name):
    assert set(re.findall(r"manage\.py ([a-z_]+)", text_of(name))) <= set(get_commands())


def test_the_administrator_reads_of_every_command_of_the_portal_for_daily_use():
    ours = {command for command, app in get_commands().items() if app in ("branches", "inbox", "plan")}
    assert ours <= set(re.findall(r"manage\.py ([a-z_]+)", text_of("docs/administrator.md")))


@pytest.mark.parametrize("name", [name for name in NAMES if name != SPEAKS_OF_THE_ABSENT])
def test_every_file_named_is_there(name):
    made_by_running = {"var/", "static/vendor"}
    folders = [ROOT, ROOT / "templates", ROOT / "templates/components", ROOT / "static"]
    named = files_named(text_of(name)) - made_by_running
    assert not [file for file in named if not any((folder / file).exists() for folder in folders)]


def test_a_file_that_is_gone_is_noticed():
    assert files_named("`plan/moves.py`, `docs/decisions/`, `make test`, `VAR_DIR/media`, `S12`") == {
        "plan/moves.py",
        "docs/decisions/",
    }


def names_in_code(text: str) -> set[str]:
    """The identifiers that stand in the text as code: `late_at`, `settles_at()`; dotted ones in their parts."""
    spoken = (re.sub(r"\(.*", "", code) for code in CODE.findall(FENCED.sub("", text)))
    dotted = [code for code in spoken if re.fullmatch(r"[A-Za-z]\w*(\.\w+)*", code)]
    parts = {part for code in dotted for part in code.split(".")}
    return {part for part in parts if re.search(r"[a-z]_[a-z]|[a-z][A-Z]|^_", part)}


@pytest.mark.parametrize("name", [name for name in NAMES if "decisions/" in name or name == "docs/developer.md"])
def test_every_identifier_named_is_in_the_code(name):
    text = text_of(name)
    assert not names_in_code(text) - set(re.findall(r"\w+", code_of_the_portal()))
    for path, word in re.findall(r"`([\w/]+\.py)` 的 `(\w+)", text):
        assert re.search(rf"\b{word}\b", text_of(path)), f"{path}: {word}"


def test_an_identifier_that_is_gone_is_noticed():
    text = "`Duty.late_at`，`missing_to_file()`，`make test`，`plan/moves.py`，`filter(pk=1)`"
    assert names_in_code(text) == {"late_at", "missing_to_file"}
    assert "no_such_verb" not in set(re.findall(r"\w+", code_of_the_portal()))


@pytest.mark.parametrize("name", MANUALS)
def test_every_word_that_a_manual_quotes_from_a_page_stands_on_one(name):
    words = re.findall(r"【([^】]+)】", text_of(name))
    assert words
    assert not [word for word in words if not stands_on_a_page(word)]


def test_a_word_that_no_page_says_is_noticed():
    assert stands_on_a_page("存草稿")
    assert not stands_on_a_page("存草")  # half a word is none
    assert not stands_on_a_page("提交审批流程")


def test_every_decision_has_its_number_once_and_fits_a_screen():
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} ")
        assert len(text.splitlines()) <= 64, path.name


def test_the_readme_leads_to_every_document():
    text = text_of("README.md")
    assert not [name for name in NAMES if name != "README.md" and f"({name})" not in text]


def test_the_readme_names_every_account_of_the_demo_and_its_password() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{PASSWORD}`" in text
    assert [number for number, words in ACCOUNTS.items() if f"| `{number}` | {words}" not in text] == []
