# Two commands are enough: `make demo` shows live VaR, `make verify` proves it.
# Everything is installed into .venv and .cache; `make setup` leaves nothing running.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
CACHE := $(or $(RISKSTREAM_CACHE_DIR),.cache)
LOCKS := requirements
PYTHON ?= $(firstword $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12), (3, 13), (3, 14)])' \
	2>/dev/null && echo $$p; done) python3)

BASE_STAMP := $(VENV)/.stamp-base
RUN_STAMP := $(VENV)/.stamp-run
VERIFY_STAMP := $(VENV)/.stamp-verify
PEERS_STAMP := .venv-peers/.stamp
JARS_STAMP := $(CACHE)/jars/.stamp
WHEELS_STAMP := $(CACHE)/wheels/.stamp
CLASSES_STAMP := $(VENV)/.stamp-classes

# Compiled when installed, as pip does: where Python may not write beside its modules, each start would compile anew.
UV_PIP = $(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-build-isolation
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-build-isolation
PARALLEL := -n auto --maxprocesses 8 --dist loadfile
COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes \
	--no-header --no-annotate --python-version 3.11 --fork-strategy fewest

# The extra without the product, whose versions it does not bear.
PEERS_ALONE := import tomllib; from pathlib import Path; print(*tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]["benchmarks"], sep="\n")

# install,FLAGS: with uv; with pip where uv cannot reach the registry that pip is set up for.
define install
$(UV_PIP) $(1) || { echo 'uv could not install; trying pip'; $(PIP) $(1); }
endef

.PHONY: help
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
	  awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

.PHONY: setup
setup: $(RUN_STAMP) $(JARS_STAMP) $(WHEELS_STAMP) $(CLASSES_STAMP)  ## Install what the product needs (repeat at will)

.PHONY: setup-verify
setup-verify: $(VERIFY_STAMP) $(JARS_STAMP) $(WHEELS_STAMP) $(CLASSES_STAMP)

$(BASE_STAMP): $(LOCKS)/bootstrap.lock
	@$(PYTHON) -m system.runtime.preflight
	@echo 'making $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r $(LOCKS)/bootstrap.lock
	@touch $@

$(RUN_STAMP): $(BASE_STAMP) $(LOCKS)/run.lock pyproject.toml
	@echo 'installing the product (about 100 packages, 500 MB)'
	@$(call install,--require-hashes -r $(LOCKS)/run.lock)
	@$(call install,--no-deps --editable .)
	@touch $@

$(VERIFY_STAMP): $(RUN_STAMP) $(LOCKS)/verify.lock
	@echo 'installing the tests and the reference libraries (about 120 packages)'
	@$(call install,--require-hashes -r $(LOCKS)/verify.lock)
	@$(PYTHON) -m system.runtime.preflight --browser
	@touch $@

$(JARS_STAMP): $(LOCKS)/jars.lock | $(RUN_STAMP)
	@$(BIN)/python -m system.runtime.fetch jars
	@touch $@

$(WHEELS_STAMP): $(LOCKS)/data.lock | $(RUN_STAMP)
	@$(BIN)/python -m system.runtime.fetch wheels
	@touch $@

$(CLASSES_STAMP): $(RUN_STAMP) $(JARS_STAMP) system/stream/spark/java/RecordWriter.java system/runtime/broker_training.py
	@$(BIN)/python -m system.runtime.classes
	@touch $@

.PHONY: demo
demo: setup  ## Live VaR on real prices: the stack, a replay, a verdict (about 5 minutes)
	@$(BIN)/riskstream demo $(ARGS)

.PHONY: verify
verify: setup-verify  ## Prove it: lint, types, layers, every test, the replay, one report
	@$(BIN)/riskstream verify $(ARGS)

.PHONY: verify-full
verify-full: setup-verify  ## All of verify, then every scenario and the whole determinism grid
	@$(BIN)/riskstream verify
	@$(BIN)/python -m validation.fuzzing --seconds 900 --seed $$(date +%s)000 --report build/verify-full/fuzzing.json
	@$(BIN)/python -m validation.scenarios.suite.short --whole --report build/verify-full

.PHONY: compose-images
compose-images: setup-verify  ## Images of ours; of the servers, where no registry answers, stand-ins (root, Debian)
	@compose/standins/build.sh
	@$(MAKE) -C compose images

.PHONY: compose-up
compose-up:  ## The system as containers: secrets, images, services, all healthy
	@$(MAKE) -C compose up

.PHONY: compose-demo
compose-demo:  ## Three books and February to April 2020, replayed into the containers
	@$(MAKE) -C compose replay

.PHONY: compose-verify
compose-verify: setup-verify  ## Containers of the run's own: a story equal to the bit, every container broken
	@$(BIN)/python -m validation.containers.verify $(ARGS)

