package op

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// The library leaves out the user data of chains, which is where nft keeps the
// comment of one, and nslab its mark. So they are asked for by hand.

// chainUserData is NFTA_CHAIN_USERDATA of linux/netfilter/nf_tables.h, Linux 5.9.
const chainUserData = 12

// nfHeader is the size of struct nfgenmsg, linux/netfilter/nfnetlink.h.
const nfHeader = 4

// chainNotes are the user data of the chains of a table, by name.
func chainNotes(t *nftables.Table) (notes map[string][]byte, err error) {
	s, err := dial(unix.NETLINK_NETFILTER, make([]byte, bufSize))
	if err != nil {
		return nil, err
	}
	defer s.close()
	err = s.read(table{
		kind:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETCHAIN,
		body:  message{byte(t.Family), unix.NFNETLINK_V0, 0, 0},
		begin: func() { notes = map[string][]byte{} },
		each: func(b []byte) {
			chain := b[min(nfHeader, len(b)):]
			if textOf(attribute(chain, unix.NFTA_CHAIN_TABLE)) == t.Name {
				notes[textOf(attribute(chain, unix.NFTA_CHAIN_NAME))] = slices.Clone(attribute(chain, chainUserData))
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("list the chains of table %s: %w", t.Name, err)
	}
	return notes, nil
}

// addMarked makes a chain that carries user data, and its table where that is
// missing, all or nothing. One of that name is an error, unix.EEXIST.
func (t *nfTable) addMarked(chain string, data []byte) error {
	t.addTable()
	t.ask(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE|unix.NLM_F_EXCL, t.about().text(unix.NFTA_CHAIN_NAME, chain).bytes(chainUserData, data))
	return t.flush()
}
