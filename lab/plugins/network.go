package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/utils"
	"github.com/containernetworking/cni/pkg/version"
)

// Network is a network configuration list: the plugins of a network, in order.
type Network struct {
	Name string
	list *libcni.NetworkConfigList
}

// ReadNetwork reads a list, or the configuration of a single plugin.
func ReadNetwork(conf []byte) (*Network, error) {
	list, err := libcni.NetworkConfFromBytes(conf)
	if err == nil && len(list.Plugins) == 0 {
		list, err = single(conf)
	}
	if err != nil {
		return nil, err
	}
	if err := utils.ValidateNetworkName(list.Name); err != nil {
		return nil, fmt.Errorf("name %q: %s", list.Name, err.Msg)
	}
	return &Network{list.Name, list}, nil
}

// single makes a list of the configuration of one plugin, as the specification
// had it before there were lists.
func single(conf []byte) (*libcni.NetworkConfigList, error) {
	one := map[string]json.RawMessage{}
	if err := json.Unmarshal(conf, &one); err != nil {
		return nil, err
	}
	if _, typed := one["type"]; !typed {
		return nil, errors.New("neither a list of `plugins` nor a plugin with a `type`")
	}
	list := map[string]json.RawMessage{"plugins": fmt.Appendf(nil, "[%s]", conf)}
	for _, key := range []string{"name", "cniVersion"} {
		if v, said := one[key]; said {
			list[key] = v
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return libcni.NetworkConfFromBytes(text)
}

// Types are the names of the plugins, in the order in which ADD calls them.
func (n *Network) Types() []string {
	var out []string
	for _, p := range n.list.Plugins {
		out = append(out, p.Network.Type)
	}
	return out
}

// Version is the version of the specification that its plugins are called with.
func (n *Network) Version() string { return n.list.CNIVersion }

// Before is the version of the specification that a command came with, where
// that of the network is older and its plugins are not called; else "".
func (n *Network) Before(command string) string {
	since := map[string]string{"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}[command]
	if known, err := version.GreaterThanOrEqualTo(n.Version(), since); since == "" || err != nil || known {
		return ""
	}
	return since
}

// LoadNetwork finds a network as a person names it: by a file, by the name of
// one in NETCONFPATH (/etc/cni/net.d), or by the JSON itself.
func LoadNetwork(what string) (*Network, error) {
	if strings.HasPrefix(strings.TrimSpace(what), "{") {
		return ReadNetwork([]byte(what))
	}
	text, err := os.ReadFile(what)
	if err == nil {
		n, err := ReadNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return n, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(what, "/") {
		return nil, err
	}
	dir := os.Getenv("NETCONFPATH")
	if dir == "" {
		dir = "/etc/cni/net.d"
	}
	return find(dir, what)
}

// find looks for the network of a name among the files of a directory, in the
// order of their names, as runtimes do.
func find(dir, name string) (*Network, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, f := range files {
		switch filepath.Ext(f.Name()) {
		case ".conf", ".conflist", ".json":
		default:
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		if n, err := ReadNetwork(text); err == nil && n.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no network %q: neither a file of that name nor one in %s (NETCONFPATH) with that name inside: %w", name, dir, fs.ErrNotExist)
}

// Error is what a plugin has answered, with the code and the details that the
// specification gives it.
type Error struct {
	Network, Command string
	Plugin           *types.Error // nil: it could not even be called
	err              error
}

func (n *Network) failed(command string, err error) error {
	e := &Error{Network: n.Name, Command: command, err: err}
	e.Plugin, _ = errors.AsType[*types.Error](err)
	return e
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s of network %s: %v", e.Command, e.Network, e.err)
	if e.Plugin != nil {
		text += fmt.Sprintf(" (code %d)", e.Plugin.Code)
	}
	return text
}

func (e *Error) Unwrap() error { return e.err }

// stripped is a configuration without `capabilities`: they are for the runtime,
// which has made runtimeConfig of them, and the specification keeps them from
// the plugin. libcni passes them on.
func stripped(conf []byte) []byte {
	keys := map[string]json.RawMessage{}
	if json.Unmarshal(conf, &keys) != nil {
		return conf
	}
	if _, there := keys["capabilities"]; !there {
		return conf
	}
	delete(keys, "capabilities")
	out, err := json.Marshal(keys)
	if err != nil {
		return conf
	}
	return out
}
