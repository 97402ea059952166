# What people type. `make` alone lists it. Settings are environment variables (KLARTEXT_HOME, PYTHON, …).
.DEFAULT_GOAL := help
.PHONY: help demo up down status test lint clean
PYTEST_ARGS ?=
TEST_PROCESSES ?= 2
# The checkout's own .venv and nothing else; and Python keeps what it compiles, or every start takes twice as long.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: ## install what is missing, load the bundled sample, show what became of it
	@tools/install.sh runtime
	@.venv/bin/python tools/demo.py

up: ## start Airflow (UI, scheduler, …) and the embedded PostgreSQL on 127.0.0.1
	@tools/install.sh runtime
	@.venv/bin/python tools/stack.py up

down: ## stop what `make up` started, and nothing else
	@if [ -x .venv/bin/python ]; then .venv/bin/python tools/stack.py down; else echo "nothing is installed here"; fi

status: ## say what of it runs, and where
	@tools/install.sh runtime
	@.venv/bin/python tools/stack.py status

test: ## run the whole test suite (PYTEST_ARGS chooses)
	@tools/install.sh dev
	@failed=0; \
	.venv/bin/pytest -n $(TEST_PROCESSES) -m "not airflow" $(PYTEST_ARGS) || failed=1; \
	.venv/bin/pytest -m airflow $(PYTEST_ARGS) || failed=1; \
	exit $$failed

lint: ## ruff, formatting, types, cleaning rules
	@tools/install.sh dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/klartext rules check

clean: down ## remove .venv and caches; what was loaded stays in .klartext
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
