# Every command of the project, from a bare machine with Python 3.11 or newer, pip, git and make.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup live test check bench lock clean

help:  ## List these commands.
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/make \1  \2/p' $(MAKEFILE_LIST) | awk '{ printf "%s %-7s", $$1, $$2; $$1 = $$2 = ""; print }'

setup: $(INSTALLED)  ## Create .venv with exactly what requirements.lock names.

live: setup  ## Start the platform with the paper profile, and its dashboard.
	$(BIN)/python -m alpha_panda.live --web-port 8000 --no-until-end $(ARGS)

test: setup  ## Run the tests, for example: make test ARGS="-k ledger".
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup  ## Check lint, format, types and import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

bench: setup  ## Measure the speed of kernels and drivers.
	$(BIN)/python -m tests.benchmarks $(ARGS)

lock: .build/uv/bin/uv  ## Rewrite requirements.lock from pyproject.toml; UPGRADE=--upgrade takes the newest versions.
	.build/uv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --fork-strategy requires-python \
		--generate-hashes --no-emit-index-url --no-header --quiet $(UPGRADE) --output-file requirements.lock

clean:  ## Remove the environment and every cache; data, results and live state stay.
	rm -rf .venv .build .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Alpha Panda needs Python 3.11 or newer; name one with: make PYTHON=python3.12 setup" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.build/uv/bin/uv:
	$(PYTHON) -m venv .build/uv
	.build/uv/bin/python -m pip install --quiet uv
