#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Serves the plugins of PLUGINS_CONFIG_PATH (default: ./resources/plugins/config.yaml) over PLUGINS_TRANSPORT:
# http (the default), stdio, grpc or unix; several are separated by commas. All other PLUGINS_ variables hold as well,
# and all flags of `gatehouse plugin-server` may follow:
#
#   PLUGINS_TRANSPORT=grpc ./run-server.sh --port 50051
#
# Runs what GATEHOUSE_BIN names, else the executable that `make build` made here, else `gatehouse` of the search path.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export PLUGINS_TRANSPORT="${PLUGINS_TRANSPORT:-http}"

IFS=, read -ra transports <<< "$PLUGINS_TRANSPORT"
for transport in "${transports[@]}"; do
    case "${transport,,}" in
        http | stdio | grpc | unix) ;;
        *)
            echo "run-server.sh: PLUGINS_TRANSPORT: \"$transport\" is not a transport; give http, stdio, grpc or unix" >&2
            exit 1
            ;;
    esac
done

if [ -z "${GATEHOUSE_BIN:-}" ]; then
    if [ -x "$here/.build/release/gatehouse" ]; then
        GATEHOUSE_BIN="$here/.build/release/gatehouse"
    elif ! GATEHOUSE_BIN="$(command -v gatehouse)"; then
        echo "run-server.sh: there is no gatehouse executable; make one with \`make build\`, or name one in GATEHOUSE_BIN" >&2
        exit 1
    fi
fi
exec "$GATEHOUSE_BIN" plugin-server "$@"
