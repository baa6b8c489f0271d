package op

import (
	"cmp"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// What a route may say beside where it leads.

// scopes are the names of RT_SCOPE_*, how far a route leads: rtnetlink(7).
var scopes = map[string]byte{"global": unix.RT_SCOPE_UNIVERSE, "site": unix.RT_SCOPE_SITE, "link": unix.RT_SCOPE_LINK, "host": unix.RT_SCOPE_HOST}

// ScopeName is the name of a scope, or its number.
func ScopeName(n int) string {
	for name, scope := range scopes {
		if int(scope) == n {
			return name
		}
	}
	return strconv.Itoa(n)
}

func (r Route) scope() byte {
	switch scope, named := scopes[r.Scope]; {
	case named:
		return scope
	case r.Scope != "":
		n, _ := strconv.ParseUint(r.Scope, 10, 8) // ScopeName has written it
		return byte(n)
	case !r.Via.IsValid():
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_UNIVERSE
}

func (r Route) table() int { return cmp.Or(r.Table, unix.RT_TABLE_MAIN) }

// limits are the attributes of RTA_METRICS.
func (r Route) limits() (m message) {
	if r.MTU != 0 {
		m = m.number(unix.RTAX_MTU, r.MTU)
	}
	if r.AdvMSS != 0 {
		m = m.number(unix.RTAX_ADVMSS, r.AdvMSS)
	}
	return m
}

// options are the words of ip(8) for all that.
func (r Route) options() (words []string) {
	if r.MTU != 0 {
		words = append(words, "mtu", fmt.Sprint(r.MTU))
	}
	if r.AdvMSS != 0 {
		words = append(words, "advmss", fmt.Sprint(r.AdvMSS))
	}
	if r.Scope != "" {
		words = append(words, "scope", r.Scope)
	}
	return words
}
