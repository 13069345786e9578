#!/bin/bash
# PID 1 of a node of bin/engine, in its own mount, uts, ipc, pid and network namespaces.
# It owns every mount and process of the node and survives restarts of dockerd.
# Arguments: host name, node's directory, resolv.conf.
set -e
name=$1 node=$2 resolv=$3
hostname "$name"
mkdir -p "$node/etc" /etc/docker
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$node/etc/hosts"
cp "$resolv" "$node/etc/resolv.conf"
# A host engine's settings, pid file, sockets, plugins and namespaces must not be seen here.
mkdir -p "$node/etc/docker"
mount --bind "$node/etc/docker" /etc/docker
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
for file in hosts resolv.conf; do
  # A symbolic link into /run (systemd-resolved) leads nowhere now: give it back its target.
  target=$(readlink -m "/etc/$file")
  [ -e "$target" ] || { mkdir -p "$(dirname "$target")" && : >"$target"; }
  mount --bind "$node/etc/$file" "$target"
done
: >"$node/ready"
# Reaps orphans; a shell, because a fresh machine has no other init that does as little.
exec /bin/bash -c 'trap "exit 0" TERM; while :; do sleep 86400 & wait $!; done' node-init "$name"
