# The Python environment, .venv, from the lock files.
# shellcheck shell=bash

# python_env havre|dev: what requirements/NAME.lock says, installed once per state of that file.
# dev.lock holds everything that havre.lock does.
python_env() {
  local which=$1 venv=$ROOT/.venv python='' candidate
  for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
    candidate=$(command -v "$candidate") || continue
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    python=$candidate && break
  done
  [ -n "$python" ] || die "no Python 3.11 or newer with venv (packages: python3, python3-venv)"
  # Where TLS passes an inspecting proxy, pip must trust what the machine trusts.
  [ -n "${PIP_CERT:-}" ] || [ ! -r /etc/ssl/certs/ca-certificates.crt ] ||
    export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  mkdir -p "$(cache_dir)"
  (
    flock 8   # two commands at once must not install over each other
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
      say "Making the Python environment"
      rm -rf "$venv"
      "$python" -m venv "$venv" || exit 1
    fi
    local havre_sum dev_sum
    havre_sum=$(sha256sum <"$ROOT/requirements/havre.lock")
    dev_sum=$(sha256sum <"$ROOT/requirements/dev.lock")
    has() { [ "$(cat "$venv/.lock-$1" 2>/dev/null)" = "$2" ]; }
    if [ "$which" = dev ]; then has dev "$dev_sum" && exit 0
    else { has dev "$dev_sum" || has havre "$havre_sum"; } && exit 0; fi
    say "Installing Python packages ($which.lock)"
    # The lock names everything, so nothing is to be resolved: pip would look at newer releases and trip.
    "$venv/bin/pip" install --quiet --no-deps --require-hashes -r "$ROOT/requirements/$which.lock" || exit 1
    printf '%s\n' "$havre_sum" >"$venv/.lock-havre"
    [ "$which" != dev ] || printf '%s\n' "$dev_sum" >"$venv/.lock-dev"
  ) 8>"$(cache_dir)/venv.lock" || die "the Python environment could not be made"
  # The package itself needs no build: a path file and a launcher.
  local site
  site=$(echo "$venv"/lib/python3*/site-packages)
  echo "$ROOT/src" >"$site/havre-src.pth"
  if [ ! -x "$venv/bin/havre" ]; then
    printf '#!/bin/sh\nexec "%s/bin/python" -m havre "$@"\n' "$venv" >"$venv/bin/havre.$$"
    chmod 755 "$venv/bin/havre.$$" && mv "$venv/bin/havre.$$" "$venv/bin/havre"
  fi
  export PATH=$venv/bin:$PATH
}
