package topology

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Unknown words the mistake of naming something that does not exist: it offers
// what is spelt nearly so, else what there is.
func Unknown(what, got string, known []string) string {
	msg := fmt.Sprintf("unknown %s %q", what, cut(got))
	if near := Nearest(got, known); near != "" {
		return fmt.Sprintf("%s, did you mean %q?", msg, near)
	}
	return msg + listing(known)
}

func listing(known []string) string {
	const few = 16
	switch {
	case len(known) == 0:
		return ": there is none"
	case len(known) == 1:
		return ": there is only " + known[0]
	case len(known) > few:
		return fmt.Sprintf(": there are %s and %d more", strings.Join(known[:few], ", "), len(known)-few)
	}
	return ": there are " + strings.Join(known, ", ")
}

// Nearest returns the known word that got was probably meant to be, or "".
func Nearest(got string, known []string) string {
	if utf8.RuneCountInString(got) > maxKey {
		return ""
	}
	low := strings.ToLower(got)
	best, found := utf8.RuneCountInString(got)/3+2, ""
	for _, k := range known {
		if d := distance(low, strings.ToLower(k), best); d < best && 2*d <= len(k) {
			best, found = d, k
		}
	}
	return found
}

// distance is how many runes must be put in, left out, replaced or swapped
// with their neighbour to make b out of a. It gives up at limit.
func distance(a, b string, limit int) int {
	from, to := []rune(a), []rune(b)
	if len(from)-len(to) >= limit || len(to)-len(from) >= limit {
		return limit
	}
	older, old := []int(nil), make([]int, len(to)+1)
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row := make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			change := old[j-1]
			if from[i-1] != to[j-1] {
				change++
			}
			row[j] = min(change, old[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old = old, row
	}
	return old[len(to)]
}
