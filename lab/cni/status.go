package cni

import (
	"errors"
	"fmt"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/vishvananda/netlink"
)

// status says whether ADD could be served now. It changes nothing.
func status(r *request) error {
	i, err := r.ipamOf()
	if err != nil {
		return unavailable(err)
	}
	l, err := r.hostLink(r.conf.Bridge)
	switch {
	case errors.As(err, new(netlink.LinkNotFoundError)):
	case err != nil:
		return unavailable(err)
	case l.Type() != "bridge":
		return unavailable(fmt.Errorf("bridge %q: an interface of that name is there, but it is a %s", r.conf.Bridge, l.Type()))
	}
	return i.status()
}

// unavailable is the specification's word for "ADD would fail".
func unavailable(err error) error {
	return types.NewError(types.ErrPluginNotAvailable, err.Error(), "")
}
