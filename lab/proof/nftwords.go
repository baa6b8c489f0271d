package proof

import "golang.org/x/sys/unix"

// The vocabularies of nf_tables.h. What is left out is in the key, or counts
// packets.
var (
	tableWords = vocabulary{
		unix.NFTA_TABLE_NAME: leftOut, unix.NFTA_TABLE_FLAGS: {"flags", bigEndian},
		unix.NFTA_TABLE_USE: {"chains", bigEndian}, tableHandle: {"handle", bigEndian},
	}
	chainWords = vocabulary{
		unix.NFTA_CHAIN_TABLE: leftOut, unix.NFTA_CHAIN_NAME: leftOut, unix.NFTA_CHAIN_COUNTERS: leftOut,
		unix.NFTA_CHAIN_TYPE: {"type", text}, unix.NFTA_CHAIN_HOOK: {"hook", hexadecimal},
		unix.NFTA_CHAIN_POLICY: {"policy", bigEndian}, unix.NFTA_CHAIN_USE: {"rules", bigEndian},
		unix.NFTA_CHAIN_HANDLE: {"handle", bigEndian},
	}
	ruleWords = vocabulary{
		unix.NFTA_RULE_TABLE: leftOut, unix.NFTA_RULE_CHAIN: leftOut, unix.NFTA_RULE_HANDLE: leftOut,
		unix.NFTA_RULE_POSITION: {"after", bigEndian}, unix.NFTA_RULE_EXPRESSIONS: {"does", expressions},
		unix.NFTA_RULE_USERDATA: {"comment", hexadecimal},
	}
	setWords = vocabulary{
		unix.NFTA_SET_TABLE: leftOut, unix.NFTA_SET_NAME: leftOut, setCount: leftOut,
		setHandle: {"handle", bigEndian}, unix.NFTA_SET_FLAGS: {"flags", bigEndian},
	}
	elementWords = vocabulary{
		unix.NFTA_SET_ELEM_KEY: leftOut, unix.NFTA_SET_ELEM_EXPR: leftOut, setElemExpressions: leftOut,
		unix.NFTA_SET_ELEM_FLAGS: {"flags", bigEndian}, unix.NFTA_SET_ELEM_DATA: {"data", hexadecimal},
	}
	objectWords = vocabulary{
		unix.NFTA_OBJ_TABLE: leftOut, unix.NFTA_OBJ_NAME: leftOut, unix.NFTA_OBJ_DATA: leftOut,
		unix.NFTA_OBJ_TYPE: {"type", bigEndian}, unix.NFTA_OBJ_USE: {"used", bigEndian},
		objectHandle: {"handle", bigEndian},
	}
	flowtableWords = vocabulary{
		flowtableTable: leftOut, flowtableName: leftOut,
		flowtableUse: {"used", bigEndian}, flowtableHandle: {"handle", bigEndian},
	}
)

// Attributes of nf_tables.h that golang.org/x/sys does not know yet.
const (
	tableHandle        = 4
	setHandle          = 16
	setCount           = 20
	setElemExpressions = 11
	objectHandle       = 6
	flowtableTable     = 1
	flowtableName      = 2
	flowtableUse       = 4
	flowtableHandle    = 5
)
