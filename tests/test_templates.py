"""The tests' own strictness: a variable that a page's view does not give fails, in the portal's templates alone."""

import pytest
from crispy_forms.utils import render_crispy_form
from django.conf import settings
from django.template import Context, Origin, Template, engines

from branches.gallery import SampleForm
from config.settings_test import UnknownVariable

OURS = str(settings.BASE_DIR / "templates" / "home" / "a_page.html")


def drawn(text: str, origin: str) -> str:
    engine = engines["django"].engine
    return Template(text, Origin(origin), engine=engine).render(Context({"known": "已知"}))


def test_an_unknown_variable_of_our_own_template_fails() -> None:
    assert drawn("{{ known }}", OURS) == "已知"
    with_it = "{% with a=unkown %}{{ a }}{% endwith %}"
    for text in ("{{ unkown }}", "{{ known.part }}", '{{ unkown|default:"无" }}', with_it):
        with pytest.raises(UnknownVariable, match="a_page"):
            drawn(text, OURS)


def test_a_question_may_still_ask_for_what_is_not_there() -> None:
    assert drawn("{% if unkown %}有{% else %}无{% endif %}", OURS) == "无"


def test_templates_of_others_leave_unsaid_what_they_like() -> None:
    assert drawn("（{{ unkown }}）", "/elsewhere/field.html") == "（）"
    assert "主要内容" in render_crispy_form(SampleForm())


def test_the_style_sheet_closes_every_block_before_the_next_part_begins() -> None:
    """A block of wide screens left open would take the rules of every later page from the phones."""
    css = (settings.BASE_DIR / "static" / "css" / "portal.css").read_text()
    depth = 0
    for line in css.splitlines():
        assert depth == 0 or not line.startswith(("@", ".", "/*")), line
        depth += line.count("{") - line.count("}")
    assert depth == 0
