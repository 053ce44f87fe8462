# Every target sets up .venv by itself; a fresh machine needs Python ≥ 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where it is set, every process of a test would compile all modules anew: 0.4 s each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench clean
.DEFAULT_GOAL := test

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	# What is imported gets its bytecode then; of all that is installed it would take 40 s of two minutes.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	touch $@

# Made-up logs with known problems in them, ingested, and the report in which the problems can be seen.
demo: $(VENV)/ready
	$(BIN)/apilens demo apilens-demo

test: $(VENV)/ready
	$(BIN)/pytest -n auto --dist worksteal

check: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cog --check docs/*.md
	@long=$$(find apilens -name '*.py' | xargs wc -l | awk '$$2 != "total" && $$1 > 300 {print $$2 ": " $$1 " lines"}'); \
	  if [ -n "$$long" ]; then echo "over 300 lines:"; echo "$$long"; exit 1; fi

# Against DuckDB and GoAccess in the same run; results go to benchmarks/RESULTS.md.
bench: $(VENV)/ready
	command -v goaccess >/dev/null || (apt-get update -qq && apt-get install -y -qq goaccess) || sudo apt-get install -y -qq goaccess
	# As pip does for users: an editable install may have no bytecode, and each process would compile every module.
	$(BIN)/python -m compileall -q apilens
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/analyses.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis apilens-demo benchmarks/data
