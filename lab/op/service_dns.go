package op

import (
	"fmt"
	"net/netip"
	"strings"

	"nslab/topology"
)

// readDNS reads {dns: "127.0.0.11:53", names: auto, forward: 8.8.8.8}.
func (s *Service) readDNS(args *topology.Args, v topology.Service, state *topology.State) {
	at := v.Listen()
	if args.Word("dns"); !at.IsValid() {
		args.Complain(v.Kind.Pos, `want the address it is asked at: dns: "127.0.0.11:53"`)
	}
	s.Addr, s.Port = at.Addr(), int(at.Port())
	if w := args.Word("forward"); w.Text != "" {
		var err error
		if s.Forward, err = netip.ParseAddr(w.Text); err != nil {
			args.Complain(w.Pos, "forward: want the address of a name server, found %q", w.Text)
		}
	}
	args.Value("names")
	var names strings.Builder
	for _, l := range state.DNSNames(s.NS, v) {
		names.WriteString(l.String() + "\n")
	}
	if s.Names = names.String(); len(s.Names) > maxBody {
		args.Complain(v.Kind.Pos, "names of %d bytes: at most %d are served", len(s.Names), maxBody)
	}
}

func (s Service) listen() netip.AddrPort { return netip.AddrPortFrom(s.Addr, uint16(s.Port)) }

// dnsArgv is what serve wants: ADDRESS:PORT, the names, and the server behind.
func (s Service) dnsArgv() []string {
	argv := []string{s.Kind, s.listen().String(), s.Names}
	if s.Forward.IsValid() {
		argv = append(argv, s.Forward.String())
	}
	return argv
}

// dnsCommand is a remark: dnsmasq(8) would do.
func (s Service) dnsCommand() Command {
	words := []string{"dnsmasq", "-k", "-h", "-R", "-z", "-a", s.Addr.String(), "-p", fmt.Sprint(s.Port)}
	for line := range strings.Lines(s.Names) {
		addr, names, _ := strings.Cut(strings.TrimSpace(line), " ")
		words = append(words, "--host-record="+strings.ReplaceAll(names, " ", ",")+","+addr)
	}
	if s.Forward.IsValid() {
		words = append(words, "-S", s.Forward.String())
	}
	return Remark(fmt.Sprintf("%s: nslab runs it itself; `%s` would do", s.what(), s.typed(words...)))
}
