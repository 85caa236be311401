# Every target sets up .venv first, which takes no time when nothing changed.
PYTHON ?= $(shell command -v python3.11 || echo python3)
PROFILE ?= quick
BIN := .venv/bin
STAMP := .venv/.installed
COUNT ?= 24
SIZE ?= 320
SEED ?= 0
PRESET ?= balanced
ROUNDS ?= 2
JOBS ?= 2
SOURCE := .ci .gitignore .pre-commit-config.yaml CHANGELOG.md CONTRIBUTING.md LICENSE Makefile README.md benchmarks constraints.txt docs examples mkdocs.yml pyproject.toml segmentation src synth tests tools twin
EXTRAS := rendering,mesh,cad,mqtt,aas,training,pretrained,selfsupervised,mlflow,export,study,development,docs
WEIGHTS ?= weights
BUNDLE_TO = $(or $(OUT),out/bundle)

export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: help setup bundle synth benchmark docs model speed proof-renders check audit test test-ci torture test-all

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## create .venv and install everything into it; BUNDLE=folder of `make bundle` where there is no internet

$(STAMP): pyproject.toml constraints.txt
	@$(if $(BUNDLE),cd "$(BUNDLE)" && sha256sum --check --quiet SHA256SUMS || { echo "make: $(BUNDLE) is no whole bundle; copy it again" >&2; exit 2; })
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo "make: no Python 3.11, which Blender needs; install it or say PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear .venv || { echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3.11-venv" >&2; exit 2; }
	@echo "installing into .venv; the first time this takes some minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(BUNDLE),--no-index --find-links "$$(cd "$(BUNDLE)" && pwd)/wheels") -c constraints.txt -e '.[$(EXTRAS)]'
	@$(BIN)/python -c 'import bpy' || { echo "make: Blender's libraries are missing; on Debian: apt-get install libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1" >&2; exit 2; }
	@touch $(STAMP)

bundle: setup ## all that `make setup` needs on a machine like this one without internet, into out/bundle or OUT; WEIGHTS=folder
	@test ! -e "$(BUNDLE_TO)" || { echo "make: $(BUNDLE_TO) is there; delete it or choose another OUT" >&2; exit 2; }
	@rm -rf "$(BUNDLE_TO).part" && mkdir -p "$(BUNDLE_TO).part"
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check -c constraints.txt -w "$(BUNDLE_TO).part/wheels" '.[$(EXTRAS)]' 'setuptools>=77'
	@rm -r "$(BUNDLE_TO).part"/wheels/corrotwin-*.whl build
	@tar -czf "$(BUNDLE_TO).part/source.tar.gz" --exclude=__pycache__ --exclude='*.egg-info' --transform='flags=r;s,^,corrotwin/,' $(SOURCE)
	@if test -d "$(WEIGHTS)"; then cp -r "$(WEIGHTS)" "$(BUNDLE_TO).part/weights"; else echo "no folder $(WEIGHTS): the bundle has no ImageNet weights (corrotwin segmentation weights --to weights fetches them)"; fi
	@cd "$(BUNDLE_TO).part" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum > SHA256SUMS
	@mv "$(BUNDLE_TO).part" "$(BUNDLE_TO)"
	@echo "$(BUNDLE_TO): $$(du -sh "$(BUNDLE_TO)" | cut -f1). There: tar xzf $(notdir $(BUNDLE_TO))/source.tar.gz && cd corrotwin && make setup BUNDLE=../$(notdir $(BUNDLE_TO))"

synth: setup ## render COUNT=24 images of SIZE=320 px into a folder below out/synth (also SEED, PRESET, OUT)
	$(BIN)/corrotwin synth render --count $(COUNT) --size $(SIZE) --seed $(SEED) --preset $(PRESET) $(if $(OUT),--out "$(OUT)")

benchmark: setup ## the whole line into a folder below out/benchmark; PROFILE=quick|small|paper, DATA=folder of photos, OUT
	$(BIN)/corrotwin benchmarks run --profile $(PROFILE) $(if $(DATA),--data "$(DATA)") $(if $(OUT),--out "$(OUT)")

docs: setup ## all pages as a site with search, for a browser without a network, into out/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "out/site/index.html: the site; open it in a browser"

model: setup ## the model that ships, made anew from DATA=folder of both public sets; two hours or so, goes on where it was cut off
	$(BIN)/python -m tools.shipped_model --data "$(DATA)" $(if $(OUT),--out "$(OUT)")

speed: setup ## the short form of the speed tables into out/speed: rendering and, with DATA=folder of photos, training
	$(BIN)/python -m tools.speed rendering --out out/speed --size 96 --scenes 1 --samples 1 2 4 8 16 32 --reference 128
	$(if $(DATA),$(BIN)/python -m tools.speed training --data "$(DATA)" --backbones mobilenet_v2 --steps 4 --out out/speed/training.csv)

proof-renders: setup ## the renders behind docs/results/transfer, by the versions that made them, into out/ or OUT; SETS=names of some
	$(BIN)/python -m tools.proof_renders $(if $(OUT),--out "$(OUT)") $(if $(SETS),--sets $(SETS))

check: setup ## lint, formatting, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/*.py
	$(BIN)/lint-imports

audit: setup ## known vulnerabilities of all that is installed, by pip-audit in an environment of its own below out/
	test -x out/audit/bin/pip-audit || { $(BIN)/python -m venv out/audit && out/audit/bin/python -m pip install --quiet pip-audit; }
	out/audit/bin/pip-audit --strict --skip-editable --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

test: setup ## the fast tests, with one real tiny render and one real tiny training, JOBS=2 files at a time
	$(BIN)/python -m pytest -m "not ci and not slow" --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder \
		--durations=10 --durations-min=3

test-ci: setup ## the tests that take seconds each, which CI runs after those of `make test`; half an hour
	$(BIN)/python -m pytest -m "ci and not slow" --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

torture: setup ## kill, fill up, interrupt and starve the real commands; minutes; ROUNDS=2 random ones more
	TORTURE_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest tests/faults

test-all: setup ## all tests, the longer proofs too, JOBS=2 files at a time; hours
	$(BIN)/python -m pytest --hypothesis-profile=fresh --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --durations=40 --durations-min=30
