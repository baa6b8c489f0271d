package lab_test

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/probe"
)

// firstPacket has everything that a kernel takes note of a moment after it was
// asked: carriers, ports that begin to forward, IPv6 addresses, a server.
const firstPacket = `name: first
namespaces:
  red: {gateway: [10.9.0.254, "fd09::254"]}
  blue: {services: [{http: 80, body: hello}]}
  far: {gateway: [10.8.0.254, "fd08::254"]}
  host: {forwarding: true}
bridges: {sw: {addresses: [10.9.0.254/24, "fd09::254/64"]}}
links:
  - endpoints: ["red:eth0 10.9.0.1/24 fd09::1/64", "sw:red-p"]
  - endpoints: ["blue:eth0 10.9.0.2/24 fd09::2/64", "sw:blue-p"]
  - endpoints: ["far:eth0 10.8.0.1/24 fd08::1/64", "host:far-p 10.8.0.254/24 fd08::254/64"]
verify:
  - {ping: {from: red, to: blue}}
  - {ping: {from: red, to: "fd09::2"}}
  - {ping: {from: red, to: 10.8.0.1}}
  - {ping: {from: red, to: "fd08::1"}}
  - {ping: {from: host, to: "fd09::1"}}
  - {http: {from: red, to: "http://10.9.0.2/"}, expect: {body: hello}}
  - {http: {from: red, to: "http://[fd09::2]/"}, expect: {body: hello}}
`

// TestFirstPacket builds a lab a hundred times, with every look at it straight
// after: the very first packet of each is answered, over IPv4 and IPv6.
func TestFirstPacket(t *testing.T) {
	kerneltest.Need(t)
	times := 100
	if testing.Short() {
		times = 10
	}
	p, dir := plan(t, "first.yaml", firstPacket), t.TempDir()+"/labs"
	needs(t, "ip")
	for i := range times {
		fulls := tableFulls(t)
		l := open(t, dir, p.Name())
		r, err := l.Apply(t.Context(), p, lab.Options{})
		for _, s := range r.Stages {
			for _, res := range s.Results {
				if res.Status != probe.Passed || res.Tries != 1 {
					t.Errorf("round %d: %s: %s after %d tries: %s", i, res.Assertion.Title(), res.Status, res.Tries, res.Message)
				}
			}
		}
		sent, lost := echoes(t, "red")
		switch full := tableFulls(t) - fulls; {
		case full > 0:
			t.Logf("round %d does not count: somebody else has filled the neighbour table of this machine, %d times", i, full)
		case sent < 4 || lost != 0:
			t.Errorf("round %d: of %d echo requests %d were not answered", i, sent, lost)
		}
		if err := errors.Join(err, l.Destroy(nil), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// echoes counts the echo requests that a namespace has sent and those that
// nobody answered, by the counters of the kernel: a probe would send another.
func echoes(t *testing.T, ns string) (sent, lost int) {
	t.Helper()
	n, err := netns.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var v4, v6 []byte
	err = n.Do(func() error {
		var err4, err6 error
		v4, err4 = os.ReadFile("/proc/thread-self/net/snmp")
		v6, err6 = os.ReadFile("/proc/thread-self/net/snmp6")
		return errors.Join(err4, err6)
	})
	if err != nil {
		t.Fatal(err)
	}
	var names, values []string
	for line := range strings.Lines(string(v4)) { // Icmp: twice, the names and the values
		if rest, ok := strings.CutPrefix(line, "Icmp: "); ok {
			names, values = values, strings.Fields(rest)
		}
	}
	count := map[string]int{}
	for i, name := range names {
		count[name], _ = strconv.Atoi(values[i])
	}
	for line := range strings.Lines(string(v6)) {
		if f := strings.Fields(line); len(f) == 2 {
			count[f[0]], _ = strconv.Atoi(f[1])
		}
	}
	sent = count["OutEchos"] + count["Icmp6OutEchos"]
	return sent, sent - count["InEchoReps"] - count["Icmp6InEchoReplies"]
}

// tableFulls is how often there was no room for another neighbour. The tables
// have one limit for all namespaces of a machine (arp(7), gc_thresh3): when it
// is reached, packets of everybody are lost.
func tableFulls(t *testing.T) int {
	t.Helper()
	sum := 0
	for _, m := range regexp.MustCompile(`table_fulls (\d+)`).FindAllStringSubmatch(sh(t, "ip -s ntable show"), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
