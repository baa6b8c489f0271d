package lab_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/topology"
)

// rule is something that is not compared: a pattern, and what is put in its
// place in both texts.
type rule struct{ pattern, with string }

// mustDiffer is what cannot be equal in two runs, or on two kernels.
var mustDiffer = []rule{
	{`(?m)^\d+: `, ""},                     // indexes
	{`@[\w-]+: `, "@if: "},                 // the index of the other end; bridge(8) names whoever has it here
	{`link-netns(id)? \S+ ?`, ""},          // where that is: containers have a number, our namespaces a name
	{`veth[0-9a-f]{7}`, "vethX"},           // dice
	{`(?m)^ +inet6 fe80:.*\n?`, ""},        // comes with the carrier, a moment later
	{`(?m)  allmulti .*$`, ""},             // from here on: limits of the driver
	{`(?m) numtxqueues .*$`, ""},           // one queue for each CPU
	{`(?m) addrgenmode .*$`, ""},           //
	{`(?m) bcqueuelen .*$`, ""},            //
	{`(?m)( ageing \d+) udpcsum.*$`, "$1"}, //
	{`(?m) bridge_id .*$`, ""},             // the MAC address once more, and timers
	{`(?m) port_id .*$`, ""},               //
}

// onPurpose is where nslab leaves things as ip(8) makes them, and Docker does not.
var onPurpose = []rule{
	{` group \d+| group default`, ""},       // by its group nslab knows what is its own
	{`(?m)^    alias nslab:.*\n`, ""},       // and a namespace by this
	{` qlen \d+`, ""},                       // Docker gives its interfaces no queue: noqueue uses none
	{` brd [0-9.]+`, ""},                    // ip addr add sets none unless told to
	{`(?m)^ +valid_lft .*\n?`, ""},          // forever
	{`,M-DOWN`, ""},                         // what BusyBox believes of a veth
	{` state (UP|DOWN|UNKNOWN)`, ""},        // BusyBox does not say it; UP and LOWER_UP are compared
	{` mode DEFAULT| proto kernel| +$`, ""}, // nor this
}

// street is the LAN of the lecture for that of the recording.
var street = []rule{
	{`192\.168\.50\.`, "192.168.1."},
	{`02:42:c0:a8:32:`, "02:42:c0:a8:01:"},
}

// second is the network net1, which was the fourth one in the recording.
var second = []rule{{`172\.20\.`, "172.18."}, {`02:42:ac:14:`, "02:42:ac:12:"}}

// brief is what `ip -br` has of its own.
var brief = []rule{{`192\.168\.1\.10/`, "192.168.1.2/"}, {`fe80::\S+`, ""}, {`@\S+`, "@if"}}

// overlayOnPurpose is what the lesson docker-overlay tells as the differences.
var overlayOnPurpose = []rule{
	{` l2miss l3miss`, ""}, // nobody is there to be told
	{`br[12]\b`, "br0"},    // the names of bridges are unique in a lab
	{`(?m)^.*(10\.200\.0\.|02:42:0a:c8:00:0)[35] .*\n?`, ""}, // the load balancer of a swarm
	{`(?ms)^eth1@if: .*`, ""},                                // docker_gwbridge
}

var macs = regexp.MustCompile(`\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b`)

