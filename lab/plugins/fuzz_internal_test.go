package plugins

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/containernetworking/cni/pkg/utils"
)

// FuzzNetwork reads what somebody has put into /etc/cni/net.d: what is accepted
// has a name that can be part of a path, and plugins; and what a plugin is told
// of it is JSON without what is for the runtime alone.
func FuzzNetwork(f *testing.F) {
	for _, text := range []string{
		`{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"bridge","ipam":{"type":"host-local"}},{"type":"portmap","capabilities":{"portMappings":true}}]}`,
		`{"cniVersion":"0.4.0","name":"one","type":"bridge"}`,
		`{"name":"../net","type":"bridge"}`, `{"name":"net","plugins":[{}]}`, `{"name":"net","plugins":[null]}`, `{"plugins":null,"type":null}`,
		`{"cniVersions":["1.0.0",null],"name":"net","disableCheck":"yes","plugins":[{"type":"a"}]}`, `{"name":"net","loadOnlyInlinedPlugins":false}`,
		`[]`, `null`, `"`, "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, conf []byte) {
		n, err := ReadNetwork(conf)
		if err != nil {
			return
		}
		if err := utils.ValidateNetworkName(n.Name); err != nil || len(n.Types()) == 0 {
			t.Errorf("network %q with the plugins %q: %v", n.Name, n.Types(), err)
		}
		for _, p := range n.list.Plugins {
			keys := map[string]json.RawMessage{}
			if err := json.Unmarshal(stripped(p.Bytes), &keys); err != nil || keys["capabilities"] != nil {
				t.Errorf("a plugin is told %s: %v", stripped(p.Bytes), err)
			}
		}
	})
}

// FuzzMemory reads what another nslab has written down of its attachments, and
// of its calls.
func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"Network":"net","Attachment":{"ID":"nslab-red","NetNS":"/run/netns/red","IfName":"eth0"}}`), []byte(`{"Plugin":"bridge"}`))
	f.Add([]byte(`{"Network":"net","Attachment":{"ID":"../../x","IfName":"\u001b[31m"}}`), []byte("{}\n{"))
	f.Add([]byte("null"), []byte("null null"))
	f.Fuzz(func(t *testing.T, record, calls []byte) {
		r, n := Runtime{Dir: t.TempDir()}, &Network{Name: "net"}
		if err := os.Mkdir(filepath.Join(r.Dir, "begun"), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string][]byte{filepath.Join("begun", "net-x-eth0"): record, callsFile: calls} {
			if err := os.WriteFile(filepath.Join(r.Dir, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.attached(n); len(got) > 1 {
			t.Errorf("one file says %v", got)
		}
		if got, err := Calls(r.Dir); len(got) > len(calls)/2 && err == nil && len(got) > 0 {
			t.Errorf("%q was read as %d calls", calls, len(got))
		}
	})
}
