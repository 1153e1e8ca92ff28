"""The shipped settings for workers that tests run as processes of their own, with work that tests can watch."""

from config.settings import *  # noqa: F403

JOBS = "tests.jobs.kinds.KINDS"
ROUNDS = "tests.jobs.kinds.NONE"
