# All commands for maintainers. `make` alone brings the generated clients up to date with the specs.
# PYTHON is the interpreter that creates the environment. VENV is its folder: make test VENV=.venv-3.13 PYTHON=python3.13
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LIGHT := $(VENV)/.light
READY := $(VENV)/.ready
SPECS := $(wildcard specs/*.yaml)
PIPELINE := $(wildcard scripts/generate/*.py overlay/paygrant/generate/*.py overlay/paygrant/_spec/*.py) scripts/requirements-light.txt

# The number of processes that run tests: three for two processors, because tests wait for a third of their time.
# The tests of one file run in one process, in order. JOBS=0 starts no processes.
JOBS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# COVERAGE=yes counts lines and branches in each process that the tests start.
ifdef COVERAGE
TESTS := $(BIN)/coverage erase && $(PYTEST:$(BIN)/python%=$(BIN)/coverage run%)
else
TESTS := $(PYTEST)
endif

# The tests start hundreds of programs. Without compiled files, each compiles the same modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := generate
.DELETE_ON_ERROR:
.PHONY: generate check-generated lint-specs lint types wheel check test quick coverage mutation docs demo bench picture upstream breaking \
	lock clean another-python

# What `make` and `make demo` need, and the project itself.
$(LIGHT): pyproject.toml scripts/requirements-light.txt scripts/environment.sh
	@VENV=$(VENV) PYTHON=$(PYTHON) PYTHON_IS_CHOSEN=$(PYTHON_IS_CHOSEN) scripts/environment.sh light
	@touch $@

# In addition, all other locked packages.
$(READY): $(LIGHT) scripts/requirements.txt
	@VENV=$(VENV) scripts/environment.sh whole
	@touch $@

# PYTHON=... with another version than that of the environment creates it again.
ifneq ($(origin PYTHON),file)
PYTHON_IS_CHOSEN := yes
version_of = $(shell $(1) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
ifneq ($(call version_of,$(PYTHON)),$(call version_of,$(BIN)/python))
$(LIGHT): another-python
endif
endif

generate: .make/generated

# $? names the files that are newer than the last run. If the pipeline itself changed, all specs are generated.
.make/generated: $(SPECS) $(PIPELINE) | $(LIGHT)
	@mkdir -p $(@D)
	$(BIN)/python -m scripts.generate $?
	@touch $@

check-generated: $(LIGHT)
	$(BIN)/python -m scripts.generate --check

lint-specs: $(LIGHT)
	$(BIN)/python -m scripts.lint_specs $(SPECS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright --warnings

wheel: $(READY)
	@echo "building the wheel, and using it as a user would; about a minute"
	$(BIN)/python -m scripts.check_wheel

check: lint lint-specs check-generated types wheel

# If CI is set, the tests of a missing peer fail.
test: $(READY)
	@command -v redis-server >/dev/null || echo "no redis-server: the tests with a real Redis are skipped"
	@command -v redis-sentinel >/dev/null || echo "no redis-sentinel: the test with Redis Sentinel is skipped"
	@command -v chromium >/dev/null || echo "no chromium: the tests of the sandbox's page in a browser are skipped"
	@test -d tests/peers/prism/node_modules || \
		echo "no Prism: the tests with it are skipped; $(BIN)/python -m tests.peers.prism.install installs it"
	@test -d tests/peers/oidc/node_modules || \
		echo "no oidc-provider: the tests with it are skipped; $(BIN)/python -m tests.peers.oidc.install installs it"
	@mkdir -p .make
	$(TESTS)
ifdef COVERAGE
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report
endif

# A part of the tests that runs in less than a minute, for instance with another Python.
QUICK := tests/auth tests/cache tests/request tests/spec tests/tokens
SLOW := fleet forks runtimes watchdog
quick: $(READY)
	$(PYTEST) -q $(SLOW:%=--ignore=tests/cache/test_%.py) $(QUICK)

# All tests, and the lines and branches that they reach. It takes half as long again as `make test`.
# The settings and the required percentage are in pyproject.toml.
coverage:
	@$(MAKE) --no-print-directory test COVERAGE=yes

# Shows the changes of the code that no test notices; about an hour. A run continues where the last one was stopped.
# To check a part of the code: make mutation MUTANTS="'paygrant._tokens.*'"
mutation: $(READY)
	$(BIN)/python -m scripts.mutation --jobs $(JOBS) $(MUTANTS)

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -b html overlay/docs .make/docs

demo: check-generated
	$(BIN)/python -m scripts.demo

bench: $(READY)
	$(BIN)/python -m scripts.bench

# Shows what has changed on the providers' pages; needs the network. A scheduled job should run the command itself: its
# exit status is 1 for changed pages and 3 for pages that could not be read. `make` replaces both by its own.
upstream: $(READY)
	$(BIN)/python -m scripts.upstream

# Shows what has changed for users since a git reference: make breaking BASE=v0.1.0
breaking: $(READY)
	$(BIN)/python -m scripts.breaking $(BASE)

# Needs Chromium.
picture: $(READY)
	$(BIN)/python -m scripts.picture_of_sandbox

# Needs uv. Writes versions and hashes, but no addresses. Versions stay if they can. UPGRADE=--upgrade takes the newest
# versions, UPGRADE="--upgrade-package NAME" that of one package. The light set has the same versions as the whole set.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv, which was not found. Run: pipx install uv" >&2; exit 1; }
	@echo "resolving the whole set"
	@$(LOCK) $(UPGRADE) --all-extras --group dev --group bench --group mutation pyproject.toml -o scripts/requirements.txt >/dev/null
	@echo "resolving the light set"
	@$(LOCK) --extra cli --extra generate --extra sandbox --group build -c scripts/requirements.txt pyproject.toml \
		-o scripts/requirements-light.txt >/dev/null

clean:
	rm -rf $(VENV) .make .tools dist mutants
