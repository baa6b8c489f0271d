package proof

import (
	"slices"
	"strings"
)

// Difference is what two prints have not in common in one section.
type Difference struct {
	Section string   `json:"section"`
	Gone    []string `json:"gone,omitempty"` // only in the print before
	New     []string `json:"new,omitempty"`  // only in the print after
}

// Compare returns the differences of two prints, none when they are equal.
func Compare(before, after Print) []Difference {
	var out []Difference
	for _, name := range sectionNames(before, after) {
		d := Difference{Section: name}
		d.Gone = without(before.Section(name), after.Section(name))
		d.New = without(after.Section(name), before.Section(name))
		if name == namespaceNumbers {
			// The kernel frees a number some time after its namespace. Whose
			// namespace was taken away is told where namespaces are.
			d.Gone = nil
		}
		if name == sysctls {
			// A setting comes and goes with its interface, which has a section of
			// its own, or with a kernel module, such as nf_conntrack.
			d.Gone, d.New = sameKeys(d.Gone, d.New), sameKeys(d.New, d.Gone)
		}
		if len(d.Gone)+len(d.New) > 0 {
			out = append(out, d)
		}
	}
	return out
}

func sectionNames(ps ...Print) []string {
	var names []string
	for _, p := range ps {
		for _, s := range p {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// without returns the lines of a that b has not; a line may stand there more
// than once.
func without(a, b []string) []string {
	n := map[string]int{}
	for _, l := range b {
		n[l]++
	}
	var out []string
	for _, l := range a {
		if n[l]--; n[l] < 0 {
			out = append(out, l)
		}
	}
	return out
}

// sameKeys leaves the lines of a whose objects are in b too, with another value.
func sameKeys(a, b []string) []string {
	keys := byKey(b)
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { k, _ := cutKey(l); return keys[k] == nil })
}

// Changes words a difference for a person, an object a line. Of an object that
// was changed it tells only what is different in it.
func (d Difference) Changes() []string {
	var out []string
	became := byKey(d.New)
	for _, l := range d.Gone {
		key, was := cutKey(l)
		if n := became[key]; len(n) == 1 && len(byKey(d.Gone)[key]) == 1 {
			out = append(out, changed(key, was, n[0]))
			delete(became, key)
			continue
		}
		out = append(out, "gone: "+known(l))
	}
	for _, l := range d.New {
		if key, _ := cutKey(l); became[key] != nil {
			out = append(out, "new: "+known(l))
		}
	}
	return out
}

// known leaves out what only a kernel developer could read.
func known(line string) string {
	ws := slices.DeleteFunc(strings.Split(line, " "), func(w string) bool { return strings.HasPrefix(w, "#") && strings.Contains(w, "=") })
	return strings.Join(ws, " ")
}

func changed(key, was, is string) string {
	a, b := strings.Split(was, " "), strings.Split(is, " ")
	return key + ": was " + words(without(a, b)) + ", is " + words(without(b, a))
}

func words(ws []string) string {
	if s := strings.Join(ws, " "); s != "" {
		return s
	}
	return "without that"
}

func byKey(lines []string) map[string][]string {
	out := map[string][]string{}
	for _, l := range lines {
		k, rest := cutKey(l)
		out[k] = append(out[k], rest)
	}
	return out
}

// cutKey splits a line into the object that it is about and what it says.
func cutKey(line string) (key, rest string) {
	key, rest, _ = strings.Cut(line, ": ")
	return key, rest
}
