# Needs Python 3.11 or newer and make; everything else goes into $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= auto
DEMO ?= instances/small-0.json

.DEFAULT_GOAL := help
.PHONY: help demo test lint fast slow bench speed clean

help: ## list what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

# Made once; made again only where pyproject.toml has changed since.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@echo 'compiling native code for this machine, once (about 40 s) ...'
	@$(BIN)/python -c 'from placement.native import prepare; prepare()'
	@touch $@

demo: $(READY) ## solve a small instance, show the answer and check it
	$(BIN)/placement show $(DEMO)
	$(BIN)/placement solve $(DEMO) --time-limit 20 -o demo.solution.json
	@test -t 2 || $(BIN)/placement show demo.solution.json $(DEMO)  # on a terminal solve has shown it
	$(BIN)/placement check $(DEMO) demo.solution.json
	$(BIN)/placement expand $(DEMO) demo.solution.json | tail -n 3

test: lint fast ## what has to pass before a commit: lint, types, fast tests, examples in the docs

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: $(READY) ## the fast tests
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal
	$(BIN)/pytest -q --benchmark-disable benchmarks/speed

slow: $(READY) ## the slow tests
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m slow

bench: $(READY) ## methods against each other on small networks, in some minutes: results/quick
	$(BIN)/python -m benchmarks report "$$($(BIN)/python -m benchmarks run quick)" -o results/quick

speed: $(READY) ## time the parts: reading, compiling, judging, flow, greedy
	$(BIN)/pytest -q benchmarks/speed

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo.solution.json
