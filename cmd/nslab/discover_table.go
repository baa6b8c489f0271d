package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"

	"nslab/lab/discover"
	"nslab/topology"
)

// printTables shows a machine as four tables, the last two where there is
// something to show.
func printTables(s streams, m *discover.Machine) {
	all := []struct {
		header table.Row
		rows   func(*discover.Namespace) []table.Row
	}{
		{table.Row{"NAMESPACE", "KNOWN BY", "FORWARDS"}, namespaceRow},
		{table.Row{"NAMESPACE", "INTERFACE", "KIND", "STATE", "ADDRESSES", "OTHER END"}, interfaceRows},
		{table.Row{"NAMESPACE", "ROUTE"}, routeRows},
		{table.Row{"NAMESPACE", "CHAIN", "NAT RULE"}, natRows},
		{table.Row{"NAMESPACE", "PUBLISHED PORT"}, portRows},
	}
	for i, one := range all {
		t := newTable(s)
		t.AppendHeader(one.header)
		for _, n := range m.Namespaces {
			t.AppendRows(one.rows(n))
		}
		if t.Length() == 0 {
			continue
		}
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		t.Render()
	}
}

func namespaceRow(n *discover.Namespace) []table.Row {
	return []table.Row{{n.Name, who(n), map[bool]string{true: "yes", false: "no"}[n.Forwarding]}}
}

func interfaceRows(n *discover.Namespace) []table.Row {
	var rows []table.Row
	for _, i := range n.Interfaces {
		var addresses []string
		for _, a := range i.Addresses {
			addresses = append(addresses, a.String())
		}
		state := map[bool]string{true: "up", false: "down"}[i.Up]
		rows = append(rows, table.Row{n.Name, topology.Quote(i.Name), topology.Quote(i.Kind), state, join(addresses), otherEnd(i)})
	}
	return rows
}

// otherEnd says what an interface hangs on.
func otherEnd(i *discover.Interface) string {
	var words []string
	if i.Peer != nil {
		words = append(words, i.Peer.Namespace+":"+topology.Quote(i.Peer.Interface))
	} else if i.Kind == "veth" {
		words = append(words, "in a namespace that is not seen")
	}
	if i.Master != "" {
		words = append(words, "port of "+topology.Quote(i.Master))
	}
	if i.Parent != nil {
		words = append(words, "on "+i.Parent.Namespace+":"+topology.Quote(i.Parent.Interface))
	}
	return join(words)
}

func routeRows(n *discover.Namespace) []table.Row {
	var rows []table.Row
	for _, r := range n.Routes {
		rows = append(rows, table.Row{n.Name, r.String()})
	}
	return rows
}

func natRows(n *discover.Namespace) []table.Row {
	var rows []table.Row
	for _, r := range n.NAT {
		rows = append(rows, table.Row{n.Name, topology.Quote(r.Chain), r.String()})
	}
	return rows
}

func portRows(n *discover.Namespace) []table.Row {
	var rows []table.Row
	if n.Container != nil {
		for _, p := range n.Container.Ports {
			rows = append(rows, table.Row{n.Name, topology.Quote(p)})
		}
	}
	return rows
}
