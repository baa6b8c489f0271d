package op

import "strconv"

// Sequence names the list that a fact has a place in, "" for most: the rules
// of a chain are tried one after another, and the first address of an
// interface is the one that its packets leave with.
func Sequence(o Op) Object {
	switch o := o.(type) {
	case Addr:
		return Object("addr/" + o.NS + "/" + o.Dev + "/" + strconv.Itoa(family(o.Prefix.Addr())))
	case interface{ rule() chainRule }:
		r := o.rule()
		return Object("rules/" + r.ns + "/" + r.where())
	}
	return ""
}
