"""A setting that cannot be meant stops the start, in a sentence that names it and says how to write it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECRET = "s" * 32


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
        ({"SECRET_KEY": SECRET * 2, "DEMO_NOW": "2018-07-04 10:00"}, "DEMO_NOW"),
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
        {"SECRET_KEY": SECRET * 2, "PROXIES": "2", "AUDIT_KEYS": f"2017:{SECRET}, 2018:{SECRET}"},
    ],
)
def test_settings_as_the_manual_writes_them_start(environment: dict[str, str]) -> None:
    done = started(**environment)
    assert done.returncode == 0, done.stderr
