"""Who is responsible: each session has one person (责任人), and the turns go round fairly."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class Turns:
    """The turns of a roster: next is whoever had the fewest so far, in the roster's order."""

    def __init__(self, roster: Sequence[int]) -> None:
        self.times = dict.fromkeys(roster, 0)

    def fixed(self, person: int) -> int:
        """A session that the paper gives to this person; it counts as a turn."""
        self.times[person] = self.times.get(person, 0) + 1
        return person

    def next(self, rather: Collection[int] = ()) -> int | None:
        """The next person: one of `rather`, if somebody of them had as few turns as anybody; None without a roster."""
        if not self.times:
            return None
        fewest = min(self.times.values())
        waiting = [person for person, times in self.times.items() if times == fewest]
        return self.fixed(next((person for person in waiting if person in rather), waiting[0]))
