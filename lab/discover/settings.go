package discover

import (
	"os"
	"path/filepath"
	"strings"
)

// switches are settings of a namespace that lessons and container runtimes turn
// on; all are off in a new one. See Documentation/networking/ip-sysctl.rst.
var switches = []string{
	"ipv6/conf/all/disable_ipv6", "ipv4/conf/*/route_localnet", "ipv4/conf/*/proxy_arp",
}

// readSettings reads the namespace that this thread is in.
func (n *Namespace) readSettings() {
	n.Forwarding = setting("ipv4/ip_forward") == "1"
	n.Forward6 = setting("ipv6/conf/all/forwarding") == "1"
	n.Settings = map[string]string{}
	for _, pattern := range switches {
		files, _ := filepath.Glob(sysctls + pattern) // the pattern is good
		for _, f := range files {
			path := strings.TrimPrefix(f, sysctls)
			// a dot in the name of an interface is not one of the setting
			if setting(path) == "1" && !strings.Contains(path, ".") {
				n.Settings["net."+strings.ReplaceAll(path, "/", ".")] = "1"
			}
		}
	}
	n.readBridged()
}

// bridged says whether iptables sees what crosses a bridge.
const bridged = "net.bridge.bridge-nf-call-iptables"

// readBridged notes that where it is not as in a lab: on in every namespace
// where the kernel has br_netfilter, off on the host of a sandbox.
func (n *Namespace) readBridged() {
	usual := map[bool]string{true: "0", false: "1"}[n.own]
	value := setting(strings.ReplaceAll(strings.TrimPrefix(bridged, "net."), ".", "/"))
	bridge := n.find(func(i *Interface) bool { return i.Kind == "bridge" })
	if value != "" && value != usual && bridge != nil {
		n.Settings[bridged] = value
	}
}

const sysctls = "/proc/sys/net/"

// setting reads a sysctl, "" where the kernel has none of that name.
func setting(path string) string {
	b, err := os.ReadFile(sysctls + path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
