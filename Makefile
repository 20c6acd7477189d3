# make demo     the main job on the embedded model, step by step
# make test     build and run all tests; FILTER=ChoicesTests runs those of that name
# make install  put the command into $(PREFIX)/bin, its manual and completions into $(PREFIX)/share
# make package  a .deb, a tarball and a Python wheel, in dist
# make test-package    install each of them in a bare Debian 12 and 13 and do there what the README shows first
# make test-reproducible  build the command once more, at another place, and compare the packages byte for byte
# make docs     the documentation as a site, in .build-docs; make test-docs runs the commands that it and the README show
# make try      a fact of a real chat model (98 MB, from the Python index) corrected and taken back
# make test-python     the Python package against the command (PYTHON with torch and transformers: against these too)
# make test-cluster     parts of work on a Slurm of one node and under Open MPI, where Debian's packages of them can be had
# make test-address    the tests of damaged, odd and hostile files once more, under the address sanitizer
# make test-stops  stop runs at their system calls, STOPS of them (10000), drawn by SEED, and look at what is left
# make test-foreign  what foreign tools say of signatures and bills of materials
# make test-threads  the threaded parts under the thread sanitizer
# make test-undefined  the kernels in C under the undefined-behavior sanitizer
# make fuzz     build the fuzzer and let it at every kind of input, FUZZ="--seconds 20"; make fuzz-replay: known inputs once
# make coverage  the tests (FILTER), and which share of the lines of each module they run
# make test-libraries  build the server of Examples against the library products, and ask it
# make lint     check the form of the Swift sources, and the Python scripts for mistakes
# make bench, bench-diff, bench-network, bench-edit, bench-eval, bench-memory   measure against peers (PYTHON with numpy; torch, transformers,
#                                                     zipnn and xdelta3 where they are to be compared)

