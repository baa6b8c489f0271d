package topology

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression that is compiled when it is first asked for.
// A dozen compiled at every start would cost more than the rest of it.
func Pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
