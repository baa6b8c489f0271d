package topology

// ValueKind says what a Value is.
type ValueKind int

// Kinds of value.
const (
	Absent ValueKind = iota
	Scalar
	List
	Map
)

// Value is a piece of the file that its reader (a link kind, a probe, a
// service) will interpret. The zero value is Absent.
type Value struct {
	Kind  ValueKind
	Text  string // of a Scalar
	Pos   Pos
	Items []Value // of a List
	Keys  []Word  // of a Map, in file order; Items holds the values
}

// Get returns the value under key of a Map; Absent when there is none.
func (v Value) Get(key string) Value {
	for i, k := range v.Keys {
		if k.Text == key {
			return v.Items[i]
		}
	}
	return Value{}
}
