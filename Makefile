# Countersign's one door for developers: `make help` says what is behind it.
.DEFAULT_GOAL := help
.PHONY: help setup run demo test check cover lock bench chaos screenshots axe
PY = .venv/bin/python
PIP = $(PY) -m pip --disable-pip-version-check -qq install
# `make run DEMO_SLACK=1` speaks to the Slack that `make demo DECIDE=1` brings along.
STAND_IN = SLACK_SIGNING_SECRET=demo SLACK_BOT_TOKEN=xoxb-demo SLACK_CHANNEL=C0DEMO SLACK_CRITICAL_ON_WEB=0 \
	SLACK_API_URL=$(or $(SLACK_API_URL),http://127.0.0.1:8765/api/)
SOURCES = $(wildcard approvals countersign integrations bench scripts tests manage.py)

help:  ## Say what can be done here
	@sed -n 's/^\([a-z]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: .venv/.runtime  ## Create .venv from the hash-locked dependencies

run: setup  ## Run the whole service on this machine; PORT=, DATA_DIR= and all settings are honoured
	@$(if $(DEMO_SLACK),$(STAND_IN)) $(PY) manage.py up

demo: setup  ## Play an agent beside a running service; DECIDE=1 plays its approvers too
	@$(PY) -m countersign.demo $(if $(DECIDE),--decide) $(ARGS)

test: .venv/.test  ## Run every test on PostgreSQL and on SQLite; ARGS= goes to pytest
	@scripts/install-test-services
	@scripts/test $(ARGS)

check: .venv/.test  ## Check style, types, imports, migrations, deployment settings and locks
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy $(SOURCES)
	.venv/bin/lint-imports
	scripts/check-django
	$(PY) scripts/check_locks.py

bench: .venv/.test  ## Measure speed beside the ceilings of this machine
	@scripts/install-test-services
	@$(PY) -m bench $(ARGS)

chaos: .venv/.test  ## Kill processes and servers under load, and count what was lost
	@scripts/install-test-services
	@$(PY) -m bench.chaos $(ARGS)

screenshots: .venv/.test  ## Take a picture of every page, wide and narrow, light and dark; ARGS=queue for one
	@scripts/install-test-services
	@$(PY) -m scripts.screenshots $(ARGS)

axe: .venv/.test  ## Hold every page the tests draw to WCAG 2.2 A and AA, light, dark and narrow; takes a quarter of an hour
	@scripts/install-test-services
	@$(PY) -m scripts.axe $(ARGS)

cover: .venv/.test  ## Say which lines and branches the tests leave out
	@scripts/install-test-services
	@.venv/bin/pytest --numprocesses auto --cov --cov-report term:skip-covered -m "not (browser or faults)" $(ARGS)

lock: .venv/.test  ## Pin dependencies anew with their hashes; ARGS=--upgrade takes newer ones
	@scripts/lock $(ARGS)

# A stamp is touched only after all of it went well, so a broken start mends itself.
.venv/bin/python:
	@rm -rf .venv
	@python=$$(scripts/find-python) && echo "Creating .venv with $$($$python --version)" && $$python -m venv .venv

.venv/.runtime: .venv/bin/python requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Installing what the service needs"
	@$(PIP) --require-hashes --no-deps -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.runtime requirements/test.txt
	@echo "Installing what the tests need"
	@$(PIP) --require-hashes --no-deps -r requirements/test.txt
	@touch $@
