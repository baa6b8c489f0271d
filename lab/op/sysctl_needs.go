package op

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Needs says that the module is not loaded which has the settings for bridged
// frames; only root of the machine can load it.
func (s Sysctl) Needs() error {
	if s.Optional || !strings.HasPrefix(s.Key, "net.bridge.") {
		return nil
	}
	if _, err := os.Stat(bridged); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("br_netfilter is not loaded, without which the kernel has no %s: modprobe br_netfilter, as root", s.Key)
	}
	return nil
}

// bridged is there where br_netfilter is loaded, in every namespace.
const bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables"
