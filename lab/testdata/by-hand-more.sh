# What else the grammar has words for, typed by hand: IPv6, a macvlan, an
# overlay with a smaller MTU, a route with a metric, a switch in a namespace.
sysctl -qw net.ipv6.conf.default.accept_dad=0
for ns in one two lan; do
	ip netns add $ns
	ip netns exec $ns sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip -n $ns link set lo up
done
ip -n lan link add sw0 type bridge
ip -n lan link set sw0 up
ip link add eth0 type veth peer name lan-host netns lan
ip -n lan link set lan-host master sw0 up
ip addr add 10.1.0.1/24 dev eth0
ip addr add fd00:1::1/64 dev eth0 nodad
ip link set eth0 up
ip link add link eth0 name eth0 netns one type macvlan mode bridge
ip -n one addr add 10.1.0.2/24 dev eth0
ip -n one link set eth0 up
ip -n one route add default via 10.1.0.1 metric 50

ip -n two link add eth1 mtu 1450 type veth peer name two mtu 1450 netns 1
ip link set two up
ip -n two link set eth1 up
ip addr add 10.2.0.1/24 dev two
ip -n two addr add 10.2.0.2/24 dev eth1
ip -n two addr add fd00:2::2/64 dev eth1 nodad
ip -n two route add 10.9.0.0/16 dev eth1
ip link add vx0 type vxlan id 42 dev eth0 local 10.1.0.1 remote 10.1.0.9 dstport 4789
ip link set vx0 up
ip addr add 10.3.0.1/24 dev vx0
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
iptables -t nat -A POSTROUTING -s 10.2.0.0/24 ! -o two -j MASQUERADE
ip6tables -t nat -A POSTROUTING -s fd00:2::/64 -j MASQUERADE
