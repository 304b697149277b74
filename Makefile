# `make` lists the targets. The longer ones stand in scripts/, so that each is a plain command too.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
PYTHON ?= python3
export PYTHON
BIN := .venv/bin
WORKERS ?= 2

.PHONY: help
help: ## list the targets
	@echo "Give options to what a target runs with ARGS: make demo ARGS=--json"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## make .venv with `packhouse` and all that it needs
	@scripts/setup.sh base

.PHONY: setup-dev
setup-dev: ## the same, with all that tests and checks need
	@scripts/setup.sh dev

.PHONY: demo
demo: setup ## run the main job on documents that ship with it, then stay up
	@exec $(BIN)/packhouse demo $(ARGS)

.PHONY: serve
serve: setup ## start all parts
	@exec $(BIN)/packhouse serve $(ARGS)

.PHONY: test
test: setup-dev $(if $(filter true,$(CI)),browser) ## run the whole test suite
	@$(BIN)/pytest --quiet --numprocesses $(WORKERS) --dist loadfile --inline-snapshot=disable $(ARGS)

.PHONY: lint
lint: setup-dev ## check style, types, import contracts, dependencies, spelling
	@scripts/lint.sh

.PHONY: format
format: setup-dev ## put the sources into the one format
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format

.PHONY: docs
docs: setup-dev ## write docs/reference anew from the code
	@$(BIN)/python -m packhouse.cli.reference

.PHONY: docs-check
docs-check: setup-dev ## fail where docs/reference is not what the code says
	@$(BIN)/python -m packhouse.cli.reference --check

.PHONY: ci
ci: ## what a change must pass: lint, docs-check, test, with nothing left out
	@$(MAKE) --no-print-directory CI=true browser lint docs-check test

.PHONY: browser
browser: ## install Debian's Chromium for the browser tests (as root)
	@scripts/browser.sh

.PHONY: conformance
conformance: setup ## run LangChain's standard tests and the Vercel AI SDK against it, with each provider behind
	@exec scripts/conformance.sh $(ARGS)

.PHONY: crash
crash: setup-dev ## kill -9 of gateway processes under load, 500 times on each database: no call lost, none booked twice
	@PACKHOUSE_CRASH_ROUNDS=500 $(BIN)/pytest --quiet --capture=no tests/stories/test_crash.py $(ARGS)

.PHONY: storm
storm: setup-dev ## far more calls at once than a pack has room for, on four processes, on each database
	@PACKHOUSE_STORM_CALLERS=500 $(BIN)/pytest --quiet --capture=no tests/stories/test_storm.py $(ARGS)

.PHONY: outage
outage: setup-dev ## let the database be away for a minute under load: no running call stopped, none lost
	@PACKHOUSE_OUTAGE_SECONDS=60 $(BIN)/pytest --quiet --capture=no tests/stories/test_outage.py $(ARGS)

.PHONY: soak
soak: setup-dev ## an hour under half of what it bears: does memory grow, is anything left held or unrecorded
	@exec $(BIN)/python benchmarks/soak.py $(ARGS)

.PHONY: bench-start
bench-start: setup-dev ## measure start-up time and idle memory
	@exec $(BIN)/python benchmarks/start.py $(ARGS)

.PHONY: bench-gateway
bench-gateway: setup-dev ## measure the gateway beside LiteLLM, Portkey, smg and rolter; --roads: alone, on each of its roads
	@exec $(BIN)/python benchmarks/gateway.py $(ARGS)

.PHONY: bench-streaming
bench-streaming: setup-dev ## measure the delay of streamed pieces and the memory of open streams
	@exec $(BIN)/python benchmarks/streaming.py $(ARGS)

.PHONY: bench-usage
bench-usage: setup-dev ## measure questions about consumption with ten million usage records
	@PYTHONPATH=. exec $(BIN)/python benchmarks/usage.py $(ARGS)

.PHONY: bench-translation
bench-translation: setup-dev ## measure what translation between dialects costs
	@exec $(BIN)/python benchmarks/translation.py $(ARGS)

.PHONY: clean
clean: ## remove what can be made again, .venv included
	@rm -rf .venv .venv-conformance .bench conformance/ai_sdk/node_modules .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	@find src connector tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
