# Two commands: `make run` shows the whole story on an embedded PostgreSQL, `make test` tests everything quick.

# The first Python 3.11 or newer that really starts (a version manager may leave names that do not).
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
# Twice as many as there are cores: most tests wait for a server or a kernel half of their time.
JOBS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2))))

IN_VENV := .venv/bin/python

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run test test-all bench lab lint clean

# Everything happens beside this file, by relative paths: the folder's own path may hold spaces.
run: .venv/.installed
	@$(IN_VENV) -m ops demo

# Hundreds of processes import the same modules: compiled once, whatever the environment says of bytecode.
test: .venv/.installed
	@env -u PYTHONDONTWRITEBYTECODE $(IN_VENV) -m pytest -q -n $(JOBS) --dist worksteal -m "not heavy"

test-all: .venv/.installed
	@env -u PYTHONDONTWRITEBYTECODE $(IN_VENV) -m pytest -q -n $(JOBS) --dist worksteal

bench: .venv/.installed
	@$(IN_VENV) tests/bench/run.py

lab: .venv/.installed
	@$(IN_VENV) -m ops lab

lint: .venv/.installed
	@$(IN_VENV) -m ruff check .
	@$(IN_VENV) -m ruff format --check .

clean:
	rm -rf .venv .ops runs

.venv/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found. Nothing was changed." >&2; exit 1; }
	@echo "Installing into .venv (once; about a minute)"
	@"$(PYTHON)" -m venv .venv
	@$(IN_VENV) -m pip install --quiet --editable ".[test]"
	@touch $@
