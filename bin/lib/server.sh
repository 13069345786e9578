# A Havre server as a background process of this machine, in node 1's network.
# shellcheck shell=bash
#
#   SERVER_DIR  its directory: state/ (HAVRE_STATE), havre.log, havre.pid
#
# Needs engine.sh: the server is in the cluster's cgroup, so it ends with the cluster at the latest.

server_environment() {
  export HAVRE_STATE=$SERVER_DIR/state HAVRE_DOCKER_HOST
  HAVRE_DOCKER_HOST=unix://$(engine_socket 1)
}

_server_pid() { # prints the pid if that process still is our server
  local pid
  pid=$(cat "$SERVER_DIR/havre.pid" 2>/dev/null) && grep -qs "/havre-$ENGINE_PREFIX/server" "/proc/$pid/cgroup" && echo "$pid"
}

# What the running code is made of; a server of an older state is restarted.
_server_code() { (cd "$ROOT" && find src -name '*.py' -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }

# server_answers PATH: whether GET PATH on the API's socket says 200.
server_answers() {
  "$ROOT/.venv/bin/python" - "$HAVRE_STATE/run/api.sock" "$1" <<'PYTHON' 2>/dev/null
import http.client, socket, sys

class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(sys.argv[1])

connection = Unix("localhost")
connection.request("GET", sys.argv[2])
sys.exit(connection.getresponse().status != 200)
PYTHON
}

# server_start SETTING...: starts it unless it runs with this code and these settings.
server_start() {
  local identity left=600
  identity=$(_server_code; printf '%s\n' "$@")
  if [ -n "$(_server_pid)" ]; then
    [ "$(cat "$SERVER_DIR/havre.identity" 2>/dev/null)" = "$identity" ] && server_answers /healthz && return
    server_stop
  fi
  say "Starting Havre"
  mkdir -p "$SERVER_DIR/state"
  (
    engine_cgroup_join $BASHPID server
    # shellcheck disable=SC2163  # the arguments are NAME=VALUE
    export "$@"
    exec </dev/null >>"$SERVER_DIR/havre.log" 2>&1 7>&- 8>&- 9>&-
    ENGINE_EXEC=exec engine_exec_net setsid "$ROOT/.venv/bin/havre" serve
  ) &
  echo $! >"$SERVER_DIR/havre.pid"
  until server_answers /healthz; do
    if [ -z "$(_server_pid)" ] || [ $((left -= 1)) -le 0 ]; then
      tail -n 20 "$SERVER_DIR/havre.log" >&2
      die "Havre did not start; log: $SERVER_DIR/havre.log"
    fi
    sleep 0.1
  done
  printf '%s\n' "$identity" >"$SERVER_DIR/havre.identity"
}

server_stop() {
  local pid left=300
  pid=$(_server_pid) || return 0
  kill -TERM "$pid"
  while [ -n "$(_server_pid)" ]; do
    [ $((left -= 1)) -gt 0 ] || { kill -KILL "$pid" 2>/dev/null || true; break; }
    sleep 0.1
  done
  rm -f "$SERVER_DIR/havre.pid"
}
