package serve

import (
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// serveTCPEcho sends back what it receives, RFC 862: the argument is the port.
func serveTCPEcho(ctx context.Context, args []string, ready func()) error {
	p, err := port(args)
	if err != nil {
		return err
	}
	ls, err := listen(ctx, p)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, ls.Close)()
	ready()
	return ls.each(func(l net.Listener) error { return unlessOver(ctx, accept(l)) })
}

func accept(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go echo(c)
	}
}

// echo ends when the client does, in whatever way. Between two sockets io.Copy
// lays a pipe, which costs a short connection more than all the rest: so both are
// hidden behind plain interfaces.
func echo(c net.Conn) {
	defer c.Close()
	_, _ = io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, 4096))
}

// unlessOver hides the error of a socket that was closed because ctx ended.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listeners are the sockets of one port, one for each address family. Go's own
// socket for both is not had where lo is down: it tries ::1 first.
type listeners []net.Listener

// listen opens them. They keep no connection alive: nobody has asked for those
// packets. What a client that has vanished costs is kept until the service ends.
func listen(ctx context.Context, p int) (listeners, error) {
	quiet := net.ListenConfig{KeepAlive: -1}
	four, err := quiet.Listen(ctx, "tcp4", listening(p))
	if err != nil {
		return nil, err
	}
	six, err := quiet.Listen(ctx, "tcp6", listening(p))
	switch {
	case err == nil:
		return listeners{four, six}, nil
	case withoutIPv6(err):
		return listeners{four}, nil
	}
	_ = four.Close()
	return nil, err
}

// withoutIPv6 says that the kernel has no IPv6, which is no mistake.
func withoutIPv6(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)
}

// Close closes them all.
func (ls listeners) Close() {
	for _, l := range ls {
		_ = l.Close()
	}
}

// each runs f for every listener at once and returns the first error.
func (ls listeners) each(f func(net.Listener) error) error {
	errs := make(chan error, len(ls))
	for _, l := range ls {
		go func() { errs <- f(l) }()
	}
	var first error
	for range ls {
		if err := <-errs; first == nil {
			first = err
		}
		ls.Close() // one family alone is no service
	}
	return first
}
