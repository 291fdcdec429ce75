#!/bin/sh
# Says which version it is, once it has read all its files, and runs until it is told to stop.
set -eu
trap 'exit 0' TERM INT
cat /usr/share/page/*/* >/dev/null
echo "version $(cat /usr/share/page/version)"
sleep 1000000 &
wait $!
