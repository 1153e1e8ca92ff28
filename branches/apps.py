from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db import connections
from django.db.models.signals import post_migrate


class BranchesConfig(AppConfig):
    name = "branches"
    verbose_name = "组织与人员"

    def ready(self) -> None:
        """After every migration the append-only tables get their triggers; every start looks whether they are there."""
        from branches import append_only, exclusion

        append_only.protect("branches_auditevent")
        post_migrate.connect(_lay_triggers, sender=self, dispatch_uid="append_only")
        register(Tags.database)(append_only.check)
        register(Tags.database)(exclusion.check)


def _lay_triggers(using: str, **kwargs: Any) -> None:
    from branches import append_only, exclusion

    append_only.lay(connections[using])
    exclusion.lay(connections[using])
