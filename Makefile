# Everything at once. Each example has a Makefile of its own with the same words.

EXAMPLES := $(patsubst %/template.yaml,%,$(sort $(wildcard */template.yaml)))
PYTHON ?= python3
TOX_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint readmes clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1	/' | expand -t 12

run: ## run every example, and say how each one ended
	@summary=""; failed=0; \
	for example in $(EXAMPLES); do \
		printf '\n==> %s\n' "$$example"; \
		if $(MAKE) --no-print-directory -C "$$example" run; then word=ok; else word=FAILED; failed=1; fi; \
		summary="$$summary$$(printf '%-32s %s' "$$example" "$$word")\n"; \
	done; \
	printf "\n$$summary"; exit $$failed

test: .venv/.installed ## run all tests on every installed Python, 3.8 to 3.13
	@$(MAKE) --no-print-directory -C local-lambda install
	.venv/bin/tox run-parallel $(TOX_ARGS)

lint: .venv/.installed ## check style, types and templates
	.venv/bin/tox run -e lint

readmes: .venv/.installed ## run the commands of every README and write down what they print; README= for one
	.venv/bin/tox exec --quiet -e walkthroughs -- python -m walkthrough $(README)

clean: ## remove what was made, in every folder
	@for folder in $(EXAMPLES) local-lambda benchmarks; do $(MAKE) --no-print-directory -C "$$folder" clean; done
	rm -rf .venv .tox .pytest_cache .mypy_cache .ruff_cache

.venv/.installed: Makefile
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON): install Python, or name it: make test PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check "tox>=4.23" "tox-uv>=1.16"
	@touch $@
