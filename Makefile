# SPDX-License-Identifier: Apache-2.0

SWIFT_FLAGS ?=

.PHONY: help run test build format bench clean

help:
	@echo "make run     start the plugin server on an example configuration, and say how to call it"
	@echo "make test    build everything and run all tests"
	@echo "make build   build the gatehouse executable for use: .build/release/gatehouse"
	@echo "make bench   compare with the reference and with C++ gRPC"
	@echo "make format  format the code"

# The first build takes minutes; later ones seconds.
build:
	@dev/setup build
	swift build -c release --product gatehouse $(SWIFT_FLAGS)

run: build
	@echo
	@echo "Starting the plugin server at 127.0.0.1:50051 (gRPC). In another terminal, have it mask a social security number:"
	@echo
	@echo "  curl -sS --http2-prior-knowledge -H 'content-type: application/grpc' -H 'te: trailers' \\"
	@echo "    --data-binary @Examples/requests/mask-ssn.bin \\"
	@echo "    http://127.0.0.1:50051/mcpgateway.plugins.PluginService/InvokeHook | strings"
	@echo
	@exec .build/release/gatehouse plugin-server --example

test:
	@dev/setup build test
	@dev/test

bench:
	@dev/setup build bench
	Benchmarks/run
	Benchmarks/pipeline

format:
	git ls-files -z '*.swift' | grep -zvE '/Generated/' | xargs -0 swift format -i

clean:
	swift package clean
