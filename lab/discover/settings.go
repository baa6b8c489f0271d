package discover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// switches are settings of a namespace that lessons and container runtimes turn
// on; all are off in a new one. See Documentation/networking/ip-sysctl.rst.
var switches = []string{
	"ipv6/conf/all/disable_ipv6", "ipv4/conf/*/route_localnet", "ipv4/conf/*/proxy_arp",
}

// readSettings reads the namespace that this thread is in.
func (n *Namespace) readSettings() {
	n.Forwarding = setting("ipv4/ip_forward")
	n.Forward6 = setting("ipv6/conf/all/forwarding")
	for _, pattern := range switches {
		files, _ := filepath.Glob(sysctls + pattern) // the pattern is good
		for _, f := range files {
			path := strings.TrimPrefix(f, sysctls)
			// a dot in the name of an interface is not one of the setting
			if setting(path) && !strings.Contains(path, ".") {
				n.Settings = append(n.Settings, "net."+strings.ReplaceAll(path, "/", "."))
			}
		}
	}
	slices.Sort(n.Settings)
}

const sysctls = "/proc/sys/net/"

// setting reads a sysctl that is on or off.
func setting(path string) bool {
	b, err := os.ReadFile(sysctls + path)
	return err == nil && strings.TrimSpace(string(b)) == "1"
}
