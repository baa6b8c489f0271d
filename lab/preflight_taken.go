package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// PortTaken says who has a port of this machine already: a rule that leads it
// elsewhere, or a process that waits on it; "" when nobody has. proto is tcp or
// udp; an unspecified address is every one of its family. mine says of a
// process, by its id, that it keeps the port for whoever asks.
func PortTaken(k *op.Kernel, proto string, at netip.AddrPort, mine func(pid string) bool) (by string) {
	_ = eachChain(func(ch *nftables.Chain, rules []rule) {
		for _, r := range rules {
			if sees(ch.Table.Family, at.Addr()) && r.leadsFrom(proto, at) {
				by = fmt.Sprintf("a rule in %s %s leads it elsewhere", ch.Table.Name, ch.Name)
			}
		}
	}) // where there is no nf_tables, no rule of it leads anywhere
	if by != "" || !errors.Is(listen(proto, at), unix.EADDRINUSE) {
		return by
	}
	pid, name := op.PortHolder(k, proto, at.Port())
	if pid != "" && mine(pid) {
		return ""
	}
	return name + " has it"
}

// sees says whether the tables of a family see what is sent to an address.
func sees(family nftables.TableFamily, a netip.Addr) bool {
	if a.Is4() {
		return family == nftables.TableFamilyIPv4 || family == nftables.TableFamilyINet
	}
	return family == nftables.TableFamilyIPv6 || family == nftables.TableFamilyINet
}

// leadsFrom says whether the rule leads away some of what is sent to a port.
func (r rule) leadsFrom(proto string, at netip.AddrPort) bool {
	return r.leads && r.port == at.Port() && (r.proto == "" || r.proto == proto) &&
		(!r.dest.IsValid() || at.Addr().IsUnspecified() || r.dest == at.Addr())
}

// listen tries to listen, and ends it: the kernel knows best who is in the way.
func listen(proto string, at netip.AddrPort) error {
	family := "6"
	if at.Addr().Is4() {
		family = "4"
	}
	var c io.Closer
	var err error
	if proto == "udp" {
		c, err = (&net.ListenConfig{}).ListenPacket(context.Background(), proto+family, at.String())
	} else {
		c, err = (&net.ListenConfig{}).Listen(context.Background(), proto+family, at.String())
	}
	if err != nil {
		return err
	}
	return c.Close()
}
