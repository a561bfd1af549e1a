# What one does with Moorage, in one word each. `make help` lists them.
# Needs make and Python 3.11 or newer; everything else is installed into .venv, pinned and hash-checked.

PORT ?= 5000
DATA ?= data
PYTHON ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
WORKERS ?= auto

VENV := .venv
BIN := $(VENV)/bin
CODE := services shared tests bench stubs
REQUIREMENTS := deploy/requirements
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml

section = @printf '\n== %s ==\n' $(1)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint types imports pytest format lock bench bench-authorization clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\n  PORT=%s DATA=%s, for example: make run PORT=5001 DATA=/srv/moorage\n' '$(PORT)' '$(DATA)'

run: $(VENV)/.runtime ## Start the registry on 127.0.0.1 with a demo workspace
	@exec $(BIN)/moorage serve --demo --data '$(DATA)' --host 127.0.0.1 --port '$(PORT)' \
		--credentials-file '$(DATA)/credentials.json'

test: lint types imports pytest ## Run all that CI runs

lint: $(VENV)/.dev ## Check rules and layout of the code
	$(call section,'ruff check')
	@$(BIN)/ruff check $(CODE)
	$(call section,'ruff format --check')
	@$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.dev ## Check types
	$(call section,'mypy')
	@$(BIN)/mypy

imports: $(VENV)/.dev ## Check who may import whom
	$(call section,'lint-imports')
	@$(BIN)/lint-imports

pytest: $(VENV)/.dev ## Run the tests; PYTEST_ARGS='-k name' chooses
	$(call section,'pytest')
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

format: $(VENV)/.dev ## Bring the code into its layout
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

lock: ## Resolve the pinned requirements anew (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/' >&2; exit 1; }
	$(COMPILE) --extra fast --extra embedded-pg --extra build -o $(REQUIREMENTS)/runtime.txt
	$(COMPILE) --all-extras -c $(REQUIREMENTS)/runtime.txt -o $(REQUIREMENTS)/dev.txt

bench: $(VENV)/.dev ## Measure product and peer into docs/performance.md (bench/README.md); BENCH_ARGS chooses
	@$(BIN)/python -m bench $(BENCH_ARGS)

bench-authorization: $(VENV)/.dev ## Measure the authorization core; BENCH_ARGS='--scale 0.1' chooses
	@$(BIN)/python -m bench.authorization $(BENCH_ARGS)

clean: ## Remove the environment and caches, never the data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# A working environment of the right version is kept, whoever made it.
$(VENV)/.python:
	@set -e; python=''; fits='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if $(BIN)/python -c "import pip; $$fits" >/dev/null 2>&1; then touch $@; exit 0; fi; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$candidate" -c "$$fits" >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'Moorage needs Python 3.11 or newer, and $(or $(PYTHON),python3) is older or missing.' >&2; \
		echo 'Install one, then say which: make run PYTHON=/path/to/python3.11' >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
		echo "$$python cannot make virtual environments: its modules venv and ensurepip are missing." >&2; \
		echo 'On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; \
	fi; \
	echo "Making the environment in $(VENV) with $$("$$python" --version) …"; \
	"$$python" -m venv --clear $(VENV); \
	touch $@

$(VENV)/.runtime: $(REQUIREMENTS)/runtime.txt pyproject.toml $(VENV)/.python
	@echo 'Installing the pinned requirements (once, about a minute) …'
	@$(PIP_INSTALL) --require-hashes -r $<
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(REQUIREMENTS)/dev.txt pyproject.toml $(VENV)/.python
	@echo 'Installing the pinned requirements for development (once, a minute or two) …'
	@$(PIP_INSTALL) --require-hashes -r $<
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
