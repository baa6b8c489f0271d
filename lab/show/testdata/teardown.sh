#!/bin/sh
# Two rooms $(touch /tmp/x)\n and more\x1b[31m
#
# Takes down the lab two-rooms without nslab. Run it as root, in the network
# namespace that is the lab's host.
#
# It runs ip, iptables, mkdir, printf and nothing else.
# It writes /etc/netns/red/hosts, wherever it runs.
set -u
status=0

# stop an HTTP server on port 80 in blue
mkdir -p /etc/netns/red || status=1
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n' > /etc/netns/red/hosts || status=1
iptables -t nat -D POSTROUTING -s 192.168.15.0/24 -j MASQUERADE || status=1
# put net.ipv4.ip_forward back to what it was
ip link del veth-blue-br || status=1
ip link del veth-red-br || status=1
ip link del v-net-0 || status=1
ip netns del blue || status=1
ip netns del red || status=1
# put net.bridge.bridge-nf-call-iptables back to what it was

exit "$status"
