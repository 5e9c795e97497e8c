# `make` alone lists the targets.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test quick fuzz faults format clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /make \1\t/' | expand -t 16

.venv/.installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: .venv/.installed ## a fresh machine to the dashboard, three minutes after the installation
	$(BIN)/python TracIn_Resnet50.py --demo
	$(BIN)/python analyze_results.py
	@echo
	@echo "Open results/analysis_dashboard.png, and results/report.html in a browser"

test: .venv/.installed-dev ## format, lint, types and all tests, some nine minutes on two cores
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

quick: .venv/.installed-dev ## lint and the pure tests, in under a minute
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist worksteal \
		tests/test_architecture.py tests/test_tree.py tests/test_model_check.py tests/test_images.py \
		tests/results tests/clean tests/compute/check tests/compute/labels \
		tests/analyze/read tests/analyze/figures tests/analyze/words

faults: .venv/.installed-dev ## every command killed, interrupted and refused at its writes, half an hour
	$(BIN)/python -m tests.faults

fuzz: .venv/.installed-dev ## 5,000 hostile inputs, some forty minutes on one core
	$(BIN)/python -m tests.fuzz --cases 5000 --seed 1000

format: .venv/.installed-dev ## format the code, mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## take the environment, caches and builds away
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
