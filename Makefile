# Everything a contributor types. `make` alone tells what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
UV_VERSION := 0.13.9
# The first of these that is new enough makes the environment; `make PYTHON=…` chooses.
PYTHON ?= python3.11 python3.12 python3.13 python3
SOURCE ?=
READY := .venv/.ready
# uv is fast, but does not read pip's settings: where only those know the registry, pip takes over.
INSTALL := $(BIN)/uv pip install --python $(BIN)/python --system-certs

.PHONY: help setup demo test slow lint format types check base data experiments lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## Make the environment in .venv (every target below does it when needed)

demo: $(READY)  ## Watch Mod-X and plain fine-tuning learn five product domains, side by side
	$(BIN)/python -m modx_lightning.train -m +experiment=ecommerce_phases method=finetune,modx seed=0

test: $(READY)  ## Run the tests
	$(BIN)/pytest

slow: $(READY)  ## Run the tests that take minutes
	$(BIN)/pytest -m slow

lint: $(READY)  ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)  ## Mend style and formatting where ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## Check types
	$(BIN)/pyright

check: lint types test  ## Run all that has to pass before a change goes in

base: .venv/.ready-base  ## Train the base model that the demo starts from
	$(BIN)/python experiments/base/seed.py --out build/base_seed
	$(BIN)/python -m modx_lightning.train +experiment=base run_dir=build/base_run
	$(BIN)/python experiments/base/publish.py build/base_run

data: $(READY)  ## Build the embedded data again: make data SOURCE=… (experiments/storefront)
	@test -n "$(SOURCE)" || { echo "make: data needs SOURCE=…; what it must hold is told in" \
	  "experiments/storefront/README.md" >&2; exit 1; }
	$(BIN)/python experiments/storefront/build.py --source "$(SOURCE)" \
	  --out modx_lightning/assets/storefront

experiments: $(READY)  ## Run the recorded experiments again and rewrite their tables (an hour)
	$(BIN)/python -m modx_lightning.train -m +experiment=ecommerce_phases \
	  method=finetune,modx_release,modx seed=0,1,2
	$(BIN)/python -m modx_lightning.train -m +experiment=ecommerce_phases \
	  method=finetune seed=0,1,2 stream.joint=true
	$(BIN)/python experiments/tables.py --collect runs/ecommerce_phases

lock: $(READY)  ## Pin the newest versions that fit pyproject.toml, for all platforms
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --extra dev \
	  --no-header --no-annotate --quiet pyproject.toml --output-file requirements.lock

clean:  ## Remove caches and build leftovers; runs/ and .venv/ stay
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# Compiling ahead is worth its minute: a Python that may not write .pyc files, or the ranks of a
# first run, would each compile all of torch again.
$(READY): pyproject.toml requirements.lock
	@python=; for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
	    2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: needs Python 3.11 or newer with venv; none of these is: $(PYTHON)." >&2; \
	  echo "make: install one (Debian, Ubuntu: apt install python3-venv), or make PYTHON=…" >&2; \
	  exit 1; \
	fi; \
	test -x $(BIN)/python || "$$python" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(INSTALL) --compile-bytecode -r requirements.lock || $(BIN)/pip install -r requirements.lock
	$(INSTALL) --no-deps -e . || $(BIN)/pip install --no-deps -e .
	@touch $@

.venv/.ready-base: $(READY)
	$(INSTALL) --constraint requirements.lock -e '.[base]'
	@touch $@
