package op

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"nslab/topology"
)

// Service is the fact that something answers inside a namespace. It is a
// process of its own that outlives nslab; Kernel.Dir/services says which.
type Service struct {
	NS, Kind string
	Port     int    // 0 for a command
	Body     string // of http
	Argv     string // of a command, and what dhcp lends: a JSON list, so that facts stay comparable
	OwnPID   bool   // it is PID 1 of a pid namespace of its own

	// Of dns: the address it is asked at, whom it asks itself (invalid:
	// nobody), and what it knows, as hosts(5) has it.
	Addr, Forward netip.Addr
	Names         string

	knownAs string // what it is written down as, where another fact has its process
}

// listens says which table of /proc/net shows a kind; a command listens to
// whatever it likes.
var listens = map[string]string{"http": "tcp", "tcp-echo": "tcp", "udp-echo": "udp", "dns": "udp", "dhcp": "udp"}

// maxBody keeps the body within one argument of a process (MAX_ARG_STRLEN).
const maxBody = 64 << 10

// ReadService turns a service of the file into its fact; the state has the
// names that a dns service may know.
func ReadService(ns string, s topology.Service, state *topology.State) (Op, []error) {
	kind := s.Kind.Text
	args := topology.NewArgs("namespaces."+ns+".services", s.Args)
	o := Service{NS: ns, Kind: kind}
	switch kind {
	case "http":
		o.Body = args.Word("body").Text
		if len(o.Body) > maxBody {
			args.Complain(args.Word("body").Pos, "a body of %d bytes: at most %d are served", len(o.Body), maxBody)
		}
		fallthrough
	case "tcp-echo", "udp-echo":
		o.Port = args.Int(kind, 0, 1, 65535)
	case "dns":
		o.readDNS(args, s, state)
	case "dhcp":
		o.readDHCP(args, s, state)
	case "command":
		o.Argv = readArgv(args, kind)
	default:
		args.Value(kind)
		args.Complain(s.Kind.Pos, "%s", topology.Unknown("service", kind, []string{"http", "tcp-echo", "udp-echo", "dns", "dhcp", "command"}))
	}
	o.OwnPID = args.OneOf("pid", topology.Host, topology.Host, "new") == "new"
	if err := args.Err(); err != nil {
		return nil, []error{err}
	}
	return o, nil
}

func readArgv(args *topology.Args, key string) string {
	var argv []string
	for _, w := range args.Words(key) {
		argv = append(argv, w.Text)
	}
	if len(argv) == 0 || argv[0] == "" {
		args.Complain(args.Value(key).Pos, `want the words of a command: [python3, -m, http.server, "80"]`)
	}
	b, _ := json.Marshal(argv) // strings always marshal
	return string(b)
}

// argv is what comes after `nslab serve`.
func (s Service) argv() ([]string, error) {
	switch s.Kind {
	case "http":
		return []string{s.Kind, strconv.Itoa(s.Port), s.Body}, nil
	case "dns":
		return s.dnsArgv(), nil
	case "command", "dhcp":
		words, err := s.argvWords()
		return append([]string{s.Kind}, words...), err
	case ProxyProgram:
		return s.argvWords()
	}
	return []string{s.Kind, strconv.Itoa(s.Port)}, nil
}

func (s Service) argvWords() (words []string, err error) {
	err = json.Unmarshal([]byte(s.Argv), &words)
	return words, err
}

// words is the command of a command service, and what dhcp is told.
func (s Service) words() Command {
	words, err := s.argvWords()
	if err != nil {
		return nil
	}
	return words
}

// name tells the services of a lab apart; it is a file name.
func (s Service) name() string {
	if s.knownAs != "" {
		return s.knownAs
	}
	if s.Argv != "" {
		h := sha256.Sum256([]byte(s.Argv))
		return s.NS + "-" + s.Kind + "-" + hex.EncodeToString(h[:4])
	}
	return fmt.Sprintf("%s-%s-%d", s.NS, s.Kind, s.Port)
}

var errCommands = errors.New("a lab file may only run commands with --allow-commands")

// Do starts the process and waits until it answers.
func (s Service) Do(k *Kernel) error {
	if s.Kind == "command" && !k.AllowCommands {
		return fmt.Errorf("%s: %w", s.words(), errCommands)
	}
	if err := s.Undo(k); err != nil { // one that still runs but no longer answers
		return err
	}
	if err := s.free(k); err != nil {
		return err
	}
	return s.start(k)
}

// Diff asks for the process, and whether its port is open.
func (s Service) Diff(k *Kernel) (string, error) {
	p, err := s.recorded(k)
	if err != nil {
		return "", err
	}
	if !p.alive() {
		return s.what() + " does not run", nil
	}
	there, err := s.there(k, p)
	if err != nil {
		return missing("namespace "+s.NS, err)
	}
	if !there {
		return s.what() + " runs in another namespace, not in the one of that name now", nil
	}
	if s.Port == 0 {
		return "", nil
	}
	w, err := s.listener(k)
	if err != nil {
		return missing("namespace "+s.NS, err)
	}
	if w == nil {
		return s.what() + " runs, but does not listen", nil
	}
	return "", nil
}

// Command is a remark: a person would use whatever server is at hand.
func (s Service) Command() Command {
	switch s.Kind {
	case "http":
		return Remark(fmt.Sprintf("%s answers %q: nslab runs it itself; `%s` would do", s.what(), s.Body,
			s.typed("python3", "-m", "http.server", strconv.Itoa(s.Port))))
	case "dns":
		return s.dnsCommand()
	case "dhcp":
		return s.dhcpCommand()
	case "command":
		return Remark(fmt.Sprintf("keep running %s: %s", place(s.NS), s.typed(s.words()...)))
	}
	listen := "TCP-LISTEN:"
	if s.Kind == "udp-echo" {
		listen = "UDP-RECVFROM:"
	}
	return Remark(fmt.Sprintf("%s: nslab runs it itself; `%s` would do", s.what(),
		s.typed("socat", listen+strconv.Itoa(s.Port)+",fork", "EXEC:cat")))
}

// typed is a command as one would start it by hand.
func (s Service) typed(words ...string) Command {
	if s.OwnPID {
		words = append([]string{"unshare", "--pid", "--fork", "--mount-proc"}, words...)
	}
	return inside(s.NS, words...)
}

// Inverse is a remark as well.
func (s Service) Inverse() Command { return Remark("stop " + s.what()) }

// what names the service in a sentence.
func (s Service) what() string {
	if s.OwnPID {
		s.OwnPID = false
		return s.what() + " (PID 1 of its own)"
	}
	switch s.Kind {
	case "http":
		return fmt.Sprintf("an HTTP server on port %d %s", s.Port, place(s.NS))
	case "dns":
		return fmt.Sprintf("a DNS server on %s %s", s.listen(), place(s.NS))
	case "dhcp":
		return fmt.Sprintf("a DHCP server on %s %s", s.lends()[0], place(s.NS))
	case "command", ProxyProgram:
		return fmt.Sprintf("%s %s", s.words(), place(s.NS))
	}
	proto, _, _ := strings.Cut(s.Kind, "-")
	return fmt.Sprintf("a %s echo server on port %d %s", strings.ToUpper(proto), s.Port, place(s.NS))
}

func (s Service) String() string { return s.what() }

// On is nothing: a process keeps its namespace alive, so it is always ended by
// its own hand.
func (s Service) On() []Object { return nil }
