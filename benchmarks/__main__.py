"""`make bench`: the timings, each beside its floor in the same run."""

import subprocess
import sys

MODULES = tuple(f"benchmarks.{name}" for name in ("pictures", "uploads", "opening", "rosters", "drafting", "reliefs"))
MODULES = tuple(f"benchmarks.{name}" for name in ("pictures", "uploads", "opening", "rosters", "drafting", "jobs"))
MODULES = tuple(f"benchmarks.{name}" for name in ("pictures", "uploads", "opening", "rosters", "drafting", "standing"))
MODULES = tuple(f"benchmarks.{name}" for name in ("pictures", "uploads", "opening", "rosters", "drafting", "board"))
MODULES = tuple(f"benchmarks.{name}" for name in ("pictures", "uploads", "opening", "rosters", "drafting", "reminders"))
MODULES += ("benchmarks.boards",)

if __name__ == "__main__":
    for module in MODULES:
        print(f"— {module}", flush=True)
        subprocess.run([sys.executable, "-m", module], check=True)  # noqa: S603 — our own modules
