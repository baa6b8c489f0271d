package proof

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Scope says which of nslab's own things belong into a print: other labs may
// come and go between two prints.
type Scope struct {
	State []string               // directories in which nslab keeps what it knows of labs
	Ours  func(name string) bool // whether the lab, or sandbox, of that name is meant
}

// sysctls is the section of the kernel's settings.
const sysctls = "sysctls"

// namespaceNumbers is the section of the numbers that a namespace has given to
// others (ip netns list-id).
const namespaceNumbers = "namespace-ids"

// look reads one section.
type look struct {
	name string
	take func(*view) ([]string, error)
}

// looks are the sections of a print in their order.
var looks = []look{
	{"links", links},
	{"addresses", addresses},
	{"routes", routes},
	{"nexthops", nexthops},
	{"rules", rules},
	{"neighbours", neighbours},
	{"proxies", proxies},
	{"fdb", fdb},
	{"vlans", vlans},
	{"qdiscs", qdiscs},
	{"multicast", multicast},
	{namespaceNumbers, namespaceIDs},
	{"listening", listening},
	{"nftables", nftables},
	{"legacy-iptables", legacyTables},
	{sysctls, settings},
	{"mounts", mounts},
	{"namespaces", namespaces},
	{"etc", etc},
	{"state", state},
	{"processes", processes},
}

// Take prints the machine that the calling process runs on. What this user may
// not look at is a line that says so: whatever it is, this user cannot have
// changed it.
func Take(ctx context.Context, scope Scope) (Print, error) { return take(ctx, scope, looks) }

func take(ctx context.Context, scope Scope, which []look) (Print, error) {
	v := &view{ctx: ctx, scope: scope}
	if err := v.devices(); err != nil {
		return nil, err
	}
	out, errs := make(Print, len(which)), make([]error, len(which))
	var all sync.WaitGroup
	for i, l := range which {
		all.Go(func() { out[i], errs[i] = l.section(v) })
	}
	all.Wait()
	return out, errors.Join(errs...)
}

func (l look) section(v *view) (Section, error) {
	lines, err := l.take(v)
	switch {
	case errors.Is(err, fs.ErrPermission):
		lines = []string{"this user may not look: " + unix.EPERM.Error()}
	case unsupported(err):
		lines = nil
	case err != nil:
		return Section{}, fmt.Errorf("%s of this machine: %w", l.name, err)
	}
	slices.Sort(lines)
	return Section{l.name, lines}, nil
}

// unsupported says whether the kernel knows nothing of what it was asked.
func unsupported(err error) bool {
	for _, e := range []error{unix.EOPNOTSUPP, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, fs.ErrNotExist} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// view is what all sections of one print share.
type view struct {
	ctx   context.Context
	scope Scope
	names map[uint32]string // of the interfaces by index
}
