#!/bin/sh
# Starts Redis or Valkey with its password out of a file: on the command line everybody on the machine could read it. What is said after this
# goes to the server as it is.
set -eu
password=$(cat "${REDIS_PASSWORD_FILE:?is missing}")
: "${password:?is empty}"
exec "$@" - <<EOT
requirepass $password
EOT
