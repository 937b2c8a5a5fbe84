# Two commands do all: `make demo` and `make test`. Both create .venv when it is absent.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Foundation models of others, one environment each. Two of their packages pin an older torch and go in without their
# own requirements, beside what they really import.
ADAPTERS := chronos timesfm tirex flowstate toto
BARE_flowstate := granite-tsfm>=0.3.11
NEEDS_flowstate := torch 'transformers>=4.57.6,<6' accelerate datasets deprecated einops pandas
BARE_toto := toto-ts>=0.2
NEEDS_toto := torch huggingface_hub einops jaxtyping gluonts lightning rotary-embedding-torch pandas

.PHONY: demo test test-adapters check format docs wheel clean

demo: $(STAMP)  ## run the main job on bundled real orders
	$(BIN)/skucast demo

test: $(STAMP)  ## lint, type-check, run all tests
	scripts/check

check: test

test-adapters: $(ADAPTERS:%=.venv-adapters/%/.installed)  ## the adapters, each against its real package
	set -e; for name in $(ADAPTERS); do \
	  OMP_NUM_THREADS=1 .venv-adapters/$$name/bin/python -m pytest tests/models/adapters; \
	  OMP_NUM_THREADS=1 .venv-adapters/$$name/bin/python -m pytest tests/models/test_contract.py -k $$name; \
	done

format: $(STAMP)
	$(BIN)/ruff format src tests benchmarks examples scripts
	$(BIN)/ruff check --fix src tests benchmarks examples scripts

wheel: $(STAMP)
	$(BIN)/python -m build --wheel

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[neural,postgres,plot,tune,dev]'
	touch $@

.venv-adapters/%/.installed: pyproject.toml constraints.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --constraint constraints.txt pytest hypothesis $(NEEDS_$*) \
	  --editable '.$(if $(BARE_$*),,[$*])'
	$(if $(BARE_$*),$(@D)/bin/python -m pip install --quiet --no-deps '$(BARE_$*)')
	touch $@

clean:
	rm -rf $(VENV) .venv-adapters build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
