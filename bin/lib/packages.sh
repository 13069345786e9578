# Debian packages that a fresh machine lacks.
# shellcheck shell=bash

_installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# Prints those of NAME... that are not installed. NAME? means: only if the archive has it.
_missing() {
  local name
  for name; do
    _installed "${name%\?}" && continue
    [ "$name" = "${name%\?}" ] || apt-cache show "${name%\?}" >/dev/null 2>&1 || continue
    echo "${name%\?}"
  done
}

# packages NAME[?]...: installs those that are missing, asks nothing, starts no service.
packages() {
  local missing policy=/usr/sbin/policy-rc.d made_policy='' log status=0
  mapfile -t missing < <(_missing "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  [ -r /etc/debian_version ] || die "not a Debian: install these yourself, then try again: ${missing[*]}"
  say "Installing packages: ${missing[*]}"
  apt-get update -qq || note "apt-get update failed; going on with the lists that are there"
  mapfile -t missing < <(_missing "$@")   # the lists are there now, also for NAME?
  # Debian starts a service as soon as it is installed; this file forbids it.
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && made_policy=1
  fi
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 \
    "${missing[@]}" >"$log" 2>&1 || status=$?
  [ -z "$made_policy" ] || rm -f $policy
  [ $status = 0 ] || cat "$log" >&2
  rm -f "$log"
  [ $status = 0 ] || die "apt-get could not install: ${missing[*]}"
}

# Docker's daemon and client, and what bin/lib/engine.sh calls. An engine that is there is used as it
# is: Docker's own packages and Debian's exclude each other.
engine_packages() {
  if [ -z "$(docker_daemon)" ]; then
    packages docker.io 'docker-cli?' 'docker-buildx?'   # three packages since trixie, one before
    # Wanted as a program, not as a service of this machine from the next boot on.
    [ ! -d /run/systemd/system ] ||
      systemctl disable --quiet docker.service docker.socket containerd.service 2>/dev/null || true
  elif _installed docker.io; then
    packages 'docker-cli?' 'docker-buildx?'
  fi
  packages iptables iproute2 slirp4netns util-linux ca-certificates python3
}
