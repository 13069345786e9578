# Disposable Docker engines in one Swarm, beside and apart from whatever runs on this machine.
# shellcheck shell=bash
#
#   ENGINE_PREFIX  short name (at most 8 letters), one per cluster: names of namespaces and cgroups
#   ENGINE_NET     first three octets of the nodes' own network
#   ENGINE_STATE   directory of everything: sockets, logs, images, build cache
#   ENGINE_NODES   how many engines
#
# Each node has its own network, mount, pid, uts and ipc namespaces: a second dockerd in the host's
# network namespace would flush the first one's firewall rules, Swarm's ports would clash, and the
# host's pid file and sockets in /run would be overwritten. The nodes are ports of a bridge that lives
# in a hub namespace; from there slirp4netns, a user-mode network stack, reaches the internet. So the
# host gets no link, no address, no route and no firewall rule.
#
#   host ── slirp4netns ── tap0 [hub PREFIX-hub: br0 NET.1] ── e0 [PREFIX-n1: NET.11] dockerd
#                                                          └── e0 [PREFIX-n2: NET.12] dockerd

: "${ENGINE_PREFIX:=hv}" "${ENGINE_NET:=10.77.0}" "${ENGINE_NODES:=1}" "${ENGINE_OFFLINE:=}"
: "${ENGINE_STATE:=$(cache_dir)/engine-$ENGINE_PREFIX}"
_cgroup=/havre-$ENGINE_PREFIX
# slirp4netns' own network, out of the way of Swarm's overlay networks (10.0.0.0/8), the bridges of
# Docker (172.16.0.0/12) and home networks: RFC 2544's range for measurements.
_slirp_cidr=198.18.77.0/24 _slirp_guest=198.18.77.100 _slirp_dns=198.18.77.3

engine_ip()     { echo "$ENGINE_NET.$((10 + $1))"; }
engine_socket() { echo "$ENGINE_STATE/n$1/docker.sock"; }
engine_netns()  { echo "/run/netns/$ENGINE_PREFIX-n$1"; }
engine_docker() { local node=$1; shift; "$(docker_client)" -H "unix://$(engine_socket "$node")" "$@"; }
_hub()          { nsenter --net="/run/netns/$ENGINE_PREFIX-hub" -- "$@"; }
_init_pid()     { cat "$ENGINE_STATE/n$1/init.pid" 2>/dev/null; }
_in_node()      { local node=$1; shift; nsenter -t "$(_init_pid "$node")" -m -u -i -n -p -- "$@"; }

# --- cgroups -----------------------------------------------------------------------------------
# Every process of a cluster is in a cgroup of its own, so teardown needs no list of processes.

