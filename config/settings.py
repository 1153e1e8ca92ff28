"""Settings of the portal, read from the environment (12-factor); every name is explained in docs/administrator.md."""

import os
from datetime import datetime
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from branches.sso import configuration as single_sign_on
from config import mail, queues

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


DEMO = _flag("DEMO")
DEBUG = _flag("DEBUG")

SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEMO:
        raise ImproperlyConfigured("SECRET_KEY 未设置：请在环境变量中给出至少 50 个随机字符（演示模式 DEMO=1 除外）。")
    SECRET_KEY = "demo-only-" + "x" * 50

# The demo's clock. Outside demo mode the variable is refused rather than ignored, so that nobody believes in it.
DEMO_NOW = None
if os.environ.get("DEMO_NOW"):
    if not DEMO:
        raise ImproperlyConfigured("DEMO_NOW 只在演示模式（DEMO=1）下有效。")
    try:
        DEMO_NOW = datetime.fromisoformat(os.environ["DEMO_NOW"])
    except ValueError as error:
        raise ImproperlyConfigured(
            f"DEMO_NOW={os.environ['DEMO_NOW']} 不是有效的时间，请写成 2018-07-11T23:59:58+08:00。"
        ) from error
    if DEMO_NOW.tzinfo is None:
        raise ImproperlyConfigured("DEMO_NOW 缺少时区，请写成 2018-07-11T23:59:58+08:00。")

ALLOWED_HOSTS = [h for h in os.environ.get("ALLOWED_HOSTS", "").split(",") if h]
if DEMO and not ALLOWED_HOSTS:
    ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "axes",
    "django_tasks",
    "django_tasks_db",
    "branches",
    "jobs",
    "inbox",
    "plan",
    "study",
    "commitments",
    "scoring",
    "inspections",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "branches.clock.ClockMiddleware",
    "branches.sessions.LoginSessionMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "config.guard.GuardMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.guard.page_context",
            ],
        },
    },
]

# The demo lives in a file of its own, one for each year its clock is set to: two stories do not mix.
_DEMO_FILE = f"demo-{DEMO_NOW.year}.sqlite3" if DEMO_NOW else "demo.sqlite3"
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{VAR_DIR / (_DEMO_FILE if DEMO else 'portal.sqlite3')}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: writers queue instead of failing half-way; FULL: an acknowledged commit survives a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA recursive_triggers=ON; PRAGMA secure_delete=ON;"
        ),
    }
else:
    # No JIT: it takes every row to look up its history, which hardly any does, and compiles seconds for milliseconds.
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
        "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000 -c jit=off"
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "branches.User"
LOGIN_URL = "branches:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "branches:login"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "branches.accounts.StaffNumberBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# What may be a password, and for how long: `dengbao` asks for kinds of characters and for a change from time to time,
# `asvs` for neither.
PASSWORD_POLICY = os.environ.get("PASSWORD_POLICY") or "dengbao"
if PASSWORD_POLICY not in ("dengbao", "asvs"):
    raise ImproperlyConfigured(
        f"PASSWORD_POLICY={PASSWORD_POLICY} 不是密码规则，请写 dengbao（等级保护，缺省）或 asvs（OWASP ASVS）。"
    )
AUTH_PASSWORD_VALIDATORS = [{"NAME": "branches.passwords.PolicyValidator"}]
# django-axes keeps the door; what counts, for how long and for whom it does not stands in branches/guessing.py.
AXES_HANDLER = "branches.guessing.Handler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "branches.views.accounts.login_paused"
AXES_USERNAME_FORM_FIELD = "username"
AXES_CLIENT_IP_CALLABLE = "branches.clock.address_of"
# How many proxies of our own stand in front: the address before them is the person's; without any, nothing
# that a header says about the address is believed.
try:
    PROXIES = int(os.environ.get("PROXIES") or "0")
