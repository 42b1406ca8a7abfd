#!/bin/sh
# Makes a folder the root of a machine of its own, and boots systemd there: machine-root.sh FOLDER CONSOLE [PACKAGES]
#
# To be run in new namespaces of mounts, processes, network, names and IPC. The machine has its own /etc, /var, /run, /tmp,
# /dev and /usr/local, the programs of this one, read-only, and a part of the cgroups of its own. With PACKAGES, a folder
# that is /mnt there, it has the packages of this one too, and what is installed besides is in memory.
set -eu
root=$1
console=$2
packages=${3:-}

mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mkdir -p usr etc/systemd/system proc sys dev run tmp var/lib var/log root usr/local/bin usr-local cgroup old
for link in bin sbin lib lib64; do [ -L $link ] || ln -s usr/$link $link; done
[ -L var/run ] || ln -s ../run var/run

# its own part of the cgroups, before it can see no other
mount -t cgroup2 none cgroup
mkdir -p "cgroup/$(basename "$console")"
echo $$ >"cgroup/$(basename "$console")/cgroup.procs"
umount cgroup

mount --bind usr/local usr-local
if [ -n "$packages" ]; then
  mkdir -p over mnt
  mount --bind "$packages" mnt
  mount -t tmpfs -o mode=755 tmpfs over
  for path in usr var/lib/dpkg; do
    mkdir -p "$path" "over/$path" "over/work/$path"
    mount -t overlay -o "lowerdir=/$path,upperdir=$root/over/$path,workdir=$root/over/work/$path" overlay "$path"
  done
else
  mount --bind /usr usr
  mount -o remount,bind,ro usr
fi
mount --bind usr-local usr/local
mount -t proc proc proc
# What the kernel has one of is not this machine's to set.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755,dev tmpfs dev
for device in null zero full random urandom tty; do cp -a /dev/$device dev/$device; done
mkdir dev/pts dev/mqueue dev/hugepages dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /run/systemd/journal/dev-log dev/log
touch dev/console
mount --bind "$console" dev/console
mount -t sysfs sysfs sys
ip link set lo up

exec unshare --cgroup sh -euc '
  mount -t cgroup2 none sys/fs/cgroup
  mount -o remount,bind,ro sys
  pivot_root . old
  umount -l /old
  # as systemd makes it on a machine that is no container: services get what it mounts for them, such as credentials
  mount --make-rshared /
  exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=promtap-test \
    /lib/systemd/systemd --system --log-target=console --log-level=info --show-status=no
'
