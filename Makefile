# make demo   a fresh machine to the dashboard
# make test   format, lint, types and tests
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test clean

.venv/.installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: .venv/.installed
	$(BIN)/python TracIn_Resnet50.py --demo
	$(BIN)/python analyze_results.py
	@echo
	@echo "Open results/analysis_dashboard.png, and results/report.html in a browser"

test: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
