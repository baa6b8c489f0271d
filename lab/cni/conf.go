package cni

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/utils"

	"nslab/lab/cni/hostlocal"
)

// conf is the configuration of a network, in the words of the bridge plugin,
// https://www.cni.dev/plugins/current/main/bridge/.
type conf struct {
	CNIVersion string          `json:"cniVersion"`
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	DNS        types.DNS       `json:"dns"`
	IPAM       json.RawMessage `json:"ipam"`
	PrevResult json.RawMessage `json:"prevResult"`

	Bridge           string `json:"bridge"`           // cni0 when not given
	IsGateway        bool   `json:"isGateway"`        // the bridge has the gateway's address
	IsDefaultGateway bool   `json:"isDefaultGateway"` // and the container's default route leads there
	ForceAddress     bool   `json:"forceAddress"`     // another address of the bridge gives way
	IPMasq           bool   `json:"ipMasq"`           // what leaves the network is masqueraded
	MTU              int    `json:"mtu"`              // 0 for the kernel's default
	HairpinMode      bool   `json:"hairpinMode"`      // a port sends frames back to where they came from
	PromiscMode      bool   `json:"promiscMode"`      // the bridge takes every frame
	MACSpoofChk      bool   `json:"macspoofchk"`      // and from a container only under its own address

	RuntimeConfig struct {
		MAC      string               `json:"mac"`
		IPs      []string             `json:"ips"`
		IPRanges []hostlocal.RangeSet `json:"ipRanges"`
		Ports    []portMapping        `json:"portMappings"`
	} `json:"runtimeConfig"`
	Args struct {
		CNI struct {
			MAC string   `json:"mac"`
			IPs []string `json:"ips"`
		} `json:"cni"`
	} `json:"args"`

	// Valid are the attachments that GC leaves alone: nil when it was not told.
	Valid    *[]types.GCAttachment `json:"cni.dev/valid-attachments"`
	OldValid *[]types.GCAttachment `json:"cni.dev/attachments"`
}

// foreign is a key of one of the reference's plugins that nslab does not have,
// and what it may say all the same, because that asks for nothing.
type foreign struct {
	key  string
	idle []string
}

// unsupported are the keys of the bridge plugin. One that asks for something is
// refused: a network without its VLAN is another network.
var unsupported = []foreign{
	{"vlan", []string{"0"}},
	{"vlanTrunk", []string{"[]"}},
	{"disableContainerInterface", []string{"false"}},
	{"portIsolation", []string{"false"}},
	{"enabledad", []string{"false"}},
	{"ipMasqBackend", []string{`""`, `"iptables"`, `"nftables"`}}, // iptables and nft both show the rule
}

func readConf(raw []byte) (*conf, error) {
	c := &conf{}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "the configuration on standard input: "+inWords(err), "")
	}
	if err := utils.ValidateNetworkName(c.Name); err != nil {
		return nil, types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("name %q: %s", c.Name, err.Msg), "")
	}
	c.CNIVersion = cmp.Or(c.CNIVersion, "0.1.0") // the specification's word for none
	c.Bridge = cmp.Or(c.Bridge, "cni0")
	c.IsGateway = c.IsGateway || c.IsDefaultGateway
	return c, nil
}

// refuse names the first key with a value that asks for what is not supported.
// The reference, being written in Go, takes a key in capitals for the same.
func refuse(raw []byte, unsupported []foreign) error {
	keys := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &keys); err != nil {
		return err
	}
	for _, f := range unsupported {
		for key, value := range keys {
			said := string(bytes.TrimSpace(value))
			if strings.EqualFold(key, f.key) && said != "null" && !slices.Contains(f.idle, said) {
				return types.NewError(types.ErrUnsupportedField, fmt.Sprintf("%s: %s is not supported", key, said), "remove the key, or use the reference's plugin")
			}
		}
	}
	return nil
}

// inWords says what is wrong with JSON in the words of JSON.
func inWords(err error) string {
	e, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err.Error()
	}
	want, known := map[reflect.Kind]string{
		reflect.Bool: "true or false", reflect.String: "a string", reflect.Int: "a whole number", reflect.Slice: "a list", reflect.Struct: "an object",
	}[e.Type.Kind()]
	if !known {
		return err.Error()
	}
	return fmt.Sprintf("%s: want %s, found: %s", cmp.Or(e.Field, "all of it"), want, e.Value)
}

// check checks the values.
func (c *conf) check() error {
	bad := func(format string, args ...any) error {
		return types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf(format, args...), "")
	}
	if err := utils.ValidateInterfaceName(c.Bridge); err != nil {
		return bad("bridge %q: %s", c.Bridge, err.Msg)
	}
	if c.MTU != 0 && (c.MTU < 68 || c.MTU > 65535) {
		return bad("mtu %d: RFC 791 wants 68 to 65535", c.MTU)
	}
	return nil
}

// valid is the set of attachments that GC leaves alone. told is false when the
// runtime did not say, which does not mean that there are none.
func (c *conf) valid() (keys map[string]bool, told bool) {
	list := cmp.Or(c.Valid, c.OldValid)
	if list == nil {
		return nil, false
	}
	keys = map[string]bool{}
	for _, v := range *list {
		keys[attachment{c.Name, v.ContainerID, v.IfName}.key()] = true
	}
	return keys, true
}
