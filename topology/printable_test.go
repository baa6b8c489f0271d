package topology_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"nslab/topology"
)

// What a terminal would obey is escaped, and says the same to a program.
func TestPrintableJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"red":                         `"red"`,
		"빨강 방":                        `"빨강 방"`,
		"\u007f\u0080\u009b31m\u009f": `"\u007f\u0080\u009b31m\u009f"`,
		"\x1b[2J":                     `"\u001b[2J"`,
		"a\u202eb\u2028c\u2029":       `"a\u202eb\u2028c\u2029"`,
		"\U000e0001":                  `"\udb40\udc01"`,
		"\U0001f600":                  "\"\U0001f600\"",
		"\xff":                        `"\ufffd"`,
		"\\u009b":                     `"\\u009b"`,
	} {
		var out bytes.Buffer
		if err := json.NewEncoder(topology.PrintableJSON(&out)).Encode(text); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSuffix(out.String(), "\n")
		if got != want {
			t.Errorf("%q is written as %s, want %s", text, got, want)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is written with something that a terminal obeys", text)
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != strings.ToValidUTF8(text, "\ufffd") {
			t.Errorf("%q is read again as %q, %v", text, back, err)
		}
	}
}

// A key with a raw byte, as another program may have written it, is made valid.
func TestPrintableJSONOfOthers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if _, err := topology.PrintableJSON(&out).Write([]byte("{\"\u009b\": \"\xff\"}\n")); err != nil {
		t.Fatal(err)
	}
	if want := `{"\u009b": "\ufffd"}` + "\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