PREFIX ?= /usr/local
SWIFT ?= swift
PYTHON ?= python3
PACKAGES := libopenblas0 libzstd-dev zlib1g-dev libssl-dev pkg-config
PYTHON_FOLDER := .build-python
# The Swift library goes into the command, which looks for others where a package may have laid them.
RELEASE := -c release --static-swift-stdlib -Xlinker '-rpath=$$ORIGIN/../lib/errata'
# Made with, and looked at with, by `package` and `test-package`.
PACKAGE_TOOLS := dpkg-dev binutils patchelf
CLUSTER := slurmctld slurmd slurm-client munge openmpi-bin
TREE_TOOLS := mmdebstrap
# Pages with commands.
PAGES := $(wildcard Docs/tutorial/*.md Docs/how-to/*.md)
# Tests that hand over files made to be wrong.
HOSTILE := Damaged|Odd|Hostile|Mutation|Vector|Refusal
# The kernels in C are tested as they are shipped: without optimization the tests of large files take twice as long.
KERNELS := -Xcc -O2
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: all build demo test test-stops test-foreign test-threads test-undefined fuzz fuzz-build fuzz-check fuzz-replay coverage test-cluster test-address test-libraries test-package test-reproducible test-python test-docs install package docs try lint python bench bench-diff \
  bench-network bench-edit bench-eval bench-memory libraries clean
all: build

build: libraries
	$(SWIFT) build $(RELEASE) --product errata

demo: build
	@sh Fixtures/demo.sh "$$($(SWIFT) build -c release --show-bin-path)/errata"

test: libraries
	$(SWIFT) build --build-tests $(KERNELS)
	$(SWIFT) test $(KERNELS) --disable-xctest $(if $(FILTER),--filter "$(FILTER)")

# The manual is made by a script; without a Python the command comes alone, and that is said.
install: build
	@built="$$($(SWIFT) build -c release --show-bin-path)/errata"; \
	if command -v python3 >/dev/null; then python3 Packaging/package.py tree "$$built" "$(DESTDIR)$(PREFIX)"; \
	else install -D -m 755 "$$built" "$(DESTDIR)$(PREFIX)/bin/errata"; \
	  echo "The manual and the completions were left out: there is no python3 to make them with."; fi

package: build
	@$(call install-missing,$(PACKAGE_TOOLS))
	@python3 Packaging/package.py packages "$$($(SWIFT) build -c release --show-bin-path)/errata" dist

# Where no Debian can be had, the trees are not made, and that is said. MODEL: a real model that each package corrects a fact of.
test-package: package python
	@$(call install-missing,$(TREE_TOOLS)) || true
	@$(SUDO) $(PYTHON_FOLDER)/bin/python Packaging/test.py dist $(MODEL) || [ $$? = 77 ]

test-reproducible: build
	@$(call install-missing,$(PACKAGE_TOOLS))
	@python3 Packaging/reproduce.py "$$($(SWIFT) build -c release --show-bin-path)/errata" $(SWIFT) build $(RELEASE) --product errata

docs: build python
	$(SWIFT) build $(RELEASE) --target ErrataEditing
	@python3 Docs/libraries.py "$$($(SWIFT) build -c release --show-bin-path)" .build-docs/docc
	@$(PYTHON_FOLDER)/bin/python Docs/build.py "$$($(SWIFT) build -c release --show-bin-path)/errata" .build-docs

test-docs: docs
	@$(PYTHON_FOLDER)/bin/python Docs/sessions.py "$$($(SWIFT) build -c release --show-bin-path)/errata" README.md $(PAGES)

try: build
	@sh Docs/try.sh "$$($(SWIFT) build -c release --show-bin-path)/errata"

# The command's debug build, which `make test` leaves.
test-python: libraries python
	$(SWIFT) build --product errata $(KERNELS)
	@ERRATA="$$($(SWIFT) build --show-bin-path)/errata" PYTHONPATH=Python PYTHONDONTWRITEBYTECODE=1 \
	  $(if $(filter python3,$(PYTHON)),$(PYTHON_FOLDER)/bin/python,$(PYTHON)) -m unittest discover Python/tests

# The command's debug build, which `make test` leaves, makes the patch that the server applies.
test-libraries: libraries
	$(SWIFT) build --product errata $(KERNELS)
	@Examples/Server/test.sh "$$($(SWIFT) build --show-bin-path)/errata" --scratch-path .build-server

# Run with the command's debug build, which `make test` leaves. Needs root, as Slurm's daemons do.
test-cluster: libraries
	@if ( $(call install-missing,$(CLUSTER)) ); then \
	  $(SWIFT) build --product errata $(KERNELS) && Examples/Cluster/test.sh "$$($(SWIFT) build --show-bin-path)/errata"; \
	else echo "test-cluster is left out: $(CLUSTER) cannot be installed here"; fi

# Leaks are not looked for: the test library itself keeps some bytes.
test-address: libraries
	ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no $(SWIFT) test --sanitize=address --scratch-path .build-address \
	  --disable-xctest --filter "$(HOSTILE)"

# Stops of runs need a debug or a release build; what is shipped is what is stopped.
STOPS ?= 10000
SEED ?= 1
test-stops: build
	@python3 Tests/Stops/stops.py "$$($(SWIFT) build -c release --show-bin-path)/errata" --stops $(STOPS) --seed $(SEED) || [ $$? = 77 ]

# The validator is no part of errata's own Python; where it cannot be had, that is said.
test-foreign: libraries python
	$(SWIFT) build --product errata $(KERNELS)
	@$(PYTHON_FOLDER)/bin/pip install --quiet --disable-pip-version-check 'cyclonedx-python-lib[json-validation]' || true
	@sh Fixtures/make/foreign.sh "$$($(SWIFT) build --show-bin-path)/errata" $(PYTHON_FOLDER)/bin/python

# Those that use several threads and need no long computing.
THREADED := ParallelWork|BLASThreads|LayerPages|Shared(Texts|Sequences)|Scoring|StatisticsCollection|FactTracer|EvaluationTests.EvaluationTests|PartsTests|PatchFile|LowRankSearch
test-threads: libraries
	TSAN_OPTIONS="suppressions=$(CURDIR)/.ci/threads.suppress" SWIFT_BACKTRACE=enable=no $(SWIFT) test --sanitize=thread --scratch-path .build-threads $(KERNELS) --disable-xctest --filter "$(THREADED)"

# Those that reach the kernels in C, and the vectors.
COMPUTED := Kernel|Preimage|Quantiz|Blocks|Attention|Vector|RoundTrip|Element|Coder|Codec|BlockLevel|DifferenceBlock|Choices|Rounding|RowCoupling
COMPUTED := $(COMPUTED)|Packing|Forward|Backward|Conversion|ScaleSearch|LowRank
# swiftc has no such sanitizer, so clang's is asked for by itself, and its library where the compiler has it. All faults are written down, and then shown.
RUNTIME = $(dir $(realpath $(shell command -v $(SWIFT))))../lib/swift/clang/lib/linux
UNDEFINED = -Xcc -fsanitize=undefined -Xlinker $(RUNTIME)/libclang_rt.ubsan_standalone-$(shell uname -m).so -Xlinker -rpath=$(RUNTIME)
test-undefined: libraries
	@rm -f .build-undefined/found.*
	UBSAN_OPTIONS="log_path=$(CURDIR)/.build-undefined/found print_stacktrace=1" $(SWIFT) test --scratch-path .build-undefined $(KERNELS) $(UNDEFINED) \
	  --disable-xctest --filter "$(COMPUTED)"
	@! cat .build-undefined/found.* 2>/dev/null

# A program of its own in a folder of its own, with the modules' insides open to it. FUZZ_FORM=release takes twice as long to build.
# Of two sanitizers swiftc keeps the last, so the fuzzer's counters are asked for by themselves.
FUZZ ?= --seconds 20
FUZZ_FORM ?= debug
FUZZ_BUILD = ERRATA_FUZZ=1 $(SWIFT) build -c $(FUZZ_FORM) --scratch-path .build-fuzz $(KERNELS) --sanitize=fuzzer --sanitize=address \
  -Xswiftc -sanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table -Xswiftc -enable-testing --product fuzz
fuzz-build: libraries
	$(FUZZ_BUILD)

fuzz: fuzz-build
	python3 Tests/Fuzz/fuzz.py "$$($(FUZZ_BUILD) --show-bin-path)/fuzz" $(FUZZ)

# What `.ci/run` does: every known input once, then a second of each kind, with one build.
fuzz-check: fuzz-build
	python3 Tests/Fuzz/fuzz.py "$$($(FUZZ_BUILD) --show-bin-path)/fuzz" --replay
	python3 Tests/Fuzz/fuzz.py "$$($(FUZZ_BUILD) --show-bin-path)/fuzz" --seconds 1

fuzz-replay: fuzz-build
	python3 Tests/Fuzz/fuzz.py "$$($(FUZZ_BUILD) --show-bin-path)/fuzz" --replay

# Left out is what sets a limit on files: a program that counts its lines writes one more as it ends. Profiles of killed runs are broken, which the
# Swift Package Manager's own summary does not bear, so they are put together here.
coverage: libraries
	$(SWIFT) build --build-tests --enable-code-coverage --scratch-path .build-coverage $(KERNELS)
	@rm -rf .build-coverage/profiles
	LLVM_PROFILE_FILE="$(CURDIR)/.build-coverage/profiles/%p.profraw" $(SWIFT) test --skip-build --scratch-path .build-coverage $(KERNELS) \
	  --disable-xctest --skip SurroundingsTests $(if $(FILTER),--filter "$(FILTER)")
	@python3 .ci/coverage.py .build-coverage/debug .build-coverage/profiles --files 30

lint: python
	$(SWIFT) format lint --strict --recursive Sources Tests Examples Package.swift
	$(PYTHON_FOLDER)/bin/ruff check --no-cache --quiet --config .ci/ruff.toml Fixtures/make Python Packaging Docs Benchmarks Tests .ci

# A Python with what the plain reader and the linter need; errata itself needs none.
python: $(PYTHON_FOLDER)/ready
$(PYTHON_FOLDER)/ready: .ci/requirements.txt Python/requirements.txt Docs/requirements.txt
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "installing: python3-venv"; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq python3-venv; }
	python3 -m venv $(PYTHON_FOLDER)
	$(PYTHON_FOLDER)/bin/pip install --quiet --disable-pip-version-check -r .ci/requirements.txt
	@touch $@

bench: build
	$(PYTHON) Benchmarks/run.py "$$($(SWIFT) build -c release --show-bin-path)/errata"

bench-diff: build
	$(PYTHON) Benchmarks/diff.py "$$($(SWIFT) build -c release --show-bin-path)/errata"

bench-network: libraries
	$(SWIFT) build -c release --product network-benchmark
	$(PYTHON) Benchmarks/network.py "$$($(SWIFT) build -c release --show-bin-path)/network-benchmark"

bench-edit: build
	$(PYTHON) Benchmarks/edit.py "$$($(SWIFT) build -c release --show-bin-path)/errata"

bench-eval: build
	$(PYTHON) Benchmarks/eval.py "$$($(SWIFT) build -c release --show-bin-path)/errata"

bench-memory: build
	$(SWIFT) build $(RELEASE) --product memory-benchmark
	folder="$$($(SWIFT) build -c release --show-bin-path)"; $(PYTHON) Benchmarks/memory.py "$$folder/errata" "$$folder/memory-benchmark"

# What the package links against, and OpenBLAS, which it loads.
libraries:
	@$(call install-missing,$(PACKAGES))

# Packages of the system, installed only when something is missing, and only where apt is at home.
define install-missing
missing=; for package in $(1); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
if [ -n "$$missing" ]; then \
  command -v apt-get >/dev/null || { echo "please install:$$missing" >&2; exit 1; }; \
  echo "installing:$$missing"; \
  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq $$missing; fi
endef

clean:
	rm -rf .build .build-* dist
