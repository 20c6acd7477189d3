# make demo     the main job on the embedded model, step by step
# make test     build and run all tests
# make install  put the command into $(PREFIX)/bin
# make lint     check the form of the Swift sources
# make bench, bench-diff, bench-network, bench-edit, bench-eval   measure against peers (PYTHON with numpy; torch, transformers,
#                                                     zipnn and xdelta3 where they are to be compared)

PREFIX ?= /usr/local
SWIFT ?= swift
PYTHON ?= python3
PACKAGES := libopenblas0 libzstd-dev zlib1g-dev libssl-dev pkg-config
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: all build demo test install lint bench bench-diff bench-network bench-edit bench-eval libraries clean
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

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

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
	rm -rf .build
