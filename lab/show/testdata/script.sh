#!/bin/sh
# Two rooms $(touch /tmp/x)\n and more\x1b[31m
#
# Builds the lab two-rooms without nslab. Run it as root, in the network
# namespace that is the lab's host.
#
# It runs ip, iptables, mkdir, printf, sysctl and nothing else.
# It writes /etc/netns/red/hosts, wherever it runs.
#
# In a namespace of its own it leaves the machine alone:
#
#     unshare --net --mount
#     mount -t tmpfs tmpfs /run
set -eu

# --- rooms: Two rooms
ip netns add red
ip netns add blue
# ask: ip netns exec red ping -c1 -W1 192.168.15.2  (expect unreachable)

# --- cable: A cable\nip link del eth0
ip -n red link add veth-red type veth peer name veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n red link set veth-red up
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n blue link set veth-blue up
# ask: ip netns exec red ping -c1 -W1 192.168.15.2  (expect reply)
# ask: ip netns exec blue ping -c1 -W1 192.168.15.1  (expect reply)
# ask: ip -n red neigh show 192.168.15.2 dev veth-red  (expect present)

# --- switch
ip -n red link del veth-red
sysctl -qew net.bridge.bridge-nf-call-iptables=0
ip link add v-net-0 type bridge
ip addr add 192.168.15.5/24 dev v-net-0
ip link set v-net-0 up
ip link add veth-red-br type veth peer name veth-red netns red
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n red link set veth-red up
ip link set veth-red-br master v-net-0
ip link set veth-red-br up
ip link add veth-blue-br type veth peer name veth-blue netns blue
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n blue link set veth-blue up
ip link set veth-blue-br master v-net-0
ip link set veth-blue-br up
sysctl -qw net.ipv4.ip_forward=1
ip -n blue route add default via 192.168.15.5
iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE
mkdir -p /etc/netns/red
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n192.168.15.2 blue\n' > /etc/netns/red/hosts
# an HTTP server on port 80 in blue answers "it's\n`blue` $(touch /tmp/x)": nslab runs it itself; `ip netns exec blue python3 -m http.server 80` would do
# ask: ip netns exec red curl -sS -m2 http://blue/  (expect status 200, seen as 192.168.15.1)
# ask: ip netns exec red echo 'a\nip link del eth0'  (expect status 0)
