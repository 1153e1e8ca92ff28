"""Looking at a page as a reader would, with a mouse, a finger or a screen reader."""

from __future__ import annotations

from collections.abc import Iterator

from axe_playwright_python.base import AXE_SCRIPT as AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser.conftest import DESK, PHONE

A_FINGER = 40  # pixels
# What the eye would find, asked of the page: each answer is a list of what is wrong.
LOOK = """(finger) => {
  const seen = (one) => one.checkVisibility({ visibilityProperty: true });
  const told = (one) => one.outerHTML.slice(0, 120);
  const wide = document.documentElement.scrollWidth;
  const fields = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const named = (one) => one.labels?.length || one.ariaLabel || one.getAttribute("aria-labelledby");
  return {
    headings: document.querySelectorAll("h1").length,
    wide: wide > innerWidth ? [`${wide} > ${innerWidth}`] : [],
    unlabelled: fields.filter((one) => !named(one)).map(told),
    small: [...document.querySelectorAll("main button:not([aria-hidden]), main .btn")].filter(seen).filter((one) => {
      const box = one.getBoundingClientRect();
      return box.height < finger || box.width < finger;
    }).map(told),
  };
}"""
# What changes with the width and the colours; the rest was looked at on the desk.
ON_A_PHONE = ["color-contrast", "label", "link-name", "button-name", "scrollable-region-focusable", "target-size"]
AXE = """async (rules) => {
  const choice = rules ? { runOnly: rules } : {};
  const found = await axe.run({ resultTypes: ["violations"], preload: false, ...choice });
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""


def look_at(page: Page, *, with_axe: bool) -> Iterator[str]:
    """What is wrong with the page, on a desk by day and on a phone by night; axe must have been loaded with it."""
    for width, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        seen = page.evaluate(LOOK, A_FINGER)
        if seen["headings"] != 1:
            yield f"{width}: {seen['headings']} h1"
        for kind in ("wide", "unlabelled", *(["small"] if width == PHONE else [])):
            for words in seen[kind]:
                yield f"{width} {kind}: {words}"
        if with_axe:
            for words in page.evaluate(AXE, ON_A_PHONE if width == PHONE else None):
                yield f"{width} {scheme} axe {words}"
