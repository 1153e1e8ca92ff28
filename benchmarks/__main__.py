"""`make bench`: the timings, each beside its floor in the same run."""

import subprocess
import sys

NAMES = (
    "pictures", "uploads", "opening", "rosters", "drafting", "jobs", "standing", "board", "reliefs", "reminders",
    "boards",
)  # fmt: skip
MODULES = tuple(f"benchmarks.{name}" for name in NAMES)


if __name__ == "__main__":
    for module in MODULES:
        print(f"— {module}", flush=True)
        subprocess.run([sys.executable, "-m", module], check=True)  # noqa: S603 — our own modules
