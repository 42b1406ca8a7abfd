#!/bin/busybox sh
# The first and only program of the machine: has each engine count what ping sends, by address, and again by lists that the
# kernel looks up and with VLANs told apart; tells, and turns the machine off.
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

printf 'prefix,customer\n192.0.2.0/31,acme\n192.0.2.128/25,other\n' >/tmp/customers.csv

# The value of a series in the page, labels and all.
value() { grep -F "$1 " /tmp/page | sed 's/.* //'; }

# Has promtap run with flags; what it counted of ping, or why it doesn't run, goes by a name.
run() {
  name=$1
  shift
  promtap -i dummy0 -r 192.0.2.1 --web.listen-address=127.0.0.1:9112 "$@" >/tmp/log 2>&1 &
  pid=$!
  until wget -q -O /dev/null http://127.0.0.1:9112/-/ready 2>/dev/null; do
    kill -0 $pid 2>/dev/null || break
    sleep 1
  done
  if kill -0 $pid 2>/dev/null; then
    ping -c 15 -i 0.1 -W 1 -s 100 192.0.2.2 >/dev/null
    wget -q -O - http://127.0.0.1:9112/metrics | sed 's/vlan="",//' >/tmp/page
    address='{interface="dummy0",ip="192.0.2.1",protocol="icmp"}'
    customer='{interface="dummy0",customer="acme",zone="there",direction="tx"}'
    counted=
    for series in "promacct_packet_size_bytes_ipv4_tx_count$address" "promacct_packet_size_bytes_ipv4_tx_sum$address" \
      "promtap_customer_packets_total$customer" "promtap_customer_bytes_total$customer"; do
      counted="$counted $(value "$series")"
    done
    lost=$(sed -n 's/^promtap_capture_lost_packets_total.*} //p' /tmp/page)
    echo "RESULT $name counted" $counted "lost $lost"
    kill $pid
    wait $pid
  else
    echo "RESULT $name refused $(tail -n 1 /tmp/log)"
  fi
}

for engine in bpf tcx ring pcap; do
  run $engine --engine $engine
  run $engine-customers --engine $engine --range-file=/tmp/customers.csv --by=country,vlan \
    --customers.by=zone,vlan --zone=there=192.0.2.2
done
poweroff -f
