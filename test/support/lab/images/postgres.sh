#!/bin/sh
# PostgreSQL as Debian packs it: makes its cluster at the first start, then is the server.
set -eu
data=$HOME/main
[ -e "$data/PG_VERSION" ] || initdb --pgdata="$data" --auth=trust --locale=C --encoding=UTF8 --no-sync >/dev/null
exec postgres -D "$data" -c unix_socket_directories=/tmp -c listen_addresses=127.0.0.1
