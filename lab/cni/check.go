package cni

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/vishvananda/netlink"
)

// check compares the kernel with what ADD has answered: the same facts, which
// are now to be true. What other plugins have added is not looked at.
func check(r *request) error {
	before, err := r.conf.before()
	if err != nil {
		return err
	}
	if before == nil {
		return types.NewError(types.ErrInvalidNetworkConfig, "CHECK needs prevResult, what ADD has answered", "")
	}
	all, err := current.NewResultFromResult(before)
	if err != nil {
		return err
	}
	if err := r.inNamespace(); err != nil {
		return err
	}
	facts, err := r.expected(all)
	if err != nil {
		return err
	}
	if err := different(facts); err != nil {
		return err
	}
	i, err := r.ipamOf()
	if err != nil {
		return err
	}
	return i.check()
}

// expected are the facts that the result means.
func (r *request) expected(all *current.Result) ([]fact, error) {
	own, mac, ok := r.own(all)
	if !ok {
		return nil, types.NewError(codeDiffers, fmt.Sprintf("prevResult has no interface %s in %s", r.IfName, r.netns), "")
	}
	facts, err := r.cableFacts(mac)
	if err != nil {
		return nil, err
	}
	if err := r.stands(facts); err != nil {
		return nil, err
	}
	for _, o := range r.bridgeFacts() {
		facts = append(facts, fact{o, r.bridgeOwner()})
	}
	l := r.layer3(own)
	if err := l.room(r); err != nil {
		return nil, err
	}
	facts = append(facts, l.facts(r)...)
	facts = append(facts, l.settings(r)...)
	return append(facts, l.gateways(r)...), nil
}

// stands looks at what the rest stands on: the bridge and the facts of the cable.
// The cable itself, the first of them, no command brings back as it was.
func (r *request) stands(facts []fact) error {
	const again = "DEL, then ADD"
	switch _, err := r.hostLink(r.conf.Bridge); {
	case errors.As(err, new(netlink.LinkNotFoundError)):
		return types.NewError(codeDiffers, fmt.Sprintf("bridge %s does not exist on the host", r.conf.Bridge), again)
	case err != nil:
		return err
	}
	err := different(facts[:1])
	if e, ok := errors.AsType[*types.Error](err); ok {
		e.Details = again
	}
	if err != nil {
		return err
	}
	return different(facts[1:])
}

// different returns an error that tells every fact that is not true, and what
// mends it.
func different(facts []fact) error {
	var diffs, cures []string
	for _, f := range facts {
		diff, err := f.Diff(f.k)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		if diff != "" {
			diffs, cures = append(diffs, diff), append(cures, f.Command().String())
		}
	}
	if len(diffs) == 0 {
		return nil
	}
	return types.NewError(codeDiffers, strings.Join(diffs, "; "), strings.Join(cures, "; "))
}
