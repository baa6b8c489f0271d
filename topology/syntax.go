package topology

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// syntaxError words what yaml.v3 found, for somebody who meets YAML for the
// first time. yaml.v3 knows no column, and its line is often that of the
// object around the mistake: the place is looked for again.
func syntaxError(file string, text []byte, err error) *Error {
	cause := problem(err)
	if slip := findSlip(text, cause); slip.msg != "" {
		return &Error{Pos: Pos{file, slip.line, slip.col}, Msg: slip.msg}
	}
	pos, line := locate(file, text, cause)
	if name := unknownAnchor().FindStringSubmatch(cause); name != nil {
		return &Error{
			Pos: column(pos, line, "*"+name[1]),
			Msg: "YAML anchors and aliases are not supported (and " + Quote(cut(name[1])) + " is not defined)",
		}
	}
	if e := colonError(pos, line, text, cause); e != nil {
		return e
	}
	meaning, sign := explain(cause)
	return &Error{Pos: column(pos, line, sign), Msg: meaning}
}

var (
	yamlPrefix    = Pattern(`^yaml: (line \d+: )?`)
	unknownAnchor = Pattern(`^unknown anchor '(.*)' referenced$`)
)

func problem(err error) string { return yamlPrefix().ReplaceAllString(err.Error(), "") }

// locate finds the line at which the parser gives up: the shortest beginning
// of the text that has the same problem ends there.
func locate(file string, text []byte, cause string) (Pos, string) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	n := sort.Search(len(lines), func(n int) bool {
		_, _, err := load(bytes.Join(lines[:n+1], nil))
		return err != nil && problem(err) == cause
	})
	n = min(n, len(lines)-1)
	for n > 0 && len(bytes.TrimSpace(lines[n])) == 0 {
		n--
	}
	line := string(lines[n])
	indent := len(line) - len(strings.TrimLeft(line, " "))
	return Pos{file, n + 1, indent + 1}, line
}

// column moves a place to a sign in its line, when the sign is there.
func column(pos Pos, line, sign string) Pos {
	if i := strings.Index(line, sign); i >= 0 && sign != "" {
		pos.Col = utf8.RuneCountInString(line[:i]) + 1
	}
	return pos
}

// explanations translate the words of yaml.v3; sign is what to look for in the line.
var explanations = []struct{ cause, sign, meaning string }{
	{"mapping values are not allowed", "", "a key cannot stand here: is the line indented too far?"},
	{"could not find expected ':'", "", "want `key: value`: the colon after the key is missing"},
	{"did not find expected key", "", "this line does not fit the lines above: keys of one mapping (and items of one list) begin in the same column"},
	{"did not find expected '-' indicator", "", "this line does not fit the list above: its items begin with - in the same column"},
	{"block sequence entries are not allowed", "- ", "a list item (-) cannot stand here: put it on a line of its own below the key"},
	{"did not find expected ',' or ']'", "", "want a comma or the closing ]"},
	{"did not find expected ',' or '}'", "", "want a comma or the closing }"},
	{"did not find expected node content", "", "a key or a value is missing here"},
	{"found unknown escape character", "\\", "unknown escape after \\ in a text in double quotes: write \\\\ for a backslash, or use single quotes"},
	{"did not find expected hexdecimal number", "\\", "\\x, \\u and \\U want hexadecimal digits"},
	{"found invalid Unicode character escape code", "\\", "the escape names no Unicode character"},
	{"mapping keys are not allowed", "?", "the ? of YAML cannot stand here: write `key: value`"},
	{"exceeded max depth", "", "nested deeper than 32 levels"},
	{"did not find expected comment or line break", "", "after | or > the text begins on the next line"},
	{"found an indentation indicator equal to 0", "", "the number after | or > must be from 1 to 9"},
	{"did not find expected alphabetic or numeric character", "", "YAML anchors (&) and aliases (*) are not supported: quote a text that begins with & or *"},
	{"found unexpected document indicator", "", "--- or ... inside a text in quotes: is a quote missing above?"},
	{"did not find expected <document start>", "", "something stands before or between documents: one lab per file"},
	{"directive", "%", "YAML directives (%) are not supported: leave the line out"},
	{"found undefined tag handle", "!", "YAML tags (!) are not supported: quote a text that begins with !"},
	{"tag", "!", "YAML tags (!) are not supported: quote a text that begins with !"},
	{"incompatible YAML document", "%", "YAML directives (%) are not supported: leave the line out"},
}

func explain(cause string) (meaning, sign string) {
	for _, e := range explanations {
		if strings.Contains(cause, e.cause) {
			return e.meaning, e.sign
		}
	}
	return "this is not YAML: " + cut(cause), ""
}
