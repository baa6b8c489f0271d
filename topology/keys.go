package topology

import "maps"

// keys lists what may be written in each object of the grammar. docs/nslab.schema.json
// says the same to editors; a test holds the two equal.
var keys = map[string][]string{
	"file": {
		"version", "name", "title", "explain", "host", "outside", "include", "warnings",
		"namespaces", "bridges", "links", "nat", "filter", "cni", "verify", "steps",
	},
	"step": {"name", "title", "explain", "remove", "namespaces", "bridges", "links", "nat", "filter", "cni", "verify"},
	"namespace": {
		"network", "lo", "forwarding", "gateway", "routes", "sysctls", "neighbours", "fdb",
		"hosts", "hostname", "aliases", "link", "resolv", "services", "ports", "cni",
	},
	"lo":         {"addresses"},
	"attachment": {"network", "ifname", "args", "capabilities"}, // of a namespace's cni
	"resolv":     {"nameservers", "search", "options"},
	"route":      {"to", "via", "dev", "metric"},
	"neighbour":  {"address", "mac", "dev"}, // of neighbours
	"fdb":        {"mac", "dev", "dst"},
	"service":    {"http", "body", "tcp-echo", "udp-echo", "dns", "names", "forward", "dhcp", "pool", "lease", "router", "nameservers", "command", "pid"},
	"publish":    {"published", "target", "protocol", "host-ip", "nat", "proxy"},
	"bridge":     {"kind", "in", "addresses", "mac", "mtu", "stp"},
	"link":       {"kind", "endpoints", "endpoint", "parent"}, // the rest belongs to the kind
	"end":        {"node", "interface", "addresses", "mac", "mtu", "hairpin"},
	"nat": {
		"masquerade", "snat", "dnat", "to", "address", "in", "in-dev", "out-dev",
		"chain", "family", "source", "destination", "protocol", "sport", "dport", "ctstate", "src-type", "dst-type", "target",
	},
	"filter": {
		"in", "chain", "policy", "family", "in-dev", "out-dev", "source", "destination", "protocol", "sport", "dport",
		"ctstate", "src-type", "dst-type", "target",
	},
	"check": {
		"ping", "tcp", "udp", "http", "resolve", "route", "address", "neighbour", "link", "namespace", "listen", "packet", "process", "translation", "command",
		"expect", "title", "hint", "within",
	},
}

// What one object has exactly one of.
var (
	serviceKinds = []string{"http", "tcp-echo", "udp-echo", "dns", "dhcp", "command"}
	natKinds     = []string{"masquerade", "snat", "dnat", "chain"}
	checkKinds   = []string{"ping", "tcp", "udp", "http", "resolve", "route", "address", "neighbour", "link", "namespace", "listen", "packet", "process", "translation", "command"}
)

// Keys returns the keys of every object of the grammar.
func Keys() map[string][]string { return maps.Clone(keys) }
