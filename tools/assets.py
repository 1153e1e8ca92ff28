"""Copies what the pages use from node_modules into static/vendor, what paper is printed with into documents/fonts.

Nothing else is taken: of each typeface two of nine weights, and the fonts stand outside what is served to browsers.
Bootstrap's two files lose their source-map comment: the hashed static storage would look for a map that is not shipped.
The icons become one sprite of those named in tools/icons.txt (60 KB instead of 1.1 MB, and no icon font).
"""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"

COPIED = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap/bootstrap.min.css",
    "bootstrap/dist/js/bootstrap.bundle.min.js": "bootstrap/bootstrap.bundle.min.js",
    "bootstrap/LICENSE": "bootstrap/LICENSE.txt",
    "bootstrap-icons/LICENSE": "bootstrap-icons/LICENSE.txt",
}

# What documents/print.py prints with; its licence goes along.
FONTS = ROOT / "documents" / "fonts"
COPIED_FONTS = {
    f"@expo-google-fonts/{name}/{path}": file
    for name, face in (("noto-sans-sc", "NotoSansSC"), ("noto-serif-sc", "NotoSerifSC"))
    for path, file in (
        (f"400Regular/{face}_400Regular.ttf", f"{face}-Regular.ttf"),
        (f"700Bold/{face}_700Bold.ttf", f"{face}-Bold.ttf"),
        ("LICENSE_FONT", f"{face}-LICENSE.txt"),
    )
}

# One Bootstrap name a line; an unknown one stops the build.
ICONS = ROOT / "tools" / "icons.txt"
SPRITE = "bootstrap-icons/bootstrap-icons.svg"


def sprite(source: str, names: list[str]) -> str:
    """Return Bootstrap's sprite `source` with only the symbols named; raises KeyError telling which it lacks."""
    symbols = {
        match["name"]: match[0]
        for match in re.finditer(r'<symbol [^>]*\bid="(?P<name>[^"]+)"[^>]*>.*?</symbol>', source, re.DOTALL)
    }
    if unknown := [name for name in names if name not in symbols]:
        raise KeyError("bootstrap-icons has no icon named " + ", ".join(unknown))
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols[name] for name in names) + "\n</svg>\n"


def without_source_map(text: str) -> str:
    """Return a CSS or JavaScript file's text without its sourceMappingURL comment."""
    text = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", text)
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE).rstrip() + "\n"


def main() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, name in COPIED.items():
        (VENDOR / name).parent.mkdir(parents=True, exist_ok=True)
        text = (MODULES / source).read_text(encoding="utf-8")
        (VENDOR / name).write_text(without_source_map(text), encoding="utf-8")
    every_icon = (MODULES / SPRITE).read_text(encoding="utf-8")
    (VENDOR / SPRITE).write_text(sprite(every_icon, ICONS.read_text(encoding="utf-8").split()), encoding="utf-8")
    shutil.rmtree(FONTS, ignore_errors=True)
    FONTS.mkdir(parents=True)
    for source, name in COPIED_FONTS.items():
        shutil.copyfile(MODULES / source, FONTS / name)


if __name__ == "__main__":
    main()
