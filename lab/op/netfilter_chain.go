package op

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables"
	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The library leaves out the user data of chains, which is where nft keeps the
// comment of one, and nslab its mark. So these two requests are made by hand.

// chainUserData is NFTA_CHAIN_USERDATA of linux/netfilter/nf_tables.h, Linux 5.9.
const chainUserData = 12

// chainNotes are the user data of the chains of a table, by name.
func chainNotes(t *nftables.Table) (map[string][]byte, error) {
	c, err := dialNetfilter()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	all, err := c.Execute(nfMessage(t, unix.NFT_MSG_GETCHAIN, mdnetlink.Dump, nil))
	if err != nil {
		return nil, fmt.Errorf("list the chains of table %s: %w", t.Name, err)
	}
	notes := map[string][]byte{}
	for _, m := range all {
		attrs, err := mdnetlink.UnmarshalAttributes(m.Data[nfHeader:])
		if err != nil {
			return nil, err
		}
		of := map[uint16][]byte{}
		for _, a := range attrs {
			of[a.Type] = a.Data
		}
		if text(of[unix.NFTA_CHAIN_TABLE]) == t.Name {
			notes[text(of[unix.NFTA_CHAIN_NAME])] = of[chainUserData]
		}
	}
	return notes, nil
}

// addMarked makes a chain that carries user data, and its table where that is
// missing, all or nothing. One of that name is an error, unix.EEXIST.
func (t *nfTable) addMarked(chain string, data []byte) error {
	c, err := dialNetfilter()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	attrs, err := mdnetlink.MarshalAttributes([]mdnetlink.Attribute{
		{Type: unix.NFTA_CHAIN_TABLE, Data: zero(t.self.Name)},
		{Type: unix.NFTA_CHAIN_NAME, Data: zero(chain)},
		{Type: chainUserData, Data: data},
	})
	if err != nil {
		return err
	}
	name, err := mdnetlink.MarshalAttributes([]mdnetlink.Attribute{{Type: unix.NFTA_TABLE_NAME, Data: zero(t.self.Name)}})
	if err != nil {
		return err
	}
	return transact(c, 0,
		nfMessage(t.self, unix.NFT_MSG_NEWTABLE, mdnetlink.Create, name),
		nfMessage(t.self, unix.NFT_MSG_NEWCHAIN, mdnetlink.Create|mdnetlink.Excl, attrs))
}

// transact sends messages as one batch: the kernel does all of them, or none. It
// does none when the generation is not 0 and has passed.
func transact(c *mdnetlink.Conn, generation uint32, messages ...mdnetlink.Message) error {
	mark := func(kind mdnetlink.HeaderType, attrs []byte) mdnetlink.Message {
		return mdnetlink.Message{
			Header: mdnetlink.Header{Type: kind, Flags: mdnetlink.Request},
			Data:   append([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES}, attrs...),
		}
	}
	when, err := mdnetlink.MarshalAttributes([]mdnetlink.Attribute{
		{Type: unix.NFNL_BATCH_GENID, Data: binary.BigEndian.AppendUint32(nil, generation)},
	})
	if err != nil {
		return err
	}
	batch := append([]mdnetlink.Message{mark(unix.NFNL_MSG_BATCH_BEGIN, when)}, messages...)
	if _, err := c.SendMessages(append(batch, mark(unix.NFNL_MSG_BATCH_END, nil))); err != nil {
		return err
	}
	for range messages {
		if _, err := c.Receive(); err != nil {
			return err
		}
	}
	return nil
}

func dialNetfilter() (*mdnetlink.Conn, error) {
	c, err := mdnetlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	return c, patient(c)
}

// nfHeader is the size of struct nfgenmsg, linux/netfilter/nfnetlink.h.
const nfHeader = 4

func nfMessage(t *nftables.Table, kind uint16, flags mdnetlink.HeaderFlags, attrs []byte) mdnetlink.Message {
	return mdnetlink.Message{
		Header: mdnetlink.Header{
			Type:  mdnetlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind),
			Flags: mdnetlink.Request | mdnetlink.Acknowledge | flags,
		},
		Data: append([]byte{byte(t.Family), unix.NFNETLINK_V0, 0, 0}, attrs...),
	}
}

func zero(s string) []byte { return append([]byte(s), 0) }

func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }
