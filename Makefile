# 直接运行 make 或 make help，可看到每个命令的说明。
.DEFAULT_GOAL := help
.PHONY: help run setup check format test bench figures guards lock clean

PORT ?= 8000
WORKERS ?= 2
PYTHON ?= python3
export PYTHON
# Nothing below may wait for an answer or be shown in another language.
export PYTHONUTF8 = 1

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
# The demo is a place of its own: a production database named in the environment is never touched by `make run`.
DEMO_ENV := DEMO=1 DATABASE_URL= SECRET_KEY= MEDIA_ROOT='$(CURDIR)/var/media'
# The checks look at the settings that are shipped, on a database that leaves nothing behind.
CHECK_ENV := DEMO=1 DATABASE_URL=sqlite://:memory:

help: ## 显示本说明
	@echo '用法：make 命令 [变量=值]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: ## 安装并启动演示（PORT=8000，可用 DEMO_NOW 指定“现在”），首次会载入演示数据，按 Ctrl-C 停止
	@tools/setup.sh runtime
	@$(BIN)/python tools/port.py $(PORT)
	@mkdir -p var/media var/static
	@$(DEMO_ENV) $(MANAGE) migrate --no-input --verbosity 0
	@$(DEMO_ENV) $(MANAGE) demo --if-empty
	@$(DEMO_ENV) $(MANAGE) demo --accounts
	@printf '\n请用浏览器打开 http://127.0.0.1:%s/ ，按 Ctrl-C 停止。\n' $(PORT)
	@exec env $(DEMO_ENV) $(BIN)/gunicorn config.wsgi --bind 127.0.0.1:$(PORT) --workers 2 --log-level warning --no-control-socket

setup: ## 安装全部依赖，包括测试和检查所用的
	@tools/setup.sh dev

check: setup ## 静态检查：代码、类型、分层、模板、设置与迁移
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	$(CHECK_ENV) $(MANAGE) check --database default --fail-level WARNING
	$(CHECK_ENV) $(MANAGE) makemigrations --check --dry-run

format: setup ## 按统一格式整理 Python 代码
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test: check ## 全部测试：先检查，再依次在 SQLite、PostgreSQL、Redis 和浏览器中运行（缺什么就装什么，装不了会写明）
	@rm -f var/tests-left-out.txt
	$(BIN)/pytest -q -n $(WORKERS) -m 'not postgres and not browser and not redis'
	$(BIN)/python tools/services.py postgres -- $(BIN)/pytest -q -m postgres
	$(BIN)/python tools/services.py redis -- $(BIN)/pytest -q -m redis
	$(BIN)/python tools/services.py browser -- $(BIN)/pytest -q -m browser
	@$(BIN)/python tools/services.py report

bench: setup ## 性能测量（benchmarks/）
	$(BIN)/python -m benchmarks

figures: setup ## 逐行打印各项指标：名称 实测值 目标 ok|short
	$(DEMO_ENV) $(MANAGE) figures

guards: setup ## 逐个拿掉权限检查，看每一个有没有测试发现（约半小时；ONLY=文字 只做一部分）
	$(BIN)/python -m tests.guards --only '$(ONLY)'

lock: setup ## 更新依赖锁定文件（改动 pyproject.toml 或 package.json 之后；UPGRADE=1 时全部升级）
	$(BIN)/uv pip compile pyproject.toml $(COMPILE) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev -c requirements.txt $(COMPILE) -o requirements-dev.txt
	$(BIN)/uv pip compile --group installer $(COMPILE) -o tools/requirements-uv.txt
	$(BIN)/uv pip compile --group node $(COMPILE) -o tools/requirements-node.txt
	npm install --package-lock-only --loglevel=error

COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

clean: ## 删除安装和运行产生的一切（包括演示数据）
	rm -rf .venv node_modules static/vendor documents/fonts var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
