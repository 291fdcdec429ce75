#!/bin/sh
# A network agent in the manner of flannel: reads the network's configuration from etcd, takes a subnet of it and writes
# /run/flannel/subnet.env for whoever starts after it. Follows changes until it is told to stop.
set -eu
prefix=${AGENT_PREFIX:-/coreos.com/network}
out=/run/flannel/subnet.env
trap 'echo "stopping"; exit 0' TERM INT

field() { # the string after "NAME": in a line of JSON
  printf '%s' "$1" | sed -n "s/.*\"$2\" *: *\"\([^\"]*\)\".*/\1/p"
}

apply() { # apply CONFIG
  network=$(field "$1" Network)
  [ -n "$network" ] || { echo "$prefix/config has no Network: $1" >&2; exit 1; }
  base=$(printf '%s' "$network" | cut -d. -f1,2)
  subnet=$base.${AGENT_HOST:-7}.1/24
  etcdctl put "$prefix/subnets/$base.${AGENT_HOST:-7}.0-24" '{"PublicIP":"127.0.0.1"}' >/dev/null
  umask 022
  printf 'FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%s\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' "$network" "$subnet" >"$out.new"
  mv "$out.new" "$out"
  echo "network $network: this host has $subnet"
}

echo "reading $prefix/config from etcd at ${ETCDCTL_ENDPOINTS:-127.0.0.1:2379}"
while config=$(etcdctl get --print-value-only "$prefix/config") && [ -z "$config" ]; do
  echo "$prefix/config is not set yet"
  sleep 1 & wait $!
done
[ -n "$config" ] || { echo "etcd does not answer" >&2; exit 1; }
apply "$config"
notify "READY=1" "STATUS=$subnet of $network" &

while :; do
  sleep "${AGENT_INTERVAL:-2}" & wait $!
  new=$(etcdctl get --print-value-only "$prefix/config") || continue
  [ -n "$new" ] && [ "$new" != "$config" ] || continue
  config=$new
  apply "$config"
done
