"""Pauses by failed logins, as they stand: which accounts are paused somewhere, and lifting that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings


def paused(staff_numbers: Iterable[str], now: datetime) -> Counter[str]:
    """From how many addresses each of these accounts cannot log in just now; one query."""
    attempts = AccessAttempt.objects.filter(
        username__in=list(staff_numbers),
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
        attempt_time__gt=now - timedelta(hours=settings.AXES_COOLOFF_TIME),
    )
    return Counter(attempts.values_list("username", flat=True))


def lift(staff_number: str) -> int:
    """Let the account log in from everywhere again; how many counts were taken back."""
    return reset(username=staff_number)
