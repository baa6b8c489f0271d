# The lecture, typed by hand: no line of it was made by nslab.
for ns in lan neighbor internet; do
	ip netns add $ns
	ip -n $ns link set lo up
done
ip -n lan link add name sw0 type bridge
ip -n lan link set dev sw0 up
for ns in host neighbor internet; do
	ip -n lan link add lan-$ns type veth peer name up-$ns
	ip -n lan link set lan-$ns master sw0 up
done
ip -n lan link set up-host netns $$
ip link set up-host name eth0
for ns in neighbor internet; do
	ip -n lan link set up-$ns netns $ns
	ip -n $ns link set up-$ns name eth0
	ip -n $ns link set eth0 up
done
ip addr add 192.168.1.2/24 dev eth0
ip link set eth0 up
ip route add default via 192.168.1.1
ip -n neighbor addr add 192.168.1.3/24 dev eth0
ip -n internet addr add 192.168.1.1/24 dev eth0
ip -n internet addr add 8.8.8.8/32 dev lo
sysctl -qew net.bridge.bridge-nf-call-iptables=0

ip link add v-net-0 type bridge
ip link set dev v-net-0 up
i=0
for ns in red blue green gray; do
	i=$((i + 1))
	ip netns add $ns
	ip link add veth-$ns type veth peer name veth-$ns-br
	ip link set veth-$ns netns $ns
	ip link set veth-$ns-br master v-net-0
	ip -n $ns addr add 192.168.15.$i/24 dev veth-$ns
	ip -n $ns link set veth-$ns up
	ip link set veth-$ns-br up
done
ip addr add 192.168.15.5/24 dev v-net-0
ip -n blue route add 192.168.1.0/24 via 192.168.15.5
iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE
sysctl -qw net.ipv4.ip_forward=1
ip -n blue route add default via 192.168.15.5
iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 192.168.15.2:80
ip -n neighbor route add 192.168.15.0/24 via 192.168.1.2
