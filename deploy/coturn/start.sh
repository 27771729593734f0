#!/bin/sh
# Starts the relay with turnserver.conf beside this file and what only this site knows, from the environment. What is said after it goes
# to coturn as it is.
#
#   MDO_TURN_SECRET   the secret that the site and its relays share, as in the site's own settings;
#   MDO_TURN_SECRET_FILE  a file that holds it, instead
#   RELAY_NAME        the relay's name, such as relay.example.org: the realm, and the name of its certificate
#   RELAY_CERT        the certificate with its chain, and RELAY_KEY its key (PEM); without them there is no TLS
#   RELAY_PORT        the port without TLS; 3478 when nothing is said
#   RELAY_TLS_PORTS   the ports for TLS, with commas; 443,5349 when nothing is said
#   RELAY_IP          the public address that browsers see, where a NAT stands before the relay, and
#   RELAY_INNER_IP    the address that the machine itself has behind it
#   RELAY_DENIED      more ranges that it must not reach, with commas: a hospital's own that are public
#   RUNTIME_DIRECTORY a folder of the relay's own, for the secret (systemd and docker-compose.yml name one)
set -eu
umask 077

if [ -n "${MDO_TURN_SECRET_FILE:-}" ]; then
    MDO_TURN_SECRET=$(cat "$MDO_TURN_SECRET_FILE")
fi
: "${MDO_TURN_SECRET:?is missing}" "${RELAY_NAME:?is missing}"
here=$(cd "$(dirname "$0")" && pwd)
run=${RUNTIME_DIRECTORY:-$(mktemp -d)}

listed() {
    echo "$1" | tr -d ' ' | tr ',' '\n' | sed '/^$/d'
}

{
    cat "$here/turnserver.conf"
    # Not on the command line, which everybody on the machine can read.
    printf 'static-auth-secret=%s\nrealm=%s\n' "$MDO_TURN_SECRET" "$RELAY_NAME"
    if [ -n "${RELAY_PORT:-}" ]; then
        printf 'listening-port=%s\n' "$RELAY_PORT"
    fi
    if [ -s "${RELAY_CERT:-}" ] && [ -s "${RELAY_KEY:-}" ]; then
        printf 'cert=%s\npkey=%s\n' "$RELAY_CERT" "$RELAY_KEY"
        printf 'tls-listening-port=%s\n' "$(listed "${RELAY_TLS_PORTS:-443,5349}" | head -n 1)"
        for port in $(listed "${RELAY_TLS_PORTS:-443,5349}" | tail -n +2); do
            printf 'aux-server=0.0.0.0:%s\n' "$port"
            if [ -s /proc/net/if_inet6 ]; then
                printf 'aux-server=[::]:%s\n' "$port"
            fi
        done
    else
        echo "The relay has no certificate (RELAY_CERT, RELAY_KEY): no TLS." >&2
        echo no-tls
    fi
    if [ -n "${RELAY_IP:-}" ] && [ -n "${RELAY_INNER_IP:-}" ]; then
        # Of the denied ranges this one address is reached, so that both ends of a call may be at this relay.
        printf 'external-ip=%s/%s\n' "$RELAY_IP" "$RELAY_INNER_IP"
        printf 'relay-ip=%s\nallowed-peer-ip=%s\n' "$RELAY_INNER_IP" "$RELAY_INNER_IP"
    fi
    for range in $(listed "${RELAY_DENIED:-}"); do
        printf 'denied-peer-ip=%s\n' "$range"
    done
} > "$run/relay.conf"

# What is denied is logged with its address, such as that of somebody's laptop at home, which browsers tell each other: taken out.
rm -f "$run/log"
mkfifo "$run/log"
sed -u -e 's/\(peer IP \)[^ ]*/\1(address)/' \
    -e '/remote\|session/ s/[0-9]\{1,3\}\(\.[0-9]\{1,3\}\)\{3\}\|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*/(address)/g' < "$run/log" &
exec turnserver -c "$run/relay.conf" "$@" > "$run/log" 2>&1
