#!/usr/bin/env bash
# A cold start without ufr, as someone at a shell would do it: starts a VMM, and sends a request until it is answered.
#   bare.sh HOST PORT REQUEST CONSOLE MARK PAUSE LIMIT VMM ARGUMENTS...
# HOST and PORT lead to the guest's server, REQUEST is a file with an HTTP request. CONSOLE is a file that gets the
# VMM's standard output; a VMM may be told to write the guest's console there, too. With MARK empty it polls, pausing
# for PAUSE seconds; else it waits until the guest writes that mark to CONSOLE, and asks only then. LIMIT: seconds at
# most. Prints microseconds from the VMM's start to the whole answer, the status line, and the body.
set -u
export LC_ALL=C
host=$1 port=$2 console=$4 mark=$5 pause=$6 limit=$7
# Unlike $(<...), this keeps the empty line at the end.
IFS= read -r -d '' request <"$3"
shift 7
trap '' PIPE
# What a shell usually has: Node.js raises it, and Firecracker's table of files is as large as it may become.
ulimit -Sn 1024
# `read -t` on a pipe that stays empty: a sleep that starts no process.
exec {never}<> <(:)
if [ -n "$mark" ]; then
  mkfifo "$console"
  exec {serial}<>"$console"
fi

started=${EPOCHREALTIME/./}
sh -c 'exec "$0" "$@"' "$@" </dev/null >>"$console" &
vmm=$!
trap 'kill -9 "$vmm" 2>/dev/null' EXIT

# Until the guest's network is up, QEMU accepts a connection and nobody ever answers on it: it is given up after a
# quarter of a second. Once a guest has refused one, the next that stays open has been accepted by the server.
patience=0.25
if [ -n "$mark" ]; then
  found=
  while [ "$found" != "$mark" ]; do
    IFS= read -r -d $'\e' -t "$limit" -u "$serial" found || exit 1
  done
  patience=$limit
fi
while :; do
  [ "$SECONDS" -lt "$limit" ] && kill -0 "$vmm" 2>/dev/null || exit 1
  if { exec {guest}<>"/dev/tcp/$host/$port"; } 2>/dev/null; then
    printf '%s' "$request" >&"$guest"
    IFS= read -r -t "$patience" -u "$guest" status && break
    [ $? -gt 128 ] || patience=$limit
    exec {guest}>&-
  fi
  read -r -t "$pause" -u "$never"
done 2>/dev/null

length=0
while IFS= read -r -u "$guest" line && line=${line%$'\r'} && [ -n "$line" ]; do
  case ${line,,} in content-length:*) length=${line##* } ;; esac
done
IFS= read -r -N "$length" -t "$limit" -u "$guest" body
ended=${EPOCHREALTIME/./}
printf '%s\n' "$((ended - started))" "${status%$'\r'}" "$body"
