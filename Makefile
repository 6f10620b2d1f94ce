# `make demo` and `make test` set up what they need in .venv, and no more.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCE := $(shell git ls-files 'engine_ci/*' 'tests/*' 'fixtures/*' 'pins/*' 'examples/*' 'workflows/*' '.github/*' 'docs/*' '*.md' mkdocs.yml)

.PHONY: demo test check docs contract backtest corpus llama-cpp-python browser clean

demo: .venv/product
	$(BIN)/python -m examples.demo $(ARGS)

test: .venv/ready browser
	$(BIN)/python -m pytest --cov --cov-report= --cov-fail-under=0

# Coverage is a by-product of the tests: `check` runs them only when something has changed since.
.coverage: .venv/ready $(SOURCE) | browser
	$(BIN)/python -m pytest --cov --cov-report= --cov-fail-under=0

check: .venv/ready .coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage report

# The reference from the code, and the site of all pages: build/site/index.html, or for its search
# `python -m http.server --directory build/site`.
docs: .venv/ready
	$(BIN)/python -m docs.generator
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The gate's page is looked at in a real one.
browser:
	tests/browser/install.sh

# The same contract that the tests ask of the embedded GitHub, of a scratch repository on the real one.
contract: .venv/ready
	$(BIN)/python -m tests.contract $(ARGS)

# Gates every build of three packages that has no result yet: about 20 minutes from nothing.
backtest: .venv/ready
	$(BIN)/python -m benchmarks.backtest

# Every Mach-O and PE file of the packages that the corpora name, beside other readers; 400 MB once.
corpus: .venv/ready
	$(BIN)/python -m benchmarks.macho_corpus
	$(BIN)/python -m benchmarks.macho_corpus.signatures
	$(BIN)/python -m benchmarks.pe_corpus

# The adapter of this package is tested where it is built: once, in ten minutes of CPU time.
llama-cpp-python: .venv/ready
	$(BIN)/python -m benchmarks.llama_cpp_python

# The program with the charts of its page, and what the embedded GitHub holds its answers against.
.venv/product: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "engine-ci needs Python 3.11 or newer, found " + sys.version)'
	$(PYTHON) -m venv .venv
	$(PIP) --editable '.[report]' jsonschema-rs
	touch $@

.venv/ready: .venv/product
	$(PIP) --editable '.[dev,docs]'
	touch $@

clean:
	rm -rf .venv .demo .tutorial build/site .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