_cgroup_is_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }
_cgroup_dirs()  { ls -d /sys/fs/cgroup"$_cgroup" /sys/fs/cgroup/*"$_cgroup" 2>/dev/null || true; }

# engine_cgroup_join PID GROUP: moves a process into a group of this cluster.
engine_cgroup_join() {
  local pid=$1 group=$2 root dir path
  if _cgroup_is_v2; then
    path=/sys/fs/cgroup
    for dir in "" "$_cgroup" $(_parents "$group"); do
      mkdir -p "$path$dir"
      # Offer every controller to what is below; a kernel without one of them is no reason to stop.
      for root in cpuset cpu io memory pids; do
        echo "+$root" >"$path$dir/cgroup.subtree_control" 2>/dev/null || true
      done
    done
    mkdir -p "$path$_cgroup/$group"
    echo "$pid" >"$path$_cgroup/$group/cgroup.procs"
  else
    for root in memory pids cpu cpuacct freezer systemd; do
      if [ ! -d /sys/fs/cgroup/$root ] || [ -L /sys/fs/cgroup/$root ]; then continue; fi
      mkdir -p "/sys/fs/cgroup/$root$_cgroup/$group"
      echo "$pid" >"/sys/fs/cgroup/$root$_cgroup/$group/cgroup.procs"
    done
  fi
}
# The folders above GROUP inside the cluster's cgroup: "n1/daemon" gives "$_cgroup/n1".
_parents() { local group=$1; [ "$group" = "${group%/*}" ] || echo "$_cgroup/${group%/*}"; }

# _cgroup_pids [GROUP]: the processes of this cluster, or of a group in it.
_cgroup_pids() {
  local dir
  for dir in $(_cgroup_dirs); do find "$dir${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null; done | sort -u
}

# _cgroup_kill [GROUP]: kill -9 of all of them, until none is left.
_cgroup_kill() {
  local pids left=200
  while pids=$(_cgroup_pids "$@") && [ -n "$pids" ]; do
    # shellcheck disable=SC2086  # a list of numbers
    kill -KILL $pids 2>/dev/null || true
    [ $((left -= 1)) -gt 0 ] || die "processes of $_cgroup${1:+/$1} do not end: $pids"
    sleep 0.05
  done
}

# --- network -----------------------------------------------------------------------------------

# Daemons get none of the scripts' locks (7: stack.sh, 9: here), or they would hold them for ever.

_hub_up() {
  local hub=$ENGINE_PREFIX-hub
  [ -d /run/netns ] || : >"$ENGINE_STATE/made-run-netns"
  ip netns add "$hub"
  ip -n "$hub" link set lo up
  ip -n "$hub" link add br0 type bridge forward_delay 0
  ip -n "$hub" addr add "$ENGINE_NET.1/24" dev br0
  ip -n "$hub" link set br0 up
  _hub sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  _hub iptables -t nat -A POSTROUTING -s "$ENGINE_NET.0/24" ! -d "$ENGINE_NET.0/24" -j MASQUERADE
  # slirp answers DNS at $_slirp_dns with the host's resolver, also where that listens on loopback.
  echo "nameserver $_slirp_dns" >"$ENGINE_STATE/resolv.conf"
  rm -f "$ENGINE_STATE/slirp.sock"
  (
    engine_cgroup_join $BASHPID slirp
    exec setsid slirp4netns --configure --mtu=1500 --cidr=$_slirp_cidr --disable-host-loopback \
      --api-socket "$ENGINE_STATE/slirp.sock" --netns-type=path "/run/netns/$hub" tap0 \
      >"$ENGINE_STATE/slirp.log" 2>&1 </dev/null 7>&- 9>&-
  ) &
  echo $! >"$ENGINE_STATE/slirp.pid"
  disown   # else bash would tell of its end after the last word of a test run
  _wait 100 ip -n "$hub" route show default dev tap0 || { cat "$ENGINE_STATE/slirp.log" >&2; return 1; }
}

# _wait TENTHS CMD...: until CMD succeeds and prints something.
_wait() {
  local left=$1; shift
  while [ -z "$("$@" 2>/dev/null)" ]; do
    [ $((left -= 1)) -gt 0 ] || return 1
    sleep 0.1
  done
}

# engine_forward HOST_PORT NODE_PORT [ADDRESS]: while the cluster is up, ADDRESS:HOST_PORT of this
# machine (127.0.0.1 if not said) leads to NODE_PORT of node 1.
engine_forward() {
  local host_port=$1 node_port=$2 address=${3:-127.0.0.1}
  python3 - "$ENGINE_STATE/slirp.sock" "$address" "$host_port" $_slirp_guest "$node_port" <<'PYTHON' || return 1
import json, socket, sys

path, address, host_port, guest, guest_port = sys.argv[1:]
rule = {"proto": "tcp", "host_addr": address, "host_port": int(host_port),
        "guest_addr": guest, "guest_port": int(guest_port)}


def ask(command, arguments):
    with socket.socket(socket.AF_UNIX) as api:
        api.connect(path)
        api.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        api.shutdown(socket.SHUT_WR)
        return json.loads(b"".join(iter(lambda: api.recv(4096), b"")))


there = ask("list_hostfwd", {})
there = there.get("return", there)["entries"]  # version 1.2 leaves "return" out
if not any(entry.items() >= rule.items() for entry in there) and "error" in ask("add_hostfwd", rule):
    sys.exit(f"error: port {address}:{host_port} is in use and cannot be forwarded")
PYTHON
  _hub iptables -t nat -C PREROUTING -d $_slirp_guest -p tcp --dport "$node_port" \
    -j DNAT --to-destination "$(engine_ip 1)" 2>/dev/null ||
    _hub iptables -t nat -A PREROUTING -d $_slirp_guest -p tcp --dport "$node_port" \
      -j DNAT --to-destination "$(engine_ip 1)"
}

# engine_exec_net CMD...: runs CMD in node 1's network with this machine's files, as Havre runs on a
# server: it sees the node's 127.0.0.1:80 and docker_gwbridge. Only /etc/resolv.conf is replaced,
# because a resolver on the host's loopback cannot be reached from there; mounts made on the host
# later are seen too (slave). With ENGINE_EXEC=exec the shell becomes CMD, so its pid is CMD's.
engine_exec_net() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  ${ENGINE_EXEC:-} nsenter --net="$(engine_netns 1)" -- unshare --mount --propagation slave -- \
    sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$ENGINE_STATE/resolv.conf" "$@"
}

# --- nodes -------------------------------------------------------------------------------------

_node_up() {
  local node=$1 dir=$ENGINE_STATE/n$1 ns=$ENGINE_PREFIX-n$1
  mkdir -p "$dir/data"
  rm -f "$dir/ready" "$dir/docker.sock"
  ip netns add "$ns"
  ip link add e0 netns "$ns" type veth peer name "n$node" netns "$ENGINE_PREFIX-hub"
  ip -n "$ENGINE_PREFIX-hub" link set dev "n$node" master br0 up
  ip -n "$ns" link set lo up
  ip -n "$ns" addr add "$(engine_ip "$node")/24" dev e0
  ip -n "$ns" link set e0 up
  ip -n "$ns" route add default via "$ENGINE_NET.1"
  # `ip netns exec` would hide /sys/fs/cgroup, nsenter does not.
  (
    engine_cgroup_join $BASHPID "n$node/daemon"
    exec setsid nsenter --net="/run/netns/$ns" unshare -m -u -i -p --fork --kill-child \
      --propagation private --mount-proc bash "$LIB/node-init.sh" "$ENGINE_PREFIX-n$node" "$dir" \
      "$ENGINE_STATE/resolv.conf" >"$dir/init.log" 2>&1 </dev/null 7>&- 9>&-
  ) &
  echo $! >"$dir/outer.pid"
  disown
  _wait 100 ls "$dir/ready" || { cat "$dir/init.log" >&2; die "node $node did not start"; }
  tr -d ' ' <"/proc/$(cat "$dir/outer.pid")/task/$(cat "$dir/outer.pid")/children" >"$dir/init.pid"
  _daemon_up "$node"
}

_daemon_up() {
  local node=$1 dir=$ENGINE_STATE/n$1
  (
    engine_cgroup_join $BASHPID "n$node/daemon"
    exec setsid nsenter -t "$(_init_pid "$node")" -m -u -i -n -p -- \
      env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      ${ENGINE_OFFLINE:+DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1} "$(docker_daemon)" \
      -H "unix://$dir/docker.sock" -H unix:///run/docker.sock --data-root "$dir/data" \
      --exec-root /run/docker --pidfile /run/docker/docker.pid \
      --cgroup-parent="$_cgroup/n$node/containers" --exec-opt native.cgroupdriver=cgroupfs \
      >"$dir/dockerd.log" 2>&1 </dev/null 7>&- 9>&-
  ) &
  disown
}

# engine_restart NODE: ends dockerd as `systemctl restart docker` does, and starts it again.
engine_restart() {
  _daemon_down "$1"
  _daemon_up "$1"
  _node_wait "$1"
}

_daemon_down() {
  local node=$1 pid left=300
  pid=$(_in_node "$node" cat /run/docker/docker.pid) || die "no engine runs on node $node"
  _in_node "$node" kill -TERM "$pid"
  while _in_node "$node" test -e "/proc/$pid"; do
    [ $((left -= 1)) -gt 0 ] || die "the engine of node $node does not end"
    sleep 0.1
  done
  # A daemon that ends while an overlay network is in use may leave its vxlan link behind, and cannot
  # make it again ("error creating vxlan interface: file exists").
  _in_node "$node" sh -c 'for link in /sys/class/net/vx-*; do
    [ ! -e "$link" ] || ip link delete "${link##*/}"; done'
}

