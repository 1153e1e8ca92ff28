#!/bin/sh
# Fills .venv from the hash locks, static/vendor and documents/fonts from package-lock.json:  tools/setup.sh runtime|dev
# Whatever already matches its lock is left alone, so that a second call takes no time.
set -eu
cd "$(dirname "$0")/.."

lock=requirements.txt
# Where the tests' packages already are they stay: `make run` after `make test` must not take them away.
if [ "${1:-runtime}" = dev ] || [ -e .venv/.dev ]; then
    lock=requirements-dev.txt
fi

say() { printf '%s\n' "$*" >&2; }

# Campus networks often answer with a certificate of their own; Debian's store knows it when the machine does.
ca=/etc/ssl/certs/ca-certificates.crt
if [ -e "$ca" ]; then
    export SSL_CERT_FILE="${SSL_CERT_FILE:-$ca}" PIP_CERT="${PIP_CERT:-$ca}"
    export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$ca}"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV="$PWD/.venv"

make_venv() {
    python="${PYTHON:-python3}"
    if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
        say "需要 Python 3.11 至 3.13，而 $python 不是。Debian 12 自带 3.11；也可指定：make run PYTHON=/usr/bin/python3.11"
        exit 1
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian keeps ensurepip in a package of its own.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "缺少 python3-venv，正在用 apt-get 安装……"
            apt-get update -qq >&2
            DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3-venv >/dev/null
        fi
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            say "缺少 python3-venv。请先运行：sudo apt-get update && sudo apt-get install -y python3-venv，然后重试。"
            exit 1
        fi
    fi
    say "正在建立 Python 环境 .venv ……"
    "$python" -m venv --clear .venv
}

if ! cmp -s tools/requirements-uv.txt .venv/.uv-lock || ! .venv/bin/uv --version >/dev/null 2>&1; then
    .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
    .venv/bin/python -m pip install --quiet --no-input --require-hashes -r tools/requirements-uv.txt
    cp tools/requirements-uv.txt .venv/.uv-lock
fi

# uv does not read pip's settings: a mirror that is set for pip is meant for this too.
if [ -z "${UV_DEFAULT_INDEX:-}" ]; then
    mirror="${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}"
    [ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"
fi

if ! cmp -s "$lock" .venv/.lock; then
    say "正在按 $lock 安装 Python 依赖（逐个核对哈希）……"
    .venv/bin/uv pip sync --quiet --require-hashes "$lock"
    cp "$lock" .venv/.lock
    [ "$lock" = requirements.txt ] || touch .venv/.dev
fi

if [ ! -d static/vendor ] || [ ! -d documents/fonts ] || ! cat package-lock.json tools/assets.py tools/icons.txt | cmp -s - node_modules/.built-from; then
    say "正在安装前端文件和打印用的字体……"
    if ! npm --version >/dev/null 2>&1; then
        .venv/bin/uv pip install --quiet --require-hashes -r tools/requirements-node.txt
        PATH="$VIRTUAL_ENV/bin:$PATH"
    fi
    npm ci --ignore-scripts --loglevel=error >&2
    .venv/bin/python tools/assets.py
    cat package-lock.json tools/assets.py tools/icons.txt > node_modules/.built-from
fi
