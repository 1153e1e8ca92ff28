"""What each file of the tests' corpus of hostile uploads costs until it is cleaned or refused.

`python -m benchmarks.uploads` prints the slowest and the largest. The seconds are those of the processor; the memory is
the peak of a process that cleans nothing but this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one file took, and whether it ended as the corpus says."""

    id: str
    seconds: float
    megabytes: float
    as_it_should: bool


def costs() -> Iterator[Cost]:
    """The pictures and the documents of the corpus, the good ones among them."""
    from tests.documents import hostile_documents, hostile_pictures
    from tests.documents.meter import meter

    with meter() as ask:
        for kind, corpus in (("picture", hostile_pictures), ("document", hostile_documents)):
            for case in corpus.CASES:
                told = ask(case.make(), case.name, kind)
                refused = bool(told.refused) and case.says in told.refused
                right = refused if case.fate == hostile_pictures.REFUSED else bool(told.bodies)
                yield Cost(case.id, told.seconds, told.kilobytes / 1000, right)


if __name__ == "__main__":
    found = list(costs())
    slow, large = sorted(found, key=lambda c: -c.seconds)[:5], sorted(found, key=lambda c: -c.megabytes)[:5]
    print(f"{len(found)} files, {sum(not one.as_it_should for one in found)} not as they should end")
    print("slowest: " + "  ".join(f"{one.id} {one.seconds:.2f} s" for one in slow))
    print("largest: " + "  ".join(f"{one.id} {one.megabytes:.0f} MB" for one in large))
