# What demo, tests and benches do alike with a cluster of engine.sh.
# shellcheck shell=bash

# only_one NAME [SECONDS]: waits while another command uses the engine of that name, at most so long.
only_one() {
  mkdir -p "$(cache_dir)"
  exec 7>"$(cache_dir)/$1.lock"
  flock --nonblock 7 && return
  say "Another command uses the engine $1; waiting for it to end"
  flock ${2:+--timeout "$2"} 7 || note "going on without it"
}

# From here on the engine ends with this script, whatever way that ends.
tear_down_at_exit() {
  trap 'engine_down' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Has every platform image on node 1, and on the others.
platform_images() {
  local images node
  say "Platform images"
  # In the engine's network, as on a server; the wheels and Debian come from there too.
  engine_exec_net python -m havre.adapters.buildkit.platform --host "unix://$(engine_socket 1)" ||
    die "the platform images could not be built"
  [ "$ENGINE_NODES" -gt 1 ] || return 0
  mapfile -t images < <(engine_docker 1 images --format '{{.Repository}}:{{.Tag}}' 'havre/*')
  for node in $(seq 2 "$ENGINE_NODES"); do
    engine_docker 1 save "${images[@]}" | engine_docker "$node" load --quiet >/dev/null
  done
}
