#!/usr/bin/env bash
# Runs the interop suites, or any command, in a private view of this machine:
#
#   - a network namespace: an empty loopback, so every 127.x.y.z has its ports 25 and 53 free;
#   - a mount namespace: /etc/resolv.conf names the lab's resolver, and /run is an empty tmpfs: no socket, PID file or
#     named namespace of the machine, or of a run that was killed, is seen;
#   - a process namespace: whatever a suite leaves running ends with the run.
#
#   bash run.sh [vitest arguments]     bash run.sh --exec COMMAND [arguments]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  printf 'interop: %s\n' "$1" >&2
  exit 1
}

if [[ "${1-}" != --inside ]]; then
  [[ $(uname -s) == Linux ]] || fail 'needs Linux (network namespaces); run it in a Debian machine or container.'
  command -v apt-get >/dev/null || fail 'needs Debian: the servers come from its packages.'
  [[ $EUID -eq 0 ]] || fail 'needs root, to make network namespaces and to install Debian packages; run it as root in a Debian machine or container that may be thrown away.'
  if ! command -v ip >/dev/null; then
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends iproute2
  fi
  # This shell stays outside: its namespaces are the way back out for apt-get.
  unshare --net --mount --pid --fork --kill-child bash run.sh --inside "$$" "$@" && exit 0 || exit $?
fi

outside=$2
shift 2
trap 'exit 143' TERM INT

# Often a link into /run.
resolver=$(readlink -m /etc/resolv.conf)
mount -t tmpfs -o mode=755 mb-lab /run
mkdir -p /run/mb-lab/outside-proc
[[ -e $resolver ]] || { mkdir -p "$(dirname "$resolver")" && : >"$resolver"; }
mount --bind /proc /run/mb-lab/outside-proc
mount -t proc proc /proc
printf 'nameserver 127.0.0.53\noptions timeout:3 attempts:2\n' >/run/mb-lab/resolv.conf
mount --bind /run/mb-lab/resolv.conf /etc/resolv.conf
ip link set lo up
export MB_LAB=/run/mb-lab MB_LAB_OUTSIDE=/run/mb-lab/outside-proc/$outside

# Not exec: this shell is the namespace's first process and buries the orphans.
if [[ "${1-}" == --exec ]]; then
  shift
  "$@" && exit 0 || exit $?
fi
vitest run "$@" && exit 0 || exit $?
