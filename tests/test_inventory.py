"""The inventory of personal fields names exactly the columns that a member has, and why each is kept."""

from __future__ import annotations

import re

from branches.models import Member
from tests.conftest import ROOT

INVENTORY = ROOT / "docs/decisions/0014-personal-fields.md"


def test_every_column_of_a_member_is_in_the_inventory_with_its_purpose_and_no_other():
    rows = re.findall(
        r"^\| ((?:`\w+` ?)+)\| ([^|]+) \| ([^|]+) \|$", INVENTORY.read_text(encoding="utf-8"), re.MULTILINE
    )
    named = [column for columns, _, _ in rows for column in re.findall(r"`(\w+)`", columns)]
    assert sorted(named) == sorted(field.name for field in Member._meta.local_fields if field.name != "id")
    assert all(len(purpose) >= 4 and readers for _, purpose, readers in rows)
