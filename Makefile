# Everything a maintainer runs. `make` alone brings the generated clients up to date with the specs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SPECS := $(wildcard specs/*.yaml)
PIPELINE := $(wildcard scripts/generate/*.py overlay/paygrant/generate/*.py) overlay/paygrant/_spec/reader.py scripts/requirements.txt

.DEFAULT_GOAL := generate
.DELETE_ON_ERROR:
.PHONY: generate check-generated lint-specs lint types wheel check test demo bench picture upstream breaking lock clean

# The locked tools and the project itself, in an environment of its own.
$(READY): pyproject.toml scripts/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r scripts/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

generate: .make/generated

# $? names what is newer than the last run: the changed specs, or the pipeline itself, which concerns every spec.
.make/generated: $(SPECS) $(PIPELINE) | $(READY)
	@mkdir -p $(@D)
	$(BIN)/python -m scripts.generate $?
	@touch $@

check-generated: $(READY)
	$(BIN)/python -m scripts.generate --check

lint-specs: $(READY)
	$(BIN)/python -m scripts.lint_specs $(SPECS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright --warnings

wheel: $(READY)
	$(BIN)/python -m scripts.check_wheel

check: lint lint-specs check-generated types wheel

test: $(READY)
	$(BIN)/python -m pytest

demo: check-generated
	$(BIN)/python -m scripts.demo

bench: $(READY)
	$(BIN)/python -m scripts.bench

# What the providers' pages say by now; needs the network. A scheduled job runs the command itself: make makes one exit
# status of all, and this one's tell changed pages (1) from pages that could not be read (3).
upstream: $(READY)
	$(BIN)/python -m scripts.upstream

# What has changed for users since a git reference: make breaking BASE=v0.1.0
breaking: $(READY)
	$(BIN)/python -m scripts.breaking $(BASE)

# Needs Chromium.
picture: $(READY)
	$(BIN)/python -m scripts.picture_of_sandbox

# Needs uv. Writes versions and hashes only, no addresses. The light set has the versions of the whole one.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
lock:
	$(LOCK) --all-extras --group dev --group bench --group mutation pyproject.toml -o scripts/requirements.txt
	$(LOCK) --extra cli --extra generate --extra sandbox --group build -c scripts/requirements.txt pyproject.toml -o scripts/requirements-light.txt

clean:
	rm -rf $(VENV) .make .tools dist