.PHONY: compose-down
compose-down:  ## Stop the containers; messages and history stay
	@$(MAKE) -C compose down

.PHONY: soak
soak: setup-verify  ## Two hours of one scenario without a pause
	@$(BIN)/riskstream replay soak --report build/soak $(ARGS)

.PHONY: test
test: setup-verify  ## Tests that need no server (under 2 minutes)
	@$(BIN)/python -m pytest -q $(PARALLEL) \
	  -m 'not integration and not end_to_end and not benchmark_suite' $(ARGS)

.PHONY: lint
lint: setup-verify  ## Style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m validation.documents --check

.PHONY: docs
docs: setup-verify  ## Reference pages from the code, then the site in build/site
	@$(BIN)/python -m validation.documents
	@$(BIN)/python -m sphinx -q -W -c docs/site . build/site
	@echo 'build/site/index.html'

.PHONY: bench
bench: setup-verify  ## The hot path against its stored baseline, noise stated; then kernels, timed
	@$(if $(ARGS),,$(BIN)/riskstream measure guard)
	@$(BIN)/python -m pytest -q -m benchmark_suite $(ARGS)

.PHONY: load
load: setup-verify  ## Ticks, trades, readers and listeners with locust, budgets as exit code
	@$(BIN)/riskstream measure users $(ARGS)

.PHONY: load-ui
load-ui: setup-verify  ## The same with locust's console, on loopback
	@$(BIN)/riskstream measure users --ui $(ARGS)

# The libraries that the product is compared with want versions of their own.
$(PEERS_STAMP): $(VERIFY_STAMP) $(LOCKS)/peers.lock
	@$(BIN)/python -m venv .venv-peers
	@$(BIN)/python -m uv pip install --quiet --compile-bytecode --python .venv-peers/bin/python --require-hashes -r $(LOCKS)/peers.lock || \
	  .venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $(LOCKS)/peers.lock
	@touch $@

.PHONY: peers
peers: $(PEERS_STAMP)  ## Other ways to the same number, with the same ticks and observer
	@$(BIN)/riskstream measure peers $(ARGS)

.PHONY: changelog
changelog: setup-verify  ## Show what changed since the last release, from changelog.d
	@$(BIN)/towncrier build --draft --version next

.PHONY: release
release: setup-verify  ## Commit and tag VERSION=x.y.z: version, changelog; pushes nothing
	@$(BIN)/python -m validation.release $(if $(VERSION),$(VERSION),$(error name it: make release VERSION=0.2.0))

.PHONY: sbom
sbom: setup-verify  ## Bill of materials of packages, Java archives and servers (CycloneDX)
	@$(BIN)/python -m validation.dependencies.sbom $(ARGS)

.PHONY: audit
audit: setup-verify  ## Known vulnerabilities of all of them, by the OSV database (needs the network)
	@$(BIN)/python -m validation.dependencies.audit $(ARGS)

.PHONY: up
up: setup  ## Start the stack and stay in front of it (Ctrl-C stops everything)
	@$(BIN)/riskstream up $(ARGS)

.PHONY: down
down: setup  ## Stop a stack that was left running
	@$(BIN)/riskstream down

.PHONY: status
status: setup  ## Show what runs where, and how it is
	@$(BIN)/riskstream status

.PHONY: client-wheel
client-wheel: $(RUN_STAMP)  ## Build the wheel of the API's client alone, into dist/
	@$(BIN)/python -m validation.release.client_wheel dist

.PHONY: lock
lock: $(RUN_STAMP)  ## Lock every dependency anew (needs the network)
	@$(COMPILE) --extra reports pyproject.toml -o $(LOCKS)/run.lock
	@$(COMPILE) --extra reports --extra test --extra verify --extra load -c $(LOCKS)/run.lock pyproject.toml -o $(LOCKS)/verify.lock
	@$(BIN)/python -c '$(PEERS_ALONE)' | $(COMPILE) - -o $(LOCKS)/peers.lock
	@$(COMPILE) --no-deps $(LOCKS)/bootstrap.in -o $(LOCKS)/bootstrap.lock
	@$(COMPILE) --no-deps $(LOCKS)/data.in -o $(LOCKS)/data.lock
	@$(BIN)/python -m system.runtime.fetch lock

.PHONY: clean
clean:  ## Stop the stack and remove its state, reports and tool caches (keeps .venv and .cache)
	@if [ -x $(BIN)/riskstream ]; then $(BIN)/riskstream down; fi
	@rm -rf build .riskstream .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks *.egg-info
	@find system validation loadtests tests -name __pycache__ -type d -prune -exec rm -rf {} +
