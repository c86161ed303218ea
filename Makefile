# Two commands carry the kit: `make course` runs it, `make test` checks it.
# Each target makes .venv when it is missing or older than pyproject.toml.

PYTHON ?= python3
PY := .venv/bin/python

.PHONY: course test lab student refresh bench clean

course: .venv/.ready
	$(PY) -m hcegan_lib.cli course

# A file, or a notebook, is never split over two processes; each keeps to one thread, or they would wait for each other.
# In the order of their names: else the files with few tests come last, and these are the long ones. Notebooks first, for
# the same reason: 09 trains. They run in kernels of their own, so coverage is that of the unit tests alone.
SIDE_BY_SIDE := -n auto --dist loadfile --no-loadscope-reorder
test: export OMP_NUM_THREADS := 1
test: .venv/.ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest $(SIDE_BY_SIDE) --nbval --nbval-current-env --nbval-cell-timeout=1200 notebooks tests \
	  --cov --cov-report=term-missing:skip-covered

lab: .venv/.ready
	$(PY) -m jupyter lab --notebook-dir=notebooks

# The notebooks without the solutions of their exercises, in build/student.
student: .venv/.ready
	$(PY) -m hcegan_lib.cli student

# The notebook that a batch repeats is no lesson, so `hcegan course` passes it over.
REFRESH_TOOL := from hcegan_lib.course import execute as course; \
  (done,) = course.run({course.NOTEBOOKS / 'train_and_score.ipynb': {}}, course.OUTPUT, in_place=True); \
  assert not done.errors, done.errors

# Executes every notebook in place, top to bottom: the stored outputs are what the tests compare. 09 trains anew, and
# the scores of its runs become the committed ones that 10 sets beside those of the reader.
refresh: .venv/.ready
	rm -rf data/runs/tour
	$(PY) -m hcegan_lib.cli course --in-place --only 00 01 02 03 05 06 07 08 09
	$(PY) -c "$(REFRESH_TOOL)"
	$(PY) -c "from hcegan_lib.experiment import records; print(records.collect('tour'))"
	$(PY) -m hcegan_lib.cli course --in-place --only 10 11 12

bench: .venv/.ready
	$(PY) -m benchmarks

# What can be made again; trained runs stay.
clean:
	rm -rf .venv build data/cache .pytest_cache .ruff_cache .coverage

# On Linux the index serves torch with gigabytes of CUDA libraries. A torch wheel that lies where
# PIP_FIND_LINKS points (a CPU build, a classroom's disk) is therefore taken first; without one, pip goes on as usual.
.venv/.ready: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -c "import torch" 2>/dev/null || $(PY) -m pip install --quiet --no-index --no-deps "torch>=2.4" 2>/dev/null || true
	$(PY) -m pip install --quiet --editable ".[dev]"
	touch $@
