package op

import (
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/google/nftables/xt"
)

// hadType is the type of a second entry in the user data of a rule, which nft
// and iptables skip: what of the table was there before nslab came. Facts are
// undone in any order, and whichever comes last has to know.
const hadType = userdata.Type(0x6e)

// userData is the comment as nft writes it; iptables shows it as -m comment.
func userData(mark, had string) []byte {
	return append(userdata.AppendString(nil, userdata.TypeComment, mark), hadData(had)...)
}

// hadData is what is said of something that has no mark of its own.
func hadData(had string) []byte { return userdata.AppendString(nil, hadType, had) }

// udataEntry reads one string of a rule's user data. Anybody may write anything
// there, so the lengths are not believed.
func udataEntry(data []byte, want userdata.Type) string {
	for len(data) >= 2 {
		size := 2 + int(data[1])
		if size > len(data) {
			return ""
		}
		if userdata.Type(data[0]) == want {
			return strings.TrimRight(string(data[2:size]), "\x00")
		}
		data = data[size:]
	}
	return ""
}

func hadWord(data []byte) string { return udataEntry(data, hadType) }

// ruleComment is the comment of a rule: in the user data, or as a match, which is where
// iptables-restore puts it.
func ruleComment(r *nftables.Rule) string {
	if c := udataEntry(r.UserData, userdata.TypeComment); c != "" {
		return c
	}
	for _, e := range r.Exprs {
		if m, ok := e.(*expr.Match); ok && m.Name == "comment" {
			if c, ok := m.Info.(*xt.Comment); ok {
				return strings.TrimRight(string(*c), "\x00")
			}
		}
	}
	return ""
}
