// Package serve is what answers inside a namespace: small servers that need
// no package installed, each one file and one line in the table. op.Service
// starts them as a process of their own, `nslab serve KIND ...`, which outlives
// the nslab that started it and ends on TERM.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exit statuses of Main.
const (
	exitOK      = 0
	exitRefused = 1
	exitUsage   = 2
)

// server runs one kind until ctx ends. It calls ready as soon as a client
// would be answered.
type server func(ctx context.Context, args []string, ready func()) error

var servers = map[string]server{
	"http":       serveHTTP,
	"tcp-echo":   serveTCPEcho,
	"udp-echo":   serveUDPEcho,
	"dhcp":       serveDHCP,
	"dns":        serveDNS,
	"command":    becomeCommand,
	proxyProgram: serveProxy,
}

// Kinds lists what can be served.
func Kinds() []string { return slices.Sorted(maps.Keys(servers)) }

// Main serves args (KIND and what the kind needs, perhaps after Init) until TERM
// and returns the exit status.
//
// ready is one end of a socket pair whose other end the starter holds. Main
// first waits for a byte, so that a starter that dies before it has written
// the process down takes the process with it, then writes one byte when it
// answers; a text instead of the byte says why it never will. ready may be
// nil, and anything that is no socket counts as nil.
func Main(args []string, ready *os.File) int {
	first := len(args) > 0 && args[0] == Init
	if first {
		args = args[1:]
	}
	if len(args) == 0 || servers[args[0]] == nil {
		fmt.Fprintf(os.Stderr, "nslab serve: want one of %s\n", strings.Join(Kinds(), ", "))
		return exitUsage
	}
	s := starter{ready}
	if !s.isSocket() {
		s = starter{}
	}
	if err := s.wait(); err != nil {
		return exitRefused
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, first, args, s.tell); err != nil {
		s.explain(err)
		return exitRefused
	}
	return exitOK
}

func run(ctx context.Context, first bool, args []string, ready func()) error {
	if first {
		if err := mountProc(); err != nil {
			return err
		}
	}
	return servers[args[0]](ctx, args[1:], ready)
}

// starter is the far end of the ready socket.
type starter struct{ f *os.File }

func (s starter) isSocket() bool {
	if s.f == nil {
		return false
	}
	unix.CloseOnExec(int(s.f.Fd()))
	fi, err := s.f.Stat()
	return err == nil && fi.Mode()&os.ModeSocket != 0
}

// wait returns nil once the starter has written this process down.
func (s starter) wait() error {
	if s.f == nil {
		return nil
	}
	_, err := io.ReadFull(s.f, make([]byte, 1))
	return err
}

func (s starter) tell() { s.write("+") }

func (s starter) explain(err error) {
	fmt.Fprintln(os.Stderr, "nslab serve:", err)
	s.write(err.Error())
}

// write is best effort: a starter that is gone needs no answer.
func (s starter) write(text string) {
	if s.f == nil {
		return
	}
	_, _ = s.f.WriteString(text)
	_ = s.f.Close()
}

// port reads the first argument of the servers that listen.
func port(args []string) (int, error) {
	if len(args) == 0 {
		return 0, errors.New("want a port")
	}
	n, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q: want a number from 1 to 65535", args[0])
	}
	return int(n), nil
}

func listening(p int) string { return ":" + strconv.Itoa(p) }
