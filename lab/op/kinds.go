package op

import (
	"maps"
	"slices"

	"nslab/topology"
)

// kind reads one kind of link: from the link as written, its ends where they
// live, and the options that are its own to claim.
type kind func(l topology.Link, ends []device, options *topology.Args) Op

// kinds is the table of link kinds. A new kind is a new file and a line here.
var kinds = map[string]kind{
	"macvlan": readMacvlan,
	"veth":    readVeth,
	"vxlan":   readVxlan,
}

// Kinds lists the link kinds.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// ReadLink turns a link of the file into its fact. Every mistake in the
// options is reported, at its place in the file.
func ReadLink(l topology.Link, s *topology.State) (Op, error) {
	args := topology.NewArgs("links."+l.Kind.Text, l.Options)
	read, ok := kinds[l.Kind.Text]
	if !ok {
		return nil, &topology.Error{
			Pos: l.Kind.Pos, Path: "links.kind",
			Msg: topology.Unknown("link kind", l.Kind.Text, Kinds()),
		}
	}
	var ends []device
	for _, e := range l.Ends {
		ns, _ := s.Place(e)
		ends = append(ends, device{NS: ns, Name: e.Interface.Text, MAC: e.MAC.Text, MTU: e.MTU})
	}
	o := read(l, ends, args)
	return o, args.Err()
}
