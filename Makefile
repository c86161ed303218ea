# Two commands carry the kit: `make course` runs it, `make test` checks it.
# Each target creates .venv if it is missing or older than pyproject.toml.

PYTHON ?= python3
PY := .venv/bin/python

.PHONY: course test test-lowest types lab site student refresh constraints bench clean unusable

course: .venv/.ready
	$(PY) -m hcegan_lib course

# A test file, or a notebook, runs in one process with one thread each. Files run in the order of their names, because
# otherwise those with few but long tests would come last. Notebooks come first for the same reason: 09 trains. They run
# in kernels of their own, so the coverage is that of the unit tests alone.
SIDE_BY_SIDE := -n auto --dist loadfile --no-loadscope-reorder
test: export OMP_NUM_THREADS := 1
test: .venv/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest $(SIDE_BY_SIDE) --nbval --nbval-current-env --nbval-cell-timeout=1200 notebooks tests \
	  --cov --cov-report=term-missing:skip-covered

# The fast unit tests with the lowest versions that pyproject.toml names, in a virtual environment of their own.
LOWEST := build/lowest/bin/python
test-lowest: export OMP_NUM_THREADS := 1
test-lowest: build/lowest/.ready
	$(LOWEST) -m pytest $(SIDE_BY_SIDE) -m "not slow" tests --deselect tests/test_notebooks.py

build/lowest/.ready: pyproject.toml
	rm -rf build/lowest && $(PYTHON) -m venv build/lowest
	sed -nE 's/^    "([A-Za-z0-9-]+)>=([0-9.]+)",$$/\1==\2/p' pyproject.toml > build/lowest/constraints.txt
	$(LOWEST) -m pip install --quiet --constraint build/lowest/constraints.txt --editable ".[dev]"
	touch $@

# Checks the types of the eight core modules.
types: .venv/.dev
	$(PY) -m mypy

lab: .venv/.ready
	$(PY) -m jupyter lab --notebook-dir=notebooks

# The notebooks as they are stored, the reference pages and the library as a site, in build/site; it needs no network.
site: .venv/.dev
	$(PY) -m sphinx -q -W --keep-going -d build/site-trees -c docs . build/site
	@echo "open build/site/index.html"

# The notebooks without the solutions of their exercises, in build/student.
student: .venv/.ready
	$(PY) -m hcegan_lib student

# The notebook that a batch repeats is not a lesson, so `hcegan course` skips it.
REFRESH_UNIT := from hcegan_lib import course; \
  (done,) = course.run({course.NOTEBOOKS / 'train_and_score.ipynb': {}}, course.OUTPUT, in_place=True); \
  assert not done.errors, done.errors

# Executes every notebook in place, top to bottom; tests compare with these stored outputs. 09 trains again, and the
# scores of its runs become the committed ones that 10 compares with the reader's.
refresh: .venv/.ready
	rm -rf data/runs/tour.replaced && if [ -d data/runs/tour ]; then mv data/runs/tour data/runs/tour.replaced; fi
	$(PY) -m hcegan_lib course --in-place --only 00 01 02 03 04 05 06 07 08 09
	$(PY) -c "$(REFRESH_UNIT)"
	$(PY) -c "from hcegan_lib.experiment import records; print(records.collect('tour'))"
	$(PY) -m hcegan_lib course --in-place --only 10 11 12 13 14 15

# Writes down the versions in .venv, after a green `make test`. PyTorch itself says which CUDA libraries it needs.
constraints: .venv/.dev
	$(PY) -m pip freeze --exclude-editable | grep -E "^[A-Za-z0-9._-]+==" | grep -Ev "^(nvidia|cuda|triton)" > constraints.txt

bench: .venv/.dev
	$(PY) -m benchmarks

# Deletes what can be made again; trained runs stay.
clean:
	rm -rf .venv build data/cache .mypy_cache .pytest_cache .ruff_cache .coverage

# An unusable .venv (made by a failed call, without pip, or with a Python that is gone or too old) is replaced: it then
# depends on `unusable`, which is never up to date. On Linux, the package index serves torch with gigabytes of CUDA
# libraries. If PIP_FIND_LINKS names a folder that has wheels of both torch and torchvision (CPU builds, say, on a
# classroom's disk), those are installed first; otherwise pip finds them.
USABLE := import sys, pip; sys.exit(sys.version_info < (3, 11))
SIZE := Installing into .venv. If pip has to download PyTorch: up to 3.3 GB on Linux, and 6.3 GB of disk; \
  without a GPU, 0.2 GB are enough (docs/installation.md).
.venv/.ready: pyproject.toml $(if $(shell $(PY) -c "$(USABLE)" 2>/dev/null && echo usable),,unusable)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
	  || { echo "The kit needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@$(PY) -c "$(USABLE)" 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@$(PY) -c "import torch, torchvision" 2>/dev/null || { echo "$(SIZE)" \
	  && $(PY) -m pip install --quiet --no-index --no-deps torch torchvision 2>/dev/null || true; }
	$(PY) -m pip install --editable .
	touch $@

# The tools of the tests, which readers do not need.
.venv/.dev: .venv/.ready
	$(PY) -m pip install --quiet --editable ".[dev,app]"
	touch $@
