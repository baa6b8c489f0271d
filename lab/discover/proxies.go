package discover

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"nslab/lab/op"
)

// Proxy is a userland proxy of Docker: a process that takes what is sent to a
// port of the host and hands it on.
type Proxy struct {
	Proto string         `json:"proto"`
	Host  netip.AddrPort `json:"host"` // 0.0.0.0 and :: for every address
	To    netip.AddrPort `json:"to"`
}

// proxyOf reads the command line of a process; ok is false when it is no proxy.
func proxyOf(dir string) (p Proxy, ok bool) {
	b, err := os.ReadFile(dir + "/cmdline")
	words := bytes.Split(bytes.TrimSuffix(b, []byte{0}), []byte{0})
	if err != nil || filepath.Base(string(words[0])) != op.ProxyProgram {
		return p, false
	}
	given := map[string]string{}
	for i := 1; i+1 < len(words); i++ {
		given[string(words[i])] = string(words[i+1])
	}
	host, herr := addrPort(given["-host-ip"], given["-host-port"])
	to, terr := addrPort(given["-container-ip"], given["-container-port"])
	return Proxy{given["-proto"], host, to}, herr == nil && terr == nil
}

func addrPort(ip, port string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return netip.AddrPortFrom(addr, uint16(n)), err
}
