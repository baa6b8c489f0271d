package lab_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"nslab/lab/netns"
	"nslab/topology"
)

// dump is everything about a kernel that a lab may have made, without what
// differs from run to run: indexes, addresses that follow from a MAC, counters.
func dump() (string, error) {
	rooms, err := openRooms()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range rooms {
		fmt.Fprintf(&out, "== %s\n", r.name)
		text, err := r.dump(rooms)
		if err != nil {
			return "", fmt.Errorf("%s: %w", r.name, err)
		}
		out.WriteString(text)
	}
	for _, r := range rooms {
		r.ns.Close()
	}
	files, err := etcNetns()
	return out.String() + files, err
}

type room struct {
	name  string
	ns    *netns.NS
	links []netlink.Link
}

// openRooms opens the host and every namespace that has a name.
func openRooms() ([]*room, error) {
	names, err := netns.List()
	if err != nil {
		return nil, err
	}
	host, err := netns.Current()
	if err != nil {
		return nil, err
	}
	rooms := []*room{{name: topology.Host, ns: host}}
	for _, name := range names {
		ns, err := netns.Open(name)
		if errors.Is(err, netns.ErrOwn) {
			ns, err = netns.Current()
		}
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, &room{name: name, ns: ns})
	}
	for _, r := range rooms {
		if err := r.ns.Do(func() (err error) { r.links, err = (&netlink.Handle{}).LinkList(); return err }); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}

func (r *room) dump(all []*room) (string, error) {
	var lines []string
	for _, l := range r.links {
		text, err := r.link(l, all)
		if err != nil {
			return "", err
		}
		lines = append(lines, text)
	}
	slices.Sort(lines)
	for _, q := range questions() {
		answer, err := r.ask(q)
		if err != nil {
			return "", err
		}
		lines = append(lines, answer...)
	}
	sysctls, err := r.sysctls()
	return strings.Join(append(lines, sysctls...), "\n") + "\n", err
}

// link is one line: name, kind, master, state, MTU, queue and the other end.
func (r *room) link(l netlink.Link, all []*room) (string, error) {
	a := l.Attrs()
	state, master, peer := "down", "-", "-"
	if a.Flags&net.FlagUp != 0 {
		state = "up"
	}
	if m := byIndex(r.links, a.MasterIndex); m != nil {
		master = m.Attrs().Name
	}
	if l.Type() == "veth" {
		var err error
		if peer, err = r.peer(a, all); err != nil {
			return "", err
		}
	}
	more := ""
	if only := details[l.Type()]; only != nil {
		told, err := r.ask(question{argv: []string{"ip", "-d", "link", "show", a.Name}, only: only})
		if err != nil {
			return "", err
		}
		more = strings.Join(told, " ")
		if a.NetNsID >= 0 { // the index is one of another namespace
			more = elsewhereDev.ReplaceAllString(more, "dev elsewhere")
		}
	}
	if port, err := r.hairpin(l); err != nil {
		return "", err
	} else if port {
		more += " hairpin"
	}
	return strings.TrimSpace(fmt.Sprintf("link %s %s master %s %s mtu %d qlen %d peer %s %s", a.Name, l.Type(), master, state, a.MTU, a.TxQLen, peer, more)), nil
}

// hairpin says whether an interface is a port that sends frames back.
func (r *room) hairpin(l netlink.Link) (on bool, err error) {
	if l.Attrs().MasterIndex == 0 {
		return false, nil
	}
	err = r.ns.Do(func() error {
		info, err := (&netlink.Handle{}).LinkGetProtinfo(l)
		on = info.Hairpin
		return err
	})
	return on, err
}

var elsewhereDev = regexp.MustCompile(`dev \S+`)

// details are what `ip -d link` says of the kinds of link.
var details = map[string]*regexp.Regexp{
	"bridge": regexp.MustCompile(`stp_state \d`), "macvlan": regexp.MustCompile(`macvlan mode \w+`), "vxlan": regexp.MustCompile(`(?m)vxlan id .* ageing \d+.*udpcsum`),
}

