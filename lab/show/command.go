package show

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"nslab/lab/op"
)

// programs are all that a script may run: iproute2, iptables, nft, procps, ethtool,
// Open vSwitch, and the few words that every Linux has at hand.
func programs() []string {
	return []string{
		"bridge", "ethtool", "ip", "ip6tables", "iptables", "mkdir", "mount", "nft",
		"ovs-appctl", "ovs-vsctl", "ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "printf", "sysctl", "touch", "unlink",
	}
}

// program names what a command runs in the end, inside a namespace or not.
func program(c op.Command) string {
	if len(c) > 4 && c[0] == "ip" && c[1] == "netns" && c[2] == "exec" {
		return program(c[4:])
	}
	if len(c) > 2 && c[0] == "env" && strings.HasPrefix(c[1], "OVS_RUNDIR=") {
		return program(c[2:])
	}
	if isWrite(c) {
		return "printf"
	}
	if len(c) == 0 {
		return ""
	}
	return c[0]
}

func isWrite(c op.Command) bool { return len(c) == 3 && c[0] == ">" }

// isRemove says whether a command removes a file that is a namespace's own. A
// script may remove nothing else.
func isRemove(c op.Command) bool {
	return len(c) == 3 && slices.Equal(c[:2], op.Remove("")[:2]) && path.Clean(c[2]) == c[2] && strings.HasPrefix(c[2], op.EtcDir+"/")
}

// fit says why a command may not stand in a script, nil when it may.
func fit(c op.Command) error {
	if p := program(c); !slices.Contains(programs(), p) && !isRemove(c) {
		return fmt.Errorf("a script may run %s, not %q", strings.Join(programs(), ", "), p)
	}
	for _, word := range c {
		if !isWrite(c) && strings.ContainsFunc(word, control) {
			return fmt.Errorf("control characters cannot stand in a script: %q", word)
		}
	}
	return nil
}

func control(r rune) bool { return unicode.IsControl(r) && r != '\t' }

// typed is a command as one line that can be typed.
func typed(c op.Command) string { return strings.Join(parts(c), " && ") }

// parts are the lines of a command. A script needs them apart: sh -e does not
// stop at a failure before &&. A file is written with its line breaks escaped.
func parts(c op.Command) []string {
	if !isWrite(c) {
		var out []string
		for _, part := range c.Parts() {
			out = append(out, part.String())
		}
		return out
	}
	file := c[1]
	return []string{
		op.Command{"mkdir", "-p", path.Dir(file)}.String(),
		op.Command{"printf", format(c[2])}.String() + " > " + op.Command{file}.String(),
	}
}

// format is a format of printf(1) that prints text. What begins with a dash
// would be an option.
func format(text string) string {
	var b strings.Builder
	for i, r := range []byte(text) {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\\', r == '%':
			b.Write([]byte{r, r})
		case r < ' ', r == 0x7f, i == 0 && r == '-':
			fmt.Fprintf(&b, `\%03o`, r)
		default:
			b.WriteByte(r)
		}
	}
	return b.String()
}

// shown is a command for a terminal: on one line, and no control characters.
func shown(c op.Command) string { return plain(typed(c)) }
