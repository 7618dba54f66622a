# The commands of the project; each sets up the virtual environment it needs.
#
#   make search                  a search on generated sample data
#   make search DATA=file.npz    a search on your data
#   make test                    the tests

PYTHON ?= python3
VENV := .venv
SOURCES := search trainer storage tests docs benchmarks
export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: search test check bench search-cost chaos screenshots lock clean
.PHONY: test-docker test-jax test-life test-ray test-slow test-slurm
.DELETE_ON_ERROR:

search: $(VENV)/run  ## the main job; DATA=, TRIALS=, WORKERS= and ARGS= change it
ifdef DATA
	$(VENV)/bin/unet-search run --data "$(DATA)" $(if $(TRIALS),--trials $(TRIALS)) $(if $(WORKERS),--workers $(WORKERS)) $(ARGS)
else
	$(VENV)/bin/unet-search run examples/sample.toml $(if $(TRIALS),--trials $(TRIALS)) $(if $(WORKERS),--workers $(WORKERS)) $(ARGS)
endif

# In the order of the folders: else the files with the fewest and longest tests come last, in one process. A process of
# tests that dies ends them, as pytest-xdist 3.8 waits for ever after it has replaced one (pytest-dev/pytest-xdist#1323).
test: $(VENV)/dev
	$(VENV)/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 -m "not slow and not docker and not ray and not slurm"

test-slow: $(VENV)/dev  ## what takes minutes: searches and repeated starts with real networks
	$(VENV)/bin/pytest -m slow --ignore tests/life

test-life: $(VENV)/dev  ## every point of a trial's life, and many orders of acts beside a model; about half an hour
	$(VENV)/bin/pytest -n 2 --max-worker-restart 0 -m slow --timeout 1800 tests/life

test-docker: $(VENV)/dev  ## images and containers of docker-compose.yml, by a real engine with Compose
	$(VENV)/bin/pytest -m docker

test-slurm: $(VENV)/dev  ## array jobs by a real Slurm of one node (Debian's slurm-wlm); ten minutes, mostly waiting
	$(VENV)/bin/pytest -m slurm

test-ray: $(VENV)/ray  ## a cluster of three nodes on this machine, of which some are lost; about 20 minutes
	$(VENV)/bin/pytest -m ray tests/ray

chaos: $(VENV)/dev  ## workers killed, servers restarted, ...: a table, plain Optuna beside; about half an hour
	$(VENV)/bin/python -m benchmarks.chaos $(if $(DATA),--data "$(DATA)")
	$(VENV)/bin/python -m benchmarks.fuzz --count 10000 --commands 100

bench: $(VENV)/dev $(VENV)-bench/run  ## speed beside peers, as ratios of one run; DATA= changes the images; 25 minutes
	$(VENV)/bin/python -m benchmarks.throughput $(if $(DATA),--data "$(DATA)")
	$(VENV)/bin/python -m benchmarks.trial_overhead $(if $(DATA),--data "$(DATA)")
	$(VENV)/bin/python -m benchmarks.many_trials

search-cost: $(VENV)-search-bench/run  ## searches replayed on recorded curves, ours beside peers; a night, then goes on
	$(VENV)-search-bench/bin/python -m benchmarks.search_cost $(ARGS)

screenshots: $(VENV)/dev  ## the pictures of dashboard and report in docs/, of a small search on DATA= or the sample
	$(VENV)/bin/python docs/take_screenshots.py $(if $(DATA),--data "$(DATA)")

check: $(VENV)/dev  ## style, types, which folder may import which, and nothing unused
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/vulture

test-jax: $(VENV)/dev $(VENV)-jax/run  ## the trainer under JAX, in an environment without TensorFlow
	KERAS_BACKEND=jax OTHER_PYTHON=$(CURDIR)/$(VENV)/bin/python OTHER_BACKEND=tensorflow \
	  $(VENV)-jax/bin/python -m pytest tests/training tests/unit

lock: $(VENV)/dev  ## pins every version with its hash
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install -q uv
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra s3 --group build $(LOCK) -o requirements.lock
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra gpu -c requirements.lock $(LOCK) \
	  $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock) -o requirements-gpu.lock
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra s3 --group dev -c requirements.lock $(LOCK) -o requirements-dev.lock
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra ray -c requirements.lock -c requirements-dev.lock $(LOCK) \
	  $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock) -o requirements-ray.lock
	$(VENV)-lock/bin/uv pip compile pyproject.toml --group jax -c requirements-dev.lock --no-emit-package tensorflow \
	  $(LOCK) -o requirements-jax.lock
	$(VENV)-lock/bin/uv pip compile pyproject.toml --group bench -c requirements-dev.lock --no-emit-package tensorflow \
	  --no-emit-package triton --no-emit-package cuda-bindings $(LOCK) -o requirements-bench.lock
	$(VENV)-lock/bin/uv pip compile pyproject.toml --group search-bench -c requirements-dev.lock -c requirements-bench.lock \
	  --no-emit-package tensorflow --no-emit-package triton --no-emit-package cuda-bindings \
	  --no-emit-package nvidia-nccl-cu12 $(LOCK) -o requirements-search-bench.lock
	rm -rf $(VENV)-lock
LOCK := -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

# The stamps say which lock file an environment holds, so that only a changed one is installed again.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; got $$($(PYTHON) --version); name one with make PYTHON=..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install -q --require-hashes -r requirements.lock
	$(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/run
	$(VENV)/bin/pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/ray: requirements-ray.lock $(VENV)/dev
	$(VENV)/bin/pip install -q --no-deps --require-hashes -r requirements-ray.lock
	@touch $@

$(VENV)-jax/run: requirements-jax.lock
	$(PYTHON) -m venv $(VENV)-jax
	$(VENV)-jax/bin/pip install -q --require-hashes -r requirements-jax.lock
	@touch $@

# Without dependencies, for the lock file leaves out what PyTorch names but does not need on a CPU.
$(VENV)-bench/run: requirements-bench.lock
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/pip install -q --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

# Without dependencies, as above: XGBoost's NVIDIA library and TensorFlow are left out.
$(VENV)-search-bench/run: requirements-search-bench.lock
	$(PYTHON) -m venv $(VENV)-search-bench
	$(VENV)-search-bench/bin/pip install -q --no-deps --require-hashes -r requirements-search-bench.lock
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-jax $(VENV)-bench $(VENV)-search-bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
