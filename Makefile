# `make demo` and `make test` set up all they need, in .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
SOURCE := $(shell git ls-files 'engine_ci/*' 'tests/*' 'fixtures/*' 'pins/*' 'examples/*' 'workflows/*' '.github/*')

.PHONY: demo test check backtest corpus clean

demo: .venv/ready
	$(BIN)/python -m examples.demo $(ARGS)

test: .venv/ready
	$(BIN)/python -m pytest --cov --cov-report= --cov-fail-under=0

# Coverage is a by-product of the tests: `check` runs them only when something has changed since.
.coverage: .venv/ready $(SOURCE)
	$(BIN)/python -m pytest --cov --cov-report= --cov-fail-under=0

check: .venv/ready .coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage report

# Gates every build of three packages that has no result yet: about 20 minutes from nothing.
backtest: .venv/ready
	$(BIN)/python -m benchmarks.backtest

# Every Mach-O and PE file of the packages that the corpora name, beside other readers; 400 MB once.
corpus: .venv/ready
	$(BIN)/python -m benchmarks.macho_corpus
	$(BIN)/python -m benchmarks.macho_corpus.signatures
	$(BIN)/python -m benchmarks.pe_corpus

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "engine-ci needs Python 3.11 or newer, found " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .demo .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
