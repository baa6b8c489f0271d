package op

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

// Written is a fact that can be written as JSON and read back to an equal value.
type Written struct{ Op }

// MarshalJSON writes it.
func (w Written) MarshalJSON() ([]byte, error) { return Encode(w.Op) }

// UnmarshalJSONFrom reads it. Thousands of facts stand in a journal between a
// person and the end of a lab: each is read once, where the UnmarshalJSON of
// encoding/json would have had its end looked for before.
func (w *Written) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	w.Op, err = decode(d)
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
	d := jsontext.NewDecoder(bytes.NewReader(b))
	o, err := decode(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF { //nolint:errorlint // documented
		return nil, cmp.Or(err, errors.New("more than a fact"))
	}
	return o, nil
}

// decode reads {"fact": NAME, "is": FACT}, in this order.
func decode(d *jsontext.Decoder) (Op, error) {
	if err := token(d, "{"); err != nil {
		return nil, err
	}
	var name string
	if err := member(d, "fact", &name); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(facts, func(o Op) bool { return Name(o) == name })
	if i < 0 {
		return nil, fmt.Errorf("unknown fact %q: written by a newer nslab?", name)
	}
	v := reflect.New(reflect.TypeOf(facts[i]))
	if err := member(d, "is", v.Interface()); err != nil {
		return nil, err
	}
	return v.Elem().Interface().(Op), token(d, "}")
}

// member reads the name of a member of an object, and its value.
func member(d *jsontext.Decoder, name string, value any) error {
	if err := token(d, name); err != nil {
		return err
	}
	return jsonv2.UnmarshalDecode(d, value)
}

// token reads what has to be there.
func token(d *jsontext.Decoder, want string) error {
	found, err := d.ReadToken()
	if err == nil && found.String() != want {
		err = fmt.Errorf("want %s, found %s", want, found)
	}
	return err
}
