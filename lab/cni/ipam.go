package cni

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
)

// ipam is who gives addresses.
type ipam interface {
	add() (*current.Result, error)
	del(attachment) error
	check() error
	status() error
	gc(valid map[string]bool) error // keys of attachments that keep what they have
	// early says that an address is given back through the interface, which
	// must still be there. All others are free only when it is gone.
	early() bool
}

// hostLocal, staticIPAM and dhcpIPAM are the IPAM plugins that nslab can stand in for.
const (
	hostLocal  = "host-local"
	staticIPAM = "static"
)

// ipamOf is who gives addresses in this network: the plugin that it names, nslab
// where that is host-local, static or dhcp and not installed, or nobody.
func (r *request) ipamOf() (ipam, error) {
	var key struct {
		Type string `json:"type"`
	}
	if len(r.conf.IPAM) > 0 {
		if err := json.Unmarshal(r.conf.IPAM, &key); err != nil {
			return nil, types.NewError(types.ErrInvalidNetworkConfig, "ipam: "+inWords(err), "")
		}
	}
	if key.Type == "" {
		return nobody{}, nil
	}
	path, err := invoke.FindInPath(key.Type, filepath.SplitList(r.path))
	switch {
	case err == nil:
		return delegate{r, key.Type, path}, nil
	case standsIn(key.Type):
		return r.inPlaceOf(key.Type)
	}
	return nil, types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("ipam.type %q: there is no such program in CNI_PATH=%s", key.Type, r.path), err.Error())
}

func standsIn(kind string) bool {
	return kind == hostLocal || kind == staticIPAM || kind == dhcpIPAM
}

// inPlaceOf is nslab in the place of one of those.
func (r *request) inPlaceOf(kind string) (ipam, error) {
	switch kind {
	case staticIPAM:
		return r.static()
	case dhcpIPAM:
		return leased{r: r}, nil
	}
	return r.local()
}

// nobody gives no address: the network has a bridge and cables, and no more.
type nobody struct{}

func (nobody) add() (*current.Result, error) { return &current.Result{}, nil }
func (nobody) del(attachment) error          { return nil }
func (nobody) check() error                  { return nil }
func (nobody) status() error                 { return nil }
func (nobody) gc(map[string]bool) error      { return nil }
func (nobody) early() bool                   { return false }

// delegate is a plugin that runs as nslab does, with the same environment and
// the complete configuration.
type delegate struct {
	r    *request
	kind string
	path string
}

func (d delegate) exec() invoke.Exec {
	return &invoke.DefaultExec{RawExec: &invoke.RawExec{Stderr: d.r.stderr}}
}

func (d delegate) add() (*current.Result, error) {
	result, err := invoke.ExecPluginWithResult(context.Background(), d.path, d.r.raw, d.args("ADD", d.r.attachment), d.exec())
	if d.tooOld(err) {
		own, err := d.r.inPlaceOf(d.kind)
		if err != nil {
			return nil, err
		}
		return own.add()
	}
	if err != nil {
		return nil, d.failed(err)
	}
	if err := whole(result); err != nil {
		return nil, fmt.Errorf("ipam %s has answered: %w", d.kind, err)
	}
	given, err := current.NewResultFromResult(result)
	if err == nil && len(given.IPs) == 0 {
		err = fmt.Errorf("ipam %s gave no address", d.kind)
	}
	return given, err
}

func (d delegate) args(command string, a attachment) invoke.CNIArgs {
	switch {
	case a != d.r.attachment:
		return &invoke.Args{Command: command, ContainerID: a.Container, IfName: a.IfName, Path: d.r.path}
	case d.r.badArgs != nil: // the plugin would not understand them either
		return &invoke.Args{Command: command, ContainerID: a.Container, NetNS: d.r.netns, IfName: a.IfName, Path: d.r.path}
	}
	return &invoke.DelegateArgs{Command: command}
}

// run has the plugin do what has no result, or instead of it nslab.
func (d delegate) run(command string, a attachment, instead func(ipam) error) error {
	err := invoke.ExecPluginWithoutResult(context.Background(), d.path, d.r.raw, d.args(command, a), d.exec())
	if !d.tooOld(err) {
		return d.failed(err)
	}
	own, err := d.r.inPlaceOf(d.kind)
	if err != nil {
		return err
	}
	return instead(own)
}

// tooOld says whether the plugin does not know the version of the request and
// nslab can stand in: Debian 12 has a host-local that ends at 1.0.0, where a
// runtime may choose 1.1.0 because nslab-bridge has it.
func (d delegate) tooOld(err error) bool {
	e, ok := errors.AsType[*types.Error](err)
	return ok && e.Code == types.ErrIncompatibleCNIVersion && standsIn(d.kind)
}

// failed says whose error it is. Its code stays.
func (d delegate) failed(err error) error {
	if e, ok := errors.AsType[*types.Error](err); ok {
		return types.NewError(e.Code, "ipam "+d.kind+": "+e.Msg, e.Details)
	}
	return err
}

func (d delegate) del(a attachment) error {
	return d.run("DEL", a, func(own ipam) error { return own.del(a) })
}

func (d delegate) check() error { return d.run("CHECK", d.r.attachment, ipam.check) }
func (d delegate) early() bool  { return d.kind == dhcpIPAM }

// status asks the plugin, and looks into host-local's book: host-local itself
// says that all is well when its last address is given.
func (d delegate) status() error {
	if err := d.run("STATUS", d.r.attachment, ipam.status); err != nil {
		return err
	}
	if d.kind != hostLocal {
		return nil
	}
	l, err := d.r.local()
	if err != nil {
		return err
	}
	return l.status()
}

// gc gives back what host-local has written down for nobody, which it does not
// do by itself, and forwards the command.
func (d delegate) gc(valid map[string]bool) error {
	var errs []error
	if d.kind == hostLocal {
		l, err := d.r.local()
		if err != nil {
			return err
		}
		stale, err := l.stale(valid)
		errs = append(errs, err)
		for _, a := range stale {
			errs = append(errs, d.del(a))
		}
	}
	return errors.Join(append(errs, d.run("GC", d.r.attachment, func(own ipam) error { return own.gc(valid) }))...)
}
