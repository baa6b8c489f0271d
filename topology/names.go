package topology

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	labName      = Pattern(`^[a-z][a-z0-9-]*$`)
	nodeName     = Pattern(`^[a-zA-Z][a-zA-Z0-9_-]*$`)
	devName      = Pattern(`^[a-zA-Z0-9_.-]+$`)
	languageName = Pattern(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$`)
	hostName     = Pattern(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	sysctlName   = Pattern(`^net(\.[a-zA-Z0-9_:@-]+)+$`)
)

const (
	maxName  = 32
	maxDev   = 15 // IFNAMSIZ - 1
	maxLabel = 63 // RFC 1035, section 2.3.4
)

// nameProblem says what is wrong with the name of a lab or a step, "" if nothing is.
func nameProblem(name string) string {
	if labName().MatchString(name) && len(name) <= maxName {
		return ""
	}
	if n := utf8.RuneCountInString(name); n > maxName {
		return fmt.Sprintf("the name %q has %d characters, the limit is %d", cut(name), n, maxName)
	}
	return fmt.Sprintf("the name %q is not valid: use a-z, 0-9 and -, and begin with a letter", cut(name))
}

// nodeProblem says what is wrong with the name of a namespace.
func nodeProblem(name string) string {
	n := utf8.RuneCountInString(name)
	switch {
	case name != "" && strings.Trim(name, "0123456789") == "":
		return fmt.Sprintf("%q consists of digits only: iproute2 would take it for the number of a process (`ip link set eth0 netns %s`)", cut(name), cut(name))
	case n > maxName:
		return fmt.Sprintf("the name %q has %d characters, the limit is %d", cut(name), n, maxName)
	case !nodeName().MatchString(name):
		return fmt.Sprintf("the name %q is not valid: use a-z, A-Z, 0-9, - and _, and begin with a letter", cut(name))
	}
	return ""
}

// devProblem says what is wrong with the name of an interface: the rules of
// dev_valid_name in net/core/dev.c, and those of sysctl, of a terminal and of
// the shells that lecture and script are typed into.
func devProblem(name string) string {
	switch {
	case name == "":
		return "the name of the interface is missing"
	case len(name) > maxDev:
		return fmt.Sprintf("the interface name %q has %d characters, the kernel allows %d", cut(name), utf8.RuneCountInString(name), maxDev)
	case name == "." || name == ".." || name == "all" || name == "default":
		return fmt.Sprintf("an interface cannot be called %q: the kernel keeps that name for itself", name)
	case strings.ContainsAny(name, "/:%"):
		return fmt.Sprintf("the interface name %q must not have a /, : or %%", name)
	case strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) >= 0:
		return fmt.Sprintf("the interface name %q must not have spaces or control characters", name)
	case strings.HasPrefix(name, "-"):
		return fmt.Sprintf("the interface name %q begins with -: every command would take it for an option", name)
	case !devName().MatchString(name):
		return fmt.Sprintf("the interface name %q is not valid: use a-z, A-Z, 0-9, -, _ and dots, so that it can be typed and needs no quotes", name)
	}
	return ""
}

// HostNameProblem says what is wrong with a name for /etc/hosts, RFC 1123 section 2.1.
func HostNameProblem(name string) string {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		switch {
		case len(label) > maxLabel:
			return fmt.Sprintf("%q: a part of a host name has at most %d characters", cut(label), maxLabel)
		case !hostName().MatchString(label):
			return fmt.Sprintf("the host name %q is not valid: use a-z, 0-9, - and dots", cut(name))
		}
	}
	return ""
}

// node checks the name of a namespace or a bridge where it is made.
func (p *parser) node(path string, name Word, problem string) {
	p.paths[name.Pos] = path
	if problem != "" {
		p.add(name.Pos, path, "%s", problem)
	}
}

// mac reads a MAC address that an interface can have.
func (p *parser) mac(a *Args) Word {
	w := a.Word("mac")
	if w.Pos.Line == 0 {
		return w
	}
	if problem := macProblem(w.Text); problem != "" {
		p.add(w.Pos, at(a.path, "mac"), "%s", problem)
		return Word{}
	}
	return Word{Text: strings.ToLower(w.Text), Pos: w.Pos}
}

var macForm = Pattern(`^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$`)

func macProblem(text string) string {
	switch {
	case !macForm().MatchString(text):
		return fmt.Sprintf("%q is not a MAC address: write six bytes like 02:00:00:00:00:01", cut(text))
	case text == "00:00:00:00:00:00":
		return "00:00:00:00:00:00 is no address: leave `mac` out and one is chosen"
	case strings.ContainsRune("13579bdfBDF", rune(text[1])):
		return fmt.Sprintf("%s is a group address (its first byte is odd): an interface cannot have it", text)
	}
	return ""
}

func (p *parser) mtu(a *Args) int { return a.Int("mtu", 0, 68, 65535) }
