package probe

import (
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// A ping is found by its request; its answer carries the same, and comes by
// another way.
func TestCarriesARequest(t *testing.T) {
	t.Parallel()
	p := &pinger{stamp: stamp{nonce: [8]byte{1, 2, 3}}}
	e := &echo{sent: map[uint16]time.Time{7: {}}}
	payload := gopacket.Payload(p.nonce[:])
	four := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	six := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
	tests := []struct {
		name   string
		inside []gopacket.SerializableLayer
		want   bool
	}{
		{"request", []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), four, icmp4(layers.ICMPv4TypeEchoRequest), payload}, true},
		{"reply", []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), four, icmp4(layers.ICMPv4TypeEchoReply), payload}, false},
		{"request of IPv6", []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), six, icmp6(layers.ICMPv6TypeEchoRequest), &layers.ICMPv6Echo{SeqNumber: 7}, payload}, true},
		{"reply of IPv6", []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), six, icmp6(layers.ICMPv6TypeEchoReply), &layers.ICMPv6Echo{SeqNumber: 7}, payload}, false},
	}
	for _, tt := range tests {
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, tt.inside...); err != nil {
			t.Fatal(err)
		}
		f := apart(b.Bytes())
		if got := f.carries(p, e); got != tt.want {
			t.Errorf("%s: carries it: %v, want %v (%v)", tt.name, got, tt.want, f)
		}
	}
}

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: kind}
}

func icmp4(kind uint8) *layers.ICMPv4 {
	return &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, 0), Seq: 7}
}

func icmp6(kind uint8) *layers.ICMPv6 {
	return &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
}
