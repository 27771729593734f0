#!/bin/sh
# Starts LiveKit with livekit.yaml beside this file and its secrets out of files. From the environment:
#
#   LIVEKIT_KEY          the name of the key, as MDO_LIVEKIT_KEY says it
#   LIVEKIT_SECRET_FILE  the file of its secret
#   REDIS_PASSWORD_FILE  the file of the password of Redis
#   NODE_IP, REDIS_HOST  as livekit.yaml says
set -eu
secret=$(cat "${LIVEKIT_SECRET_FILE:?is missing}")
REDIS_PASSWORD=$(cat "${REDIS_PASSWORD_FILE:?is missing}")
export REDIS_PASSWORD LIVEKIT_KEYS="${LIVEKIT_KEY:?is missing}: ${secret:?is empty}"
exec "${LIVEKIT_SERVER:-/livekit-server}" --config "$(cd "$(dirname "$0")" && pwd)/livekit.yaml" "$@"
