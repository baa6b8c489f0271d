package op

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Several labs, and iptables, may work on one table at the same time. The kernel
// counts every change of a namespace's rules, and refuses a transaction that was
// meant for an older count: unix.ERESTART, nfnetlink_rcv_batch in
// net/netfilter/nfnetlink.c. Who is told so looks again.

// rivals is how often one looks again. Whenever it is once more, another one has
// got what it wanted.
const rivals = 100

// again repeats f while what it saw is changed or gone before its transaction comes.
func again(k *Kernel, f func() error) (err error) {
	for i := range rivals {
		if err = f(); !errors.Is(err, unix.ERESTART) && (!absent(err) || i >= 3) {
			return err
		}
		k.forget()
	}
	return err
}

// steadily repeats f, which reads, until nobody has changed anything meanwhile.
func (t *nfTable) steadily(f func() error) error {
	for range rivals {
		var err error
		if t.generation, err = generation(); err != nil {
			return err
		}
		err = f()
		if now, gerr := generation(); gerr != nil || now == t.generation {
			return errors.Join(err, gerr)
		}
	}
	return fmt.Errorf("read the table %s: somebody changes the rules all the time: %w", t.self.Name, unix.ERESTART)
}

// generation is how often the rules of the namespace were changed.
func generation() (uint32, error) {
	s, err := dial(unix.NETLINK_NETFILTER, make([]byte, bufSize))
	if err != nil {
		return 0, noTables(err)
	}
	defer s.close()
	answer, err := s.question(request{
		kind: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, body: message{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return 0, noTables(err)
	}
	id := attribute(answer[min(nfHeader, len(answer)):], unix.NFTA_GEN_ID)
	if len(id) != 4 {
		return 0, errors.New("nf_tables did not say its generation")
	}
	return binary.BigEndian.Uint32(id), nil
}

// noTables explains what the kernel says when it knows no nf_tables.
func noTables(err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
		return fmt.Errorf("this kernel has no nf_tables (CONFIG_NF_TABLES), without which there are no rules; try `modprobe nf_tables`: %w", err)
	}
	return fmt.Errorf("ask nf_tables: %w", err)
}