_node_wait() {
  _wait 300 engine_docker "$1" version --format '{{.Server.Version}}' && return
  tail -n 5 "$ENGINE_STATE/n$1/dockerd.log" >&2
  die "engine of node $1 did not start; log: $ENGINE_STATE/n$1/dockerd.log"
}

# What a run before left behind, except platform images and the build cache. An image without a tag
# (a pull by digest, a build that was killed) is named by its digest or goes with the pruning.
_node_clean() {
  _node_each "$1" "rm -fv" ps -aq &&
    _node_each "$1" "volume rm -f" volume ls -q &&
    engine_docker "$1" network prune -f >/dev/null &&
    engine_docker "$1" images --digests --format '{{.Repository}} {{.Tag}} {{.Digest}}' |
    awk '$1 != "<none>" && $1 !~ /^(havre\/|debian$)/ {
      if ($2 != "<none>") print $1 ":" $2; else if ($3 != "<none>") print $1 "@" $3 }' |
      xargs -r "$(docker_client)" -H "unix://$(engine_socket "$1")" rmi -f >/dev/null &&
    engine_docker "$1" image prune -f >/dev/null &&
    engine_docker "$1" builder prune -f --keep-storage 10GB >/dev/null
}

# For what cannot be cleaned, such as the images of an engine that was killed while it wrote them.
_node_empty() {
  note "what a run before left on node $1 cannot be removed; starting it empty"
  _daemon_down "$1"
  rm -rf --one-file-system "$ENGINE_STATE/n$1/data"/*
  _daemon_up "$1"
  _node_wait "$1"
}

# _node_each NODE "ACTION" LISTING...: does ACTION with each id that LISTING prints.
_node_each() {
  local node=$1 action=$2
  shift 2
  # shellcheck disable=SC2086  # an action may be two words
  engine_docker "$node" "$@" | xargs -r "$(docker_client)" -H "unix://$(engine_socket "$node")" $action >/dev/null
}

_swarm_up() {
  local node token
  state() { engine_docker "$1" info --format '{{.Swarm.LocalNodeState}}'; }
  [ "$(state 1)" != inactive ] ||
    engine_docker 1 swarm init --advertise-addr "$(engine_ip 1)" >/dev/null
  token=$(engine_docker 1 swarm join-token -q worker)
  for node in $(seq 2 "$ENGINE_NODES"); do
    [ "$(state "$node")" != inactive ] ||
      engine_docker "$node" swarm join --token "$token" --advertise-addr "$(engine_ip "$node")" \
        "$(engine_ip 1):2377" >/dev/null
  done
  # shellcheck disable=SC2317  # called through _wait
  ready() { engine_docker 1 node ls --format '{{.Status}}' | grep -c Ready | grep -x "$ENGINE_NODES"; }
  _wait 300 ready || die "the nodes did not join into one Swarm"
}

engine_is_up() {
  local node pid
  pid=$(cat "$ENGINE_STATE/slirp.pid" 2>/dev/null) && grep -qs "$_cgroup/slirp" "/proc/$pid/cgroup" || return 1
  for node in $(seq "$ENGINE_NODES"); do
    [ -S "$(engine_socket "$node")" ] && engine_docker "$node" version >/dev/null 2>&1 || return 1
  done
}

# engine_up [fresh]: starts the cluster, or leaves it as it is if it runs. Swarm, services and volumes
# of a cluster that was stopped come back; with `fresh` only its images and build cache do.
engine_up() {
  local fresh=${1:-} node
  [ ${#ENGINE_PREFIX} -le 8 ] || die "prefix $ENGINE_PREFIX is longer than 8 letters"
  mkdir -p "$ENGINE_STATE"
  exec 9>"$ENGINE_STATE/lock"
  flock 9
  if [ -n "$fresh" ] || ! engine_is_up; then
    _engine_stop
    _hub_up
    for node in $(seq "$ENGINE_NODES"); do
      [ -z "$fresh" ] || rm -rf "$ENGINE_STATE/n$node/data/swarm"
      _node_up "$node"
    done
    for node in $(seq "$ENGINE_NODES"); do
      _node_wait "$node"
      [ -n "$fresh" ] || continue
      _node_clean "$node" || _node_empty "$node"
    done
  fi
  _swarm_up
  exec 9>&-
}

# engine_add: one more server beside the cluster, in its network, but with a Swarm of its own: node
# ENGINE_NODES + 1. It has node 1's images as if both were made of one template; the files of layers are
# never written to, so they are linked, which takes seconds.
engine_add() {
  local node=$((ENGINE_NODES + 1)) data=$ENGINE_STATE/n$((ENGINE_NODES + 1))/data
  engine_is_up || die "engine $ENGINE_PREFIX is down"
  engine_lose
  mkdir -p "$data"
  cp -al "$ENGINE_STATE/n1/data/overlay2" "$data/"
  cp -a "$ENGINE_STATE/n1/data/image" "$data/"
  rm -rf "$data/image/overlay2/layerdb/mounts"   # of containers
  _node_up "$node"
  _node_wait "$node"
  engine_docker "$node" swarm init --advertise-addr "$(engine_ip "$node")" >/dev/null
}

# engine_lose: that server burns: its processes are killed, its disk is gone.
engine_lose() {
  local node=$((ENGINE_NODES + 1))
  _cgroup_kill "n$node"
  ip netns del "$ENGINE_PREFIX-n$node" 2>/dev/null || true
  rm -rf --one-file-system "$ENGINE_STATE/n$node"
}

# Ends every process, namespace, mount, link and cgroup of the cluster; its files stay.
_engine_stop() {
  local dir ns left
  _cgroup_kill
  for ns in $(ip netns list 2>/dev/null | awk '{print $1}' | grep -E "^$ENGINE_PREFIX-(hub|n[0-9]+)\$"); do
    ip netns del "$ns"
  done
  # Only if the first `ip netns add` of this machine was ours and nobody else's is there.
  if [ -e "$ENGINE_STATE/made-run-netns" ] && [ -z "$(ls /run/netns 2>/dev/null)" ]; then
    umount /run/netns 2>/dev/null || true
    rmdir /run/netns 2>/dev/null || true
    rm -f "$ENGINE_STATE/made-run-netns"
  fi
  left=50
  for dir in $(_cgroup_dirs); do
    until find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || [ ! -e "$dir" ]; do
      [ $((left -= 1)) -gt 0 ] || die "cgroup $dir cannot be removed"
      sleep 0.05   # the kernel empties a cgroup a moment after its last process ended
    done
  done
  rm -f "$ENGINE_STATE"/slirp.* "$ENGINE_STATE"/n*/{init.pid,outer.pid,ready,docker.sock}
}

# engine_down [purge]: stops the cluster; `purge` also removes its images, volumes and build cache.
engine_down() {
  [ -d "$ENGINE_STATE" ] || [ -n "$(_cgroup_pids)" ] || return 0
  mkdir -p "$ENGINE_STATE"
  exec 9>"$ENGINE_STATE/lock"
  flock 9
  _engine_stop
  [ "${1:-}" != purge ] || rm -rf --one-file-system "$ENGINE_STATE"
  exec 9>&-
}

# What a program needs to know to use the cluster.
engine_environment() {
  export HAVRE_TEST_DOCKER_HOST HAVRE_TEST_NETNS HAVRE_TEST_NODE_IP HAVRE_DOCKER_HOST
  HAVRE_TEST_DOCKER_HOST=unix://$(engine_socket 1)
  HAVRE_TEST_NETNS=$(engine_netns 1)
  HAVRE_TEST_NODE_IP=$(engine_ip 1)
  HAVRE_DOCKER_HOST=$HAVRE_TEST_DOCKER_HOST
  # How bin/engine is asked about this very cluster.
  export HAVRE_TEST_ENGINE="--prefix $ENGINE_PREFIX --net $ENGINE_NET --nodes $ENGINE_NODES --state $ENGINE_STATE"
}
