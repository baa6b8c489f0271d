package doctor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"nslab/lab"
)

// Of a firewall only labs on the machine itself hear anything; what stands
// here is no obstacle to a lab in a sandbox.

// brNetfilter reads whether frames on a bridge pass iptables on this machine.
func brNetfilter() answer {
	var on, cures []string
	known := false
	for _, tool := range []string{"iptables", "ip6tables", "arptables"} {
		key := "net.bridge.bridge-nf-call-" + tool
		n, there := number(key)
		known = known || there
		if n == 1 {
			on = append(on, key)
			cures = append(cures, "sysctl -w "+key+"=0")
		}
	}
	switch {
	case !known:
		return ok("not loaded: bridged frames never meet iptables")
	case len(on) == 0:
		return ok("loaded, and off: bridged frames never meet iptables")
	}
	return note("on ("+strings.Join(on, ", ")+"): on this machine even frames that stay on a bridge pass iptables; with host: machine they meet its FORWARD policy", cures...)
}

// exampleBridge stands for the bridge of a lab in a remedy.
const exampleBridge = "v-net-0"

// forward looks for what drops packets that this machine passes on.
func forward() answer {
	w, err := lab.ReadWalls()
	switch {
	case err != nil:
		return ok("only root sees the rules of this machine (" + err.Error() + "); no lab in a sandbox meets them")
	case len(w.Drops) > 0:
		return note(fmt.Sprintf("drops what this machine passes on (%s): a lab with host: machine would be silent; one in a sandbox does not meet it", strings.Join(w.Drops, ", ")),
			w.Cures(exampleBridge)...)
	}
	return ok("nothing here drops what is passed on")
}

func docker() answer {
	w, _ := lab.ReadWalls() // forward has said what is wrong
	if !w.Docker && !seen("/run/docker.sock") {
		return ok("not here")
	}
	return note("here: what it has not made itself it does not let pass on this machine, but for what its chain DOCKER-USER lets through", w.Cures(exampleBridge)...)
}

func ufw() answer {
	if w, _ := lab.ReadWalls(); !w.UFW {
		return ok("not here")
	}
	return note("active: it may drop what a lab with host: machine passes on", "ufw route allow in on "+exampleBridge, "ufw allow in on "+exampleBridge)
}

func firewalld() answer {
	if w, _ := lab.ReadWalls(); !w.Firewalld {
		return ok("not here")
	}
	return note("active: an interface that is in no zone is rejected", "firewall-cmd --zone=trusted --add-interface="+exampleBridge)
}

// legacy finds tables that nft and the iptables of today do not show; they
// drop packets all the same.
func legacy() answer {
	var tables []string
	for _, family := range []string{"ip", "ip6"} {
		b, err := os.ReadFile("/proc/thread-self/net/" + family + "_tables_names")
		if errors.Is(err, os.ErrPermission) {
			return ok("only root sees them; no lab in a sandbox meets them")
		}
		for name := range strings.FieldsSeq(string(b)) {
			tables = append(tables, family+" "+name)
		}
	}
	if len(tables) == 0 {
		return ok("no tables")
	}
	slices.Sort(tables)
	return note("has tables ("+strings.Join(tables, ", ")+") that neither `nft list ruleset` nor `iptables -S` shows", "iptables-legacy-save", "ip6tables-legacy-save")
}

// containers finds what container runtimes have, or have left behind.
func containers() answer {
	list, err := lab.ReadContainers()
	if err != nil {
		return note(err.Error())
	}
	if len(list) == 0 {
		return ok("none")
	}
	var what, cures []string
	for _, c := range list {
		what = append(what, c.What)
		cures = append(cures, c.Help)
	}
	return note("a lab with host: machine has to keep clear of "+strings.Join(firstOf(what, 6), ", "), firstOf(slices.Compact(cures), 6)...)
}

// networkManager asks DHCP on every new interface, but on those called veth...
func networkManager() answer {
	if !seen("/run/NetworkManager") {
		return ok("not here")
	}
	return note("here: it may ask for addresses on the interfaces of a lab with host: machine", "nmcli device set "+exampleBridge+" managed no")
}
