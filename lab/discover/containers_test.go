package discover_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/discover"
	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

// docker answers as Docker does, on a socket of its own.
func docker(t *testing.T, answers map[string]any) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok || r.Method != http.MethodGet {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return socket
}

func TestDocker(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "sandbox")
	pid := hidden(t)
	type object = map[string]any
	socket := docker(t, map[string]any{
		"/containers/json": []object{
			{"Id": "aaa1", "Names": []string{"/shop_web.1"}, "Ports": []object{
				{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}, {"PrivatePort": 443, "Type": "tcp"},
			}},
			{"Id": "bbb2", "Names": []string{"/db"}},
			{"Id": "ccc3", "Names": []string{"/on-the-host"}},
			{"Id": "ddd4", "Names": []string{"/side"}},
		},
		"/containers/aaa1/json": object{"State": object{"Pid": pid}},
		"/containers/bbb2/json": object{"NetworkSettings": object{"SandboxKey": netns.Dir + "/sandbox"}},
		"/containers/ccc3/json": object{"State": object{"Pid": os.Getpid()}},
		"/containers/ddd4/json": object{"NetworkSettings": object{"SandboxKey": netns.Dir + "/sandbox"}},
	})
	m := read(t, discover.Sources{Sockets: map[string]string{"docker": socket}, Podman: []string{}})
	got := map[string]string{}
	for _, n := range m.Namespaces {
		if c := n.Container; c != nil {
			got[n.Name] = c.Runtime + " " + c.Name + " " + c.ID + " " + strings.Join(c.Ports, ",")
		}
		for _, r := range n.Shared {
			got[r.Name] = "in " + n.Name
		}
	}
	want := map[string]string{"shop_web-1": "docker shop_web.1 aaa1 0.0.0.0:8080->80/tcp", "db": "docker db bbb2 ", "on-the-host": "in host", "side": "in db"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	if len(m.Unseen) != 0 {
		t.Errorf("not seen: %q", m.Unseen)
	}
}

// What a real Docker 20.10 says of a container, but for the number of its first
// process.
func TestDockerRecorded(t *testing.T) {
	kerneltest.Need(t)
	pid := hidden(t)
	b, err := os.ReadFile("testdata/inspect-web.json")
	if err != nil {
		t.Fatal(err)
	}
	var inspected []map[string]any
	if err := json.Unmarshal(b, &inspected); err != nil {
		t.Fatal(err)
	}
	web := inspected[0]
	web["State"].(map[string]any)["Pid"] = pid
	socket := docker(t, map[string]any{
		"/containers/json": []any{map[string]any{"Id": web["Id"], "Names": []any{web["Name"]}, "Ports": []any{}}},
		"/containers/" + web["Id"].(string) + "/json": web,
	})
	m := read(t, discover.Sources{Sockets: map[string]string{"docker": socket}, Podman: []string{}})
	if n := m.Namespace("web"); n == nil || n.Container.ID != web["Id"] || len(m.Unseen) > 0 {
		t.Errorf("web is %+v, not seen %q", n, m.Unseen)
	}
}

// What podman has on disk, as podman 4.3 writes it.
func TestPodman(t *testing.T) {
	kerneltest.Need(t)
	pid := hidden(t)
	dir := t.TempDir()
	sh(t, fmt.Sprintf(`cd '%s'; mkdir -p vfs-containers/816d/userdata vfs-containers/77aa
		echo '[{"id":"816d","names":["web"],"image":"","flags":{"MountLabel":""}},{"id":"77aa","names":["stopped"]}]' >vfs-containers/containers.json
		printf %%d %d >vfs-containers/816d/userdata/pidfile`, dir, pid))
	m := read(t, discover.Sources{Sockets: map[string]string{}, Podman: []string{dir}})
	web := m.Namespace("web")
	if web == nil || web.Container.Runtime != "podman" || web.Container.ID != "816d" || len(web.Processes) != 1 || web.Processes[0].Pid != pid {
		t.Errorf("web is %+v", web)
	}
	if len(m.Namespaces) != 2 {
		t.Errorf("%d namespaces, want the host and web", len(m.Namespaces))
	}
}

// A runtime that does not answer costs the names, and nothing else.
func TestDockerUnwell(t *testing.T) {
	kerneltest.Need(t)
	m := read(t, discover.Sources{Sockets: map[string]string{"docker": docker(t, nil)}, Podman: []string{}})
	if len(m.Unseen) != 1 || m.Unseen[0] != "the names of docker's containers: GET /containers/json: 404 Not Found" {
		t.Errorf("not seen: %q", m.Unseen)
	}
	if len(m.Namespaces) != 1 {
		t.Errorf("%d namespaces, want that of the test", len(m.Namespaces))
	}
	labFile(t, m) // as little as this is a lab
}
