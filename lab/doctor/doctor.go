// Package doctor finds out what a kernel, a user and a machine can do for labs,
// and what is in the way. It changes nothing: what can only be tried is tried in
// a sandbox that is thrown away.
//
// Each question is a row of a table with one small function: Machine has those
// that are asked where the person is, Sandbox those that need a private host.
package doctor

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// State is how a finding is to be taken.
type State string

// States of a finding.
const (
	OK      State = "ok"
	Note    State = "note"    // labs can be built; it may surprise somebody one day
	Missing State = "missing" // some lab, or every lab, cannot be built here
)

// Finding is the answer to one question. Key names the question for programs
// and does not change between versions; What and Found are for a person.
type Finding struct {
	Key    string   `json:"key"`
	What   string   `json:"what"`
	State  State    `json:"state"`
	Found  string   `json:"found,omitempty"`
	Remedy []string `json:"remedy,omitempty"` // commands, most of them for root; any one of them helps
}

// check is one question.
type check struct {
	key, what string
	look      func() answer
}

// answer is what look has seen.
type answer struct {
	state  State
	found  string
	remedy []string
}

func ok(found string) answer { return answer{state: OK, found: found} }

func note(found string, remedy ...string) answer { return answer{Note, found, remedy} }

func missing(found string, remedy ...string) answer { return answer{Missing, found, remedy} }

// Machine asks what can be asked where the person is, in the order of the table.
func Machine() []Finding { return ask(machineChecks) }

// Sandbox tries what a lab is made of. It must run in a sandbox of its own.
func Sandbox() []Finding { return append(tryAll(), ask(sandboxChecks)...) }

// machineChecks are the questions to a machine and its user.
var machineChecks = []check{
	{"kernel", "kernel", kernel},
	{"user", "user", user},
	{"user-namespaces", "user namespaces", userNamespaces},
	{"namespace-limits", "limits of namespaces", namespaceLimits},
	{"descriptors", "open files", descriptors},
	{"processes", "processes", processes},
	{"inotify", "inotify", inotify},
	{"neighbour-table", "neighbour table", neighbourTable},
	{"conntrack-table", "conntrack table", conntrackTable},
	{"proc-sys", "/proc and /sys", covered},
	{"state", "state directory", stateDirectory},
	{"labs", "labs", labs},
	{"leftovers", "leftovers", leftovers},
	{"br-netfilter", "br_netfilter", brNetfilter},
	{"forward", "FORWARD policy", forward},
	{"docker", "Docker", docker},
	{"ufw", "ufw", ufw},
	{"firewalld", "firewalld", firewalld},
	{"iptables-legacy", "old iptables", legacy},
	{"containers", "container networks", containers},
	{"network-manager", "NetworkManager", networkManager},
	{"ip", "ip", program("ip", "iproute2")},
	{"iptables", "iptables", program("iptables", "iptables")},
	{"nft", "nft", program("nft", "nftables")},
	{"ping", "ping", program("ping", "iputils-ping")},
	{"curl", "curl", program("curl", "curl")},
}

// sandboxChecks are the questions to a private host, beside the trials.
var sandboxChecks = []check{
	{"conntrack", "flows (conntrack)", flows},
	{"raw-sockets", "raw sockets", rawSockets},
	{"bridged-frames", "bridged frames", bridgedFrames},
}

func ask(checks []check) []Finding {
	var out []Finding
	for _, c := range checks {
		out = append(out, c.look().of(c.key, c.what))
	}
	return out
}

func (a answer) of(key, what string) Finding { return Finding{key, what, a.state, a.found, a.remedy} }

// Started is the finding of a sandbox that was started, without what notes say.
func Started(notes []string) Finding {
	a := ok("started")
	if os.Geteuid() != 0 {
		a.found += ", no root needed"
	}
	if len(notes) > 0 {
		a = note(a.found+", but it "+strings.Join(notes, ", and "), wholeContainer...)
	}
	return a.of("sandbox", "a sandbox")
}

// NotStarted is the finding of a sandbox that the machine has refused; reason
// says what would cure that.
func NotStarted(err error, reason string) Finding {
	a := missing(err.Error())
	if reason != "" {
		a.remedy = []string{reason}
	}
	return a.of("sandbox", "a sandbox")
}

// Healthy says whether nothing is missing.
func Healthy(found []Finding) bool {
	for _, f := range found {
		if f.State == Missing {
			return false
		}
	}
	return true
}

// setting reads a sysctl, "" when this kernel has none of that name.
func setting(key string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// number reads a sysctl that is a number.
func number(key string) (n int, known bool) {
	_, err := fmt.Sscan(setting(key), &n)
	return n, err == nil
}

// seen says whether a file is there, as far as this user can see.
func seen(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || errors.Is(err, os.ErrPermission)
}
