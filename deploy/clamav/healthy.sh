#!/bin/sh
# Whether the scanner answers at the port of this container.
set -eu
test "$(printf 'nPING\n' | nc -w 5 127.0.0.1 "${CLAMAV_PORT:?is missing}")" = PONG
