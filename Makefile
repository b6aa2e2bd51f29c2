# The only task list: hooks and CI call these targets. `make help` prints them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := rust_core/crates/sonica-py
CORE_SOURCES := $(shell find rust_core -name target -prune -o \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' -o -path '*/data/*' -o -name '*.py' -path '*/python/*' -o -name '*.pyi' \) -type f -print 2>/dev/null)
PACKAGES := fingerprint_svc gateway match_svc mesh sonica_cli user_svc sdk/python/sonica_client
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help
help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.core ## Makes .venv with everything in it, the sonica command included.

$(VENV)/.locked: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("Sonica needs Python 3.11 or later; set PYTHON=python3.x") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	touch $@

$(VENV)/.packages: $(VENV)/.locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.core: $(VENV)/.packages $(CORE_SOURCES)
	@command -v cargo >/dev/null || { echo "no Rust toolchain: install one with rustup, then run make again"; exit 1; }
	cd $(CORE) && VIRTUAL_ENV=$(abspath $(VENV)) maturin develop --release --quiet
	touch $@

.PHONY: demo
demo: setup ## Starts the mesh, registers music, recognises noisy clips, stops. MUSIC=folder uses your own.
	$(BIN)/sonica demo $(if $(MUSIC),--music "$(MUSIC)")

.PHONY: test
test: setup ## Passes the tests: Rust, then Python against real servers.
	cd rust_core && cargo test --quiet --release
	$(BIN)/python -m pytest --quiet

.PHONY: check
check: setup gen-check breaking lint types ## Everything CI checks besides the tests.

.PHONY: lint
lint: setup ## Style, contracts between packages, contracts between services.
	ruff check .
	ruff format --check .
	lint-imports
	buf lint proto
	buf format --diff --exit-code proto --path proto/sonica
	cd rust_core && cargo fmt --check && cargo clippy --quiet --release --all-targets -- -D warnings

.PHONY: types
types: setup ## mypy --strict, and the native module against its typed stub.
	mypy
	stubtest sonica_core --concise

.PHONY: fmt
fmt: setup ## Formats everything.
	ruff check --fix-only .
	ruff format .
	buf format --write proto --path proto/sonica
	cd rust_core && cargo fmt

.PHONY: gen
gen: setup ## Regenerates stubs, descriptors and reference tables from their sources.
	python proto/generate.py
	python -m mesh.envoy.service_configs
	PYTHONPATH=. python sdk/python/generate.py
	python docs/reference/generate.py
	python -m docs.reference.openapi

.PHONY: gen-check
gen-check: gen ## The same, then fails on any difference to what is committed.
	git diff --exit-code -- sdk proto mesh/envoy/contracts.binpb mesh/envoy/static docs/reference
	test -z "$$(git status --porcelain -- sdk proto mesh/envoy/contracts.binpb mesh/envoy/static docs/reference)"

.PHONY: breaking
breaking: setup ## Refuses changes of the contracts that break clients of the last release.
	buf build proto --path proto/sonica --exclude-source-info -o $(VENV)/contracts.binpb
	buf breaking $(VENV)/contracts.binpb --against proto/released.binpb --config proto/buf.yaml --exclude-imports

.PHONY: release-contracts
release-contracts: setup ## At a release: the contracts of today become what clients rely on.
	buf build proto --path proto/sonica --exclude-source-info -o proto/released.binpb

.PHONY: lock
lock: ## Renews requirements.lock. Needs uv.
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --custom-compile-command "make lock" pyproject.toml requirements-dev.in -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --custom-compile-command "make lock" tests/evaluation/requirements.in -o tests/evaluation/requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --custom-compile-command "make lock" tests/generated_client/requirements.in -o tests/generated_client/requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --custom-compile-command "make lock" rust_core/training/requirements.in -o rust_core/training/requirements.lock

.PHONY: bench
bench: setup ## Prints the figures of the README for this machine, as ratios within one run.
	python -m tests.bench

$(VENV)/.evaluation: tests/evaluation/requirements.lock
	$(PYTHON) -m venv .cache/evaluation-venv
	.cache/evaluation-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

EVALUATION = --work .cache/evaluation --tools $(abspath .cache/evaluation-venv/bin/python) \
  $(if $(DEGRADATIONS),--degradations $(DEGRADATIONS)) $(if $(PER_CELL),--per-cell $(PER_CELL)) \
  $(if $(NEGATIVES),--negatives $(NEGATIVES)) $(if $(FRESH),--fresh) $(if $(ACCEPT),--accept)

.PHONY: eval
eval: setup $(VENV)/.evaluation ## Measures recognition through the whole mesh, fails when it became worse (an hour).
	python -m tests.evaluation $(EVALUATION) $(if $(LENGTHS),--lengths $(LENGTHS)) \
	  $(if $(STREAMS),--streams $(STREAMS)) $(if $(SEED),--seed $(SEED)) $(if $(MUSIC),--music "$(MUSIC)") \
	  $(if $(SECOND_LOOK),--second-look)

.PHONY: eval-scale
eval-scale: setup $(VENV)/.evaluation ## Measures what a larger catalogue costs: TRACKS=10000 by default (an hour).
	python -m tests.evaluation.scale $(EVALUATION) $(if $(TRACKS),--tracks $(TRACKS))

.PHONY: fit
fit: setup ## Fits algorithm_version 1 anew from MUSIC=folder, as rust_core/fitting/README.md says.
	cd rust_core && python -m fitting projection --music "$(MUSIC)" --seed $(or $(SEED),1)
	$(MAKE) setup
	cd rust_core && python -m fitting decision --version 1 --music "$(MUSIC)" --seed $(or $(SEED),1)
	$(MAKE) setup

$(VENV)/.generated-client: tests/generated_client/requirements.lock
	$(PYTHON) -m venv .cache/generated-client-venv
	.cache/generated-client-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

.PHONY: generated-client
generated-client: setup $(VENV)/.generated-client ## Has a stranger's tool make a client of the OpenAPI document, and drives it.
	python -m tests.generated_client --tools $(abspath .cache/generated-client-venv/bin)

$(VENV)/.training: rust_core/training/requirements.lock
	$(PYTHON) -m venv .cache/training-venv
	.cache/training-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

.PHONY: train
train: setup $(VENV)/.training ## Trains the network of algorithm_version 3 and 4 anew from MUSIC=folder (two hours).
	cd rust_core && ../.cache/training-venv/bin/python -m training --music "$(abspath $(MUSIC))" --work ../.cache/training \
	  --seed $(or $(SEED),1) $(if $(STEPS),--steps $(STEPS))
	$(MAKE) setup
	for version in 3 4; do python tests/golden/regenerate.py $$version; done
	cd rust_core && for version in 3 4; do \
	  python -m fitting decision --version $$version --music "$(abspath $(MUSIC))" --seed $(or $(SEED),1) || exit; done
	$(MAKE) setup

.PHONY: ci
ci: check test ## What .ci/run calls.
