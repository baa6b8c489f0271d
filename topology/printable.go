package topology

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// PrintableJSON passes JSON on to w in such a way that no terminal obeys any of
// it: what [Printable] would escape is written as \u and four digits, which says
// the same to every program. encoding/json itself escapes only what comes before
// the space. Each Write has to have whole characters, as those of an Encoder do.
func PrintableJSON(w io.Writer) io.Writer { return &printableJSON{w} }

type printableJSON struct{ w io.Writer }

func (p *printableJSON) Write(text []byte) (int, error) {
	_, err := p.w.Write(escapeJSON(text))
	if err != nil {
		return 0, err
	}
	return len(text), nil
}

// escapeJSON leaves what is ASCII as it is, but for DEL: between strings there
// is nothing else.
func escapeJSON(text []byte) []byte {
	odd := func(r rune) bool { return r > '~' && (r == utf8.RuneError || !strconv.IsPrint(r)) }
	if bytes.IndexFunc(text, odd) < 0 {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		if !odd(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}
