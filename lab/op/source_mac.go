package op

import (
	"fmt"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// SourceMAC is the fact that a bridge takes frames from a port only under one
// address: those that pretend to be from another are dropped, ebtables(8). It
// is a rule in table nat of the bridge family, and stays when the port goes.
type SourceMAC struct {
	NS, Dev string
	MAC     string // "02:00:00:00:00:01"
}

// ethAddr is the size of an address in the header of a frame, where the source's
// comes second: IEEE 802.3.
const ethAddr = 6

func (s SourceMAC) rule() chainRule {
	return chainRule{
		ns: s.NS, family: nftables.TableFamilyBridge, table: tableNAT, chain: "PREROUTING",
		says: s, object: natObject("source", s.Dev, s.MAC),
	}
}

func (s SourceMAC) match() []expr.Any {
	mac, err := net.ParseMAC(s.MAC)
	if err != nil { // it equals no address, so everything is dropped
		mac = make(net.HardwareAddr, ethAddr)
	}
	return append(matchDev(expr.MetaKeyIIFNAME, s.Dev),
		&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseLLHeader, Offset: ethAddr, Len: ethAddr},
		compare(expr.CmpOpNeq, mac))
}

func (s SourceMAC) target() expr.Any { return &expr.Verdict{Kind: expr.VerdictDrop} }

// Words are those of ebtables(8).
func (s SourceMAC) Words() []string { return []string{"-i", s.Dev, "-s", "!", s.MAC, "-j", "DROP"} }

// Before says how much of the table was there already.
func (s SourceMAC) Before(k *Kernel) (string, error) { return s.rule().before(k, k.was(s)) }

// Do appends the rule. A kernel that cannot is ErrNoBridgeRules.
func (s SourceMAC) Do(k *Kernel) error { return s.rule().do(k, k.was(s)) }

// Undo removes the rule.
func (s SourceMAC) Undo(k *Kernel) error { return s.rule().undo(k, k.was(s)) }

// Diff looks for the rule by the lab's mark.
func (s SourceMAC) Diff(k *Kernel) (string, error) { return s.rule().diff(k) }

// Command is ebtables -A.
func (s SourceMAC) Command() Command { return s.rule().command("-A") }

// Inverse is ebtables -D.
func (s SourceMAC) Inverse() Command { return s.rule().command("-D") }

func (s SourceMAC) String() string {
	return fmt.Sprintf("what comes in by %s %s and is not from %s is dropped", s.Dev, place(s.NS), s.MAC)
}

// On is the namespace.
func (s SourceMAC) On() []Object { return []Object{NetNS(s.NS)} }
