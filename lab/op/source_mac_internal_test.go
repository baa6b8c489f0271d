package op

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel says when it has no tables for bridges is put into words; that
// there is no room for a rule is another matter.
func TestNoBridgeRules(t *testing.T) {
	t.Parallel()
	r := SourceMAC{NS: "here", Dev: "a", MAC: "02:00:00:00:00:01"}.rule()
	for errno, want := range map[error]bool{unix.ENOENT: true, unix.EOPNOTSUPP: true, unix.EAFNOSUPPORT: true, unix.ENOMEM: false} {
		if err := r.explain(errno); errors.Is(err, ErrNoBridgeRules) != want || !errors.Is(err, errno) {
			t.Errorf("%v becomes %v", errno, err)
		}
	}
}
