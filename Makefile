# Two commands matter: `make run` and `make test`. `make help` lists the rest.

HOST ?= 127.0.0.1
PORT ?= 5000
# The first Python that is new enough; set-up explains itself when there is none.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
ifeq ($(strip $(PYTHON)),)
PYTHON := python3
endif

BIN := .venv/bin
# Set-up puts a Node into .venv where the system has none that is new enough.
NODE = $(shell test -x $(BIN)/node && echo $(BIN)/node || echo node)
export PATH := $(PATH):$(CURDIR)/$(BIN)
export PYTHONPATH := $(CURDIR)
TESTS ?= tests
# Processes that run the Python tests side by side: one drives the browser, the others do the rest.
WORKERS ?= 2
JS_TESTS = $(shell find tests/js -name '*.test.js' | sort)

.PHONY: help run setup setup-tests test test-js test-py check lint types format bench screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## set up, migrate, add the demo, serve, print a one-time admin link (HOST=, PORT=)
	@exec $(BIN)/flask start --host $(HOST) --port $(PORT)

setup: ## .venv, Python and npm packages
	@$(PYTHON) tools/setup_environment.py

setup-tests: ## the same with test tools and a Chromium
	@$(PYTHON) tools/setup_environment.py --tests

test: setup-tests test-js test-py ## every test (TESTS=tests/server for a part of the Python ones, WORKERS=0 for one process)

test-js: setup-tests
	$(NODE) --test $(JS_TESTS)

test-py: setup-tests
	$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

check: setup-tests ## what continuous integration runs: format, lint, types, every test
	@$(MAKE) --no-print-directory -j2 lint types test-js
	@$(MAKE) --no-print-directory test-py

lint: setup-tests ## formatting and lint of Python, JavaScript and CSS
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(NODE) node_modules/.bin/biome ci --colors=off --error-on-warnings .

types: setup-tests ## mypy and tsc
	$(BIN)/mypy
	$(NODE) node_modules/.bin/tsc --project tsconfig.json
	$(NODE) node_modules/.bin/tsc --project tests/js/tsconfig.json

format: setup-tests ## rewrite the sources in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NODE) node_modules/.bin/biome check --write .

bench: setup-tests ## measure and renew benchmarks/RESULTS.md (ONLY=workbench for one benchmark)
	$(BIN)/python -m benchmarks.run $(if $(ONLY),--only $(ONLY))

screenshots: setup-tests ## remake docs/images, and every mode into .screenshots (ONLY=brush for one)
	$(BIN)/python -m tools.screenshots $(if $(ONLY),--only $(ONLY))

clean: ## remove what set-up and the tests made; instance/ (your data) stays
	rm -rf .venv node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
