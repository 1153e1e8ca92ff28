"""`python -m tools.app_icons`: draws the app's icons, the three lines of static/favicon.svg, as PNG in static/img/."""

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parent.parent / "static" / "img"
RED, PAPER = "#A8201A", "#FBF9F5"
GRID = 32  # the SVG's own units
LINES = ((10, 24), (16, 24), (22, 17))  # height, and where it ends; all begin at 8
TIMES = 4  # drawn larger and shrunk, for smooth edges


def icon(size: int, *, maskable: bool = False) -> Image.Image:
    """The icon in so many pixels; a maskable one fills its square, with the lines inside the middle four fifths."""
    whole = size * TIMES
    unit = whole / GRID
    picture = Image.new("RGBA", (whole, whole), RED if maskable else (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    if not maskable:
        draw.rounded_rectangle((0, 0, whole - 1, whole - 1), 6 * unit, fill=RED)
    shrunk = 0.8 if maskable else 1.0
    thick = 1.25 * unit * shrunk

    def place(value: float) -> float:
        return (GRID / 2 + (value - GRID / 2) * shrunk) * unit

    for height, end in LINES:
        box = (place(8) - thick, place(height) - thick, place(end) + thick, place(height) + thick)
        draw.rounded_rectangle(box, thick, fill=PAPER)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


ICONS = {"icon-192": (192, False), "icon-512": (512, False), "icon-maskable-512": (512, True)}

if __name__ == "__main__":
    for name, (size, maskable) in ICONS.items():
        icon(size, maskable=maskable).save(FOLDER / f"{name}.png", optimize=True)
