# `make` lists the targets. What they do stands in scripts/, so that each is also a plain command.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SOURCES := src connector/src tests benchmarks
export PYTHON

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## make .venv with the locked packages, the model weights and `packhouse`
	@scripts/setup.sh base

.PHONY: setup-dev
setup-dev: ## the same, with all that tests and checks need
	@scripts/setup.sh dev