// points are the lines of a text that are to be equal.
func points(text string, rules ...[]rule) []string {
	for _, rs := range append([][]rule{mustDiffer, onPurpose}, rules...) {
		for _, r := range rs {
			text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
		}
	}
	text = macs.ReplaceAllStringFunc(text, func(mac string) string {
		if strings.HasPrefix(mac, "02:42:0a:c8:") || strings.HasPrefix(mac, "02:42:ac:11:") || strings.HasPrefix(mac, "02:42:c0:a8:") {
			return mac // made of the address
		}
		return "MAC" // dice; nslab's follow from the names
	})
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// What was typed at a real Docker.
const (
	inM1     = `P=$(docker inspect -f "{{.State.Pid}}" m1); nsenter -t $P -n ip -d a; nsenter -t $P -n ip r`
	inEach   = `for c in web c2; do P=$(docker inspect -f "{{.State.Pid}}" $c); echo "== $c pid $P"; docker inspect -f "{{.NetworkSettings.SandboxKey}} {{.NetworkSettings.SandboxID}}" $c; nsenter -t $P -n ip -d addr; nsenter -t $P -n ip route; nsenter -t $P -n ip neigh; done`
	inAll    = `for n in /run/docker/netns/[12l]*-*; do echo "== $n"; nsenter --net=$n ip -d a; nsenter --net=$n bridge fdb; nsenter --net=$n ip neigh;  done`
	inOv1    = "nsenter --net=/run/docker/netns/1-jpqi5rqsle "
	inOv2    = "nsenter --net=/run/d2/netns/1-jpqi5rqsle "
	twice    = "ip netns exec o2 ping -c2 -i0.2 10.200.0.2 >/dev/null; "
	nextDoor = "for a in 2 193 192; do ip netns exec neighbor ping -c1 192.168.1.$a >/dev/null; ip -n neighbor neigh show 192.168.1.$a; done"
)

// comparison is a command typed at a lesson, and the one that was typed at a
// real Docker, the nth time, in a session of testdata/docker.
type comparison struct {
	scenario, step, typed string
	session, command      string
	nth                   int
	rules                 []rule
}

var comparisons = []comparison{
	{"docker-bridge", "docker0", "for dev in lo eth0 docker0; do ip -br a show $dev; done", "default-bridge", "ip -br a", 0, slices.Concat(street, brief)},
	{"docker-bridge", "containers", "ip -n web a", "default-bridge", "docker exec web ip a", 0, nil},
	{
		"docker-bridge", "containers", "ip netns exec c2 cat /etc/hosts",
		"default-bridge", "docker exec web cat /etc/hosts", 0,
		[]rule{{`172\.17\.0\.2\s+543c1da84600`, "172.17.0.3 46c64c7340de"}}, // c2's own line, by its number in the recording
	},
	{"docker-publish", "publish", "ss -ltnp", "publish", `ss -ltnp | grep -v "127.0.0.53"`, 0, []rule{{`,fd=\d+|pid=\d+| +$`, ""}}},
	{"docker-link", "restart", "ip -n db -4 -o a show eth0", "link", "docker exec db ip -4 -o a show eth0", 0, nil},
	{"docker-user-network", "second-network", "ip -n cc -4 -o a", "user-bridge", "docker exec cc ip -4 -o a", 0, nil},
	{"docker-user-network", "connect", "ip -n cb a", "user-bridge", "docker exec cb ip a", 0, second},
	{"docker-user-network", "connect", "ip -n cb r", "user-bridge", "docker exec cb ip r", 0, second},
	{"docker-none", "container", "ip -n c1 a", "none-host-container", "docker run --rm --network none bb ip a", 0, nil},
	{"docker-none", "container", "ip -n c1 route", "none-host-container", "docker run --rm --network none bb ip route", 0, []rule{{`(?s)^\n\$ .*`, ""}}}, // the answer is empty
	{"docker-container", "side", "ip netns exec side cat /etc/hosts", "none-host-container", "docker exec side cat /etc/hosts", 0, nil},
	{"docker-container", "side", "ip -n side a", "none-host-container", "docker exec side ip a", 0, nil},
	{"docker-container", "one-set-of-ports", "bridge link", "default-bridge", "bridge link", 0, nil},
	{"docker-container", "one-set-of-ports", "ip -d link show docker0", "default-bridge", "ip -d link show docker0", 0, nil},
	{"docker-container", "one-set-of-ports", "ip addr show docker0", "default-bridge", "ip addr show docker0", 0, nil},
	{
		"docker-container", "one-set-of-ports", "ip -d link show type veth",
		"default-bridge", "ip -d link show type veth", 0,
		[]rule{{`(?m)^eth0@if: .*\n.*\n +veth\n`, ""}}, // the recorded host's own cable
	},
	{
		"docker-container", "one-set-of-ports", "for c in web other; do echo == $c; ip -n $c -d addr; ip -n $c route; ip -n $c neigh; done",
		"default-bridge", inEach, 0,
		[]rule{{`(?m) pid \d+\n/run/docker/netns/.*$`, ""}, {`== (c2|other)`, "== second"}},
	},
	{"docker-macvlan", "rooms", "ip -d link show eth0", "macvlan", "ip -d link show eth0", 0, street},
	{"docker-macvlan", "children", "ip -d link show eth0", "macvlan", "ip -d link show eth0", 1, street},
	{"docker-macvlan", "children", "ip -n m1 -d a; ip -n m1 r", "macvlan", inM1, 0, street},
	{"docker-macvlan", "children", "ip -n m2 a", "macvlan", "docker exec m2 ip a", 0, street},
	{"docker-macvlan", "children", "ip -n m2 r", "macvlan", "docker exec m2 ip r", 0, street},
	{
		"docker-macvlan", "children", nextDoor,
		"macvlan", "ip netns exec outside ip neigh", 0,
		[]rule{{`192\.168\.50\.10 `, "192.168.1.2 "}, street[0], street[1], {` (STALE|DELAY|REACHABLE)`, " known"}},
	},
	{
		"docker-overlay", "fdb", "ip -n ov1 -d a show br1",
		"overlay", inAll, 0,
		[]rule{overlayOnPurpose[1], {`(?s)^.*\n(br0: .*?)\nvxlan0.*`, "$1"}},
	},
	{"docker-overlay", "fdb", "ip -n ov1 -d link show vxlan0", "overlay-2nodes", inOv1 + "ip -d link show vxlan0", 0, overlayOnPurpose},
	{"docker-overlay", "fdb", "ip -n ov2 -d link show vxlan0", "overlay-2nodes", inOv2 + "ip -d link show vxlan0", 0, overlayOnPurpose},
	{"docker-overlay", "fdb", twice + "bridge -n ov1 fdb show dev vxlan0", "overlay-2nodes", inOv1 + "bridge fdb show dev vxlan0", 0, overlayOnPurpose},
	{"docker-overlay", "fdb", twice + "bridge -n ov2 fdb show dev vxlan0", "overlay-2nodes", inOv2 + "bridge fdb show dev vxlan0", 0, overlayOnPurpose},
	{"docker-overlay", "fdb", "ip -n ov1 neigh show dev vxlan0", "overlay-2nodes", inOv1 + "ip neigh show dev vxlan0", 0, overlayOnPurpose},
	{"docker-overlay", "fdb", "ip -n ov2 neigh", "overlay-2nodes", inOv2 + "ip neigh", 0, overlayOnPurpose},
	{"docker-overlay", "fdb", "ip -n o2 a", "overlay-2nodes", "docker -H unix:///run/d2.sock exec o2 ip a", 0, overlayOnPurpose},
}

// TestAsDocker types at a lesson what somebody typed at a real Docker, and
// compares the answers line by line.
func TestAsDocker(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "bridge", "ping")
	for _, c := range comparisons {
		t.Run(c.scenario+"/"+c.typed, func(t *testing.T) {
			t.Parallel()
			want := points(recorded(t, c.session, c.command, c.nth), c.rules)
			got := points(elsewhere(t, "typed", c.scenario, c.step, c.typed), c.rules)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-docker +nslab):\n%s", c.typed, diff)
			}
		})
	}
}

