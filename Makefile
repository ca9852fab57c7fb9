# SPDX-License-Identifier: Apache-2.0

SWIFT_FLAGS ?=
PREFIX ?= /usr/local
CONTAINER_ENGINE ?= $(shell command -v podman || command -v docker)

# For the certs-mcp targets: the days of ContextForge's variable, and further flags such as --rsa 4096 or --force.
MCP_CERT_DAYS ?= 825
CERTS_FLAGS ?=
CERTS = .build/release/gatehouse certs

.PHONY: help run dev test build install build-grpc install-grpc build-image env check-image format bench clean
.PHONY: certs-mcp-ca certs-mcp-gateway certs-mcp-plugin certs-mcp-all certs-mcp-check

help:
	@echo "make run          start gateway, plugin server and a demo MCP server, and say how to call them"
	@echo "make dev          start the gateway alone: PLUGINS_ENABLED=true PLUGIN_CONFIG_FILE=plugins/config.yaml make dev"
	@echo "make test         build everything and run all tests"
	@echo "make build        build the gatehouse executable for use: .build/release/gatehouse"
	@echo "make install      install it below PREFIX ($(PREFIX))"
	@echo "make build-image  build the container image: mcpgateway:latest, my-plugin:latest"
	@echo "make env          write .env with a fresh GATEHOUSE_TOKEN, for compose.yaml"
	@echo "make bench        compare with the reference and with C++ gRPC"
	@echo "make check-image  run the image's steps without a container engine (root, debootstrap)"
	@echo "make format       format the code"
	@echo "make certs-mcp-all     make certificates for mutual TLS under certs/mcp, for the plugins of the configuration"
	@echo "make certs-mcp-check   say when they expire; also certs-mcp-ca, certs-mcp-gateway, certs-mcp-plugin PLUGIN_NAME=..."

# The first build takes minutes; later ones seconds.
build:
	@dev/setup build
	dev/build-release --product gatehouse $(SWIFT_FLAGS)

install: build
	install -D -m 0755 .build/release/gatehouse $(DESTDIR)$(PREFIX)/bin/gatehouse

# ContextForge builds gRPC in on request; here it always is.
build-grpc: build
	@echo "gRPC is always built in: build-grpc is build"

install-grpc: install
	@echo "gRPC is always built in: install-grpc is install"

run: build
	@exec dev/run-stack .build/release/gatehouse

dev: build
	@exec .build/release/gatehouse gateway

build-image:
	@test -n "$(CONTAINER_ENGINE)" || { echo "make build-image: neither podman nor docker is on the PATH; install one, or set CONTAINER_ENGINE" >&2; exit 1; }
	$(CONTAINER_ENGINE) build -t mcpgateway:latest -t my-plugin:latest -f Containerfile .

env:
	@dev/make-env

check-image:
	dev/check-image

test:
	@dev/setup build test
	@dev/test

bench:
	@dev/setup build bench
	Benchmarks/run

format:
	git ls-files -z '*.swift' | grep -zvE '/Generated/' | xargs -0 swift format -i

certs-mcp-ca: build
	$(CERTS) ca --days $(MCP_CERT_DAYS) $(CERTS_FLAGS)

certs-mcp-gateway: build
	$(CERTS) gateway --days $(MCP_CERT_DAYS) $(CERTS_FLAGS)

certs-mcp-plugin: build
	@test -n "$(PLUGIN_NAME)" || { echo "say which plugin: make certs-mcp-plugin PLUGIN_NAME=MyPlugin" >&2; exit 2; }
	$(CERTS) plugin "$(PLUGIN_NAME)" --days $(MCP_CERT_DAYS) $(CERTS_FLAGS)

certs-mcp-all: build
	$(CERTS) all --days $(MCP_CERT_DAYS) $(CERTS_FLAGS)

certs-mcp-check: build
	$(CERTS) check

clean:
	swift package clean
