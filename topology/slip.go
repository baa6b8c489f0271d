package topology

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slip is a mistake of punctuation and where it is.
type slip struct {
	line, col int
	msg       string
}

// scanner goes through a text that is known not to be YAML, with just enough
// understanding of it to find quotes and brackets without partner, and tabs.
type scanner struct {
	line, col int
	open      []slip // brackets that wait for their partner
	quote     rune   // 0, ' or "
	start     slip   // of the quote
	slashes   int    // backslashes right before, within quotes
	last      rune   // before this, blanks aside; 0 at the start of a line
	before    rune   // right before
	ended     bool   // a bracket of this line was the last that was open
	markers   bool   // nothing but list markers so far in the line
	block     int    // indentation of the key of a block text (| or >), -1 outside
	result    slip
}

// findSlip looks for the slip that explains cause.
func findSlip(text []byte, cause string) slip {
	s := scanner{block: -1}
	for line := range strings.Lines(string(text)) {
		s.line++
		s.scan(strings.TrimRight(line, "\r\n"))
		if s.result.msg != "" {
			break
		}
	}
	ends := strings.Contains(cause, "end of stream") || strings.Contains(cause, "',' or") ||
		strings.Contains(cause, "node content") || strings.Contains(cause, "expected ':'") || strings.Contains(cause, "document indicator") ||
		strings.Contains(cause, "expected key")
	switch {
	case s.result.msg != "":
		return s.result
	case s.quote != 0 && ends:
		return s.start
	case len(s.open) > 0 && ends:
		return s.open[len(s.open)-1]
	}
	return slip{}
}

// scan reads one line.
func (s *scanner) scan(line string) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if s.block >= 0 && (indent > s.block || strings.TrimSpace(line) == "") {
		return
	}
	s.block = -1
	rest := line[indent:]
	if s.quote == 0 && strings.HasPrefix(rest, "\t") && strings.TrimSpace(rest) != "" && len(s.open) == 0 {
		s.col = indent + 1
		s.report("a tab character: YAML is indented with spaces only")
		return
	}
	s.last, s.before, s.markers, s.ended, s.col = 0, ' ', true, false, 0
	for i, r := range line {
		s.col++
		if s.quote != 0 {
			s.inQuote(line[i+utf8.RuneLen(r):], r)
		} else if s.plain(r) {
			return
		}
		s.seen(r)
	}
	if s.quote == 0 && len(s.open) == 0 && blockStart().MatchString(rest) {
		s.block = indent
	}
}

// seen remembers a character for those after it.
func (s *scanner) seen(r rune) {
	s.before = r
	if r != ' ' && r != '\t' {
		s.last = r
		s.markers = s.markers && r == '-'
	}
}

// blockStart is the | or > that begins a text, with its indicators (YAML 1.2, 8.1).
var blockStart = Pattern(`(^|[ :-])[|>][+-]?[1-9]?[+-]?( +#.*)?$`)

// inQuote looks for the end of a quoted text.
func (s *scanner) inQuote(rest string, r rune) {
	escaped := s.quote == '"' && s.slashes%2 == 1
	s.slashes++
	if r != '\\' {
		s.slashes = 0
	}
	if r != s.quote || escaped {
		return
	}
	s.quote = 0 // '' closes and opens again, which comes to the same
	after, _ := utf8.DecodeRuneInString(rest)
	if unicode.IsLetter(after) || unicode.IsDigit(after) {
		inside := map[rune]string{'"': `\"`, '\'': "''"}[r]
		s.report("the quoted text ends here: a " + string(r) + " inside it is written " + inside)
	}
}

// plain reads a character outside quotes; it says whether the line is done.
func (s *scanner) plain(r rune) bool {
	switch {
	case r == '#' && (s.before == ' ' || s.before == '\t'):
		return true
	case (r == '"' || r == '\'') && (s.beginsValue() || s.before == r):
		s.quote, s.slashes = r, 0
		s.start = slip{s.line, s.col, "the quote opened here is never closed"}
	case (r == '[' || r == '{') && (len(s.open) > 0 || s.beginsValue()):
		s.open = append(s.open, slip{s.line, s.col, "the " + string(r) + " opened here is never closed"})
	case (r == ']' || r == '}') && len(s.open) > 0:
		s.close(r)
	case (r == ']' || r == '}') && s.ended:
		s.report("nothing is open that this " + string(r) + " could close")
	case (r == '@' || r == '`' || r == '%') && s.beginsValue():
		s.report("a value cannot begin with " + string(r) + ": quote it")
	}
	return false
}

// beginsValue says whether a value can begin here: at the start of the line,
// after a key, after list markers, or after what stands between values.
func (s *scanner) beginsValue() bool {
	blank := s.before == ' ' || s.before == '\t'
	switch {
	case s.last == 0:
		return true
	case len(s.open) > 0 && strings.ContainsRune("[{,", s.last):
		return true
	}
	return blank && (s.last == ':' || s.markers)
}

func (s *scanner) close(r rune) {
	top := s.open[len(s.open)-1]
	if pair := map[rune]string{']': "the [ ", '}': "the { "}[r]; !strings.HasPrefix(top.msg, pair) {
		s.report(fmt.Sprintf("a %c closes what another bracket opened in line %d, column %d", r, top.line, top.col))
		return
	}
	s.open = s.open[:len(s.open)-1]
	s.ended = len(s.open) == 0
}

// report keeps the first mistake.
func (s *scanner) report(msg string) {
	if s.result.msg == "" {
		s.result = slip{s.line, s.col, msg}
	}
}
