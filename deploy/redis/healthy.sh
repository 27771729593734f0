#!/bin/sh
# Whether it answers whoever knows the password, and writes its append-only file well.
set -eu
REDISCLI_AUTH=$(cat "${REDIS_PASSWORD_FILE:?is missing}")
export REDISCLI_AUTH
said=$("${REDIS_CLI:-valkey-cli}" ${REDIS_CLI_AT:-} info persistence)
echo "$said" | grep -q '^aof_enabled:1' && echo "$said" | grep -q '^aof_last_write_status:ok'
