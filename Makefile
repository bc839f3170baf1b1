# make demo: evolve a CartPole champion and test it in Gymnasium.   make test: run the tests.
# Both create a virtual environment in $(VENV) when it isn't there, and install into it what is missing.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test

demo: $(VENV)/.installed
	@$(VENV)/bin/neat run cartpole

test: $(VENV)/.installed-test
	@$(VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

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
