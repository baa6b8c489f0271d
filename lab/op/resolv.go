package op

import (
	"fmt"
	"strings"
)

// Resolv is the fact that a namespace knows whom to ask for names: its own
// resolv.conf(5).
type Resolv struct {
	NS    string
	Lines string // "nameserver 127.0.0.11\noptions ndots:0\n"
}

func (f Resolv) file() etcFile { return etcFile{f.NS, "resolv.conf", f.Lines} }

// Before is the file as it was.
func (f Resolv) Before(*Kernel) (string, error) { return f.file().before() }

// Do writes the file.
func (f Resolv) Do(k *Kernel) error { return f.file().write(k) }

// Undo puts the old file back, or takes the file away.
func (f Resolv) Undo(k *Kernel) error { return f.file().restore(k, k.was(f)) }

// Diff compares the file.
func (f Resolv) Diff(*Kernel) (string, error) { return f.file().diff() }

// Command writes the file with the shell's own printf.
func (f Resolv) Command() Command { return Write(f.file().path(), f.Lines) }

// Inverse takes the file away, or leaves one of the host's that names nobody.
func (f Resolv) Inverse() Command { return f.file().without("# no name server\n") }

func (f Resolv) String() string {
	return fmt.Sprintf("%s asks for names as its resolv.conf says: %s", f.NS, strings.Join(strings.Split(strings.TrimSpace(f.Lines), "\n"), ", "))
}

// On is the namespace, for order only: the file itself has to be removed.
func (f Resolv) On() []Object { return nil }
