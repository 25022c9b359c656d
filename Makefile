# The tasks of the workspace. What takes more than a line or two is a script beside what it serves.

VENV := .venv
PYTHON := $(VENV)/bin/python3
PREFIX ?= /usr/local
RUNTIME ?= pyouki
# Needs that a test must not skip, for example PYOUKI_REQUIRE=root,cgroup1; a skip that is not allowed then fails.
PYOUKI_REQUIRE ?=

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
PYTEST := $(SUDO) env PYOUKI_REQUIRE=$(PYOUKI_REQUIRE) RUNTIME=$(RUNTIME) $(VENV)/bin/pytest
GUEST := $(SUDO) $(PYTHON) -m tests.vm.run --timeout 900 --env RUNTIME=$(RUNTIME) --env 'PYTEST_ADDOPTS=$(PYTEST_ADDOPTS)'
GUEST_TESTS := tests/vm/in_guest.sh python -m pytest -q -p no:cacheprovider --confcutdir=tests/vm/guest tests/vm/guest
EXTENSIONS := $(addprefix packages/,libseccomp/src/libseccomp/_libseccomp.abi3.so \
  libcgroups/src/libcgroups/_kernel.abi3.so libcontainer/src/libcontainer/_kernel.abi3.so)
PROJECTS := $(wildcard packages/*/pyproject.toml)
SOURCES := $(shell find packages/*/src -name '*.py')
WHEEL_SOURCES := $(SOURCES) $(PROJECTS) packages/pyouki/src/pyouki/hot_path.txt $(wildcard packages/*/setup.py packages/*/build_ffi.py packages/*/*.c packages/*/*/*.[ch])

.PHONY: help build develop demo test contest test-packaging test-reliability test-clients test-vm check format bench wheels install uninstall docs clean
.DELETE_ON_ERROR:

help:  ## List the targets
	@awk -F '  ## ' '/^[a-z-]+:.*  ## / { sub(":.*", "", $$1); printf "  %-18s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(VENV)/.compiled  ## Build .venv/bin/pyouki, a runtime that runs this checkout

develop: build $(VENV)/.tools  ## The same with the tools for tests and checks

demo: build  ## Run a container, then take another one through its life step by step
	@packages/prepare.sh busybox-static
	@$(SUDO) demo/demo.sh $(CURDIR)/$(VENV)/bin/pyouki

test: develop  ## Run all tests of this checkout: unit, architecture, integration, contest
	@packages/prepare.sh busybox-static uidmap runc crun strace dbus-daemon procps iproute2 util-linux
	$(PYTEST)

contest: develop  ## Run the black-box tests alone, for any runtime: RUNTIME=runc
	@packages/prepare.sh busybox-static $(filter runc crun,$(RUNTIME))
	$(PYTEST) tests/contest

test-packaging: develop  ## Build all packages, install them into empty environments and try them there (minutes)
	@packages/prepare.sh busybox-static
	$(PYTEST) tests/packaging

test-reliability: develop  ## Kill, fail and starve the runtime at its steps: tests/reliability (PYOUKI_POINTS=all for each step)
	@packages/prepare.sh busybox-static gcc libc6-dev runc
	$(PYTEST) tests/reliability

test-clients: build  ## Real engines on top of RUNTIME, all or those in ENGINES='docker podman' (CLIENTS=--quick for less)
	$(SUDO) tests/clients/run $(CLIENTS) $(RUNTIME) $(ENGINES)

test-vm: build/guest/.installed  ## What needs systemd and pure cgroup v2, in a guest: as root, then as a user
	$(GUEST) -- $(GUEST_TESTS)
	$(GUEST) --user -- $(GUEST_TESTS)

check: develop  ## What a change must pass: format, lint, types, imports, unit tests
	$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check . && $(VENV)/bin/mypy
	$(VENV)/bin/lint-imports tests/architecture/imports.toml --no-cache
	$(VENV)/bin/pytest -q packages

format: develop  ## Format the code and mend what can be mended
	$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix .

bench: build  ## Compare with runc and crun: time, CPU, memory, file operations (BENCH='--cold', --markdown and more)
	@packages/prepare.sh busybox-static runc crun strace
	$(SUDO) $(PYTHON) bench/lifecycle.py $(BENCH)
	$(SUDO) $(PYTHON) bench/lifecycle.py --docker $(BENCH)
	$(SUDO) $(PYTHON) bench/cgroups.py $(filter --markdown,$(BENCH))

wheels: dist/.built  ## Build the wheels and source distributions into dist/

install: wheels  ## Install for all users: PREFIX=/usr/local
	packages/pyouki/install.sh $(PYTHON) $(PREFIX)

uninstall:  ## Remove what install made
	packages/pyouki/uninstall.sh $(PREFIX)

docs: develop  ## Build the documentation into build/site
	$(VENV)/bin/mkdocs build --strict --quiet

clean:  ## Remove everything built here
	rm -rf $(VENV) build dist packages/*/build packages/*/bin packages/*/src/*.egg-info $(EXTENSIONS)
	rm -rf packages/libcontainer/src/libcontainer/bin packages/pyouki/src/pyouki/hot.bundle .cache .*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# The checkout's own environment. Packages are linked, not installed, so that an edit needs no second step.

$(PYTHON):
	packages/prepare.sh python3-venv python3-dev gcc libc6-dev libseccomp-dev musl-tools
	"$$(packages/interpreter.sh)" -m venv $(VENV)

$(VENV)/.dependencies: $(PROJECTS) packages/in_place.py constraints.txt | $(PYTHON)
	$(PYTHON) -m pip install -q --disable-pip-version-check -c constraints.txt pip
	$(PYTHON) -m pip install -q -c constraints.txt $$($(PYTHON) packages/in_place.py requirements)
	touch $@

$(VENV)/.tools: pyproject.toml constraints.txt $(VENV)/.dependencies
	$(PYTHON) -m pip install -q -c constraints.txt --group develop
	touch $@

$(EXTENSIONS): packages/%.abi3.so: $(VENV)/.dependencies
	cd packages/$(firstword $(subst /, ,$*)) && $(CURDIR)/$(PYTHON) setup.py -q build_ext --inplace --force
	touch $@

packages/pyouki/bin/pyouki: packages/pyouki/launcher/pyouki.c packages/pyouki/setup.py $(VENV)/.dependencies
	cd packages/pyouki && $(CURDIR)/$(PYTHON) setup.py -q build_ext --inplace
	touch $@

packages/libseccomp/src/libseccomp/_libseccomp.abi3.so: $(wildcard packages/libseccomp/*.py)
packages/libcgroups/src/libcgroups/_kernel.abi3.so: $(wildcard packages/libcgroups/*.py packages/libcgroups/*.c)
packages/libcontainer/src/libcontainer/_kernel.abi3.so: $(wildcard packages/libcontainer/*.py packages/libcontainer/*/*.[ch])

$(VENV)/bin/pyouki: packages/pyouki/bin/pyouki packages/in_place.py $(EXTENSIONS)
	$(PYTHON) packages/in_place.py link

# Bytecode ahead of time: the product runs with -B, and compiling the sources would cost each command 100 ms.
$(VENV)/.compiled: $(VENV)/bin/pyouki $(SOURCES) packages/pyouki/src/pyouki/hot_path.txt
	$(PYTHON) -m compileall -q packages/*/src
	$(PYTHON) -m pyouki.write_bundle
	touch $@

dist/.built: $(WHEEL_SOURCES) | $(VENV)/.tools
	rm -rf dist
	for package in $(dir $(PROJECTS)); do $(PYTHON) -m build --no-isolation --outdir dist $$package >/dev/null || exit 1; done
	touch $@

# The packages and what they need, for the Python of the guest, which has no network and is too slow to install.
build/guest/.installed: dist/.built
	rm -rf build/guest
	$(PYTHON) -m pip install -q -c constraints.txt --only-binary=:all: --python-version 3.11 --target build/guest dist/*.whl
	PYTHONPATH=build/guest $(PYTHON) -m pyouki.write_bundle
	touch $@
