package probe

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// resolver is what a resolv.conf(5) says.
type resolver struct {
	servers []netip.Addr
	search  []string
	ndots   int // names with fewer dots are first tried in the domains of search
}

func readResolver(text string) resolver {
	c := resolver{ndots: 1}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(f[1]); err == nil {
				c.servers = append(c.servers, a)
			}
		case "search", "domain":
			c.search = f[1:]
		case "options":
			c.options(f[1:])
		}
	}
	return c
}

func (c *resolver) options(words []string) {
	for _, w := range words {
		if digits, ok := strings.CutPrefix(w, "ndots:"); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				c.ndots = n
			}
		}
	}
}

// candidates are the names that are asked for in turn.
func (c resolver) candidates(name string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	var within []string
	for _, domain := range c.search {
		within = append(within, name+"."+strings.TrimSuffix(domain, "."))
	}
	if strings.Count(name, ".") < c.ndots {
		return append(within, name)
	}
	return append([]string{name}, within...)
}

// search asks for the name, and for the name in each domain, until one has an
// address. What is said of the name itself counts when none has.
func (r *rig) search(ctx context.Context, ns string, c resolver, name string, pat patience) ([]netip.Addr, Answer) {
	start := time.Now()
	var absent Answer
	for _, candidate := range c.candidates(name) {
		left := pat.after(time.Since(start))
		if absent.Outcome == Absent && left.listen == 0 {
			break
		}
		found, a, by := r.anyServer(ctx, ns, c.servers, candidate, left)
		c.servers = c.servers[by:]
		if a.Outcome != Absent {
			return found, a
		}
		if absent.Outcome == "" || candidate == name {
			absent = a
		}
	}
	return nil, absent
}

// anyServer asks the servers in turn until one answers, and says which: those
// before it need not be asked again. Each gets its share of the time.
func (r *rig) anyServer(ctx context.Context, ns string, servers []netip.Addr, name string, pat patience) (found []netip.Addr, a Answer, by int) {
	start := time.Now()
	for i, s := range servers {
		share := pat.after(time.Since(start))
		share.listen /= time.Duration(len(servers) - i)
		share.limit /= time.Duration(len(servers) - i)
		found, a = r.query(ctx, ns, netip.AddrPortFrom(s, domainPort), name, share)
		if a.Outcome == Reply || a.Outcome == Absent {
			return found, a, i
		}
	}
	return found, a, 0
}
