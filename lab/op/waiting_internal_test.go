package op

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestParseWaiting(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     7        0 631 1
   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 443 1
   2: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 22 1
   3: 0100007F:1234 0100007F:0277 01 00000000:00000000 00:00000000 00000000     0        0 9 1
rubbish
   4: rubbish:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1
`
	got := parseWaiting(table, states["tcp"])
	want := []Waiting{
		{netip.MustParseAddrPort("127.0.0.1:631"), 7, 631},
		{netip.MustParseAddrPort("0.0.0.0:443"), 0, 443},
		{netip.MustParseAddrPort("[::1]:22"), 0, 22},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The kernel tells the same of a socket that waits by sock_diag and in /proc.
func TestWaiting(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for proto, at := range map[string]string{"tcp": l.Addr().String(), "udp": p.LocalAddr().String()} {
		is := func(w Waiting) bool { return w.At.String() == at }
		diag, err := waitingDiag(proto)
		if err != nil {
			t.Fatal(err)
		}
		proc, err := waitingProc(proto)
		if err != nil {
			t.Fatal(err)
		}
		i, j := slices.IndexFunc(diag, is), slices.IndexFunc(proc, is)
		if i < 0 || j < 0 || diag[i] != proc[j] {
			t.Errorf("%s %s: sock_diag tells of %v, /proc of %v", proto, at, diag, proc)
		}
	}
}