except ValueError as error:
    raise ImproperlyConfigured(f"PROXIES={os.environ['PROXIES']} 不是层数，请写成 0、1 这样的整数。") from error


def _keys(variable: str) -> dict[str, str]:
    """`name:secret,name:secret` of an environment variable; without it the secret key under the name 0."""
    if not os.environ.get(variable):
        return {"0": SECRET_KEY}
    pairs = [pair.strip().partition(":") for pair in os.environ[variable].split(",")]
    if not all(1 <= len(name) <= 10 and len(secret) >= 32 for name, _, secret in pairs):
        raise ImproperlyConfigured(f"{variable} 应写成“名称:密钥”，几个之间用逗号；名称1至10个字符，密钥至少32个字符。")
    keys = {name: secret for name, _, secret in pairs}
    if len(keys) < len(pairs):
        raise ImproperlyConfigured(f"{variable} 中有两个密钥同名，请给每个密钥一个不同的名称。")
    return keys


# The keys that seal the audit log; the last one seals, the earlier ones only verify.
AUDIT_KEYS = _keys("AUDIT_KEYS")
# The keys that seal ID numbers, phones and second factors; the last one seals, the earlier ones only open.
FIELD_KEYS = _keys("FIELD_KEYS")
# Who must have a second factor; the others may. In the demo nobody must, so that a visitor gets in.
_names = {name.strip() for name in (os.environ.get("SECOND_FACTOR") or "admins,office").split(",")}
if not (_names <= {"admins", "office", "secretary"} or _names == {"none"}):
    raise ImproperlyConfigured(
        f"SECOND_FACTOR={os.environ['SECOND_FACTOR']} 不能识别，请从 admins（三员）、office（机关党委办公室）、"
        "secretary（支部书记）中选，几个之间用逗号；都不要求时写 none。"
    )
SECOND_FACTOR = frozenset() if DEMO else frozenset(_names - {"none"})
# Where the head of the audit chain is noted outside the database, one line a day.
AUDIT_ANCHORS = Path(os.environ.get("AUDIT_ANCHORS", VAR_DIR / "audit-anchors.txt"))

# Where the portal is found from outside: single sign-on comes back to it, announcements of pushes link to it.
PORTAL_URL = single_sign_on.portal_address(os.environ.get("PORTAL_URL", ""))
# Campus single sign-on: off (None) unless SSO_KIND says which protocol; what does not fit together stops the start.
SSO = single_sign_on.read(
    kind=os.environ.get("SSO_KIND", ""),
    server=os.environ.get("SSO_SERVER", ""),
    portal=PORTAL_URL,
    claim=os.environ.get("SSO_CLAIM", ""),
    ca_file=os.environ.get("SSO_CA_FILE", ""),
    cas_version=os.environ.get("SSO_CAS_VERSION", "3"),
    client_id=os.environ.get("SSO_CLIENT_ID", ""),
    client_secret=os.environ.get("SSO_CLIENT_SECRET", ""),
    scope=os.environ.get("SSO_SCOPE", "openid profile"),
)

# What does the reading and writing of long rosters: a function of the import's number and the time it was asked at.
ROSTER_JOBS = "branches.roster_jobs.in_process"

# What runs in the background: the kinds of work by name (jobs/queue.py), and which comes round (jobs/rounds.py).
JOBS = "config.tasks.KINDS"
ROUNDS = "config.tasks.ROUNDS"
# What carries it to a worker: `db` needs nothing but the database, `rq` a Redis server that all machines reach.
QUEUE = os.environ.get("QUEUE") or "db"
globals().update(queues.read(QUEUE, os.environ.get("REDIS_URL", "")))
if QUEUE == "rq":
    INSTALLED_APPS.insert(INSTALLED_APPS.index("django_tasks"), "django_rq")
