# Every target sets up what it needs. `make` alone lists them.

BIN := .venv/bin
SOURCES := evgi_client tests scripts benchmarks examples
# One process a core; each file's tests stay together, because they share a chain.
PYTEST_ARGS ?= -n auto --dist loadfile
HAVE_NPM := $(shell command -v npm 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test coverage check format lint types boundaries artifacts artifacts-check docs ape clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.runtime ## Run the whole flow on an embedded chain: needs Python alone
	$(BIN)/evgi demo

test: .venv/.dev $(if $(HAVE_NPM),node_modules/.installed) ## Run the tests
	@$(if $(HAVE_NPM),,echo "npm is not installed: the tests that need anvil or the compiler will skip.")
	$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: .venv/.dev $(if $(HAVE_NPM),node_modules/.installed) ## Run the tests and fail where too little of the package ran; takes twice as long
	$(BIN)/python -m pytest $(PYTEST_ARGS) --cov --cov-report=term-missing:skip-covered

check: lint types boundaries artifacts-check test ## Everything that has to hold before a change is merged

format: .venv/.dev ## Format the Python files
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix --select I $(SOURCES)

lint: .venv/.dev ## Check format and lint
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: .venv/.dev ## Check types
	$(BIN)/mypy

boundaries: .venv/.dev ## Check which module imports which
	$(BIN)/lint-imports

artifacts: .venv/.dev node_modules/.installed ## Compile the contracts into the packaged artifacts
	$(BIN)/python scripts/artifacts.py

artifacts-check: .venv/.dev node_modules/.installed ## Compile again and fail where a committed artifact is stale
	$(BIN)/python scripts/artifacts.py --check

docs: .venv/.dev ## Write docs/cli.md from the commands' help
	$(BIN)/python scripts/cli_docs.py

ape: .venv-ape/.installed node_modules/.installed .venv-ape/solcx/solc-v0.8.30 ## Compile, test and deploy with ape, in an environment of its own
	SOLCX_BINARY_PATH=$(CURDIR)/.venv-ape/solcx .venv-ape/bin/ape compile
	SOLCX_BINARY_PATH=$(CURDIR)/.venv-ape/solcx .venv-ape/bin/ape test tests/ape
	SOLCX_BINARY_PATH=$(CURDIR)/.venv-ape/solcx .venv-ape/bin/ape run deploy

clean: ## Delete what the other targets made
	rm -rf .venv .venv-ape node_modules .build build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage *.egg-info

.venv/.runtime: pyproject.toml constraints.txt scripts/venv
	scripts/venv .venv -c constraints.txt -e .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt scripts/venv
	scripts/venv .venv -c constraints.txt -e '.[dev]'
	@touch .venv/.runtime $@

.venv-ape/.installed: pyproject.toml constraints-ape.txt scripts/venv
	scripts/venv .venv-ape -c constraints-ape.txt -e '.[ape]'
	@touch $@

node_modules/.installed: package.json package-lock.json .npmrc
	@command -v npm >/dev/null || { echo "npm is not installed: the contracts cannot be compiled without it." >&2; exit 1; }
	npm ci --no-progress
	@touch $@

.venv-ape/solcx/solc-v0.8.30: scripts/solc-wasm
	mkdir -p $(@D)
	ln -sf $(CURDIR)/scripts/solc-wasm $@
