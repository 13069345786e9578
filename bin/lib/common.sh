# Shared by everything in bin/: where the project is, progress lines, what a fresh machine lacks.
# shellcheck shell=bash
# Sourced, never run. Sets ROOT (the checkout) and LIB (this folder).

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # for those who source this
ROOT=$(cd "$LIB/../.." && pwd)
: "${HAVRE_STARTED:=$(date +%s)}"   # inherited by child scripts, so elapsed seconds count from the first
export HAVRE_STARTED

say()  { printf '==> %s  (%d s)\n' "$*" $(($(date +%s) - HAVRE_STARTED)) >&2; }
note() { printf '    %s\n' "$*" >&2; }
die()  { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "$(basename "$0") must run as root: it makes namespaces and mounts"; }

cache_dir() { echo "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/havre"; }

# The engine's own client and daemon. Another `docker` may come first on PATH that cannot build or is
# newer than the daemon, so the one that is packaged with the daemon is preferred.
docker_client() { if [ -x /usr/bin/docker ]; then echo /usr/bin/docker; else command -v docker; fi; }
docker_daemon() { PATH=$PATH:/usr/sbin:/sbin command -v dockerd; }
