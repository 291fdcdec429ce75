#!/bin/sh
# dockerd on the subnet that the network agent gave this host, as flannel's users start it. Must start after the agent.
set -eu
[ -r /run/flannel/subnet.env ] || { echo "no /run/flannel/subnet.env: the network agent has not written it" >&2; exit 1; }
. /run/flannel/subnet.env
exec dockerd --host=unix:///run/docker/docker.sock --exec-root=/run/docker/exec --pidfile=/run/docker/pid \
  --data-root=/var/lib/docker --bip="$FLANNEL_SUBNET" --mtu="$FLANNEL_MTU" ${DOCKER_OPTIONS:-}
