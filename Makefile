# Every target makes the virtual environment it needs; nothing has to be set up beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUNS := $(VENV)/.runs
JOBS ?= auto
MINUTES ?= 10
PORT ?= 8080
OTHERS ?= 9100

.PHONY: run test test-slow lint types imports docs golden bench fuzz mutants wheel clean

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(READY)

# A gateway that can start needs nothing more, and no network.
$(RUNS): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/gwc run --check-only samples/hello >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --editable .
	touch $(RUNS)

## a gateway on samples/shop with servers behind it: PORT is its port, OTHERS the first of six more
run: $(RUNS)
	@$(BIN)/python samples/serve.py --port $(PORT) --others $(OTHERS)

test: $(READY)
	$(BIN)/pytest -n $(JOBS) -q

test-slow: $(READY)
	$(BIN)/pytest -n $(JOBS) -q -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

## generated documentation: the reference, from the schema
docs: $(READY)
	$(BIN)/python -m gwc.compiler.reference > docs/reference.md

## write the golden files anew; look at the difference before committing it
golden: $(READY)
	GWC_REFRESH_GOLDEN=1 $(BIN)/pytest -q tests/golden

bench: $(READY)
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m tools.bench.run

## property tests, differential fuzz and mutated text for MINUTES minutes
fuzz: $(READY)
	$(BIN)/python tools/fuzz/long.py --minutes $(MINUTES)

## break the rules on purpose, one by one, and see the property suite notice
mutants: $(READY)
	$(BIN)/python tools/fuzz/mutate_rules.py

wheel: $(READY)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
