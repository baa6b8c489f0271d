package topology

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Source is the text of a lab file and the name by which errors call it.
type Source struct {
	Name string
	Text []byte
}

// Opener finds the file that the file from names in `outside` or `include`.
// Parse does no input of its own; what lies where is the caller's to know.
type Opener func(name, from string) (Source, error)

// Limits of a file, so that a hostile one costs little.
const (
	maxBytes  = 1 << 20
	maxNodes  = 20_000 // in a lab: its file and all that this includes
	maxDepth  = 32
	maxKey    = 128
	maxFiles  = 64
	maxNest   = 8 // include within include
	maxSteps  = 100
	maxStates = 200_000 // objects times steps
)

// text checks what has to be right before a YAML parser sees a file: its size
// and its encoding. A UTF-8 byte order mark is dropped; Windows writes one.
func (p *parser) text(src Source) ([]byte, bool) {
	start := Pos{File: src.Name, Line: 1, Col: 1}
	if len(src.Text) > maxBytes {
		p.add(start, "", "the file has %d bytes, the limit is %d", len(src.Text), maxBytes)
		return nil, false
	}
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "\x00"} {
		if bytes.HasPrefix(src.Text, []byte(mark)) {
			p.add(start, "", "the file is not encoded as UTF-8 (it looks like UTF-16): save it as UTF-8")
			return nil, false
		}
	}
	text := bytes.TrimPrefix(src.Text, []byte("\xef\xbb\xbf"))
	return text, p.readable(src.Name, text)
}

// readable complains about the first character that a text file cannot have.
func (p *parser) readable(file string, text []byte) bool {
	at := Pos{File: file, Line: 1, Col: 1}
	for rest := text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			p.add(at, "", "the byte 0x%02x is not UTF-8: save the file as UTF-8", rest[0])
			return false
		case r == '\r' && (n == len(rest) || rest[n] != '\n'):
			p.add(at, "", "a carriage return (U+000D) without a line feed: save the file with the line ends of Unix (LF) or Windows (CR LF)")
			return false
		case forbidden(r) && r != '\r':
			p.add(at, "", "the control character U+%04X has no place in a lab file: delete it", r)
			return false
		case r == '\n':
			at.Line, at.Col = at.Line+1, 0
		}
		at.Col++
		rest = rest[n:]
	}
	return true
}

// forbidden says whether a character could steer a terminal, make a line read
// otherwise than it is (U+202A to U+202E, U+2066 to U+2069), or end a line for
// YAML 1.1 alone (U+2028, U+2029), so that no editor agrees about its number.
func forbidden(r rune) bool {
	if ' ' <= r && r <= '~' { // nearly all
		return false
	}
	return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == '\ufeff'
}
