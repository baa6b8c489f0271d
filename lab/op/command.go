package op

import (
	"slices"
	"strings"

	"nslab/lab/netns"
	"nslab/topology"
)

// Command is what a person would type, as an argument vector. A Command whose
// first word is "#" is a remark: what it says needs no typing, or cannot be typed.
type Command []string

// Remark is a Command that only explains.
func Remark(text string) Command { return Command{"#", text} }

// IsRemark says whether the command is a comment.
func (c Command) IsRemark() bool { return len(c) > 0 && c[0] == "#" }

// then stands between the commands of one line. It cannot come from a file,
// where control characters are refused.
const then = "\x00&&"

// Then is a line of commands, each of which runs only if the one before went well.
func (c Command) Then(next ...string) Command { return slices.Concat(c, Command{then}, next) }

// Parts are the commands of a line, mostly one.
func (c Command) Parts() []Command {
	i := slices.Index(c, then)
	if i < 0 {
		return []Command{c}
	}
	return append([]Command{c[:i]}, c[i+1:].Parts()...)
}

// String quotes the command for a POSIX shell.
func (c Command) String() string {
	if c.IsRemark() {
		return "# " + strings.ReplaceAll(c[1], "\n", "\n# ")
	}
	if i := slices.Index(c, then); i >= 0 {
		return c[:i].String() + " && " + c[i+1:].String()
	}
	if len(c) == 3 && c[0] == ">" {
		return c.write()
	}
	words := make([]string, len(c))
	for i, w := range c {
		words[i] = shellQuote(w)
	}
	return strings.Join(words, " ")
}

const shellSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"

func shellQuote(w string) string {
	if w != "" && strings.Trim(w, shellSafe) == "" {
		return w
	}
	if w == "!" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// ip is `ip ARGS` as typed on the lab's host for namespace ns.
func ip(ns string, args ...string) Command {
	name, named := netns.Name(ns)
	switch {
	case ns == topology.Host:
		return append(Command{"ip"}, args...)
	case named:
		return append(Command{"ip", "-n", name}, args...)
	}
	return inside(ns, append([]string{"ip"}, args...)...)
}

// ipLinkWords are the keywords of ip-link(8). ip takes any beginning of one, and
// takes it before a name: `ip link add a type veth` asks for the address "type".
const ipLinkWords = "addrgenmode address alias allmulticast arp brd broadcast carrier dev down dynamic " +
	"gro_ipv4_max_size gro_max_size group gso_ipv4_max_size gso_max_segs gso_max_size help index link link-netns " +
	"link-netnsid master mode mtu multicast name netns nomaster numrxqueues numtxqueues parentbus parentdev peer " +
	"promisc protodown protodown_reason qlen state trailers txqlen txqueuelen type up vf vrf " +
	"xdp xdpdrv xdpgeneric xdpoffload"

// devArg is the name of an interface as `ip link` takes it, with the word dev
// where the name alone would be taken for a keyword.
func devArg(name string) []string {
	if strings.Contains(" "+ipLinkWords, " "+name) {
		return []string{"dev", name}
	}
	return []string{name}
}

// ipLink is `ip link VERB NAME ARGS`.
func ipLink(ns, verb, name string, args ...string) Command {
	return ip(ns, slices.Concat([]string{"link", verb}, devArg(name), args)...)
}

// inside is any other command as typed on the lab's host for namespace ns. ip(8)
// knows namespaces by name alone: one that has but a path, a container's, is
// for nsenter(1).
func inside(ns string, args ...string) Command {
	name, named := netns.Name(ns)
	switch {
	case ns == topology.Host:
		return args
	case named:
		return append(Command{"ip", "netns", "exec", name}, args...)
	}
	return append(Command{"nsenter", "--net=" + ns}, args...)
}

// Write is the command that writes a file, with nothing but the shell's printf.
func Write(path, text string) Command { return Command{">", path, text} }

// Remove is the command that removes a file.
func Remove(path string) Command { return Command{"rm", "-f", path} }

func (c Command) write() string {
	dir := c[1][:strings.LastIndex(c[1], "/")]
	return "mkdir -p " + shellQuote(dir) + " && printf %s " + shellQuote(c[2]) + " > " + shellQuote(c[1])
}
