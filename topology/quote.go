package topology

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote shows a foreign or user-written string on a terminal: printable text
// as it is, everything else escaped.
func Quote(s string) string {
	q := fmt.Sprintf("%q", s)
	if inner := q[1 : len(q)-1]; inner == s && s != "" && !strings.ContainsAny(s, " ") {
		return s
	}
	return q
}

// Printable shows a string on a line of a terminal: nothing in it moves a
// cursor, changes a colour or begins a new line. What is no letter, sign or
// space is escaped.
func Printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
