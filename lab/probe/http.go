package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"nslab/lab/op"
	"nslab/topology"
)

// seenAs is the header in which nslab's own HTTP server says from which
// address it saw the client come (package serve).
const seenAs = "X-Nslab-Seen-As"

const httpPort = 80

// maxBody is as much of a body as is compared, maxHeader as much as may come
// before it: who answers may be anybody, and go on for ever.
const maxBody, maxHeader = 64 << 10, 64 << 10

// get asks for an HTTP response.
type get struct {
	from string
	url  string
	host string
	to   target // invalid address: the name is looked up when asked
	port uint16
}

func readHTTP(r *reader) []Probe {
	from := r.place("from")
	w := r.Required("to", `"http://blue/"`)
	if w.Text == "" {
		return nil
	}
	u, err := url.Parse(w.Text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		r.Complain(w.Pos, `want a URL such as "http://blue/" or "http://192.168.1.2:8080/", found %q`, w.Text)
		return nil
	}
	p := get{from: from, url: u.String(), host: u.Hostname(), port: httpPort}
	if u.Port() != "" {
		if p.port, err = readPort(u.Port()); err != nil {
			r.Complain(w.Pos, "%v", err)
		}
	}
	if !r.dns(from, p.host) {
		p.to = r.resolve(from, w.Pos, p.host)
	}
	return []Probe{p}
}

// dns says that a name is one that the asking namespace looks up by itself: it
// has it in its hosts file or has a name server of its own, or it is none of
// the lab's nodes.
func (r *reader) dns(from, name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	if ns, ok := r.state.Namespace(from); ok && (r.state.Knows(ns, name) || len(ns.Resolv.Nameservers) > 0) {
		return true
	}
	return !r.state.HasNode(name) && strings.Contains(name, ".")
}

func (p get) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p get) ask(ctx context.Context, r *rig, pat patience) Answer {
	release, err := r.slot(ctx)
	if err != nil {
		return broken(err)
	}
	defer release()
	start := time.Now()
	addr, a := p.address(ctx, r, pat)
	if !addr.IsValid() {
		return a
	}
	s, a := r.dial(ctx, p.from, netip.AddrPortFrom(addr, p.port), pat.after(time.Since(start)))
	if s == nil {
		return a
	}
	conn, err := net.FileConn(s.File)
	s.Close()
	if err != nil {
		return broken(err)
	}
	defer conn.Close()
	return p.over(ctx, conn, start.Add(pat.listen))
}

// address looks the name up when the file could not.
func (p get) address(ctx context.Context, r *rig, pat patience) (netip.Addr, Answer) {
	if p.to.addr.IsValid() {
		return p.to.addr, Answer{}
	}
	found, a := r.lookUp(ctx, p.from, p.host, pat)
	if len(found) == 0 {
		return netip.Addr{}, a
	}
	return found[0], a
}

// over sends the request on a connection that is there. Redirections are not
// followed: they would leave it.
func (p get) over(ctx context.Context, conn net.Conn, until time.Time) Answer {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	start := time.Now()
	client := &http.Client{
		Transport: &http.Transport{
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
			DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return broken(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return cut(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return cut(err)
	}
	return response(resp, string(body), time.Since(start))
}

// cut is a connection that was there, but no response.
func cut(err error) Answer {
	if errors.Is(err, context.DeadlineExceeded) {
		return Answer{Outcome: NoReply, Text: "connected, but no HTTP response came"}
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return Answer{Outcome: NoReply, Text: "connected, but " + shortened(err.Error(), 200)} // it may quote what came
}

func response(resp *http.Response, body string, took time.Duration) Answer {
	a := Answer{Outcome: Reply, RTT: took, Data: map[string]string{"status": strconv.Itoa(resp.StatusCode), "body": body}}
	a.Text = fmt.Sprintf("status %d, body %s", resp.StatusCode, excerpt(body))
	if seen := resp.Header.Get(seenAs); seen != "" {
		text := strconv.Quote(seen) // a foreign server may write anything there
		if addr, err := netip.ParseAddr(seen); err == nil && topology.Printable(addr.Zone()) == addr.Zone() {
			seen, text = addr.String(), addr.String()
		}
		a.Data["seen-as"] = seen
		a.Text += ", seen as " + text
	}
	return a
}

// excerpt shows the beginning of a foreign text on one line.
func excerpt(s string) string {
	return strconv.Quote(shortened(strings.TrimRight(s, "\r\n"), 60))
}

func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// Command asks by address: the nodes of a lab are names in its file, not in
// any hosts file.
func (p get) Command() op.Command {
	u, err := url.Parse(p.url)
	if err != nil || p.to.node == "" {
		return inside(p.from, "curl", "-sS", "-m2", p.url)
	}
	u.Host = netip.AddrPortFrom(p.to.addr, p.port).String()
	if p.port == httpPort {
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	return inside(p.from, "curl", "-sS", "-m2", u.String())
}

func (p get) String() string { return p.from + " reaches " + p.url }

func (p get) Nodes() []string { return p.to.nodes(p.from) }
