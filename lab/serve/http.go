package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// SeenAs is the header that says from which address the server saw its client
// come: the proof of an address translation.
const SeenAs = "X-Nslab-Seen-As"

// SeenPort is the header that says from which port: what tells two clients
// apart that share an address.
const SeenPort = "X-Nslab-Seen-Port"

// serveHTTP answers every GET with the same body: args are the port and the body.
func serveHTTP(ctx context.Context, args []string, ready func()) error {
	p, err := port(args)
	if err != nil {
		return err
	}
	body := ""
	if len(args) > 1 {
		body = args[1]
	}
	ls, err := listen(ctx, p)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler(body), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	ready()
	return ls.each(func(l net.Listener) error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

func handler(body string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { answer(w, r, body) })
	mux.HandleFunc("GET /seen-as", func(w http.ResponseWriter, r *http.Request) { answer(w, r, client(r).Addr().String()+"\n") })
	return mux
}

func answer(w http.ResponseWriter, r *http.Request, body string) {
	from := client(r)
	w.Header().Set(SeenAs, from.Addr().String())
	w.Header().Set(SeenPort, strconv.Itoa(int(from.Port())))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, body) // a client that went away needs no answer
}

// client is where the request came from; a socket for both families
// shows an IPv4 client as ::ffff:192.168.15.2.
func client(r *http.Request) netip.AddrPort {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{} // net/http writes no other form for a TCP connection
	}
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}
