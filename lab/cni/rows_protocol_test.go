package cni_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/cni"
)

const conf = `{"cniVersion": "1.1.0", "name": "lab", "bridge": "nsl0"}`

func rowCommand(r *rig) {
	for _, bad := range []string{"FOO", "add", "ADD "} {
		r.fails(r.run([]string{"CNI_COMMAND=" + bad}, conf), 4, "CNI_COMMAND", bad)
	}
	netns := r.container("c1")
	_, prev := r.added("c1", netns, "eth0", nil)
	r.ok(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}))
	r.ok(r.call("STATUS", "", "", "", nil))
	r.ok(r.call("VERSION", "", "", "", nil))
	r.ok(r.call("GC", "", "", "", valid("c1/eth0")))
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
}

func rowVariables(r *rig) {
	for command, missing := range map[string][]string{
		"ADD":   {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"},
		"CHECK": {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"},
		"DEL":   {"CNI_CONTAINERID", "CNI_IFNAME"},
		"GC":    {"CNI_PATH"},
	} {
		a := r.run([]string{"CNI_COMMAND=" + command}, conf)
		r.fails(a, 4, missing...)
		if strings.Contains(a.out, "CNI_NETNS") != slices.Contains(missing, "CNI_NETNS") {
			r.Errorf("%s: %s", command, a.out)
		}
	}
	r.fails(r.run([]string{"CNI_COMMAND=ADD", "CNI_CONTAINERID=c", "CNI_NETNS=/x"}, conf), 4, "CNI_IFNAME")
	for _, command := range []string{"STATUS", "VERSION"} {
		r.ok(r.run([]string{"CNI_COMMAND=" + command}, conf))
	}
	r.ok(r.run([]string{"CNI_COMMAND=DEL", "CNI_CONTAINERID=c", "CNI_IFNAME=eth0"}, conf))
}

func rowContainerID(r *rig) {
	for _, bad := range []string{"-c", "a/b", "..", "a b", "ä", "$(x)"} {
		r.fails(r.call("ADD", bad, "/run/netns/none", "eth0", nil), 4, "CNI_CONTAINERID")
		r.fails(r.call("DEL", bad, "", "eth0", nil), 4, "CNI_CONTAINERID")
	}
	r.ok(r.call("DEL", "0_a.B-9", "", "eth0", nil))
}

func rowIfName(r *rig) {
	for _, bad := range []string{".", "..", "a/b", "a:b", "a b", "sixteen-letters-"} {
		r.fails(r.call("ADD", "c", "/run/netns/none", bad, nil), 4, "CNI_IFNAME")
	}
	r.ok(r.call("DEL", "c", "", "fifteen-letters", nil))
}

func rowNetworkName(r *rig) {
	for _, name := range []any{nil, "", "a/b", "-a", "..", "a b"} {
		r.fails(r.call("ADD", "c", "/run/netns/none", "eth0", map[string]any{"name": name}), 7, "name")
		r.fails(r.call("STATUS", "", "", "", map[string]any{"name": name}), 7, "name")
	}
}

func rowInput(r *rig) {
	for in, says := range map[string]string{
		"": "end of JSON", "{": "end of JSON", "[]": "want an object, found: array", `{"name": 1}`: "name: want a string, found: number",
		`{"name": "lab", "mtu": "big"}`: "mtu: want a whole number, found: string", `{"isGateway": "yes"}`: "isGateway: want true or false, found: string",
		`{"runtimeConfig": {"ips": "10.66.0.9"}}`: "runtimeConfig.ips: want a list, found: string",
	} {
		r.fails(r.run([]string{"CNI_COMMAND=STATUS"}, in), 6, says)
	}
	cmd := exec.Command(filepath.Join(r.dir, cni.Plugin))
	cmd.Env = []string{"CNI_COMMAND=STATUS"}
	dir, err := os.Open(r.dir) // nobody can read a directory
	if err != nil {
		r.Fatal(err)
	}
	defer dir.Close()
	cmd.Stdin = dir
	r.fails(r.finish(cmd), 5, "standard input")
}

func rowVersion(r *rig) {
	netns := r.container("c1")
	before := r.machine()
	for _, v := range []string{"9.9.9", "1.2.0", "0.3", "x"} {
		for _, command := range []string{"ADD", "DEL", "CHECK", "STATUS"} {
			r.fails(r.call(command, "c1", netns, "eth0", map[string]any{"cniVersion": v}), 1, v, "1.1.0")
		}
	}
	if diff := cmp.Diff(before, r.machine()); diff != "" || len(r.held()) > 0 {
		r.Errorf("something happened: %s %v", diff, r.held())
	}
}

func rowUnknownKeys(r *rig) {
	netns := r.container("c1")
	r.add("c1", netns, "eth0", map[string]any{"mood": "good", "vlan": 0, "portIsolation": false, "isGatway": true, "ipMasqBackend": "nftables"})
	for key, value := range map[string]any{
		"vlan": 100, "vlanTrunk": []any{map[string]int{"id": 2}}, "portIsolation": true, "disableContainerInterface": true,
		"enabledad": true, "enableDad": true, "VLAN": 100, // which the reference takes for the same
		"ipMasqBackend": "ebtables",
	} {
		text, err := json.Marshal(value)
		if err != nil {
			r.Fatal(err)
		}
		r.fails(r.call("ADD", "c2", netns, "eth1", map[string]any{key: value}), 2, key, string(text))
		r.fails(r.call("STATUS", "", "", "", map[string]any{key: value}), 2, key)
		r.ok(r.call("DEL", "c2", netns, "eth1", map[string]any{key: value})) // which a runtime calls until it succeeds
		r.ok(r.call("GC", "", "", "", map[string]any{key: value, "cni.dev/valid-attachments": []any{map[string]string{"containerID": "c1", "ifname": "eth0"}}}))
	}
	r.fails(r.call("ADD", "c2", netns, "eth1", ports("8080:80/sctp")), 2, "sctp")
	r.ok(r.call("DEL", "c2", netns, "eth1", ports("8080:80/sctp")))
	for says, bad := range map[string]map[string]any{
		`bridge "a/b"`: {"bridge": "a/b"}, "mtu 12": {"mtu": 12}, `mac "red"`: {"runtimeConfig": map[string]string{"mac": "red"}},
	} {
		r.fails(r.call("ADD", "c2", netns, "eth1", bad), 7, says)
		r.ok(r.call("DEL", "c2", netns, "eth1", bad))
	}
}

func rowExitStatus(r *rig) {
	netns := r.container("c1")
	for _, tt := range []struct {
		a    answer
		want int
	}{
		{r.call("ADD", "c1", netns, "eth0", nil), 0},
		{r.call("ADD", "c1", netns, "eth0", nil), 1},
		{r.call("CHECK", "c1", netns, "eth0", nil), 1},
		{r.call("DEL", "c1", netns, "eth0", nil), 0},
		{r.call("FOO", "c1", netns, "eth0", nil), 1},
	} {
		if tt.a.status != tt.want {
			r.Errorf("%s: exit status %d, want %d", tt.a.command, tt.a.status, tt.want)
		}
	}
}

func rowErrorJSON(r *rig) {
	for _, v := range []string{"0.3.1", "0.4.0", "1.0.0", "1.1.0"} {
		a := r.call("ADD", "c1", "/run/netns/none", "eth0", map[string]any{"cniVersion": v})
		r.fails(a, 4, "CNI_NETNS", "/run/netns/none")
		if f := r.isError(a); f.CNIVersion != v {
			r.Errorf("the error has cniVersion %q, want %q", f.CNIVersion, v)
		}
		if a.stderr != "" {
			r.Errorf("standard error has %q", a.stderr)
		}
	}
	// Where the version of the request is not known, it is the plugin's own.
	if f := r.isError(r.run([]string{"CNI_COMMAND=ADD"}, "{")); f.CNIVersion != "1.1.0" {
		r.Errorf("cniVersion %q", f.CNIVersion)
	}
}

// rowOneDocument: what is printed is looked at after every call of the rig. The
// reference prints two documents for a container in its own namespace.
func rowOneDocument(r *rig) {
	for _, own := range []string{"/proc/self/ns/net", "/proc/thread-self/ns/net"} {
		r.fails(r.call("ADD", "c1", own, "eth0", nil), 4, "CNI_NETNS", "runs in")
		r.ok(r.call("DEL", "c1", own, "eth0", nil))
	}
	r.delegate("chatty", `echo "a word" >&2; [ $CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.66.0.9/24"}]}'`)
	netns := r.container("c1")
	a := r.call("ADD", "c1", netns, "eth0", map[string]any{"ipam": map[string]string{"type": "chatty"}})
	r.ok(a)
	if a.stderr != "a word\n" {
		r.Errorf("the words of the IPAM plugin: %q", a.stderr)
	}
}

// rowCodes: every error of every row goes through isError, which knows them.
func rowCodes(r *rig) {
	netns := r.container("c1")
	r.add("c1", netns, "eth0", nil)
	r.fails(r.call("ADD", "c1", netns, "eth0", nil), 100, "already", "DEL")
	r.fails(r.call("CHECK", "c1", netns, "eth0", nil), 7, "prevResult")
	r.fails(r.call("ADD", "c2", netns, "eth1", map[string]any{"bridge": "lo"}), 7, "lo", "device")
	r.fails(r.call("ADD", "c2", netns, "eth1", map[string]any{"mtu": 12}), 7, "mtu 12")
	r.fails(r.call("ADD", "c2", netns, "eth1", map[string]any{"runtimeConfig": map[string]string{"mac": "red"}}), 7, `mac "red"`)
	r.fails(r.call("ADD", "c2", netns, "eth1", map[string]any{"runtimeConfig": map[string]string{"mac": "01:00:00:00:00:01"}}), 999, "address")
}

func rowSince(r *rig) {
	for command, versions := range map[string][]string{
		"CHECK": {"0.1.0", "0.2.0", "0.3.0", "0.3.1"},
		"GC":    {"0.3.1", "0.4.0", "1.0.0"}, "STATUS": {"0.3.1", "0.4.0", "1.0.0"},
	} {
		for _, v := range versions {
			a := r.call(command, "c1", "/run/netns/none", "eth0", map[string]any{"cniVersion": v})
			r.fails(a, 1, command, v)
			if f := r.isError(a); f.CNIVersion != v {
				r.Errorf("the error has cniVersion %q, want %q", f.CNIVersion, v)
			}
		}
	}
}

func rowVersionCommand(r *rig) {
	all := []string{"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}
	dummies := []string{"CNI_COMMAND=VERSION", "CNI_IFNAME=dummy", "CNI_NETNS=dummy", "CNI_PATH=dummy"} // as libcni asks
	for in, want := range map[string]string{
		`{"cniVersion": "0.4.0"}`: "0.4.0", `{"cniVersion": "1.1.0"}`: "1.1.0", "": "1.1.0", "{": "1.1.0",
	} {
		a := r.run(dummies, in)
		r.ok(a)
		var got struct {
			CNIVersion        string
			SupportedVersions []string
		}
		err := json.Unmarshal([]byte(a.out), &got)
		if err != nil || got.CNIVersion != want || !slices.Equal(got.SupportedVersions, all) || a.stderr != "" {
			r.Errorf("VERSION of %q: %s%s, want %s of %v", in, a.out, a.stderr, want, all)
		}
	}
}

func rowAbout(r *rig) {
	a := r.run(nil, "")
	if a.status != 0 || a.out != "" || !strings.Contains(a.stderr, "CNI plugin") || !strings.Contains(a.stderr, "1.1.0") {
		r.Errorf("exit status %d, %q, %q", a.status, a.out, a.stderr)
	}
}

func rowArgs(r *rig) {
	netns := r.container("c1")
	call := func(command, container, text string) answer {
		in, err := json.Marshal(r.conf)
		if err != nil {
			r.Fatal(err)
		}
		return r.run([]string{
			"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=" + netns, "CNI_IFNAME=eth0", "CNI_PATH=" + r.dir, "CNI_ARGS=" + text,
		}, string(in))
	}
	args := func(container, text string) answer { return call("ADD", container, text) }
	r.fails(args("c1", "COLOUR=red"), 4, "CNI_ARGS", "COLOUR=red")
	r.fails(args("c1", "IgnoreUnknown"), 4, "CNI_ARGS")
	r.ok(call("DEL", "c1", "COLOUR=red")) // which a runtime calls until it succeeds
	r.fails(args("c1", "IP=red"), 7, "red")
	r.ok(args("c1", "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;IP=10.66.0.77;MAC=02:00:00:00:00:77"))
	if link := r.sh("ip -n c1 -br link show eth0; ip -n c1 -br addr show eth0"); !strings.Contains(link, "02:00:00:00:00:77") || !strings.Contains(link, " 10.66.0.77/24") {
		r.Error(link)
	}
}
