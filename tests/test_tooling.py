"""Facts about how the portal is installed: its locks, and the front-end files it takes from npm."""

import json
import re
from pathlib import Path

import pytest

from tools import assets

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements.txt", "requirements-dev.txt", "tools/requirements-uv.txt", "tools/requirements-node.txt"]


def locked(name: str) -> dict[str, str]:
    """Return what a lock file says of each package, by the package's `name==version`."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = text.replace("\\\n", "").splitlines()
    return {entry.split()[0]: entry for entry in entries}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_one_version_and_its_hashes(name):
    packages = locked(name)
    assert packages
    for package, entry in packages.items():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.+]*", package)
        assert "--hash=sha256:" in entry


@pytest.mark.parametrize("name", [*LOCKS, "package-lock.json", ".npmrc"])
def test_no_lock_names_a_host_or_a_folder_of_the_machine_it_was_made_on(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r'"resolved"|--(extra-)?index-url|--find-links|file:|registry\.|pythonhosted|(^|\s)/\w', text)


def test_the_tests_run_with_the_very_packages_that_production_runs_on():
    assert set(locked("requirements.txt")) <= set(locked("requirements-dev.txt"))


def test_every_npm_package_is_locked_by_its_hash():
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    installed = {path: entry for path, entry in packages.items() if path}
    assert installed
    assert all(entry["integrity"].startswith("sha512-") for entry in installed.values())


def test_the_sprite_holds_the_icons_asked_for_and_no_other():
    source = (
        '<svg><symbol class="bi" id="bell"><path d="M1"/></symbol>\n<symbol id="book"><path d="M2"/></symbol></svg>'
    )
    made = assets.sprite(source, ["book"])
    assert '<symbol id="book"><path d="M2"/></symbol>' in made
    assert "bell" not in made


def test_an_icon_that_does_not_exist_stops_the_build():
    with pytest.raises(KeyError, match="no-such-icon"):
        assets.sprite('<svg><symbol id="bell"></symbol></svg>', ["bell", "no-such-icon"])


def test_every_icon_that_a_template_names_is_in_the_sprite():
    templates = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.html"))
    named = set(re.findall(r"""\{%\s*icon\s+["']([^"']+)["']""", templates))
    assert named
    assert named <= set(assets.ICONS.read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a{}\n/*# sourceMappingURL=a.css.map */\n", "a{}\n"),
        ("f();\n//# sourceMappingURL=a.js.map\n", "f();\n"),
        ("f();\n", "f();\n"),
    ],
)
def test_vendor_files_do_not_point_to_a_source_map_that_is_not_shipped(text, kept):
    assert assets.without_source_map(text) == kept
