package cni

import (
	"errors"
	"slices"
	"sync"

	"nslab/lab/netns"
	"nslab/lab/op"
)

// del takes away what ADD has made, and is content with whatever is left of it.
// An address is free only when nobody has it any more, so it is given back last.
func del(r *request) error {
	i, err := r.ipamOf()
	if err != nil {
		i = nobody{} // the rest can go all the same
	}
	errs := []error{err}
	if i.early() {
		errs = append(errs, i.del(r.attachment))
	}
	errs = append(errs, locked(r.unplug))
	if !i.early() {
		errs = append(errs, i.del(r.attachment))
	}
	return errors.Join(errs...)
}

// unplug removes the cable and the rules.
func (r *request) unplug() error {
	cable := false
	err := r.sweep(func(t op.Trace, key string) bool {
		cable = cable || t.Kind == op.TraceLink && key == r.key()
		return key == r.key()
	})
	errs := []error{err}
	if !cable {
		errs = append(errs, r.pull())
	}
	return errors.Join(append(errs, r.settle())...)
}

// sweep removes what the host has of attachments of this network that are gone:
// the cables while the rules go, because the kernel makes one wait for either.
func (r *request) sweep(gone func(t op.Trace, key string) bool) error {
	traces, err := op.GuestTraces()
	traces = slices.DeleteFunc(traces, func(t op.Trace) bool {
		key, ours := r.keyOf(t)
		return !ours || !gone(t, key)
	})
	var wait sync.WaitGroup
	var cables, rules error
	wait.Go(func() { cables = removeAll(traces, func(t op.Trace) bool { return t.Kind == op.TraceLink }) })
	rules = removeAll(traces, func(t op.Trace) bool { return t.Kind != op.TraceLink })
	wait.Wait()
	return errors.Join(err, cables, rules)
}

func removeAll(traces []op.Trace, which func(op.Trace) bool) error {
	var errs []error
	for _, t := range traces {
		if which(t) {
			errs = append(errs, t.Remove())
		}
	}
	return errors.Join(errs...)
}

// pull removes a cable whose end on the host does not have its name, by the end
// in the container.
func (r *request) pull() error {
	n, err := netns.OpenPath(r.netns)
	if err != nil {
		return nil //nolint:nilerr // the namespace is gone, and the cable with it
	}
	n.Close()
	cable, err := r.cable("")
	if err != nil {
		return err
	}
	return cable.Undo(r.as(r.owner()))
}
