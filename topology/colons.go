package topology

import (
	"bytes"
	"strings"
)

// colonError words the usual slips around a colon, at the line where yaml.v3
// gave up; nil when it is none of them.
func colonError(pos Pos, line string, text []byte, cause string) *Error {
	switch {
	case strings.Contains(cause, "mapping values"):
		if above := (Pos{pos.File, pos.Line - 1, 1}); noBlank().MatchString(lineOf(text, above.Line)) {
			return &Error{Pos: column(above, lineOf(text, above.Line), ":"), Msg: "a blank is missing after the colon"}
		}
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && strings.Contains(value, ": ") {
			return &Error{Pos: column(pos, line, value[strings.Index(value, ": "):]), Msg: "a text with \": \" in it must be quoted: " + Quote(cut(key)) + ": \"...\""}
		}
	case strings.Contains(cause, "node content"):
		if value := leadingColon().FindStringSubmatch(line); value != nil {
			return &Error{Pos: column(pos, line, value[1]), Msg: "within brackets a value cannot begin with a colon: quote it, \"" + cut(value[1]) + "\""}
		}
	}
	return nil
}

var (
	noBlank      = Pattern(`^ *(- )*[A-Za-z][A-Za-z0-9_-]*:[^\s/:]\S*\s*$`)
	leadingColon = Pattern(`[\s\[{,](:[^\s,\]}]+)`)
)

// lineOf returns a line, counted from 1; "" when there is none.
func lineOf(text []byte, n int) string {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if n < 1 || n > len(lines) {
		return ""
	}
	return string(lines[n-1])
}
