"""What config/tasks.py lists can be done: every kind names a function that takes what it is given."""

from __future__ import annotations

import inspect

import pytest
from django.utils.module_loading import import_string

from config.tasks import KINDS, ROUNDS


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_kind_of_work_names_a_function_with_the_arguments_of_a_job(name: str) -> None:
    run = import_string(KINDS[name].run)
    inspect.signature(run).bind({}, at=None, tell=None)
    assert KINDS[name].label


def test_each_round_asks_for_a_kind_that_there_is_under_a_name_of_its_own() -> None:
    assert {one.kind for one in ROUNDS} <= KINDS.keys()
    assert len({one.name for one in ROUNDS}) == len(ROUNDS)