// TestDockerAddressReuse hands out addresses as Docker did when containers came
// and went. The recording does not say so, but a1 and a3 have gone when a5
// comes: their addresses are given again. What it says of the networks
// 172.19 to 172.21 has no counterpart: a lab file names its networks.
func TestDockerAddressReuse(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/docker/address-reuse.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`a\d 172\.17\S+`).FindAllString(strings.ReplaceAll(string(text), "gets ", ""), -1)
	src := topology.Source{Name: "lab.yaml", Text: []byte(`bridges: {docker0: {addresses: [172.17.0.1/16]}}
namespaces: {a1: {}, a2: {}, a3: {}, a4: {}, a5: {}, a6: {}}
steps:
  - name: three
    links:
      - endpoints: ["a1:eth0 auto", "docker0:veth1"]
      - endpoints: ["a2:eth0 auto", "docker0:veth2"]
      - endpoints: ["a3:eth0 auto", "docker0:veth3"]
  - name: second-goes
    remove: ["links/a2:eth0"]
    links: [{endpoints: ["a4:eth0 auto", "docker0:veth4"]}]
  - name: the-others-go
    remove: ["links/a1:eth0", "links/a3:eth0"]
    links:
      - endpoints: ["a5:eth0 auto", "docker0:veth5"]
      - endpoints: ["a6:eth0 auto", "docker0:veth6"]
`)}
	top, err := topology.Parse(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range top.Steps {
		for _, l := range step.State.Links {
			end := l.Ends[0]
			line := end.Node.Text + " " + end.Addresses[0].Prefix.Addr().String()
			if !slices.Contains(got, line) {
				got = append(got, line)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-docker +nslab):\n%s", diff)
	}
}
