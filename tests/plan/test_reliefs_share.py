"""An exemption is seen in every count: those who are exempt are neither done nor owing."""

import pytest

from plan.wording import share


@pytest.mark.parametrize(
    ("done", "total", "waived", "words"),
    [(8, 12, 0, "8/12"), (7, 12, 1, "7/11，免1"), (0, 12, 1, "0/11，免1"), (0, 3, 3, "免3"), (11, 12, 1, "11/11，免1")],
)
def test_the_exempt_are_taken_out_of_the_whole_and_named(done: int, total: int, waived: int, words: str) -> None:
    assert share(done, total, waived) == words
