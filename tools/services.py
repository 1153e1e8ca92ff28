"""Finds, or installs and starts, what a group of tests needs, then runs the tests:

    tools/services.py postgres -- pytest -m postgres
    tools/services.py browser -- pytest -m browser
    tools/services.py redis -- pytest -m redis
    tools/services.py report        (says what had to be left out; the last thing `make test` does)

Where the service can be neither found nor installed, the command is left out, loudly; with CI=true that is a failure.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ROOT / "var" / "tests-left-out.txt"
LOCAL_SERVER = "postgres://postgres@127.0.0.1:5432"


class ServiceMissing(Exception):
    """A service that is not there and could not be installed; the text says in Chinese what to type."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def apt_install(*packages: str) -> bool:
    """Install Debian packages where this account may; return whether that worked."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"正在用 apt-get 安装 {' '.join(packages)} ……")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            say(done.stdout + done.stderr)
            return False
    return True


def answers(url: str) -> bool:
    """Return whether the PostgreSQL server of `url` lets us in and may create the tests' databases."""
    server = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    try:
        with psycopg.connect(server, connect_timeout=3) as connection:
            question = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            return connection.execute(question).fetchone() == (True,)
    except psycopg.Error:
        return False


def server_programs() -> Path | None:
    """Return the newest installed PostgreSQL's folder of programs (Debian keeps them off PATH)."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.parts[4].isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parts[4])).parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@contextlib.contextmanager
def throwaway_server(programs: Path) -> Iterator[str]:
    """Run a server of our own in a temporary folder, reached by its socket only, and remove it afterwards."""
    # PostgreSQL refuses to run as root.
    account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="portal-postgres-") as folder:
        if account:
            shutil.chown(folder, "postgres", "postgres")
        data = f"{folder}/data"
        # What is thrown away need not survive a power cut.
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off"

        def run(*command: str) -> None:
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **account)  # type: ignore[call-overload]

        run(f"{programs}/initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        run(f"{programs}/pg_ctl", "-D", data, "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgres://postgres@{quote(folder, safe='')}"
        finally:
            run(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")


@contextlib.contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Give the environment in which the tests run on PostgreSQL."""
    # Two checkouts on one machine must not share a database.
    name = f"portal_{zlib.crc32(str(ROOT).encode()):08x}"
    if url := os.environ.get("TEST_POSTGRES_URL"):
        if not answers(url):
            raise ServiceMissing("TEST_POSTGRES_URL 所指的 PostgreSQL 连不上，或该账号无权建库。请检查或去掉该变量。")
        yield {"TEST_ON": "postgres", "TEST_POSTGRES_URL": url}
    elif answers(LOCAL_SERVER):
        yield {"TEST_ON": "postgres", "TEST_POSTGRES_URL": f"{LOCAL_SERVER}/{name}"}
    elif (programs := server_programs()) or (apt_install("postgresql") and (programs := server_programs())):
        with throwaway_server(programs) as server:
            yield {"TEST_ON": "postgres", "TEST_POSTGRES_URL": f"{server}/{name}"}
    else:
        raise ServiceMissing("没有 PostgreSQL。请运行 sudo apt-get install -y postgresql，或设置 TEST_POSTGRES_URL。")


@contextlib.contextmanager
def redis() -> Iterator[dict[str, str]]:
    """Give the environment in which the tests use a Redis server of their own, reached by its socket only."""
    program = shutil.which("redis-server") or (apt_install("redis-server") and shutil.which("redis-server"))
    if not program:
        raise ServiceMissing("没有 Redis。请运行 sudo apt-get install -y redis-server。")
    with tempfile.TemporaryDirectory(prefix="portal-redis-") as folder:
        command = [program, "--port", "0", "--unixsocket", f"{folder}/socket", "--dir", folder, "--save", ""]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield {"TEST_REDIS_URL": f"unix://{folder}/socket?db=0"}
        finally:
            server.terminate()
            server.wait()


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return (
        named
        if named
        else shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )


def has_chinese_font() -> bool:
    """Return whether pages would show Chinese characters rather than boxes."""
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, check=True).stdout.strip())


def driver_starts() -> bool:
    """Return whether Playwright's own program runs; it needs a library that a small Debian does not have."""
    return subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True).returncode == 0


@contextlib.contextmanager
def browser() -> Iterator[dict[str, str]]:
    """Give the environment in which the tests open pages in Chromium, with a font that has Chinese characters."""
    path = chromium() or (apt_install("chromium") and chromium())
    if not path:
        raise ServiceMissing("没有 Chromium。请运行 sudo apt-get install -y chromium fonts-noto-cjk，或设置 CHROMIUM。")
    if not (has_chinese_font() or apt_install("fontconfig", "fonts-noto-cjk")):
        raise ServiceMissing("没有中文字体，页面会成为方框。请运行 sudo apt-get install -y fontconfig fonts-noto-cjk。")
    if not (driver_starts() or (apt_install("libatomic1") and driver_starts())):
        raise ServiceMissing("Playwright 不能启动。请运行 sudo apt-get install -y libatomic1。")
    # Playwright's plain calls run an event loop, in which Django would otherwise refuse to ask the database.
    yield {"CHROMIUM": path, "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}


def run(service: str, command: list[str]) -> int:
    """Run `command` with the service there and return its exit code; without it, note that and return 0 (1 in CI)."""
    try:
        with {"postgres": postgres, "browser": browser, "redis": redis}[service]() as environment:
            return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode
    except ServiceMissing as missing:
        in_ci = os.environ.get("CI") == "true"
        say(f"\n{'失败' if in_ci else '跳过'}：标记为 {service} 的测试没有运行。{missing}\n")
        LEFT_OUT.parent.mkdir(exist_ok=True)
        with LEFT_OUT.open("a", encoding="utf-8") as notes:
            notes.write(f"{service}：{missing}\n")
        return 1 if in_ci else 0


def report() -> int:
    """Say, as the last lines of a run, which groups of tests were left out."""
    if LEFT_OUT.exists():
        line = "!" * 100
        print(
            f"\n{line}\n注意：以下测试没有运行，上面的“通过”不包括它们：\n{LEFT_OUT.read_text(encoding='utf-8')}{line}"
        )
        LEFT_OUT.unlink()
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["report"]:
            return report()
        case [("postgres" | "browser" | "redis") as service, "--", *command] if command:
            return run(service, command)
    say(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
