# make demo        evolve a CartPole champion and test it in Gymnasium
# make test        run the tests; the end says which were skipped, as they are slow or need large packages (5 minutes)
# make check       install what any test needs (torch, Box2D, ...: 6 GB), run the tests that `make test` skipped, those
#                  of the GPU in Numba's simulator, and the checkers of style and types; a skipped test fails
# make check-long  what no change needs to wait for: tests of properties on the examples of thirty more seeds (10 minutes)
# All create a virtual environment in $(VENV) when it isn't there, and install into it what is missing.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
PYTEST = $(VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 8

.PHONY: demo test check check-long

demo: $(VENV)/.installed
	@$(VENV)/bin/neat run cartpole

test: $(VENV)/.installed-test
	@$(PYTEST) --dist loadfile

check: $(VENV)/.installed-dev
	@$(PYTEST) --only-skipped --no-skips
	@NUMBA_ENABLE_CUDASIM=1 $(PYTEST) --no-skips tests/cuda
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

check-long: $(VENV)/.installed-dev
	@for seed in $$(seq 30); do \
	    $(PYTEST) --hypothesis-profile=default --hypothesis-seed=$$seed -m hypothesis || exit 1; done

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one: make PYTHON=python3.11")'
	@echo "Creating a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Speciate and what it needs into $(VENV) (about a minute)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Speciate and its test tools into $(VENV) (about a minute)"
	@$(PIP) --editable '.[test]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Speciate and what any of its tests needs into $(VENV) (some minutes)"
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $(VENV)/.installed-test $@
