package hostlocal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Address is one that was given, with the prefix length of its subnet, and the
// gateway there.
type Address struct {
	Prefix  netip.Prefix
	Gateway netip.Addr
}

// ErrExhausted says that every address of a range set is taken.
var ErrExhausted = errors.New("every address is taken")

// Reserve gives an address of each range set to the owner: the one that is
// wanted, or else the next that is free after the one given last, so that an
// address rests before it has a new owner. It is all or nothing.
func (c *Config) Reserve(o Owner, wanted []netip.Addr) (out []Address, err error) {
	err = c.with(func(b *book) error {
		for a, holder := range b.held {
			if o.is(holder) {
				return fmt.Errorf("%s of %s has the address %s already", o.IfName, o.Container, a)
			}
		}
		if out, err = c.choose(b, wanted); err != nil {
			return err
		}
		for i, a := range out {
			if err := errors.Join(b.reserve(a.Prefix.Addr(), o), b.setLast(i, a.Prefix.Addr())); err != nil {
				return errors.Join(err, b.release(func(_ netip.Addr, h Owner) bool { return h == o }))
			}
		}
		return nil
	})
	return out, err
}

// choose picks an address for each range set.
func (c *Config) choose(b *book, wanted []netip.Addr) ([]Address, error) {
	wanted = slices.Clone(wanted)
	var out []Address
	for i, set := range c.Ranges {
		j := slices.IndexFunc(wanted, func(a netip.Addr) bool { return set.find(a) != nil })
		a, err := b.next(set, b.last(i))
		if j >= 0 {
			a, err = b.this(set, wanted[j])
			wanted = slices.Delete(wanted, j, j+1)
		}
		if err != nil {
			return nil, err
		}
		r := set.find(a)
		out = append(out, Address{netip.PrefixFrom(a, r.Subnet.Bits()), r.Gateway})
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("%v: no range has this address, or another address of its range set was asked for, too", wanted)
	}
	return out, nil
}

// find returns the range of the set that has the address.
func (s RangeSet) find(a netip.Addr) *Range {
	for i := range s {
		if s[i].contains(a) {
			return &s[i]
		}
	}
	return nil
}

// this is the address that was asked for, if it can be had.
func (b *book) this(set RangeSet, a netip.Addr) (netip.Addr, error) {
	if a == set.find(a).Gateway {
		return a, fmt.Errorf("%s is the address of the gateway", a)
	}
	if holder, held := b.held[a]; held {
		return a, fmt.Errorf("%s belongs to %s of %s", a, cmp.Or(holder.IfName, "an interface"), holder.Container)
	}
	return a, nil
}

// next is the first free address after last, which goes on at the start.
func (b *book) next(set RangeSet, last netip.Addr) (netip.Addr, error) {
	from := max(0, slices.IndexFunc(set, func(r Range) bool { return r.contains(last) }))
	first := set[from].Start
	if set[from].contains(last) {
		first = last.Next()
	}
	ways := []Range{{Start: first, End: set[from].End, Gateway: set[from].Gateway}}
	ways = append(ways, set[from+1:]...)
	ways = append(ways, set[:from+1]...)
	for _, r := range ways {
		for a := r.Start; a.IsValid() && r.contains(a); a = a.Next() {
			if _, held := b.held[a]; !held && a != r.Gateway {
				return a, nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("%w in %v", ErrExhausted, set)
}

// Release takes back what the owner has, if anything.
func (c *Config) Release(o Owner) error {
	if held, err := c.Held(o); err != nil || len(held) == 0 {
		return err // and no directory is made
	}
	return c.with(func(b *book) error {
		return b.release(func(_ netip.Addr, holder Owner) bool { return o.is(holder) })
	})
}

// Held are the addresses of the owner. It changes nothing.
func (c *Config) Held(o Owner) ([]netip.Addr, error) {
	b, err := readBook(c.dir())
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(b.held, func(_ netip.Addr, holder Owner) bool { return !o.is(holder) })
	return slices.SortedFunc(maps.Keys(b.held), netip.Addr.Compare), nil
}

// Owners are all who have an address. It changes nothing.
func (c *Config) Owners() ([]Owner, error) {
	b, err := readBook(c.dir())
	if err != nil {
		return nil, err
	}
	seen := map[Owner]bool{}
	for _, o := range b.held {
		seen[o] = true
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b Owner) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.IfName, b.IfName))
	}), nil
}

// Room returns nil when there is an address for one more, else an error that
// wraps ErrExhausted. It changes nothing.
func (c *Config) Room() error {
	b, err := readBook(c.dir())
	if err != nil {
		return err
	}
	_, err = c.choose(b, nil)
	return err
}
