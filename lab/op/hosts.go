package op

import (
	"fmt"
	"strings"
)

// Hosts is the fact that a namespace knows names: its own hosts(5).
type Hosts struct {
	NS    string
	Lines string // "172.17.0.2 web\n..."
}

// localLines stand in every hosts file, as Debian and Docker have them; Hosts
// adds its own below.
const localLines = `127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
fe00::0 ip6-localnet
ff00::0 ip6-mcastprefix
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
`

func (f Hosts) file() etcFile { return etcFile{f.NS, "hosts", localLines + f.Lines} }

// Before is the file as it was.
func (f Hosts) Before(*Kernel) (string, error) { return f.file().before() }

// Do writes the file.
func (f Hosts) Do(k *Kernel) error { return f.file().write(k) }

// Undo puts the old file back, or takes the file away.
func (f Hosts) Undo(k *Kernel) error { return f.file().restore(k, k.was(f)) }

// Diff compares the file.
func (f Hosts) Diff(*Kernel) (string, error) { return f.file().diff() }

// Command writes the file with the shell's own printf.
func (f Hosts) Command() Command { return Write(f.file().path(), f.file().text) }

// Inverse takes the file away, or leaves the host's with what stands in every one.
func (f Hosts) Inverse() Command { return f.file().without(localLines) }

func (f Hosts) String() string {
	if f.Lines == "" {
		return f.NS + " has a hosts file of its own"
	}
	return fmt.Sprintf("%s knows %s", f.NS, strings.Join(strings.Split(strings.TrimSpace(f.Lines), "\n"), ", "))
}

// On is the namespace, for order only: the file itself has to be removed.
func (f Hosts) On() []Object { return nil }
