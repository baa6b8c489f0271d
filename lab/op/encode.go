package op

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// facts is every type of fact, for writing a plan down and reading it again.
var facts = []Op{
	Names{},
	Namespace{},
	Attach{},
	Veth{},
	Macvlan{},
	Vxlan{},
	Bridge{},
	MTU{},
	Master{},
	OpenVSwitch{},
	OVSBridge{},
	OVSPort{},
	Checksums{},
	Hairpin{},
	Promisc{},
	Up{},
	Lo{},
	Addr{},
	Route{},
	Neighbour{},
	FDB{},
	Sysctl{},
	Hosts{},
	Resolv{},
	Masquerade{},
	SNAT{},
	DNAT{},
	Chain{},
	Rule{},
	Policy{},
	SourceMAC{},
	Service{},
	DHCPDaemon{},
	CNI{},
	Proxy{},
}

// Name is the type of a fact, as it stands in journals and JSON reports.
func Name(o Op) string { return reflect.TypeOf(o).Name() }

type encoded struct {
	Fact string          `json:"fact"`
	Is   json.RawMessage `json:"is"`
}

// Written is a fact that can be written as JSON and read back to an equal value.
type Written struct{ Op }

// MarshalJSON writes it.
func (w Written) MarshalJSON() ([]byte, error) { return Encode(w.Op) }

// UnmarshalJSON reads it.
func (w *Written) UnmarshalJSON(b []byte) (err error) {
	w.Op, err = Decode(b)
	return err
}

// Encode writes a fact as JSON that Decode reads back to an equal value.
func Encode(o Op) (json.RawMessage, error) {
	return json.Marshal(struct {
		Fact string `json:"fact"`
		Is   Op     `json:"is"`
	}{Name(o), o})
}

// Decode reads a fact that Encode wrote.
func Decode(b []byte) (Op, error) {
	var e encoded
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, err
	}
	for _, f := range facts {
		if Name(f) == e.Fact {
			v := reflect.New(reflect.TypeOf(f))
			err := json.Unmarshal(e.Is, v.Interface())
			return v.Elem().Interface().(Op), err
		}
	}
	return nil, fmt.Errorf("unknown fact %q: written by a newer nslab?", e.Fact)
}
