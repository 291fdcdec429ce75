#!/bin/busybox sh
# The first program of a virtual machine: loads what its disk needs, then hands over to the disk's systemd.
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
# As after a power failure: the journal of the file system is replayed by the mount.
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init
