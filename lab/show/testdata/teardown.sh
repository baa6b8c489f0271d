#!/bin/sh
# Two rooms $(touch /tmp/x)\n and more\x1b[31m
#
# Takes down the lab two-rooms without nslab. Run it as root, in the network
# namespace that is the lab's host.
#
# It runs ip, iptables, rm and nothing else.
# It removes /etc/netns/red/hosts, wherever it runs.
set -u
status=0

# stop an HTTP server on port 80 in blue
rm -f /etc/netns/red/hosts || status=1
iptables -t nat -D POSTROUTING -s 192.168.15.0/24 -j MASQUERADE || status=1
# put net.ipv4.ip_forward back to what it was
ip link del veth-blue-br || status=1
ip link del veth-red-br || status=1
ip link del v-net-0 || status=1
ip netns del blue || status=1
ip netns del red || status=1
# put net.bridge.bridge-nf-call-iptables back to what it was

exit "$status"
