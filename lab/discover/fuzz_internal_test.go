package discover

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// FuzzNames has a machine whose interfaces, namespaces, containers and rules are
// called by anything that a kernel or a runtime takes: the lab file is valid,
// and neither it nor a picture has anything that a terminal obeys.
func FuzzNames(f *testing.F) {
	f.Add("v-net-0", "veth-red", "eth0", "red", "eth+\x00")
	f.Add("\x1b[31m", "a\"b'c", "#", "host", "!docker0\x00")
	f.Add("-", "default", "ALL", "\x1b]0;x\x07\n", "\x1b[2J")
	f.Add("host", "\xff\xfe", "한글", "", "\x00")
	f.Add("{}", "x: y", "name", "yes", "\"+\x00")
	f.Fuzz(func(t *testing.T, bridge, port, dev, room, rule string) {
		if !interfaceName(bridge) || !interfaceName(port) || !interfaceName(dev) || bridge == port {
			return
		}
		for _, m := range named(bridge, port, dev, room, rule) {
			m.nameAll()
			m.Namespaces[0].Interfaces[1].Peer = &End{m.Namespaces[1].Name, dev}
			m.Namespaces[1].Interfaces[0].Peer = &End{m.Namespaces[0].Name, port}
			var lab, mermaid, dot strings.Builder
			if m.WriteLab(&lab) != nil || m.WriteMermaid(&mermaid) != nil || m.WriteDot(&dot) != nil {
				t.Error("not written")
			}
			if _, err := topology.Parse(topology.Source{Name: "found", Text: []byte(lab.String())}, nil); err != nil {
				t.Errorf("%v in\n%s", err, lab.String())
			}
			for _, text := range []string{lab.String(), mermaid.String(), dot.String()} {
				if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("%q is on the screen", text[max(0, i-20):i+1])
				}
			}
		}
	})
}

// interfaceName is dev_valid_name of net/core/dev.c.
func interfaceName(s string) bool {
	const space = 0xa0 // to the kernel, which thinks in Latin-1
	return s != "" && len(s) <= maxDev && s != "." && s != ".." && s != "lo" &&
		!strings.ContainsAny(s, "/: \t\n\v\f\r\x00") && strings.IndexByte(s, space) < 0
}

// named is a cable from a bridge of the host to a room, which is known by its
// name, by its container, or by a process.
func named(bridge, port, dev, room, rule string) []*Machine {
	machine := func(n Namespace) *Machine {
		n.Inode, n.Interfaces = 2, []*Interface{{Index: 2, Name: dev, Kind: "veth", Up: true, MTU: 1500, Addresses: prefixes("10.0.0.2/24")}}
		n.Routes = []Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.1"), Dev: dev}}
		masquerade := newRule("nat", room, []expr.Any{
			&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(rule)}, &expr.Masq{},
		})
		return &Machine{Namespaces: []*Namespace{{Inode: 1, NAT: []Rule{masquerade}, Interfaces: []*Interface{
			{Index: 2, Name: bridge, Kind: "bridge", Up: true, MTU: 1500, Addresses: prefixes("10.0.0.1/24")},
			{Index: 3, Name: port, Kind: "veth", Up: true, MTU: 1500, Master: bridge},
			{Index: 4, Name: "tun0", Kind: room, Up: true, MTU: 1500, Addresses: prefixes("10.1.0.1/24")},
		}}, &n}}
	}
	return []*Machine{
		machine(Namespace{Paths: []string{"/run/netns/" + filepath.Base(room)}}),
		machine(Namespace{Container: &Container{Runtime: "docker", Name: room, Ports: []string{room}}}),
		machine(Namespace{Processes: []Process{{Pid: 7, Comm: room}}}),
	}
}

func prefixes(p string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(p)} }

