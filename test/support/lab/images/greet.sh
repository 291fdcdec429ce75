#!/bin/sh
# Says whom it greets, writes it to /var/run/greeting where that can be written, and waits until it is told to stop.
set -eu
trap 'exit 0' TERM INT
greeting="Hi ${RECEIVER:-nobody} from container ${NAME:-none} with UUID=${UUID:-none} on port ${PORT:-none}"
echo "$greeting"
(echo "$greeting" >/var/run/greeting) 2>/dev/null || true
if [ -n "${NOTIFY_SOCKET:-}" ]; then notify READY=1 "STATUS=$greeting" & fi
while :; do
  sleep 3600 & wait $!
done
