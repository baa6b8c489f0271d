package op

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/nftables/userdata"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestUserDataOfAnybody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ data, comment, had string }{
		{"", "", ""},
		{string(userData("nslab:lab:x", hadTable)), "nslab:lab:x", hadTable},
		{"\x00\x03ab\x00", "ab", ""},
		{"\x00\x03ab", "", ""},
		{"\x01\x01x\x00\x02y\x00", "y", ""},
		{"\x00", "", ""},
		{"my id", "", ""},
		{"\x00\x00n\x00", "", ""},
	} {
		if got := udataEntry([]byte(tt.data), userdata.TypeComment); got != tt.comment {
			t.Errorf("comment of %q is %q, want %q", tt.data, got, tt.comment)
		}
		if got := hadWord([]byte(tt.data)); got != tt.had {
			t.Errorf("had of %q is %q, want %q", tt.data, got, tt.had)
		}
	}
}

func TestNATMarkFits(t *testing.T) {
	t.Parallel()
	rule := func(from string) chainRule { return Masquerade{From: netip.MustParsePrefix(from)}.rule() }
	short := rule("10.0.0.0/8").mark(&Kernel{Lab: "red"})
	if want := "nslab:red:masquerade:10.0.0.0/8"; short != want {
		t.Errorf("mark %q, want %q", short, want)
	}
	long := &Kernel{Lab: strings.Repeat("l", 120)}
	a, b := rule("10.0.0.0/8").mark(long), rule("10.0.0.0/9").mark(long)
	if len(a) != maxComment || len(b) != maxComment || a == b {
		t.Errorf("long marks %q (%d), %q (%d): want %d bytes each, and different", a, len(a), b, len(b), maxComment)
	}
}

func TestNATExplainsAKernelWithoutCompat(t *testing.T) {
	t.Parallel()
	err := Masquerade{From: netip.MustParsePrefix("10.0.0.0/8")}.rule().explain(fmt.Errorf("batch: %w", unix.ENOENT))
	want := `this kernel does not take the rule "POSTROUTING -s 10.0.0.0/8 -j MASQUERADE" of iptables: it needs ` +
		"nft_compat (CONFIG_NFT_COMPAT), " +
		"nft_chain_nat (CONFIG_NFT_NAT) and xt_MASQUERADE; try `modprobe nft_compat`: batch: no such file or directory"
	if err.Error() != want || !errors.Is(err, unix.ENOENT) {
		t.Errorf("explain:\n got %v\nwant %s", err, want)
	}
}

func flowOf(src, dst, from, to string) *netlink.ConntrackFlow {
	tuple := func(src, dst string) netlink.IPTuple {
		s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
		return netlink.IPTuple{
			Protocol: unix.IPPROTO_TCP,
			SrcIP:    net.IP(s.Addr().AsSlice()), SrcPort: s.Port(), DstIP: net.IP(d.Addr().AsSlice()), DstPort: d.Port(),
		}
	}
	return &netlink.ConntrackFlow{Forward: tuple(src, dst), Reverse: tuple(from, to)}
}

func TestNATFlows(t *testing.T) {
	t.Parallel()
	web := DNAT{Proto: "tcp", Port: 80, To: netip.MustParseAddrPort("192.168.15.2:80")}
	webAt := web
	webAt.Dest = netip.MustParseAddr("192.168.1.2")
	room := Masquerade{From: netip.MustParsePrefix("192.168.15.0/24")}
	all := Masquerade{From: netip.MustParsePrefix("0.0.0.0/0")}
	for _, tt := range []struct {
		name string
		rule chainRule
		flow *netlink.ConntrackFlow
		want bool
	}{
		{"asked before the rule", web.rule(), flowOf("1.1.1.1:9", "192.168.1.2:80", "192.168.1.2:80", "1.1.1.1:9"), true},
		{"led by the rule", web.rule(), flowOf("1.1.1.1:9", "192.168.1.2:80", "192.168.15.2:80", "1.1.1.1:9"), true},
		{"masqueraded by Docker", web.rule(), flowOf("172.17.0.2:9", "1.1.1.1:80", "1.1.1.1:80", "192.168.1.2:9"), false},
		{"led elsewhere", web.rule(), flowOf("1.1.1.1:9", "192.168.1.2:80", "172.17.0.2:80", "1.1.1.1:9"), false},
		{"another port", web.rule(), flowOf("1.1.1.1:9", "192.168.1.2:81", "192.168.1.2:81", "1.1.1.1:9"), false},
		{"at the address", webAt.rule(), flowOf("1.1.1.1:9", "192.168.1.2:80", "192.168.1.2:80", "1.1.1.1:9"), true},
		{"at another address", webAt.rule(), flowOf("1.1.1.1:9", "192.168.1.7:80", "192.168.1.7:80", "1.1.1.1:9"), false},
		{"from the room", room.rule(), flowOf("192.168.15.2:9", "8.8.8.8:53", "8.8.8.8:53", "192.168.1.2:9"), true},
		{"into the room", room.rule(), flowOf("1.1.1.1:9", "192.168.1.2:80", "192.168.15.2:80", "1.1.1.1:9"), true},
		{"of somebody else", room.rule(), flowOf("172.17.0.2:9", "8.8.8.8:53", "8.8.8.8:53", "192.168.1.2:9"), false},
		{"of anybody, translated", all.rule(), flowOf("172.17.0.2:9", "8.8.8.8:53", "8.8.8.8:53", "192.168.1.2:9"), false},
		{"of anybody", all.rule(), flowOf("172.17.0.2:9", "8.8.8.8:53", "8.8.8.8:53", "172.17.0.2:9"), true},
	} {
		if got := tt.rule.flows(tt.flow); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
