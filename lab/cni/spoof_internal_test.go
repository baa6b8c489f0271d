package cni

import (
	"errors"
	"fmt"
	"testing"

	"github.com/containernetworking/cni/pkg/types"

	"nslab/lab/op"
	"nslab/topology"
)

// A kernel without rules for bridges does not support macspoofchk, code 2;
// whatever else it refuses is told in its own words.
func TestRefused(t *testing.T) {
	t.Parallel()
	f := fact{Op: op.SourceMAC{NS: topology.Host, Dev: "p", MAC: "02:00:00:00:00:01"}}
	err := refused(f, fmt.Errorf("%w: its reason", op.ErrNoBridgeRules))
	e, ok := errors.AsType[*types.Error](err)
	if !ok || e.Code != types.ErrUnsupportedField || e.Msg != "macspoofchk: true: this kernel takes no rule for the frames of a bridge: its reason" {
		t.Errorf("%#v", err)
	}
	if err := refused(f, errors.New("no room")); err.Error() != "ebtables -t nat -A PREROUTING -i p -s ! 02:00:00:00:00:01 -j DROP: no room" {
		t.Error(err)
	}
}
