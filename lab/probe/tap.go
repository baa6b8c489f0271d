package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const vxlanPort = 4789

// tap hears every frame of an interface, packet(7), and tells of the first that
// is wanted.
type tap struct {
	*socket
	wanted func(frame) bool
	seen   chan Answer

	mu sync.Mutex
	b  []byte
}

func (r *rig) tap(ns, dev string, wanted func(frame) bool) (*tap, error) {
	fd := -1
	err := r.inside(ns, func() error {
		l, err := (&netlink.Handle{}).LinkByName(dev)
		if errors.As(err, new(netlink.LinkNotFoundError)) {
			return fmt.Errorf("%s has no interface %s", ns, dev)
		}
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: l.Attrs().Index})
	})
	if fd < 0 {
		return nil, err
	}
	s := &socket{File: os.NewFile(uintptr(fd), "tap")}
	if err == nil {
		s.raw, err = s.SyscallConn()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return &tap{socket: s, wanted: wanted, seen: make(chan Answer, 1), b: make([]byte, 1<<16)}, nil
}

// drain looks at all frames there are. It is done when it has found one.
func (t *tap) drain(fd int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		n, _, err := unix.Recvfrom(fd, t.b, unix.MSG_DONTWAIT)
		if err != nil {
			return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
		}
		f := apart(t.b[:n])
		if t.wanted(f) {
			select {
			case t.seen <- Answer{Outcome: Present, Text: f.String(), Data: f.data()}:
			default: // the ping was sent again, and seen again
			}
			return true
		}
	}
}

// after is what is known once a ping has its answer: a frame that was to be
// heard is heard before that.
func (t *tap) after(a Answer) Answer {
	_ = t.control(func(fd int) error {
		t.drain(fd)
		return nil
	})
	select {
	case a = <-t.seen:
	default:
		if a.Outcome == Reply {
			a = Answer{Outcome: Absent, Text: "the ping was answered and did not pass there", permanent: true}
		}
	}
	return a
}

// frame is a frame taken apart, from the outside in.
type frame struct{ layers []gopacket.Layer }

// apart takes a frame apart. Of one that is cut short the last layer may lack
// what it is asked for, and does not count.
func apart(b []byte) frame {
	all := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.NoCopy).Layers()
	return frame{slices.DeleteFunc(all, func(l gopacket.Layer) bool {
		v4, is4 := l.(*layers.IPv4)
		v6, is6 := l.(*layers.IPv6)
		return is4 && v4.DstIP == nil || is6 && v6.DstIP == nil
	})}
}

// carries says whether the innermost layer is an echo request of e.
func (f frame) carries(p *pinger, e *echo) bool {
	request := false
	for _, l := range f.layers {
		var b []byte
		switch l := l.(type) {
		case *layers.ICMPv4:
			request = l.TypeCode.Type() == layers.ICMPv4TypeEchoRequest
			b = append(binary.BigEndian.AppendUint16(nil, l.Seq), l.Payload...)
		case *layers.ICMPv6: // what it says follows as a layer of its own
			request = l.TypeCode.Type() == layers.ICMPv6TypeEchoRequest
		case *layers.ICMPv6Echo:
			b = append(binary.BigEndian.AppendUint16(nil, l.SeqNumber), l.Payload...)
		}
		if request && len(b) >= 10 && [8]byte(b[2:10]) == p.nonce && p.sent(e, binary.BigEndian.Uint16(b)) {
			return true
		}
	}
	return false
}

// sent says whether a sequence number belongs to a ping.
func (p *pinger) sent(e *echo, seq uint16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := e.sent[seq]
	return ok
}

// data is what an expectation may compare.
func (f frame) data() map[string]string {
	d := map[string]string{}
	set := func(key, value string) {
		if d[key] == "" {
			d[key] = value
		}
	}
	address := func(src, dst net.IP) {
		if d["src"] != "" {
			d["inner-src"], d["inner-dst"] = src.String(), dst.String()
		}
		set("src", src.String())
		set("dst", dst.String())
	}
	for _, l := range f.layers {
		switch l := l.(type) {
		case *layers.Ethernet:
			set("src-mac", l.SrcMAC.String())
			set("dst-mac", l.DstMAC.String())
		case *layers.IPv4:
			address(l.SrcIP, l.DstIP)
			set("ttl", fmt.Sprint(l.TTL))
			set("size", fmt.Sprint(l.Length))
		case *layers.IPv6:
			address(l.SrcIP, l.DstIP)
			set("ttl", fmt.Sprint(l.HopLimit))
			set("size", fmt.Sprint(int(l.Length)+len(l.Contents)))
		case *layers.UDP:
			set("port", fmt.Sprint(uint16(l.DstPort)))
		case *layers.VXLAN:
			set("vni", fmt.Sprint(l.VNI))
		}
	}
	return d
}

// String is the frame in about the words of tcpdump(8).
func (f frame) String() string {
	var words []string
	for _, l := range f.layers {
		switch l := l.(type) {
		case *layers.IPv4:
			words = append(words, fmt.Sprintf("IP %s > %s, ttl %d, length %d", l.SrcIP, l.DstIP, l.TTL, l.Length))
		case *layers.IPv6:
			words = append(words, fmt.Sprintf("IP6 %s > %s, hlim %d, length %d", l.SrcIP, l.DstIP, l.HopLimit, int(l.Length)+len(l.Contents)))
		case *layers.UDP:
			words = append(words, fmt.Sprintf("UDP port %d", l.DstPort))
		case *layers.VXLAN:
			words = append(words, fmt.Sprintf("VXLAN vni %d", l.VNI))
		case *layers.ICMPv4, *layers.ICMPv6Echo:
			words = append(words, "echo request")
		}
	}
	return strings.Join(words, ": ")
}
