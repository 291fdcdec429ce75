#!/bin/sh
# Serves one page that shows the subnet which the network agent gave this host. Must start after it.
set -eu
[ -r /run/flannel/subnet.env ] || { echo "no /run/flannel/subnet.env: the network agent has not written it" >&2; exit 1; }
. /run/flannel/subnet.env
mkdir -p /tmp/www
echo "this host serves from $FLANNEL_SUBNET of $FLANNEL_NETWORK" >/tmp/www/index.html
trap 'kill $! 2>/dev/null; exit 0' TERM INT
echo "serving on port ${PORT:-8080}"
httpd -f -p "127.0.0.1:${PORT:-8080}" -h /tmp/www &
wait $!
