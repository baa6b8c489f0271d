package lab_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/kerneltest"
)

// typedRole builds a lab up to a step, with all that is served in it, types a
// command on its host and prints what it says.
func typedRole(args []string) error {
	l, p, err := opened(args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := l.Apply(context.Background(), p, lab.Options{To: args[1], NoVerify: true}); err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", args[2])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// recorded is what a real Docker 20.10.24 said to a command, the nth time:
// testdata/docker has its sessions, each command behind a "$ ".
func recorded(t *testing.T, session, command string, nth int) string {
	t.Helper()
	text, err := os.ReadFile("testdata/docker/" + session + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n$ "+command+"\n")
	if len(parts) < nth+2 {
		t.Fatalf("%s has no %q number %d", session, command, nth)
	}
	said, _, _ := strings.Cut(parts[nth+1], "\n\n$ ")
	said, _, _ = strings.Cut(said, "\n## ") // a heading
	return said
}

// fields are the lines of a text with one blank between words, as hosts(5) and
// resolv.conf(5) read them.
func fields(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(out, "\n")
}

func TestDockerLink(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip")
	for _, tt := range []struct {
		step, container string
		nth             int
	}{
		{"link", "app", 0}, {"link", "db", 0}, {"restart", "app", 1},
	} {
		want := recorded(t, "link", "docker exec "+tt.container+" cat /etc/hosts", tt.nth)
		got := elsewhere(t, "typed", "docker-link", tt.step, "ip netns exec "+tt.container+" cat /etc/hosts")
		if diff := cmp.Diff(fields(want), fields(got)); diff != "" {
			t.Errorf("%s: /etc/hosts of %s (-docker +nslab):\n%s", tt.step, tt.container, diff)
		}
	}
}

// What the rooms have and what is plugged into docker0, line by line; the
// numbers of the interfaces are others, as the lesson says.
func TestDockerBridge(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "bridge")
	const session, step = "default-bridge", "containers"
	rooms := `for c in web c2; do P=$(docker inspect -f "{{.State.Pid}}" $c); echo "== $c pid $P"; ` +
		`docker inspect -f "{{.NetworkSettings.SandboxKey}} {{.NetworkSettings.SandboxID}}" $c; ` +
		`nsenter -t $P -n ip -d addr; nsenter -t $P -n ip route; nsenter -t $P -n ip neigh; done`
	told := regexp.MustCompile(`link/ether \S+|inet \S+|.* dev eth0.*`)
	for _, tt := range []struct {
		docker, nslab string
		told          *regexp.Regexp
	}{
		{rooms, "for c in web c2; do ip -n $c addr show eth0; ip -n $c route; done", told},
		{"bridge link", "bridge link", regexp.MustCompile(`veth\w+|master docker0 state forwarding .*`)},
		{"ip addr show docker0", "ip addr show docker0", regexp.MustCompile(`inet \S+`)},
	} {
		want := tt.told.FindAllString(fields(recorded(t, session, tt.docker, 0)), -1)
		got := tt.told.FindAllString(fields(elsewhere(t, "typed", "docker-bridge", step, tt.nslab)), -1)
		if tt.docker == rooms {
			want = slices.DeleteFunc(want, func(line string) bool { return line == "inet 127.0.0.1/8" })
		}
		if diff := cmp.Diff(want, got); len(want) == 0 || diff != "" {
			t.Errorf("%s (-docker +nslab):\n%s", tt.nslab, diff)
		}
	}
}

// The recording has other networks before net1, so that Docker gave it
// 172.20.0.0/16; as the second network it gets 172.18.0.0/16.
func TestDockerUserNetwork(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip")
	want := recorded(t, "user-bridge", "docker exec cb cat /etc/resolv.conf /etc/hosts", 0)
	want = strings.ReplaceAll(want, "172.20.", "172.18.")
	got := elsewhere(t, "typed", "docker-user-network", "network", "ip netns exec cb cat /etc/resolv.conf /etc/hosts")
	if diff := cmp.Diff(fields(want), fields(got)); diff != "" {
		t.Errorf("files of cb (-docker +nslab):\n%s", diff)
	}
}

// The resolver of the C library reads the same files.
func TestDockerNamesByLibc(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "getent")
	for _, tt := range []struct{ scenario, step, in, name, want string }{
		{"docker-link", "link", "app", "mysql", "172.17.0.2"},
		{"docker-link", "restart", "app", "mysql", "172.17.0.4"},
		{"docker-link", "link", "app", "dns.google", "8.8.8.8"},
		{"docker-user-network", "network", "cb", "web", "172.18.0.2"},
		{"docker-user-network", "network", "cb", "dns.google", "8.8.8.8"},
		{"docker-user-network", "connect", "cc", "cb", "10.77.0.129"},
	} {
		got := elsewhere(t, "typed", tt.scenario, tt.step, "ip netns exec "+tt.in+" getent ahostsv4 "+tt.name)
		if addr, _, _ := strings.Cut(got, " "); addr != tt.want {
			t.Errorf("%s, step %s: %s in %s is %q, want %s", tt.scenario, tt.step, tt.name, tt.in, addr, tt.want)
		}
	}
}
