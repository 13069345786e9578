# A second engine with a Swarm of its own, for a second process of tests at the same time.
# shellcheck shell=bash
# Sourced after engine.sh, whose engine it is the twin of.

TWIN_PREFIX=${ENGINE_PREFIX}b
TWIN_NET=${ENGINE_NET%.*}.$((${ENGINE_NET##*.} + 1))
_twin() { local action=$1; shift; "$ROOT/bin/engine" "$action" --prefix "$TWIN_PREFIX" --net "$TWIN_NET" "$@"; }

# Starts it, with the platform images of the first: what it has from a run before needs no copy.
twin_up() {
  local images line='{{.Repository}}:{{.Tag}} {{.ID}}'
  say "Starting a second engine"
  _twin up --fresh
  mapfile -t images < <(comm -23 <(engine_docker 1 images --no-trunc --format "$line" 'havre/*' | sort) \
    <(_twin docker -- images --no-trunc --format "$line" 'havre/*' | sort) | cut -d' ' -f1)
  [ ${#images[@]} = 0 ] || engine_docker 1 save "${images[@]}" | _twin docker -- load --quiet >/dev/null
}

twin_down() { [ ! -d "$(cache_dir)/engine-$TWIN_PREFIX" ] || _twin down; }

# python_in PREFIX NET: the command that starts Python in an engine's network.
python_in() { echo "$ROOT/bin/engine exec-net --prefix $1 --net $2 -- python"; }
