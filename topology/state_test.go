package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

// The host is one namespace, though the world outside and the lab both say
// something of it; and asking for it changes neither.
func TestHostIsOneNamespace(t *testing.T) {
	t.Parallel()
	lab, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte(`outside: lan.yaml
namespaces:
  host: {forwarding: true, sysctls: {net.ipv4.tcp_ecn: 1}, hosts: {blue: 10.0.0.2}, services: [{http: 80}]}
`)}, func(name, _ string) (topology.Source, error) {
		return topology.Source{Name: name, Text: []byte(`namespaces:
  host: {lo: up, sysctls: {net.ipv4.tcp_ecn: 0}, hosts: {router: 10.0.0.1}, services: [{udp-echo: 7}]}
`)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := lab.Steps[1].State
	for range 2 {
		host, ok := s.Namespace(topology.Host)
		if !ok {
			t.Fatal("there is no host")
		}
		got := []any{host.Lo, host.Forward, host.Outside, len(host.Hosts), len(host.Services), len(host.Sysctls), host.Sysctls[0].Value.Text}
		if diff := cmp.Diff([]any{true, true, false, 2, 2, 1, "1"}, got); diff != "" {
			t.Errorf("the host (-want +got):\n%s", diff)
		}
	}
	if n := len(s.Namespaces); n != 2 || len(s.Namespaces[0].Hosts) != 1 || s.Namespaces[0].Sysctls[0].Value.Text != "0" {
		t.Errorf("the state was changed: %+v", s.Namespaces)
	}
	if _, ok := s.Namespace("red"); ok {
		t.Error("red exists")
	}
}