# Who does it: a process that the web server starts and keeps alive, or one that the administrator runs.
WORKER = os.environ.get("WORKER") or "embedded"
if WORKER not in ("embedded", "none"):
    raise ImproperlyConfigured(
        f"WORKER={WORKER} 不能识别，请写 embedded（随网站启动，缺省）或 none（自行运行 manage.py work）。"
    )

# Pushes are announced through a process that this starts; the robot's address is WeCom's own but in tests.
PUSH_SENDER = "study.sending.in_process"
WECOM_URL = single_sign_on.address(
    "WECOM_URL", os.environ.get("WECOM_URL") or "https://qyapi.weixin.qq.com/cgi-bin/webhook/send", loopback=True
)
# The office's own WeCom app, which tells single persons: off without the three.
WECOM_API_URL = single_sign_on.address(
    "WECOM_API_URL", os.environ.get("WECOM_API_URL") or "https://qyapi.weixin.qq.com", loopback=True
)
WECOM_CORP_ID = os.environ.get("WECOM_CORP_ID", "").strip()
WECOM_AGENT_ID = os.environ.get("WECOM_AGENT_ID", "").strip()
WECOM_APP_SECRET = os.environ.get("WECOM_APP_SECRET", "").strip()
if any((WECOM_CORP_ID, WECOM_AGENT_ID, WECOM_APP_SECRET)) and not (
    WECOM_CORP_ID and WECOM_APP_SECRET and WECOM_AGENT_ID.isascii() and WECOM_AGENT_ID.isdecimal()
):
    raise ImproperlyConfigured(
        "用企业微信应用发消息，WECOM_CORP_ID、WECOM_AGENT_ID（数字）、WECOM_APP_SECRET 三项都须写上；不用时都不写。"
    )
# Mail is off without a server; with one, the channels of the mobile branch and whoever chose it get mail.
EMAIL_URL = os.environ.get("EMAIL_URL", "")
globals().update(mail.read(EMAIL_URL))
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "")
if EMAIL_URL and "@" not in DEFAULT_FROM_EMAIL:
    raise ImproperlyConfigured("设置了 EMAIL_URL，请用 EMAIL_FROM 写明发信地址，如 party@example.edu.cn。")

# Longer than any login may last (branches/sessions.py decides that): what has ended can still be told why.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
HTTPS = _flag("HTTPS")
# A browser takes a name that begins so only over HTTPS, for this host alone and for all its paths.
_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_PREFIX}portal_session"
CSRF_COOKIE_NAME = f"{_PREFIX}portal_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.guard.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
# Development and demo serve files where they lie; production runs collectstatic and names files by content.
WHITENOISE_USE_FINDERS = DEMO or DEBUG
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", VAR_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "evidence": {
        "BACKEND": "documents.storage.ContentStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT / "evidence")},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}


def _number(variable: str, given: str | None, unset: int) -> int:
    text = given or str(unset)
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ImproperlyConfigured(f"{variable}={text} 不是有效的数量，请写成 {unset} 这样的正整数。")
    return int(text)


# How much evidence comes in: pictures and documents of a branch in a year, files that one person sends in an hour.
EVIDENCE_MB_PER_BRANCH = _number("EVIDENCE_MB_PER_BRANCH", os.environ.get("EVIDENCE_MB_PER_BRANCH"), 2000)
EVIDENCE_FILES_PER_HOUR = _number("EVIDENCE_FILES_PER_HOUR", os.environ.get("EVIDENCE_FILES_PER_HOUR"), 300)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"without_secrets": {"()": "config.logs.WithoutSecrets"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # urllib3 would tell at DEBUG what was asked of the single sign-on server, ticket and all.
    "loggers": {
        "axes": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # Each task is told of twice, and some come every minute; what went wrong is said all the same.
        "django_tasks": {"level": "WARNING"},
        "rq.worker": {"level": "WARNING"},
        "django.request": {"filters": ["without_secrets"]},
        "django.security.csrf": {"filters": ["without_secrets"]},
    },
}
