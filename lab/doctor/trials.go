package doctor

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/topology"
)

// trial is a lab of a line or two. Where it cannot be built the kernel lacks
// something, and remedy says what.
type trial struct {
	key, what string
	file      string // as in a lab file
	rare      bool   // most labs do without
	remedy    []string
}

// trials has a line for everything a lab can be made of, and for each kind of
// link one that is called by its name.
var trials = []trial{
	{"namespaces", "network namespaces", "namespaces: {try: {}}", false, []string{"a kernel with CONFIG_NET_NS"}},
	{"veth", "veth cables", `links: [{endpoints: ["host:try-a", "host:try-b"]}]`, false, []string{"modprobe veth"}},
	{"bridge", "bridges", "bridges: {try: {}}", false, []string{"modprobe bridge"}},
	{"macvlan", "macvlan", `links: [{endpoints: ["host:try-a", "host:try-b"]}, {kind: macvlan, parent: "host:try-a", endpoint: "host:try"}]`, true, []string{"modprobe macvlan"}},
	{"vxlan", "vxlan tunnels", `links: [{kind: vxlan, id: 42, endpoint: "host:try"}]`, true, []string{"modprobe vxlan"}},
	{"ipv6", "IPv6", `bridges: {try: {addresses: ["fd00::1/64"]}}`, true, []string{"modprobe ipv6", "a kernel that was started without ipv6.disable=1"}},
	{"forwarding", "forwarding", "namespaces: {host: {forwarding: true}}", false, []string{"a writable /proc/sys: docker run --privileged ..."}},
	{"nat", "NAT as iptables shows it", "bridges: {try: {}}\nnat: [{masquerade: 192.0.2.0/24}]", false, []string{"modprobe -a nft_compat nft_chain_nat xt_MASQUERADE"}},
	{"filter", "filter rules", "bridges: {try: {}}\nfilter: [{chain: FORWARD, in-dev: try, target: DROP}]", false, []string{"modprobe -a nf_tables nft_compat"}},
}

func tryAll() []Finding {
	var out []Finding
	for _, t := range trials {
		a := ok("")
		if err := t.run(); err != nil {
			a = missing(err.Error(), t.remedy...)
			if t.rare {
				a = note("only labs with "+t.what+" need it: "+err.Error(), t.remedy...)
			}
		}
		out = append(out, a.of(t.key, t.what))
	}
	return out
}

// run builds the lab and takes it away again.
func (t trial) run() error {
	top, err := topology.Parse(topology.Source{Name: "doctor.yaml", Text: []byte("name: doctor\n" + t.file + "\n")}, nil)
	if err != nil {
		return err
	}
	p, err := lab.Compile(top, false)
	if err != nil {
		return err
	}
	k := &op.Kernel{Lab: "doctor", Dir: "/run/nslab"}
	facts := p.Facts(len(p.Stages) - 1)
	for _, f := range facts {
		if err = f.Op.Do(k); err != nil {
			break
		}
	}
	for _, f := range slices.Backward(facts) {
		_ = f.Op.Undo(k) // the sandbox goes anyway
	}
	return err
}

// flows tries what forgets a translated flow: ctnetlink.
func flows() answer {
	if err := op.Flows(); err != nil {
		return note("cannot be read ("+err.Error()+"): a flow keeps the translation that it began with, also when the rule is gone", "modprobe nf_conntrack_netlink")
	}
	return ok("can be read and forgotten")
}

// rawSockets are what pings are sent from: raw(7).
func rawSockets() answer {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return missing("no ping can be sent: "+err.Error(), "docker run --cap-add NET_RAW ...")
	}
	unix.Close(fd)
	return ok("pings can be sent")
}

// bridgedFrames says what a new namespace of this kernel starts with.
func bridgedFrames() answer {
	b, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok("never meet iptables: br_netfilter is not loaded")
	case err != nil:
		return note(err.Error())
	case strings.TrimSpace(string(b)) == "1":
		return note("pass iptables in every new namespace (br_netfilter); nslab switches that off where it builds a bridge in a sandbox")
	}
	return ok("never meet iptables")
}