// FuzzRule reads rules that others have made: what is told of one is words.
func FuzzRule(f *testing.F) {
	f.Add([]byte("eth0\x00"), uint32(12), byte(0), []byte{10, 0, 0, 1}, uint16(80))
	f.Add([]byte{}, uint32(16), byte(1), []byte{10}, uint16(0))
	f.Add([]byte{6}, uint32(9), byte(2), make([]byte, 16), uint16(1))
	f.Add([]byte("\x1b[31m"), uint32(2), byte(3), []byte{0, 80}, uint16(65535))
	f.Add([]byte("1 1 0:4 net:[4026532177] /run/netns/a\\012b rw - nsfs nsfs rw\n1 1 0:4 net:[x"), uint32(8), byte(4), []byte(nil), uint16(9))
	f.Fuzz(func(t *testing.T, data []byte, offset uint32, kind byte, value []byte, port uint16) {
		targets := []expr.Any{
			&expr.Masq{}, &expr.NAT{Type: expr.NATTypeDestNAT, RegAddrMin: 1, RegProtoMin: 2}, &expr.NAT{RegAddrMin: uint32(kind)},
			&expr.Target{Name: "DNAT", Info: &xt.NatRange2{NatRange: xt.NatRange{MinIP: value, MaxIP: value, MinPort: port}}},
			&expr.Target{Name: "SNAT", Info: &xt.NatIPv4MultiRangeCompat{{MinIP: value, MaxIP: data}}}, &expr.Target{Name: "REDIRECT"},
		}
		r := newRule("nat", "PREROUTING", []expr.Any{
			&expr.Payload{Base: expr.PayloadBase(kind % 4), Offset: offset}, &expr.Bitwise{Mask: data}, &expr.Cmp{Data: value},
			&expr.Meta{Key: expr.MetaKey(offset)}, &expr.Cmp{Op: expr.CmpOp(kind % 8), Data: data},
			&expr.Immediate{Register: 1, Data: value}, &expr.Immediate{Register: 2, Data: data},
			&expr.Match{Info: &xt.Tcp{DstPorts: [2]uint16{port, uint16(offset)}}}, targets[int(kind)%len(targets)],
		})
		if text := r.String(); r.Kind == "" || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q, of kind %q", text, r.Kind)
		}
		for path, ino := range mountedNamespaces(data) {
			if path == "" || !strings.Contains(string(data), "net:[") {
				t.Errorf("%q has %d at %q", data, ino, path)
			}
		}
	})
}

// FuzzContainers hears of containers from who may be anybody: an answer on the
// socket of Docker, and files that podman keeps.
func FuzzContainers(f *testing.F) {
	f.Add([]byte(`[{"Id":"a","Names":["/web"],"Ports":[{"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}]}]`))
	f.Add([]byte(`[{"Id":"../../x?y","Names":null},null,{"id":"b","names":["\u001b[31m"]}]`))
	f.Add([]byte(`{"State":{"Pid":-1},"NetworkSettings":{"SandboxKey":"/etc"}}`))
	f.Add([]byte(`null`))
	var answer atomic.Value
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", filepath.Join(f.TempDir(), "docker.sock"))
	if err != nil {
		f.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if b, ok := answer.Load().([]byte); ok {
			_, _ = w.Write(b)
		}
	}))
	server.Listener = l
	server.Start()
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, b []byte) {
		answer.Store(b)
		list := filepath.Join(t.TempDir(), "vfs-containers")
		if err := os.Mkdir(list, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(list, "containers.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := &Sources{Sockets: map[string]string{"docker": l.Addr().String()}, Podman: []string{filepath.Dir(list)}}
		found, unseen := s.containers(t.Context())
		if !json.Valid(b) && len(unseen) == 0 {
			t.Errorf("nobody was told that %q was not understood: %v", b, found)
		}
		own := &Namespace{Inode: 1, Processes: []Process{{Pid: unix.Getpid()}}}
		m := &Machine{Namespaces: []*Namespace{own, {Inode: 2, Processes: []Process{{Pid: 7}}}}}
		m.christen(found)
		if own.Container != nil {
			t.Errorf("the host is the container %v", own.Container)
		}
	})
}
