#!/bin/sh
# Starts ClamAV with clamd.conf beside this file and what only this machine knows, from the environment.
#
#   CLAMAV_ADDRESS    the address to listen on, and CLAMAV_PORT the port; or
#   CLAMAV_PORT       the port
#   CLAMAV_SOCKET     a socket instead
#   CLAMAV_DATABASE   the folder of the signatures
#   CLAMAV_UPDATE     1: fetch signatures, before the start and from then on; else somebody else does
#   RUNTIME_DIRECTORY a folder of its own, for the configuration and what it unpacks
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
run=${RUNTIME_DIRECTORY:-$(mktemp -d)}
{
    cat "$here/clamd.conf"
    printf 'DatabaseDirectory %s\nTemporaryDirectory %s\n' "${CLAMAV_DATABASE:-/var/lib/clamav}" "$run"
    if [ -n "${CLAMAV_SOCKET:-}" ]; then
        printf 'LocalSocket %s\nFixStaleSocket yes\n' "$CLAMAV_SOCKET"
    else
        printf 'TCPSocket %s\nTCPAddr %s\n' "${CLAMAV_PORT:?is missing}" "${CLAMAV_ADDRESS:?is missing}"
    fi
} > "$run/here.conf"
if [ "${CLAMAV_UPDATE:-0}" = 1 ]; then
    printf 'DatabaseMirror database.clamav.net\nDatabaseDirectory %s\nNotifyClamd %s\n' "$CLAMAV_DATABASE" "$run/here.conf" > "$run/freshclam.conf"
    # Where they cannot be fetched now, the ones that are there are better than no scanner: every file would be refused.
    freshclam --config-file="$run/freshclam.conf" --foreground --stdout || ls "$CLAMAV_DATABASE"/*.c[lv]d
    freshclam --config-file="$run/freshclam.conf" --daemon --foreground --stdout &
fi
exec clamd --config-file="$run/here.conf"
