# Everything at once. Each example has a Makefile of its own with the same words.

PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for python in $(PYTHONS); do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif
export PYTHON

# uv installs everything, here and in the folders: the one on PATH, or the one that pip installs into .venv. UV= selects pip.
ifeq ($(origin UV),undefined)
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(CURDIR)/.venv/bin/uv)
endif
export UV
# A target's name: make splits names at spaces, and the path of this folder may have some.
UV_FILE := $(subst $(CURDIR)/,,$(UV))
export UV_PYTHON_DOWNLOADS := never

# uv does not read pip's settings. It gets the indexes that environment variables name for pip, unless it has its own.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(or $(UV_INDEX_URL),$(PIP_INDEX_URL))
endif
ifdef PIP_EXTRA_INDEX_URL
export UV_INDEX ?= $(or $(UV_EXTRA_INDEX_URL),$(PIP_EXTRA_INDEX_URL))
endif

TOX_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run learn test lint readmes site constraints clean need-python need-index

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1	/' | expand -t 12

run: need-python $(UV_FILE) ## run every example, one line each (VERBOSE=1 prints their output)
	@$(PYTHON) tests/run_examples.py $(if $(VERBOSE),--verbose)

learn: need-python $(UV_FILE) ## learn by doing: exercises with a checker (HINT=1, LIST=1, RESET=NN)
	@$(MAKE) --silent -C local-lambda install
	@$(MAKE) --silent -C hello-python3.8 install
	@PYTHONPATH=exercises local-lambda/.venv/bin/python -m learn $(if $(LIST),--list) $(if $(HINT),--hint) $(if $(RESET),--reset="$$RESET")

test: .venv/.installed need-index ## run all tests on every installed Python, 3.8 to 3.14
	@$(MAKE) --no-print-directory -C local-lambda install EXTRAS=aws
	.venv/bin/tox run-parallel $(TOX_ARGS); status=$$?; \
		echo "on disk: $$(du -shc .tox .venv */.venv 2>/dev/null | tail -n 1 | cut -f 1) of virtual environments; make clean removes them"; \
		exit $$status

lint: .venv/.installed ## check style, types and templates
	.venv/bin/tox run -e lint

readmes: .venv/.installed ## run the commands of every README and write down what they print; README= for one
	.venv/bin/tox exec --quiet -e walkthroughs -- python -m walkthrough $(README)

site: .venv/.installed ## build the READMEs as one searchable site, site/build, without a network once installed
	@.venv/bin/tox exec --quiet -e site -- mkdocs build --config-file site/mkdocs.yml
	@echo "built: site/build/index.html; for the search: $(PYTHON) -m http.server --bind 127.0.0.1 --directory site/build"

constraints: .venv/.installed ## pin the newest versions of what lint and the tests need, in tests/constraints.txt
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
		--all-extras local-lambda/pyproject.toml tests/constraints.in --output-file tests/constraints.txt

clean: ## remove what was made, in every folder
	@for folder in */Makefile; do $(MAKE) --no-print-directory -C "$${folder%/Makefile}" clean; done
	rm -rf .venv .tox .pytest_cache .mypy_cache .ruff_cache run-logs site/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

need-python:
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "Python 3.11 or newer is missing: install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }

# Environments that are already installed can be tested without a network.
need-index: .venv/.installed
	@echo pip | UV_HTTP_RETRIES=1 .venv/bin/uv pip compile --quiet --no-deps --refresh - >/dev/null || { \
		echo "the package index is not available, see above: environments that are not installed yet will fail" >&2; test -d .tox; }

.venv/bin/uv: | need-python
	@echo "installing uv, which installs everything else"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv || echo "uv is not available: installing with pip, which takes longer"

.venv/.installed: Makefile | need-python $(UV_FILE)
	@.venv/bin/python -c '' 2>/dev/null || $(if $(UV),"$(UV)" venv --quiet --clear --seed --python "$(PYTHON)" .venv,"$(PYTHON)" -m venv --clear .venv)
	$(if $(UV),"$(UV)" pip install --quiet --python .venv/bin/python,.venv/bin/python -m pip install --quiet --disable-pip-version-check) \
		"tox>=4.29" "tox-uv>=1.16"
	@touch $@
