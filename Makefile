# `make demo` shows the whole stack at work on this machine; `make test` is the one gate. Python 3.11+ is all they need.
SHELL := /bin/sh
STACK ?= sandbox
SPEED ?= 60
REVISION ?= main

VENV := .venv
BIN := $(VENV)/bin
# compiled modules are kept: each of the many processes would compile them again
unexport PYTHONDONTWRITEBYTECODE
STAMP := $(VENV)/.installed
# what only `make bench-worker` needs
BENCH := .venv-bench
# what only `make fuzz` needs
FUZZ := .venv-fuzz
# what only `make scan` needs
SCAN := .venv-scan
# what only `make site` needs
SITE := .venv-site
# the first interpreter of 3.11 or later
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PYTEST := $(BIN)/pytest
# the tests that start no engine, no emulator and no worker
QUICK := settings policy components program scaling forecast iam worker/core
# the tests of your own handler, if there are any
YOURS := $(wildcard tests/handler)
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.DEFAULT_GOAL := help
.PHONY: help venv engine demo up quick test fmt format lint types imports docs docs-check forecast-report picture aims tune \
	preview-comment actionlint browser all-tests drift bench bench-worker bench-api bench-forecast chaos fuzz scan mutants \
	site site-serve worker-image clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 24

$(STAMP): pyproject.toml requirements.txt requirements-dev.txt constraints.txt
	@test -n "$(PYTHON)" || { echo "Ebb needs Python 3.11 or later on PATH (or make PYTHON=…)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements-dev.txt lists into $(VENV) (once, a minute or so)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . # the command `ebb`
	@touch $@

venv: $(STAMP) ## the virtual environment, .venv

engine: $(STAMP) ## the Pulumi CLI: from PATH, the official installer, or built from Go modules into ~/.cache/ebb
	$(BIN)/python -m ebb sandbox engine

demo: $(STAMP) ## deploy to a small AWS region on this machine, send 20 jobs, 0 → 4 → 0 tasks (STACK=, SPEED=, WAKE=, VERBOSE=1)
	@$(BIN)/python -m ebb sandbox demo --stack $(STACK) --speed $(SPEED) $(WAKE:%=--wake %) $(if $(VERBOSE),--verbose)

up: $(STAMP) ## the same region with the log of your jobs, until Ctrl-C; STACK=dev runs your own handler (SPEED=, VERBOSE=1)
	@$(BIN)/python -m ebb sandbox up --stack $(STACK) --speed $(SPEED) $(if $(VERBOSE),--verbose)

quick: format lint ## style, and the tests of the pure rooms: no engine, no emulator (under a minute)
	$(PYTEST) -n 2 --dist loadfile -m "not slow" $(QUICK:%=tests/%) $(YOURS)

test: $(STAMP) ## everything that must be green (ten minutes)
	@$(MAKE) --no-print-directory --jobs 2 format lint imports docs-check actionlint browser types all-tests

fmt: $(STAMP) ## write the format
	$(BIN)/ruff format .

format: $(STAMP) ## is everything formatted?
	$(BIN)/ruff format --check .

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

imports: $(STAMP) ## the rooms of the house import only what they may
	$(BIN)/lint-imports

docs: $(STAMP) ## write docs/configuration.md, docs/commands.md, docs/openapi.yaml and the tables of docs/runbook.md
	$(BIN)/python -m tools.configuration_docs
	$(BIN)/python -m tools.commands_docs
	$(BIN)/python -m tools.openapi_docs
	$(BIN)/python -m tools.runbook_docs

docs-check: $(STAMP) ## are the pages that `make docs` writes current?
	$(BIN)/python -m tools.configuration_docs --check
	$(BIN)/python -m tools.commands_docs --check
	$(BIN)/python -m tools.openapi_docs --check
	$(BIN)/python -m tools.runbook_docs --check

$(SITE)/.installed: $(STAMP) docs/requirements.txt
	@test -x $(SITE)/bin/python || $(BIN)/python -m venv $(SITE)
	@echo "Installing mkdocs into $(SITE)"
	@$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@

site: $(SITE)/.installed ## the documents as a site, in site/: it works offline
	@$(BIN)/python -m tools.site $(SITE)/bin/mkdocs build --strict --quiet

site-serve: $(SITE)/.installed ## the same on http://127.0.0.1:8000, built again after each change
	@$(BIN)/python -m tools.site $(SITE)/bin/mkdocs serve --strict

forecast-report: $(STAMP) ## write what forecasts print into docs/scaling.md (three minutes)
	$(BIN)/python -m tools.scaling_docs

picture: engine ## run the demo and a sandbox: docs/demo.svg and docs/page.png, README's pictures; draw docs/dashboard.svg
	$(BIN)/python -m tools.demo_picture
	$(BIN)/python -m tools.page_picture
	$(BIN)/python -m tools.dashboard_picture

aims: $(STAMP) ## the aims of the default scaling policy, and what the forecast finds; fails if one is missed (five minutes)
	@$(BIN)/python -m bench.policy.objectives

tune: $(STAMP) ## search for a better default scaling policy (two minutes)
	$(BIN)/python -m bench.policy.tune

preview-comment: $(STAMP) ## what changes in the forecasts since a revision, as in a pull request (REVISION=main); fails above a budget
	@$(BIN)/python -m tools.preview_comment $(REVISION)

actionlint: ## the workflows (needs Go, otherwise it says that it is left out)
	@if command -v go >/dev/null; then go run $(ACTIONLINT) -shellcheck= -pyflakes=; \
	else echo "actionlint is left out: there is no go on PATH."; fi

browser: $(STAMP) ## is there a Chromium or Chrome for the pages' tests? (otherwise it says that they are left out)
	@$(BIN)/python -m tests.helpers.browser

all-tests: engine ## every test; many wait for processes, so four share two cores
	$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder tests

drift: $(STAMP) ## what differs in AWS from the state of STACK=; it changes nothing
	@$(BIN)/python -m tools.drift $(STACK)

$(BENCH)/.installed: $(STAMP) constraints.txt $(wildcard bench/worker/consumers/*.txt)
	@test -x $(BENCH)/bin/python || $(BIN)/python -m venv $(BENCH)
	@echo "Installing the consumers to compare with into $(BENCH)"
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/worker/consumers/requirements.txt
	@touch $@

bench-worker: $(BENCH)/.installed ## the worker's throughput, compared with boto3 itself and consumers from PyPI (ten minutes)
	$(BIN)/python -m bench.worker

$(FUZZ)/.installed: $(STAMP) tests/fuzz/requirements.txt
	@test -x $(FUZZ)/bin/python || $(BIN)/python -m venv $(FUZZ)
	@echo "Installing schemathesis into $(FUZZ)"
	@$(FUZZ)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/fuzz/requirements.txt
	@touch $@

fuzz: $(FUZZ)/.installed ## schemathesis against the deployed API, all of its checks but two (two minutes)
	$(BIN)/python -m tests.fuzz $(FUZZ)/bin/st

$(SCAN)/%/.installed: tests/scan/%.txt $(STAMP)
	@test -x $(SCAN)/$*/bin/python || $(BIN)/python -m venv $(SCAN)/$*
	@echo "Installing $* into $(SCAN)/$* (a minute or so)"
	@$(SCAN)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

scan: $(SCAN)/checkov/.installed $(SCAN)/prowler/.installed ## what checkov and prowler find in deployed stacks (five minutes; STACKS=prod)
	$(BIN)/python -m tests.scan $(SCAN)/checkov/bin/checkov $(SCAN)/prowler/bin/prowler $(STACKS)

chaos: $(STAMP) ## the worker under faults: 100,000 messages and 10,000 jobs simulated, 30,000 over the wire, 100,000 for memory (SEED=)
	$(BIN)/python -m tests.chaos.simulate $(SEED:%=--seed %)
	$(BIN)/python -m tests.chaos.simulate --jobs $(SEED:%=--seed %)
	$(BIN)/python -m tests.chaos.wire $(SEED:%=--seed %)
	$(BIN)/python -m tests.chaos.wire --fifo $(SEED:%=--seed %)
	$(BIN)/python -m tests.chaos.wire --table $(SEED:%=--seed %)
	$(BIN)/python -m tests.chaos.memory

mutants: $(STAMP) ## break the worker in one place at a time: its tests must notice each (ten minutes; FILES=worker/aws)
	$(BIN)/python -m tools.mutants $(FILES)

bench: engine ## what evaluating the program for a preview costs
	$(BIN)/python -m bench.preview

bench-api: $(STAMP) ## the API's requests a second and times, compared with boto3's SendMessage, in the sandbox (three minutes)
	$(BIN)/python -m bench.api

bench-forecast: $(STAMP) ## what a forecast costs, compared with the same model stepped second by second
	$(BIN)/python -m bench.forecast

worker-image: ## build the worker's image for both architectures (needs docker buildx)
	docker buildx build --platform linux/arm64,linux/amd64 worker

clean: ## remove what make has made here
	rm -rf $(VENV) $(BENCH) $(FUZZ) $(SCAN) $(SITE) site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache bench/out
