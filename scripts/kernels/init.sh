#!/bin/busybox sh
# The first and only program of the machine: has each engine count what ping sends, tells, and turns the machine off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
exec </dev/console >/dev/console 2>&1
echo "RESULT kernel $(uname -r)"
insmod /dummy.ko
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo up
ip link add dummy0 type dummy
ip addr add 192.0.2.1/24 dev dummy0
ip link set dummy0 up

for engine in bpf tcx ring pcap; do
  promtap -i dummy0 --engine $engine -r 192.0.2.1 --web.listen-address=127.0.0.1:9112 >/tmp/log 2>&1 &
  pid=$!
  until wget -q -O /dev/null http://127.0.0.1:9112/-/ready 2>/dev/null; do
    kill -0 $pid 2>/dev/null || break
    sleep 1
  done
  if kill -0 $pid 2>/dev/null; then
    ping -c 15 -i 0.1 -W 1 -s 100 192.0.2.2 >/dev/null
    wget -q -O /tmp/page http://127.0.0.1:9112/metrics
    series='promacct_packet_size_bytes_ipv4_tx_NAME{interface="dummy0",ip="192.0.2.1",protocol="icmp"} '
    counted=
    for name in count sum; do
      counted="$counted $(sed -n "s/^$(echo "$series" | sed "s/NAME/$name/")//p" /tmp/page)"
    done
    lost=$(sed -n 's/^promtap_capture_lost_packets_total.*} //p' /tmp/page)
    echo "RESULT $engine counted$counted lost $lost"
    kill $pid
    wait $pid
  else
    echo "RESULT $engine refused $(tail -n 1 /tmp/log)"
  fi
done
poweroff -f
