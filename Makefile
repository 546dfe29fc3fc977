PYTHON ?= python3
BIN := .venv/bin
MINIMUM_BRANCHES := 95
# Two have an Airflow, which mostly waits; beside them the unit tests run.
PROCESSES ?= 3

# Airflow is several thousand modules: a process that may not keep them compiled starts twice as
# slowly, and the tests start many.
unexport PYTHONDONTWRITEBYTECODE

# uv installs in a third of the time of pip, but reads no pip configuration: pip is the fallback.
INDEX = $(or $(PIP_INDEX_URL),$(shell $(BIN)/python -m pip config get global.index-url 2>/dev/null))
install = $(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(BIN)/python \
    $(addprefix --default-index=,$(INDEX)) $(1) 2>/dev/null || $(BIN)/python -m pip install --quiet $(1)

.DEFAULT_GOAL := help
.PHONY: help venv lint style types test pytest test-fast matrix soak cluster bench docs demo up down release-check clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: .venv/complete ## Install the provider, Airflow and the development tools into .venv

.venv/complete: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) is not there: make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "Python 3.11 or newer is needed, but $(PYTHON) is " + sys.version.split()[0])'
	@echo 'Installing Airflow and the development tools into .venv ...'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet uv || true
	@$(call install,--editable '.[sandbox]' --group dev --group lint)
	@$(call install,--group postgresql) || \
	    echo 'There is no PostgreSQL for this machine: the tests that need one are skipped.'
	@$(BIN)/python -m pip install --quiet --no-deps --group mysql
	@$(BIN)/python -m tests.stack.mariadb || \
	    echo 'There is no MariaDB for this machine: the tests that need one are skipped.'
	@touch $@

lint: style types ## Check style, types and the direction of imports

style: venv
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

types: venv
	@$(BIN)/mypy

# mypy needs one core for half a minute: the tests have the other meanwhile.
test: style ## Run everything that has to pass: lint, and the tests with coverage
	@$(MAKE) --no-print-directory --jobs=2 types pytest
	@$(BIN)/python -m tests.stack.branch_gate coverage.json $(MINIMUM_BRANCHES)

pytest: venv
	@$(BIN)/python -m pytest --numprocesses=$(PROCESSES) --ignore=tests/e2e/load --cov --cov-report=term --cov-report=json:coverage.json

# They start processes or databases, wait on sockets, build the site, or explore long histories.
SLOW := sandbox quickstart hooks submission/records submission/test_exploration.py test_outcomes.py \
    test_distributions.py test_docs_build.py test_processes.py test_databases.py test_leaks.py

test-fast: venv ## Run the quick unit tests alone, for the loop of a developer
	@HYPOTHESIS_PROFILE=fast $(BIN)/python -m pytest --numprocesses=logical tests/unit \
	    $(SLOW:%=--ignore=tests/unit/%)

matrix: venv ## Run the tests on every supported Airflow and Python
	@$(BIN)/python -m tests.matrix

soak: venv ## Kill 200 workers, freeze, clear and restart, and explore long histories
	@EXPLORE=8 $(BIN)/python -m pytest --numprocesses=2 tests/unit/submission/test_exploration.py
	@$(BIN)/python -m tests.soak --kills 200
	@$(BIN)/python -m pytest tests/e2e/load

cluster: venv ## Kill Celery workers, restart Redis and cut off the API server in mid-submission
	@$(BIN)/python -m tests.cluster

bench: venv ## Measure CPU, memory and requests of large campaigns, also beside another client
	@$(BIN)/python -m tests.benchmarks

docs: venv ## Build the documentation site, in English and Chinese, into build/docs
	@$(BIN)/python docs/build.py

demo: venv ## Watch a message being scheduled, changed and followed, in a real Airflow
	@$(BIN)/python -m tests.stack.demo

up: venv ## Start Airflow with the example DAGs and a JSMS sandbox, to try things out
	@$(BIN)/python -m tests.stack.up

down: ## Stop what `make up` started
	@if [ -e .venv/complete ]; then $(BIN)/python -m tests.stack.down; else echo 'Nothing to stop.'; fi

release-check: venv ## Name what a release still needs, or build it into dist and check it
	@$(BIN)/python -m tests.release_check

clean: down ## Remove everything that was made
	rm -rf .venv .cluster .matrix .run build dist coverage.json .coverage .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
