#!/bin/sh
# boot.sh DIR TREE [NSPAWN-OPTION...]: boots TREE below DIR/upper, with DIR/var as /var. Runs in a mount namespace of its own, so
# that no mount outlives it, however it ends. Keep the flags in step with what runc and crun need: keyrings, bpf, all capabilities.
set -eu
dir=$1 tree=$2
shift 2
# A cgroup of its own in each hierarchy that nspawn uses, listed in DIR/cgroups: machines that share one find each other's
# processes in their units.
: > "$dir/cgroups"
while IFS=: read -r _ controllers path; do
  case $controllers in
    "") mount=$(findmnt --noheadings --first-only --output TARGET --types cgroup2) || continue ;;
    name=systemd) mount=$(findmnt --noheadings --first-only --output TARGET --types cgroup --options name=systemd) || continue ;;
    *) continue ;;
  esac
  cgroup=$mount${path%/}/berth-${dir##*/}
  echo "$cgroup" >> "$dir/cgroups"
  mkdir -p "$cgroup"
  echo $$ > "$cgroup/cgroup.procs"
done < /proc/$$/cgroup
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
if [ ! -e "$dir/root/.copied" ]; then
  if ! mount -t overlay -o "lowerdir=$tree,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root" 2>/dev/null; then
    cp -a --reflink=auto "$tree/." "$dir/root"
    cp -a "$dir/upper/." "$dir/root"
    touch "$dir/root/.copied"
  fi
fi
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --directory="$dir/root" --boot --register=no --keep-unit --console=pipe --private-network \
  --capability=all --system-call-filter=@keyring --system-call-filter=bpf --bind="$dir/var:/var" "$@"
