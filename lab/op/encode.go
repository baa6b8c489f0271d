package op

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

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

// byName is the types of facts by their names.
var byName = sync.OnceValue(func() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, o := range facts {
		out[Name(o)] = reflect.TypeOf(o)
	}
	return out
})

// Name is the type of a fact, as it stands in journals and JSON reports.
func Name(o Op) string { return reflect.TypeOf(o).Name() }

// Written is a fact that can be written as JSON and read back to an equal value.
type Written struct{ Op }

// MarshalJSONTo writes it, without what is zero: thousands of facts stand in a
// journal between a person and the end of a lab.
func (w Written) MarshalJSONTo(e *jsontext.Encoder) error {
	return jsonv2.MarshalEncode(e, struct {
		Fact string `json:"fact"`
		Is   Op     `json:"is"`
	}{Name(w.Op), w.Op}, jsonv2.OmitZeroStructFields(true))
}

// UnmarshalJSONFrom reads it, each byte once: the UnmarshalJSON of encoding/json
// would have had its end looked for before.
func (w *Written) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	w.Op, err = decode(d)
	return err
}

// Encode writes a fact as JSON that Decode reads back to an equal value.
func Encode(o Op) ([]byte, error) { return jsonv2.Marshal(Written{o}) }

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
	kind, known := byName()[name]
	if !known {
		return nil, fmt.Errorf("unknown fact %q: written by a newer nslab?", name)
	}
	v := reflect.New(kind)
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
