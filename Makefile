# Every target sets up .venv first, which takes no time when nothing changed.
PYTHON ?= $(shell command -v python3.11 || echo python3)
PROFILE ?= quick
BIN := .venv/bin
STAMP := .venv/.installed
COUNT ?= 24
SIZE ?= 320
SEED ?= 0
PRESET ?= balanced

export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: help setup synth benchmark check test test-all

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## create .venv and install everything into it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo "make: no Python 3.11, which Blender needs; install it or say PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear .venv || { echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3.11-venv" >&2; exit 2; }
	@echo "installing into .venv; the first time this takes some minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[rendering,training,study,development]'
	@$(BIN)/python -c 'import bpy' || { echo "make: Blender's libraries are missing; on Debian: apt-get install libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1" >&2; exit 2; }
	@touch $(STAMP)

synth: setup ## render COUNT=24 images of SIZE=320 px into a folder below out/synth (also SEED, PRESET, OUT)
	$(BIN)/python -m synth render --count $(COUNT) --size $(SIZE) --seed $(SEED) --preset $(PRESET) $(if $(OUT),--out "$(OUT)")

benchmark: setup ## the whole line into a folder below out/benchmark; PROFILE=quick|small|paper, DATA=folder of photos, OUT
	$(BIN)/python -m benchmarks run --profile $(PROFILE) $(if $(DATA),--data "$(DATA)") $(if $(OUT),--out "$(OUT)")

check: setup ## lint, formatting, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## the fast tests, with one real tiny render and one real tiny training
	$(BIN)/python -m pytest -m "not slow"

test-all: setup ## all tests, the longer proofs too
	$(BIN)/python -m pytest --hypothesis-profile=fresh --cov
