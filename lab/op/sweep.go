package op

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Sweep removes the interfaces that going makes on the lab's host with a single
// request, and rules with a few. The kernel waits for a grace period of 15 ms
// at each removal of an interface, however many go at once. It is a shortcut
// and no more: each fact is still undone by itself afterwards, and finds nothing
// to do.
func Sweep(k *Kernel, going []Op) error {
	err := errors.Join(sweepRules(k, going), sweepHost(k, going))
	cables := len(hostDevs(going)) > 0 // whose other ends are looked for as well
	for _, o := range going {          // looked at before the kernel is busy with freeing the first
		if n, ok := o.(Namespace); ok {
			err = errors.Join(err, gone(k.lookAt(n.Name, cables)))
		}
	}
	return err
}

// lookAt sees whose a namespace is, and what is in it.
func (k *Kernel) lookAt(ns string, inside bool) (err error) {
	if inside {
		_, err = k.view(ns)
	} else {
		_, err = k.lo(ns)
	}
	return err
}

func sweepHost(k *Kernel, going []Op) error {
	if len(hostDevs(going)) < 2 {
		return nil
	}
	v, err := k.view(topology.Host)
	if err != nil || !onlyOurs(k, v.links, hostDevs(going)) {
		return err
	}
	return gone(k.send(topology.Host, append(switchesOff(k, v.links), deleteGroup(k.Group()))...))
}

// switchesOff switches the lab's switches off, before they go: the kernel need
// not look through all ports then for each that goes.
func switchesOff(k *Kernel, links []link) (out []request) {
	for _, l := range links {
		if l.group == k.Group() && l.kind == "bridge" {
			out = append(out, request{kind: unix.RTM_SETLINK, body: linkMessage(l.index, 0, unix.IFF_UP), spare: true})
		}
	}
	return out
}

// hostDevs are the interfaces on the host that the facts make, and the address
// by which each is known as the lab's own.
func hostDevs(going []Op) []device {
	var out []device
	for _, o := range going {
		if m, ok := o.(interface{ devices() []device }); ok {
			out = append(out, m.devices()...)
		}
	}
	return slices.DeleteFunc(out, func(d device) bool { return d.NS != topology.Host })
}

// onlyOurs says whether the lab's group holds nothing but interfaces that are
// to go: one that somebody else has put in must not go with them.
func onlyOurs(k *Kernel, links []link, ours []device) bool {
	known := map[string]bool{}
	for _, d := range ours {
		known[string(d.addr(k))] = true
	}
	return !slices.ContainsFunc(links, func(l link) bool { return l.group == k.Group() && !known[l.mac] })
}

// deleteGroup is `ip link del group N`, rtnetlink(7). No interface in the group
// is no error.
func deleteGroup(group uint32) request {
	return request{kind: unix.RTM_DELLINK, body: linkMessage(0, 0, 0).number(unix.IFLA_GROUP, int(group))}
}
