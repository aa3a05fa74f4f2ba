# The commands of the README. Everything is installed into .venv, pinned and hashed; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test lint format types check coverage bench openapi pages requirements clean

run: .venv/runtime ## Serve on $PORT (8000) with the embedded Postgres in .data
	@exec $(BIN)/po-registry serve

test: .venv/development lint types check ## Lint, import contracts, types, every test

lint: .venv/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/development
	$(BIN)/mypy

# Each worker has a Postgres and a server of its own; a file stays with one worker, which shares what it has started.
PARALLEL ?= --numprocesses auto --dist loadfile --no-loadscope-reorder

check: .venv/development
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST)

# Apart from `test`: it takes the tests twice the time, as every switch between greenlets has to be followed.
coverage: .venv/development ## Every test, and which lines of the service they reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL) $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# BENCH="--rounds 3 --seconds 1 --orders 10000 --sizes 10000,100000" for a quick run; benchmarks/README.md tells more.
bench: .venv/benchmarks ## What the service can do, as ratios (needs wrk and pgbench)
	$(BIN)/python -m benchmarks $(BENCH)

format: .venv/development ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: .venv/development ## Write openapi/openapi.json anew
	$(BIN)/po-registry openapi > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

pages: .venv/development ## Write docs/lifecycle.md, docs/refusal-codes.md, docs/import-files.md and README's table of settings anew
	$(BIN)/python -m app.pages

requirements: .venv/development ## Pin requirements/*.txt anew from pyproject.toml
	$(INSTALL) uv==0.13.9
	$(BIN)/uv pip compile $(PIN) --output-file requirements/runtime.txt pyproject.toml
	$(BIN)/uv pip compile $(PIN) --output-file requirements/build.txt requirements/build.in
	$(BIN)/uv pip compile $(PIN) --extra development --constraint requirements/runtime.txt \
		--output-file requirements/development.txt pyproject.toml
	$(BIN)/uv pip compile $(PIN) --extra benchmarks --constraint requirements/development.txt \
		--output-file requirements/benchmarks.txt pyproject.toml

PIN := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

OLD := import sys; sys.exit(sys.version_info < (3, 11))
NEEDS := po-registry needs Python 3.11 or newer with venv, and $(PYTHON) is not: make PYTHON=/path/to/python3.12

.venv/runtime: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { $(PYTHON) -c "$(OLD)" 2>/dev/null || { echo "$(NEEDS)" >&2; exit 1; }; \
		$(PYTHON) -m venv --clear .venv; }
	$(INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/development: .venv/runtime requirements/development.txt
	$(INSTALL) --require-hashes -r requirements/development.txt
	@touch $@

# Not with what the tests need: what is installed, some libraries load, and the memory of a worker is measured.
.venv/benchmarks: .venv/runtime requirements/benchmarks.txt
	$(INSTALL) --require-hashes -r requirements/benchmarks.txt
	@touch $@

clean: ## Take away what the commands above have made, but no data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