func byIndex(links []netlink.Link, index int) netlink.Link {
	for _, l := range links {
		if index != 0 && l.Attrs().Index == index {
			return l
		}
	}
	return nil
}

// peer finds the other end by the number that this namespace has for the other.
func (r *room) peer(a *netlink.LinkAttrs, all []*room) (string, error) {
	for _, other := range all {
		id := -1
		if other != r {
			err := r.ns.Do(func() (err error) { id, err = (&netlink.Handle{}).GetNetNsIdByFd(other.ns.Fd()); return err })
			if err != nil {
				return "", err
			}
			if id == -1 {
				continue
			}
		}
		if l := byIndex(other.links, a.ParentIndex); l != nil && id == a.NetNsID {
			return other.name + ":" + l.Attrs().Name, nil
		}
	}
	return "?", nil
}

// question is a command whose lines are compared; drop and only are patterns
// of what does not count and of what alone does.
type question struct {
	argv       []string
	drop, only *regexp.Regexp
	sort       bool
}

func questions() []question {
	linkLocal := regexp.MustCompile(`fe80:|^multicast ff00::`) // both come with the carrier, a moment later
	rules := regexp.MustCompile(`(?m)^#.*$|\[\d+:\d+\]| -m comment --comment ("[^"]*"|\S+)`)
	return []question{
		{argv: strings.Fields("ip -o addr"), drop: linkLocal, sort: true},
		{argv: strings.Fields("ip -4 route show table all"), sort: true},
		{argv: strings.Fields("ip -6 route show table all"), drop: linkLocal, sort: true},
		{argv: strings.Fields("ip neigh show nud permanent"), sort: true},
		{argv: strings.Fields("bridge fdb show"), only: regexp.MustCompile(`(?m)^.* dst .*$`)},
		{argv: strings.Fields("ip -4 rule")},
		{argv: strings.Fields("ip -6 rule")},
		{argv: strings.Fields("iptables-save"), drop: rules},
		{argv: strings.Fields("ip6tables-save"), drop: rules},
	}
}

var (
	index    = regexp.MustCompile(`(?m)^\d+: `)
	linkDown = regexp.MustCompile(` linkdown\b`) // the carrier comes a moment later
)

func (r *room) ask(q question) ([]string, error) {
	cmd := exec.Command(q.argv[0], q.argv[1:]...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := r.ns.Start(cmd); err != nil {
		return nil, err
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", q.argv, err, errs.String())
	}
	if q.only != nil {
		return q.only.FindAllString(out.String(), -1), nil
	}
	text := linkDown.ReplaceAllString(index.ReplaceAllString(out.String(), ""), "")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case q.drop == nil:
		case q.sort && q.drop.MatchString(line):
			continue
		case !q.sort:
			line = strings.TrimSpace(q.drop.ReplaceAllString(line, ""))
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	if q.sort {
		slices.Sort(lines)
	}
	return lines, nil
}

// sysctls are the settings that labs make.
func (r *room) sysctls() (lines []string, err error) {
	err = r.ns.Do(func() error {
		for _, pattern := range []string{"ipv4/ip_forward", "ipv?/conf/*/forwarding", "bridge/bridge-nf-call-*", "ipv4/conf/*/rp_filter"} {
			files, _ := filepath.Glob("/proc/sys/net/" + pattern) // the pattern is good
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				lines = append(lines, f+" = "+strings.TrimSpace(string(b)))
			}
		}
		return nil
	})
	return lines, err
}

// etcNetns is what ip-netns(8) would put into the namespaces.
func etcNetns() (string, error) {
	var out strings.Builder
	err := filepath.WalkDir("/etc/netns", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&out, "== %s\n%s", path, b)
		return err
	})
	if os.IsNotExist(err) {
		err = nil
	}
	return out.String(), err
}
