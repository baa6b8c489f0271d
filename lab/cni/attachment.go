package cni

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"nslab/lab/op"
	"nslab/topology"
)

// attachment is one interface of one container in one network. Its names are
// all that the marks follow from.
type attachment struct{ Network, Container, IfName string }

// key is what the attachment is known by where names are short. Two of a
// million have the same one with a chance of 1 in 500.
func (a attachment) key() string {
	h := sha256.Sum256([]byte(a.Network + "\x00" + a.Container + "\x00" + a.IfName))
	return hex.EncodeToString(h[:6])
}

// hostEnds begins the name of every cable's end on the host; the key follows.
const hostEnds = "nsl"

// hostEnd is the name of the cable's end on the host.
func (a attachment) hostEnd() string { return hostEnds + a.key() }

// owners begins the marks of a network's attachments; the key follows. The
// comment of a rule, which has the mark, is not long.
func (r *request) owners() string {
	const long = 40
	network := r.Network
	if len(network) > long {
		h := sha256.Sum256([]byte(network))
		network = network[:long-9] + "~" + hex.EncodeToString(h[:4])
	}
	return r.mark + network + "/"
}

func (r *request) owner() string { return r.owners() + r.key() }

// keyOf reads the key of an attachment of the network off what was made for it;
// ours is false for what was not.
func (r *request) keyOf(t op.Trace) (key string, ours bool) {
	if t.Kind != op.TraceLink {
		return strings.CutPrefix(t.Lab, r.owners())
	}
	key, ours = strings.CutPrefix(t.Name, hostEnds)
	return key, ours && t.Of(&op.Kernel{Lab: r.owners() + key})
}

// as is the kernel as the owner of a mark sees it.
func (r *request) as(owner string) *op.Kernel {
	k := *r.kernel
	k.Lab = owner
	return &k
}

// cable is the veth pair between the bridge and the container, of the one kind
// of cable that there is: what a file's `links` means, too.
func (r *request) cable(mac string) (op.Op, error) {
	end := func(ns, dev, mac string) topology.End {
		return topology.End{Node: word(ns), Interface: word(dev), MAC: word(mac), MTU: r.conf.MTU}
	}
	return op.ReadLink(topology.Link{
		Kind: word("veth"), Options: topology.Value{Kind: topology.Map},
		Ends: []topology.End{end(topology.Host, r.hostEnd(), ""), end(r.netns, r.IfName, mac)},
	}, &topology.State{})
}

func word(text string) topology.Word { return topology.Word{Text: text} }
