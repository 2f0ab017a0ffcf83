# How .venv is created, and what to say when a tool is missing: the same file in every example. INSTALL, set by the
# Makefile that includes it, names what goes into .venv.

PYTHON ?= python3
# uv is ten times as fast as pip. Without it (or with UV=, set to nothing) venv and pip do the same.
UV ?= $(shell uv --version >/dev/null 2>&1 && command -v uv)
export UV_PYTHON_DOWNLOADS := never
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
DOCKER ?= docker
LOCAL_LAMBDA ?= ../local-lambda/.venv/bin/local-lambda
INSTALL ?= --requirement requirements-test.txt
# The tests run the example through this pytest plugin. Without it, those tests are skipped.
PLUGIN := $(addprefix --editable ,$(wildcard ../pytest-local-lambda))

# Marks a complete .venv. Its name holds the version, so that `make ... PYTHON=python3.8` creates a new one.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
INSTALLED := .venv/installed-for-$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help install need-local-lambda need-docker

help: ## list the targets
	@awk -F ':.*##[a-z,]* ' '/^[a-z-]+:.*##([a-z,]*$(KIND)[a-z,]*)? / { printf "%-21s %s\n", $$1, $$2 }' $(wildcard install.mk Makefile aws.mk)

install: $(INSTALLED) ## create .venv with what the example needs, and install local-lambda next to it
	@command -v $(LOCAL_LAMBDA) >/dev/null || test ! -f ../local-lambda/Makefile || \
		env -u MAKEFLAGS -u PYTHON $(MAKE) -C ../local-lambda install

$(INSTALLED): $(wildcard requirements*.txt pyproject.toml)
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) is missing: get it from https://www.python.org or name another with PYTHON=" >&2; exit 1; }
	@echo "Installing what $(notdir $(CURDIR)) needs into .venv"
	@uv="$(UV)"; if [ -n "$$uv" ]; then \
		"$$uv" venv --quiet --clear --seed --python "$$(command -v $(PYTHON))" .venv && \
		"$$uv" pip install --quiet --python .venv $(INSTALL) $(PLUGIN); \
	else \
		$(PYTHON) -m venv --clear .venv && \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check $(INSTALL) $(PLUGIN); \
	fi
	@touch $@

need-local-lambda: install
	@command -v $(LOCAL_LAMBDA) >/dev/null || \
		{ echo "$(LOCAL_LAMBDA) is missing: get the whole repository or name yours with LOCAL_LAMBDA=" >&2; exit 1; }

need-docker:
	@command -v $(DOCKER) >/dev/null || \
		{ echo "$(DOCKER) is missing: see https://docs.docker.com/get-docker or name another with DOCKER=" >&2; exit 1; }
