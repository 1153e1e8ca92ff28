"""A setting that cannot be meant stops the start, in a sentence that names it and says how to write it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECRET = "s" * 32
CAS = {"DEMO": "1", "SSO_KIND": "cas", "SSO_SERVER": "https://cas.example.edu.cn/cas",
       "PORTAL_URL": "https://portal.example.edu.cn"}  # fmt: skip
OIDC = {**CAS, "SSO_KIND": "oidc", "SSO_SERVER": "https://id.example.edu.cn/realms/a", "SSO_CLIENT_ID": "portal",
        "SSO_CLIENT_SECRET": SECRET, "SSO_CLAIM": "employee_number"}  # fmt: skip


def started(**environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT, env=kept | {"PYTHONUTF8": "1"} | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "SECRET_KEY 未设置"),
        ({"DEMO": "1", "PROXIES": "两层"}, "PROXIES=两层 不是层数"),
        ({"DEMO": "1", "PASSWORD_POLICY": "none"}, "PASSWORD_POLICY=none 不是密码规则，请写 dengbao"),
        ({"DEMO": "1", "AUDIT_KEYS": f"2018:{SECRET[1:]}"}, "密钥至少32个字符"),
        ({"DEMO": "1", "AUDIT_KEYS": SECRET}, "AUDIT_KEYS 应写成“名称:密钥”"),
        ({"DEMO": "1", "AUDIT_KEYS": f"{'年' * 11}:{SECRET}"}, "名称1至10个字符"),
        ({"DEMO": "1", "AUDIT_KEYS": f"a:{SECRET},a:{SECRET[::-1]}x"}, "两个密钥同名"),
        ({"DEMO": "1", "SECOND_FACTOR": "office,everybody"}, "SECOND_FACTOR=office,everybody 不能识别"),
        ({"DEMO": "1", "SECOND_FACTOR": "none,office"}, "都不要求时写 none"),
        ({"SECRET_KEY": SECRET * 2, "DEMO_NOW": "2018-07-04 10:00"}, "DEMO_NOW"),
        (CAS | {"SSO_KIND": "saml"}, "SSO_KIND=saml 不认识"),
        (CAS | {"SSO_SERVER": ""}, "SSO_SERVER= 不是 https 开头"),
        (CAS | {"SSO_SERVER": "http://cas.example.edu.cn/cas"}, "不是 https 开头"),
        (CAS | {"SSO_SERVER": "https://cas.example.edu.cn/cas?a=1"}, "不是 https 开头"),
        (CAS | {"PORTAL_URL": ""}, "PORTAL_URL= 不是 https 开头"),
        (CAS | {"PORTAL_URL": "http://portal.example.edu.cn"}, "不是 https 开头"),
        (CAS | {"PORTAL_URL": "https://a@portal.example.edu.cn"}, "不是 https 开头"),
        (CAS | {"PORTAL_URL": "https://portal.example.edu.cn/home"}, "PORTAL_URL 只写到域名"),
        (CAS | {"SSO_CAS_VERSION": "1"}, "SSO_CAS_VERSION=1 不认识"),
        (CAS | {"SSO_CA_FILE": "/no/such/file.pem"}, "SSO_CA_FILE=/no/such/file.pem 不是文件"),
        (CAS | {"SSO_CLAIM": "工号"}, "SSO_CLAIM=工号 不是属性的名称"),
        (CAS | {"SSO_CLAIM": "https://a/b"}, "不是属性的名称"),
        (OIDC | {"SSO_CLIENT_SECRET": ""}, "SSO_CLIENT_ID 和 SSO_CLIENT_SECRET 都须写上"),
        (OIDC | {"SSO_CLAIM": ""}, "请用 SSO_CLAIM 写明哪一项是工号"),
        (OIDC | {"SSO_SCOPE": "profile"}, "缺少 openid"),
        ({"DEMO": "1", "PORTAL_URL": "portal.example.edu.cn"}, "PORTAL_URL=portal.example.edu.cn 不是 https 开头"),
        ({"DEMO": "1", "WECOM_URL": "http://robots.example.edu.cn/send"}, "不是 https 开头"),
        ({"DEMO": "1", "WECOM_API_URL": "http://wecom.example.edu.cn"}, "不是 https 开头"),
        ({"DEMO": "1", "WECOM_CORP_ID": "ww1"}, "三项都须写上"),
        (
            {"DEMO": "1", "WECOM_CORP_ID": "ww1", "WECOM_AGENT_ID": "一号", "WECOM_APP_SECRET": SECRET},
            "三项都须写上",
        ),
        ({"DEMO": "1", "EMAIL_URL": "smtp://mail.example.edu.cn"}, "请用 EMAIL_FROM 写明发信地址"),
        ({"DEMO": "1", "QUEUE": "celery"}, "QUEUE=celery 不能识别"),
        ({"DEMO": "1", "QUEUE": "rq"}, "请用 REDIS_URL 写明"),
        ({"DEMO": "1", "QUEUE": "rq", "REDIS_URL": "127.0.0.1:6379"}, "请用 REDIS_URL 写明"),
        ({"DEMO": "1", "WORKER": "auto"}, "WORKER=auto 不能识别"),
        ({"DEMO": "1", "EMAIL_URL": "mail.example.edu.cn", "EMAIL_FROM": "a@b.cn"}, "EMAIL_URL 不是发信服务器"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(environment: dict[str, str], says: str) -> None:
    done = started(**environment)
    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"DEMO": "1"},
        {"DEMO": "1", "PROXIES": ""},
        {"DEMO": "1", "PASSWORD_POLICY": ""},
        {"DEMO": "1", "PASSWORD_POLICY": "asvs"},
        CAS,
        CAS | {"SSO_CAS_VERSION": "2", "SSO_CLAIM": "employeeNumber", "SSO_SERVER": "https://cas.example.edu.cn/cas/"},
        CAS | {"PORTAL_URL": "http://127.0.0.1:8000/"},
        OIDC,
        OIDC | {"SSO_CLAIM": "https://id.example.edu.cn/employee_number"},
        {"DEMO": "1", "SECOND_FACTOR": "none"},
        {"DEMO": "1", "QUEUE": "rq", "REDIS_URL": "redis://:a@127.0.0.1:6379/0", "WORKER": "none"},
        {"DEMO": "1", "EMAIL_URL": "smtps://a:b@mail.example.edu.cn", "EMAIL_FROM": "party@example.edu.cn"},
        {"SECRET_KEY": SECRET * 2, "PROXIES": "2", "AUDIT_KEYS": f"2017:{SECRET}, 2018:{SECRET}"},
    ],
)
def test_settings_as_the_manual_writes_them_start(environment: dict[str, str]) -> None:
    done = started(**environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "required"),
    [
        ({"SECRET_KEY": SECRET * 2}, "admins,office"),
        ({"SECRET_KEY": SECRET * 2, "SECOND_FACTOR": "admins, secretary,office"}, "admins,office,secretary"),
        ({"SECRET_KEY": SECRET * 2, "SECOND_FACTOR": "none"}, ""),
        ({"DEMO": "1"}, ""),
        ({"DEMO": "1", "SECOND_FACTOR": "office"}, ""),
    ],
)
def test_the_three_administrators_and_the_office_must_have_a_second_factor_but_in_the_demo(environment, required):
    assert told("','.join(sorted(settings.SECOND_FACTOR))", **environment) == required


@pytest.mark.parametrize("https", ["1", ""])
def test_over_https_the_cookies_are_this_hosts_alone(https):
    """The prefix holds only with Secure, without a domain and for all paths; without HTTPS no browser would take it."""
    asked = (
        "settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_SECURE,"
        "settings.CSRF_COOKIE_SECURE, *(n for n in dir(settings) if n.endswith(('COOKIE_DOMAIN', 'COOKIE_PATH')))"
    )
    prefix = "__Host-" if https else ""
    values = f"{prefix}portal_session {prefix}portal_csrf {bool(https)} {bool(https)}"
    assert told(asked, SECRET_KEY=SECRET * 2, HTTPS=https) == values


def told(expression: str, **environment: str) -> str:
    """What the settings hold, started in that environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", f"from config import settings; print({expression})"],
        cwd=ROOT, env=kept | {"PYTHONUTF8": "1"} | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()
