package serve

import (
	"net/netip"
	"time"
)

// offered is how long an address that was offered is kept for the client.
const offered = 10 * time.Second

// book is what a server of DHCP has lent: RFC 2131 calls an entry a binding. It
// is in memory, so a server that was started again knows of nobody.
type book struct {
	first, last netip.Addr
	leases      map[netip.Addr]lease
}

// lease is who has an address, and until when.
type lease struct {
	client string
	until  time.Time
}

func newBook(first, last netip.Addr) *book {
	return &book{first, last, map[netip.Addr]lease{}}
}

// free says whether a client may have an address.
func (b *book) free(a netip.Addr, client string, now time.Time) bool {
	l, lent := b.leases[a]
	return !a.Less(b.first) && !b.last.Less(a) && (!lent || l.client == client || !now.Before(l.until))
}

// choose is the address for a client: the one that it has, else the one that it
// would like, else the first that is free (RFC 2131 section 4.3.1).
func (b *book) choose(client string, like netip.Addr, now time.Time) (netip.Addr, bool) {
	for a, l := range b.leases {
		if l.client == client {
			return a, true
		}
	}
	if like.Is4() && b.free(like, client, now) {
		return like, true
	}
	for a := b.first; !b.last.Less(a); a = a.Next() {
		if b.free(a, client, now) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// lend gives an address to a client, who has one at a time.
func (b *book) lend(a netip.Addr, client string, until time.Time) {
	b.giveBack(client)
	b.leases[a] = lease{client, until}
}

// giveBack frees what a client has.
func (b *book) giveBack(client string) {
	for a, l := range b.leases {
		if l.client == client {
			delete(b.leases, a)
		}
	}
}
