"""Shapes of constraint that recur: what the database itself refuses, by name."""

from django.db.models import F, Q


def both_or_neither(first: str, second: str) -> Q:
    """Both columns are set, or neither is."""
    return Q(**{f"{first}__isnull": True, f"{second}__isnull": True}) | Q(
        **{f"{first}__isnull": False, f"{second}__isnull": False}
    )


def in_order(first: str, second: str) -> Q:
    """The second date is open, or after the first."""
    return Q(**{f"{second}__isnull": True}) | Q(**{f"{second}__gt": F(first)})
