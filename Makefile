# make demo     the main job on the embedded model, step by step
# make test     build and run all tests
# make install  put the command into $(PREFIX)/bin
# make test-address    the tests of damaged, odd and hostile files once more, under the address sanitizer
# make test-libraries  build the server of Examples against the library products, and ask it
# make lint     check the form of the Swift sources, and the Python scripts for mistakes
# make bench, bench-diff, bench-network, bench-edit, bench-eval   measure against peers (PYTHON with numpy; torch, transformers,
#                                                     zipnn and xdelta3 where they are to be compared)

PREFIX ?= /usr/local
SWIFT ?= swift
PYTHON ?= python3
PACKAGES := libopenblas0 libzstd-dev zlib1g-dev libssl-dev pkg-config
PYTHON_FOLDER := .build-python
# Tests that hand over files made to be wrong.
HOSTILE := Damaged|Odd|Hostile|Mutation|Vector|Refusal
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: all build demo test test-address test-libraries install lint python bench bench-diff bench-network bench-edit bench-eval libraries clean
all: build

build: libraries
	$(SWIFT) build -c release --product errata

demo: build
	@sh Fixtures/demo.sh "$$($(SWIFT) build -c release --show-bin-path)/errata"

test: libraries
	$(SWIFT) build --build-tests
	$(SWIFT) test --disable-xctest

install: build
	install -D -m 755 "$$($(SWIFT) build -c release --show-bin-path)/errata" "$(DESTDIR)$(PREFIX)/bin/errata"

# The command's debug build, which `make test` leaves, makes the patch that the server applies.
test-libraries: libraries
	$(SWIFT) build --product errata
	@Examples/Server/test.sh "$$($(SWIFT) build --show-bin-path)/errata" --scratch-path .build-server

# Leaks are not looked for: the test library itself keeps some bytes.
test-address: libraries
	ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no $(SWIFT) test --sanitize=address --scratch-path .build-address \
	  --disable-xctest --filter "$(HOSTILE)"

lint: python
	$(SWIFT) format lint --strict --recursive Sources Tests Examples Package.swift
	$(PYTHON_FOLDER)/bin/ruff check --no-cache --quiet --config .ci/ruff.toml Fixtures/make Formats/reader Benchmarks

# A Python with what the plain reader and the linter need; errata itself needs none.
python: $(PYTHON_FOLDER)/ready
$(PYTHON_FOLDER)/ready: .ci/requirements.txt Formats/reader/requirements.txt
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

# What the package links against, and OpenBLAS, which it loads. Installed only when something is missing, and only where apt is at home.
libraries:
	@missing=; for package in $(PACKAGES); do \
	  dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "please install:$$missing" >&2; exit 1; }; \
	  echo "installing:$$missing"; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq $$missing; fi

clean:
	rm -rf .build .build-*
