package cni

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"

	"nslab/lab/op"
)

// adder makes an attachment, and takes back what it has made when it does not
// get to the end.
type adder struct {
	*request
	ipam  ipam
	asked bool // the IPAM plugin, so that it may have given something
	made  []fact
}

// fact is a fact and whose it is.
type fact struct {
	op.Op
	k *op.Kernel
}

// add plugs the container into the bridge. The cable comes before the addresses,
// because the IPAM plugin dhcp asks through it.
func add(r *request) (types.Result, error) {
	i, err := r.ipamOf()
	if err != nil {
		return nil, err
	}
	before, err := r.conf.before()
	if err != nil {
		return nil, err
	}
	a := &adder{request: r, ipam: i}
	result, err := a.run(before)
	if err != nil {
		return nil, a.rollback(err)
	}
	a.ready()
	return result, nil
}

func (a *adder) run(before types.Result) (types.Result, error) {
	result, err := startResult(before)
	if err != nil {
		return nil, err
	}
	if err := locked(a.plug); err != nil {
		return nil, err
	}
	own, err := a.interfaces(result)
	if err != nil {
		return nil, err
	}
	if a.ipam.early() {
		a.ready() // or the first question is lost in a port that does not forward yet
	}
	a.asked = true
	given, err := a.ipam.add()
	if err != nil {
		return nil, err
	}
	l := a.layer3(given)
	if err := locked(func() error { return a.address(l) }); err != nil {
		return nil, err
	}
	l.tell(result, own)
	a.dns(result, given)
	return result, nil
}

// plug makes the bridge and the cable.
func (a *adder) plug() error {
	if _, err := a.hostLink(a.hostEnd()); err == nil {
		return types.NewError(codeExists, fmt.Sprintf("%s of %s is in network %s already", a.IfName, a.Container, a.Network), "DEL it first")
	}
	if err := a.inNamespace(); err != nil {
		return err
	}
	if err := a.ensureBridge(); err != nil {
		return err
	}
	facts, err := a.cableFacts(a.mac())
	if err != nil {
		return err
	}
	return a.make(facts)
}

// address makes what has to do with addresses, the gateway's last: another one
// may have to give way to it.
func (a *adder) address(l *layer3) error {
	if err := l.room(a.request); err != nil {
		return err
	}
	if err := l.freePorts(a.request); err != nil {
		return err
	}
	if err := a.make(l.facts(a.request)); err != nil {
		return err
	}
	for _, f := range l.settings(a.request) { // taken back when the last attachment goes
		if err := f.Do(f.k); err != nil {
			return fmt.Errorf("%s: %w", f.Command(), err)
		}
	}
	gateways := l.gateways(a.request)
	for _, g := range gateways {
		if err := a.gateway(g, gateways); err != nil {
			return err
		}
	}
	return nil
}

// gateway gives the bridge an address that it does not have. It is one of all
// that this attachment needs.
func (a *adder) gateway(g fact, all []fact) error {
	if diff, err := g.Diff(g.k); err != nil || diff == "" {
		return err
	}
	rivals, err := a.rivals(g.Op.(op.Addr).Prefix)
	if err != nil {
		return err
	}
	rivals = slices.DeleteFunc(rivals, func(o op.Op) bool {
		return slices.ContainsFunc(all, func(f fact) bool { return f.Op == o })
	})
	if len(rivals) > 0 && !a.conf.ForceAddress {
		return types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("bridge %s has the address %s, not %s",
			a.conf.Bridge, rivals[0].(op.Addr).Prefix, g.Op.(op.Addr).Prefix), `"forceAddress": true takes it away`)
	}
	for i, o := range rivals {
		if err := o.Undo(g.k); err != nil {
			return errors.Join(err, putBack(g.k, rivals[:i]))
		}
	}
	if err := a.make([]fact{g}); err != nil {
		return errors.Join(err, putBack(g.k, rivals))
	}
	return nil
}

func putBack(k *op.Kernel, facts []op.Op) error {
	var errs []error
	for _, o := range facts {
		errs = append(errs, o.Do(k))
	}
	return errors.Join(errs...)
}

// make makes facts. What fails half way was begun, so it is among what is made.
func (a *adder) make(facts []fact) error {
	for _, f := range facts {
		a.made = append(a.made, f)
		if err := f.Do(f.k); err != nil {
			return refused(f, err)
		}
	}
	return nil
}

// refused says what the kernel has refused. What it never can is not supported.
func refused(f fact, err error) error {
	if errors.Is(err, op.ErrNoBridgeRules) {
		return types.NewError(types.ErrUnsupportedField, fmt.Sprintf("macspoofchk: true: %v", err), f.Command().String())
	}
	return fmt.Errorf("%s: %w", f.Command(), err)
}

// rollback takes everything back: a failed ADD leaves nothing.
func (a *adder) rollback(cause error) error {
	errs := []error{cause}
	if a.asked && a.ipam.early() {
		errs = append(errs, a.ipam.del(a.attachment))
	}
	errs = append(errs, locked(func() error {
		errs := []error{undo(a.made)}
		return errors.Join(append(errs, a.settle())...)
	}))
	if a.asked && !a.ipam.early() {
		errs = append(errs, a.ipam.del(a.attachment))
	}
	return join(errs)
}

// undo undoes facts backward. Most of them go with the cable.
func undo(made []fact) error {
	var all []op.Op
	for _, f := range slices.Backward(made) {
		all = append(all, f.Op)
	}
	var errs []error
	for _, o := range op.Roots(all) {
		i := slices.IndexFunc(made, func(f fact) bool { return f.Op == o })
		errs = append(errs, o.Undo(made[i].k))
	}
	return errors.Join(errs...)
}

// join is errors.Join that keeps the code of a CNI error: what came after it is
// in the details.
func join(errs []error) error {
	err := errors.Join(errs...)
	first, ok := errors.AsType[*types.Error](errs[0])
	if !ok || err.Error() == errs[0].Error() {
		return err
	}
	return types.NewError(first.Code, first.Msg, err.Error())
}

// ready waits until packets pass: the kernel takes note of the carrier, and lets
// the port forward, a moment after it is asked. A bridge with spanning tree
// takes its time; that is no failure.
func (a *adder) ready() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, f := range slices.Backward(a.made) {
		if w, ok := f.Op.(op.Waiter); ok {
			_ = w.Wait(ctx, f.k)
		}
	}
}

// startResult is what the plugins ahead in the chain have made.
func startResult(before types.Result) (*current.Result, error) {
	if before == nil {
		return &current.Result{CNIVersion: current.ImplementedSpecVersion}, nil
	}
	return current.NewResultFromResult(before)
}
