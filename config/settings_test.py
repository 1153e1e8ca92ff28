"""Settings of the tests: the same portal, a quick password hash, throw-away folders, PostgreSQL where asked for."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from django.template.base import Node

os.environ.setdefault("SECRET_KEY", "tests-only-" + "k" * 50)
for name in ("DEMO", "DEMO_NOW", "DATABASE_URL", "HTTPS", "SECOND_FACTOR", "SSO_KIND", "EMAIL_URL", "PORTAL_URL",
             "QUEUE", "WECOM_CORP_ID", "WECOM_AGENT_ID", "WECOM_APP_SECRET"):  # fmt: skip
    os.environ.pop(name, None)
# No test starts a worker that it does not ask for, nor does any server that a test runs.
os.environ.setdefault("WORKER", "none")
if os.environ.get("TEST_ON") == "postgres":
    os.environ["DATABASE_URL"] = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/test"

from config.settings import *  # noqa: E402, F403
from config.settings import BASE_DIR, TEMPLATES  # noqa: E402
from config.settings import STORAGES as SHIPPED  # noqa: E402

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
_TEMP = Path(tempfile.mkdtemp(prefix="portal-test-"))
atexit.register(shutil.rmtree, _TEMP, ignore_errors=True)
VAR_DIR = _TEMP / "var"
ROSTER_JOBS = "branches.roster_jobs.at_once"  # another process cannot see a database in memory
PUSH_SENDER = "study.sending.by_hand"
WECOM_URL = "http://127.0.0.1:9/cgi-bin/webhook/send"  # nobody answers there
# What is asked for is only noted: the tests that have it done say so.
TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
WECOM_API_URL = "http://127.0.0.1:9"
MEDIA_ROOT = _TEMP / "media"
STORAGES = {
    **SHIPPED,
    "evidence": {"BACKEND": "documents.storage.ContentStorage", "OPTIONS": {"location": str(MEDIA_ROOT / "evidence")}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
# Nobody must have a second factor but in the tests of it.
SECOND_FACTOR = frozenset[str]()


class _UnknownVariable(str):
    """Stands for a template variable that nobody gave: in the portal's own templates it fails the test."""

    def __mod__(self, variable: object) -> str:
        frame = sys._getframe(1)
        while frame is not None and frame.f_code is not Node.render_annotated.__code__:
            frame = frame.f_back  # type: ignore[assignment]
        origin = str(getattr(frame.f_locals["self"], "origin", "")) if frame is not None else ""
        if origin.startswith(str(BASE_DIR / "templates")):
            raise UnknownVariable(f"{origin}: {variable}")
        return ""  # crispy and Django leave much unsaid in theirs


class UnknownVariable(Exception):
    """A template of the portal asks for a variable that its view does not give."""


_OPTIONS = {**TEMPLATES[0]["OPTIONS"], "string_if_invalid": _UnknownVariable("%s")}  # type: ignore[dict-item]
TEMPLATES = [{**TEMPLATES[0], "OPTIONS": _OPTIONS}]
