package main

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"nslab/lab/bench/shape"
)

// table holds the rules of the published ports.
const table = "floor"

// rulesAtOnce fit into the send buffer that any user may have.
const rulesAtOnce = 250

// publish writes the rules that lead published ports on, a few transactions of
// nftables (linux/netfilter/nf_tables.h).
func publish(ports []shape.Port) error {
	s, err := dial(unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(int(s))
	for first := true; len(ports) > 0; first = false {
		n := min(len(ports), rulesAtOnce)
		if err := transaction(s, func(b *batch) {
			if first {
				chain(b)
			}
			for _, p := range ports[:n] {
				dnat(b, p)
			}
		}); err != nil {
			return fmt.Errorf("rules: %w", err)
		}
		ports = ports[n:]
	}
	return nil
}

// unpublish removes them all with their table.
func unpublish() error {
	s, err := dial(unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(int(s))
	return transaction(s, func(b *batch) {
		nft(b, unix.NFT_MSG_DELTABLE, 0)
		b.text(unix.NFTA_TABLE_NAME, table)
	})
}

// transaction sends what f writes between the marks of a batch, and has its
// last message acknowledged: that of the whole.
func transaction(s socket, f func(*batch)) error {
	b := &batch{}
	mark := func(typ uint16) {
		b.begin(typ, 0, raw(&unix.Nfgenmsg{Res_id: swap(unix.NFNL_SUBSYS_NFTABLES)}))
	}
	mark(unix.NFNL_MSG_BATCH_BEGIN)
	f(b)
	last := b.last
	mark(unix.NFNL_MSG_BATCH_END)
	return s.do(b, last)
}

// swap puts a number into network byte order.
func swap(v uint16) uint16 { return native.Uint16(binary.BigEndian.AppendUint16(nil, v)) }

func nft(b *batch, typ, flags uint16) {
	b.begin(unix.NFNL_SUBSYS_NFTABLES<<8|typ, flags, raw(&unix.Nfgenmsg{Nfgen_family: unix.NFPROTO_IPV4}))
}

// chain makes the table and its chain of type nat at prerouting.
func chain(b *batch) {
	nft(b, unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE)
	b.text(unix.NFTA_TABLE_NAME, table)
	nft(b, unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE)
	b.text(unix.NFTA_CHAIN_TABLE, table)
	b.text(unix.NFTA_CHAIN_NAME, "ports")
	b.text(unix.NFTA_CHAIN_TYPE, "nat")
	b.nest(unix.NFTA_CHAIN_HOOK, func() {
		b.be32(unix.NFTA_HOOK_HOOKNUM, unix.NF_INET_PRE_ROUTING)
		b.be32(unix.NFTA_HOOK_PRIORITY, 0xffffff9c) // -100, NF_IP_PRI_NAT_DST
	})
}

// dnat is one rule: meta l4proto tcp, tcp dport PORT, dnat to ADDRESS:PORT.
func dnat(b *batch, p shape.Port) {
	nft(b, unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND)
	b.text(unix.NFTA_RULE_TABLE, table)
	b.text(unix.NFTA_RULE_CHAIN, "ports")
	b.nest(unix.NFTA_RULE_EXPRESSIONS, func() {
		expression(b, "meta", func() {
			b.be32(unix.NFTA_META_KEY, unix.NFT_META_L4PROTO)
			b.be32(unix.NFTA_META_DREG, unix.NFT_REG_1)
		})
		equal(b, []byte{unix.IPPROTO_TCP})
		expression(b, "payload", func() {
			b.be32(unix.NFTA_PAYLOAD_DREG, unix.NFT_REG_1)
			b.be32(unix.NFTA_PAYLOAD_BASE, unix.NFT_PAYLOAD_TRANSPORT_HEADER)
			b.be32(unix.NFTA_PAYLOAD_OFFSET, 2)
			b.be32(unix.NFTA_PAYLOAD_LEN, 2)
		})
		equal(b, binary.BigEndian.AppendUint16(nil, p.Port))
		load(b, unix.NFT_REG_1, p.To.Addr().AsSlice())
		load(b, unix.NFT_REG_2, binary.BigEndian.AppendUint16(nil, p.To.Port()))
		expression(b, "nat", func() {
			b.be32(unix.NFTA_NAT_TYPE, unix.NFT_NAT_DNAT)
			b.be32(unix.NFTA_NAT_FAMILY, unix.NFPROTO_IPV4)
			b.be32(unix.NFTA_NAT_REG_ADDR_MIN, unix.NFT_REG_1)
			b.be32(unix.NFTA_NAT_REG_PROTO_MIN, unix.NFT_REG_2)
		})
	})
}

func expression(b *batch, name string, data func()) {
	b.nest(unix.NFTA_LIST_ELEM, func() {
		b.text(unix.NFTA_EXPR_NAME, name)
		b.nest(unix.NFTA_EXPR_DATA, data)
	})
}

// equal goes on with the rule if register 1 has the value.
func equal(b *batch, value []byte) {
	expression(b, "cmp", func() {
		b.be32(unix.NFTA_CMP_SREG, unix.NFT_REG_1)
		b.be32(unix.NFTA_CMP_OP, unix.NFT_CMP_EQ)
		b.nest(unix.NFTA_CMP_DATA, func() { b.attr(unix.NFTA_DATA_VALUE, value) })
	})
}

func load(b *batch, register uint32, value []byte) {
	expression(b, "immediate", func() {
		b.be32(unix.NFTA_IMMEDIATE_DREG, register)
		b.nest(unix.NFTA_IMMEDIATE_DATA, func() { b.attr(unix.NFTA_DATA_VALUE, value) })
	})
}
