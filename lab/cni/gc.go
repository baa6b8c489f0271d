package cni

import (
	"errors"
	"fmt"

	"nslab/lab/op"
)

// gc removes what is left of attachments that the runtime does not name. It does
// as much as it can and tells every failure. A runtime that names no list at
// all has not said that nothing is valid.
func gc(r *request) error {
	valid, told := r.conf.valid()
	if !told {
		fmt.Fprintf(r.stderr, "%s: GC of %s without cni.dev/valid-attachments: nothing is known to be stale, so nothing was done\n", Plugin, r.Network)
		return nil
	}
	i, err := r.ipamOf()
	if err != nil {
		i = nobody{}
	}
	return errors.Join(err, locked(func() error {
		err := r.sweep(func(_ op.Trace, key string) bool { return !valid[key] })
		return errors.Join(err, r.settle())
	}), i.gc(valid))
}
