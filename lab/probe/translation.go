package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// seenPort is the header in which nslab's own HTTP server says from which port
// it saw the client come (package serve).
const seenPort = "X-Nslab-Seen-Port"

// translation asks as whom several are seen who ask a web server at the same
// time from the same source port: what tells NAT from NAPT, RFC 3022.
type translation struct {
	from  string // words parted by spaces, so that it stays comparable
	sport uint16
	to    target
	port  uint16
}

func readTranslation(r *reader) []Probe {
	var names []string
	for _, w := range r.Words("from") {
		names = append(names, r.asker(w))
	}
	if len(names) < 2 {
		r.Complain(r.check.Pos, "from: want at least two nodes: from: [red, blue]")
		names = []string{""}
	}
	p := translation{from: strings.Join(names, " ")}
	w := r.Required("sport", "5000")
	var err error
	if p.sport, err = readPort(w.Text); err != nil && w.Text != "" {
		r.Complain(w.Pos, "%v", err)
	}
	p.to, p.port = r.service(names[0], "to")
	return []Probe{p}
}

// translationFields are the keys of an expectation.
var translationFields = []field{{"seen-as", address}, {"ports", portsSeen}}

// What has become of the source ports.
const (
	portsKept    = "kept"    // each has the one it has asked from
	portsChanged = "changed" // somebody got another one
)

func portsSeen(s string) (string, error) {
	if s != portsKept && s != portsChanged {
		return "", fmt.Errorf("want %s or %s, found %q", portsKept, portsChanged, s)
	}
	return s, nil
}

func (p translation) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

// ask keeps each connection until the last is seen: an address and port that
// are in use are what the translation must not give away twice.
func (p translation) ask(ctx context.Context, r *rig, pat patience) Answer {
	release, err := r.slot(ctx)
	if err != nil {
		return broken(err)
	}
	defer release()
	var seen []sighting
	for from := range strings.FieldsSeq(p.from) {
		conn, a := p.connect(ctx, r, from, pat)
		if conn == nil {
			a.Text = from + ": " + a.Text
			return a
		}
		defer conn.Close()
		as, err := seenBy(ctx, conn, time.Now().Add(pat.listen))
		if err != nil {
			return Answer{Outcome: NoReply, Text: fmt.Sprintf("%s connects, but is not told as whom it is seen: %v", from, err)}
		}
		seen = append(seen, sighting{from, as})
	}
	return p.answer(seen)
}

type sighting struct {
	from string
	as   netip.AddrPort
}

// connect makes a connection from the source port, which is free again at once
// when it is closed: it ends with a reset (SO_LINGER, socket(7)).
func (p translation) connect(ctx context.Context, r *rig, from string, pat patience) (net.Conn, Answer) {
	s, err := r.open(born{from, p.to.addr.Is6()}, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, broken(err)
	}
	defer s.Close()
	err = s.control(func(fd int) error {
		anywhere := netip.IPv4Unspecified()
		if p.to.addr.Is6() {
			anywhere = netip.IPv6Unspecified()
		}
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
			unix.Bind(fd, sockaddr(netip.AddrPortFrom(anywhere, p.sport))),
		)
	})
	if err != nil {
		return nil, broken(fmt.Errorf("source port %d in %s: %w", p.sport, from, err))
	}
	if a := r.handshake(ctx, s, from, netip.AddrPortFrom(p.to.addr, p.port), pat); a.Outcome != Reply {
		return nil, a
	}
	conn, err := net.FileConn(s.File)
	if err != nil {
		return nil, broken(err)
	}
	return conn, Answer{}
}

// seenBy asks an nslab web server who we are, and leaves the connection open.
func seenBy(ctx context.Context, conn net.Conn, until time.Time) (netip.AddrPort, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+conn.RemoteAddr().String()+"/", nil)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if err := errors.Join(conn.SetDeadline(until), req.Write(conn)); err != nil {
		return netip.AddrPort{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHeader)), req)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer resp.Body.Close()
	as := net.JoinHostPort(resp.Header.Get(seenAs), resp.Header.Get(seenPort))
	who, err := netip.ParseAddrPort(as)
	if err != nil {
		return who, errors.New("that is no http service of this lab")
	}
	return who, nil
}

func (p translation) answer(seen []sighting) Answer {
	var text, addrs []string
	ports := portsKept
	for _, s := range seen {
		text = append(text, fmt.Sprintf("%s port %d is seen as %s", s.from, p.sport, s.as))
		addrs = append(addrs, s.as.Addr().String())
		if s.as.Port() != p.sport {
			ports = portsChanged
		}
	}
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	return Answer{
		Outcome: Reply, Text: strings.Join(text, ", "),
		Data: map[string]string{"seen-as": strings.Join(addrs, " "), "ports": ports},
	}
}

// Command asks at the same time: --local-port sets the source port.
func (p translation) Command() op.Command {
	var words []string
	for from := range strings.FieldsSeq(p.from) {
		words = append(words, inside(from, "curl", "-sS", "-m2", "-D-", "--local-port", strconv.Itoa(int(p.sport)),
			"http://"+netip.AddrPortFrom(p.to.addr, p.port).String()+"/").String()+" &")
	}
	return op.Command{"sh", "-c", strings.Join(append(words, "wait"), " ")}
}

func (p translation) String() string {
	who := strings.Join(strings.Fields(p.from), " and ")
	return fmt.Sprintf("each of %s, from port %d, reaches TCP port %d of %s", who, p.sport, p.port, p.to)
}

func (p translation) Nodes() []string { return p.to.nodes(strings.Fields(p.from)...) }
