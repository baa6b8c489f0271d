package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/netns"
	"nslab/lab/op"
	"nslab/lab/proof"
)

// breaker counts the points of an operation and lets something happen at one.
type breaker struct {
	mu     sync.Mutex
	refuse string // the point at which an apply is refused; those after it count
	n, at  int
	names  []string // of the points
	name   string   // of the one where it happened
	begun  bool     // it happened to an open lab
	strike func() error
}

var errRefused = errors.New("refused by the test")

func (b *breaker) point(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != "" {
		if b.refuse == name {
			b.refuse = ""
			return errRefused
		}
		return nil
	}
	b.names = append(b.names, name)
	if b.n++; b.n != b.at {
		return nil
	}
	b.name = name
	return b.strike()
}

// faultWays are the operations in which something goes wrong.
var faultWays = map[string]func(ctx context.Context, l *lab.Lab, p *lab.Plan) error{
	"apply": build, "back": build, "back-half": build,
	"destroy": func(_ context.Context, l *lab.Lab, _ *lab.Plan) error { return l.Destroy(nil) },
}

func build(ctx context.Context, l *lab.Lab, p *lab.Plan) error {
	_, err := l.Apply(ctx, p, lab.Options{NoVerify: true})
	return err
}

// errnos go wrong by turns.
var errnos = []unix.Errno{unix.EPERM, unix.ENOBUFS, unix.EBUSY, unix.EEXIST, unix.ENOMEM, unix.EINTR, unix.EOPNOTSUPP}

var faultSignals = map[string]unix.Signal{"kill": unix.SIGKILL, "interrupt": unix.SIGINT, "terminate": unix.SIGTERM}

// breakage goes one way, on which something goes wrong.
type breakage struct {
	faultJob
	plan *lab.Plan
	dir  string
}

func newBreakage(arg string) (*breakage, error) {
	k := &breakage{dir: "/run/labs"}
	if err := json.Unmarshal([]byte(arg), &k.faultJob); err != nil {
		return nil, err
	}
	var err error
	k.plan, err = compiledFor(k.Scenario, k.Machine)
	return k, err
}

// last is the last stage that makes something.
func (k *breakage) last() int {
	i := len(k.plan.Stages) - 1
	for i > 0 && len(k.plan.Change(i).Add) == 0 {
		i--
	}
	return i
}

// half is a stage from which there is some way to go to the last one.
func (k *breakage) half() string { return k.plan.Stages[k.last()/2].Name.Text }

// lastPoint is that of the last fact which is made.
func (k *breakage) lastPoint() string {
	add := k.plan.Change(k.last()).Add
	return "before do " + add[len(add)-1].Op.String()
}

// with opens the lab and closes it again.
func (k *breakage) with(f func(*lab.Lab) error) error {
	return k.faulty(nil, f)
}

// faulty is with a fault, also in opening and closing.
func (k *breakage) faulty(fault func(string) error, f func(*lab.Lab) error) error {
	l, err := lab.OpenFaulty(k.dir, k.plan.Name(), fault)
	if err != nil {
		return err
	}
	return errors.Join(f(l), l.Close())
}

// ready builds what the way begins with.
func (k *breakage) ready() error {
	switch k.Way {
	case "destroy":
		return k.with(func(l *lab.Lab) error { return build(context.Background(), l, k.plan) })
	case "back-half":
		return k.with(func(l *lab.Lab) error {
			_, err := l.Apply(context.Background(), k.plan, lab.Options{NoVerify: true, To: k.half()})
			return err
		})
	}
	return nil
}

// do goes the way; at a point something happens to this process.
func (k *breakage) do(at int, kind string) (*breaker, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &breaker{at: at, strike: func() error {
		if kind == "error" {
			return errnos[at%len(errnos)]
		}
		if err := unix.Kill(os.Getpid(), faultSignals[kind]); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}}
	if strings.HasPrefix(k.Way, "back") {
		b.refuse = k.lastPoint()
	}
	return b, k.faulty(b.point, func(l *lab.Lab) error {
		b.begun = b.name == ""
		return faultWays[k.Way](ctx, l, k.plan)
	})
}

// faultyRole goes a way on which it is killed.
func faultyRole(args []string) error {
	k, err := newBreakage(args[0])
	if err != nil {
		return err
	}
	at, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	_, err = k.do(at, "kill")
	return errors.Join(err, errors.New("still alive"))
}

// faultsRole does a job and prints its tally.
func faultsRole(args []string) error {
	w, err := newWrecker(args[0])
	if err != nil {
		return err
	}
	if err := w.all(); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return json.NewEncoder(os.Stdout).Encode(&w.tally)
}

// wrecker goes a way again and again, and looks what is left each time.
type wrecker struct {
	*breakage
	tally
	arg    string
	scope  proof.Scope
	before proof.Print
	look   string
	points []string // of the way, when nothing goes wrong
}

// newWrecker looks at the machine as it is.
func newWrecker(arg string) (*wrecker, error) {
	k, err := newBreakage(arg)
	if err != nil {
		return nil, err
	}
	if standsOn(k.plan, op.Dev("host", "eth0")) {
		if err := plugIn(); err != nil {
			return nil, err
		}
	}
	if k.Scenario == smallest { // it is the first one on a machine that was just started
		if err := os.Remove(netns.Dir); err != nil {
			return nil, err
		}
	}
	w := &wrecker{breakage: k, arg: arg, tally: tally{Faults: map[string]int{}}}
	w.scope = proof.Scope{State: []string{w.dir}, Ours: func(string) bool { return true }}
	if w.before, err = proof.Take(context.Background(), w.scope); err != nil {
		return nil, err
	}
	w.look, err = looked()
	return w, err
}

// standsOn says whether a plan needs an object that it does not make.
func standsOn(p *lab.Plan, what op.Object) bool {
	needs := false
	for _, s := range p.Stages {
		for _, f := range s.Facts {
			if slices.Contains(op.Makes(f.Op), what) {
				return false
			}
			needs = needs || slices.Contains(f.Op.On(), what)
		}
	}
	return needs
}

// plugIn gives the machine the network card that real ones have.
func plugIn() error {
	h := &netlink.Handle{}
	card := netlink.NewLinkAttrs()
	card.Name = "eth0"
	cable := &netlink.Veth{LinkAttrs: card, PeerName: "lan0"}
	if err := h.LinkAdd(cable); err != nil {
		return err
	}
	return h.LinkSetUp(cable)
}

// all lets everything go wrong that the job asks for.
func (w *wrecker) all() error {
	if err := w.ready(); err != nil {
		return err
	}
	b, err := w.do(0, "")
	if err != nil && !errors.Is(err, errRefused) {
		return fmt.Errorf("undisturbed: %w", err)
	}
	w.mop("undisturbed")
	w.points = b.names
	for at := 1; at <= b.n && len(w.Left) < 10; at += w.Step {
		w.Points++
		for _, kind := range w.kinds(at) {
			if err := w.fault(at, kind); err != nil {
				return err
			}
		}
	}
	return w.lookAgain()
}

// killAndGoOn is a kill after which the lab is applied again; of few, every other one is.
const killAndGoOn = "kill and go on"

// kinds are what goes wrong at a point. Of one at each, that is an error where a
// step begins and a kill where it ends, which is where the next one begins; and
// a signal at some.
func (w *wrecker) kinds(at int) []string {
	signal := []string{"interrupt", "terminate"}
	switch w.Kinds {
	case "all":
		return []string{"error", "kill", killAndGoOn, signal[at%2]}
	case "few":
		turns := []string{"error", "kill", "error", "interrupt", "kill", "terminate"}
		return turns[at/w.Step%len(turns) : at/w.Step%len(turns)+1]
	}
	var kinds []string
	if !strings.HasPrefix(w.points[at-1], "after ") {
		kinds = append(kinds, "error")
	}
	if !strings.HasPrefix(w.points[at-1], "before ") {
		kinds = append(kinds, "kill")
	}
	if at%8 == 0 {
		kinds = append(kinds, signal[at/8%2])
	}
	return kinds
}

// fault lets one thing go wrong.
func (w *wrecker) fault(at int, kind string) error {
	if err := w.ready(); err != nil {
		return fmt.Errorf("before point %d: %w", at, err)
	}
	what := fmt.Sprintf("%s at point %d", kind, at)
	if strings.HasPrefix(kind, "kill") {
		if !w.killed(at) {
			w.mop("not killed at point " + strconv.Itoa(at))
			return nil
		}
	} else {
		b, err := w.do(at, kind)
		if b.name == "" {
			w.mop("nothing at point " + strconv.Itoa(at))
			return nil
		}
		what += " (" + b.name + ")"
		if b.begun || kind != "error" {
			w.judge(what, at, kind, err)
		} else if !errors.Is(err, errnos[at%len(errnos)]) {
			w.left(what, fmt.Sprintf("want %v, found %v", errnos[at%len(errnos)], err))
		}
	}
	w.Faults[kind]++
	if kind == killAndGoOn || kind == "kill" && w.Kinds != "all" && at/2%2 == 0 {
		w.goOn(what)
	}
	w.mop(what)
	if w.faults()%50 == 0 {
		return w.lookAgain()
	}
	return nil
}

// killed says whether another process was killed on its way.
func (w *wrecker) killed(at int) bool {
	err := self(context.Background(), "faulty", w.arg, strconv.Itoa(at)).Run()
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == unix.SIGKILL
}

// judge looks at what apply or destroy has said of what went wrong.
func (w *wrecker) judge(what string, at int, kind string, err error) {
	var built *lab.BuildError
	switch {
	case kind == "error" && err == nil:
		w.goOn(what) // it got over it: then all is true
	case kind == "error" && w.Way == "apply" && (!errors.As(err, &built) || built.Left != nil || built.At != ""):
		w.left(what, fmt.Sprintf("want it taken back, found %v", err))
	case kind == "error" && w.Way == "apply" && !errors.Is(err, errnos[at%len(errnos)]):
		w.left(what, fmt.Sprintf("want %v, found %v", errnos[at%len(errnos)], err))
	case kind != "error" && err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errRefused):
		w.left(what, fmt.Sprintf("want it to stop, found %v", err))
	}
}

// goOn applies the lab again, after which everything is true.
func (w *wrecker) goOn(what string) {
	if w.Way == "destroy" {
		return
	}
	err := w.with(func(l *lab.Lab) error {
		if err := build(context.Background(), l, w.plan); err != nil {
			return err
		}
		drift, err := l.Status()
		if err == nil && len(drift) > 0 {
			err = fmt.Errorf("not true: %v", drift)
		}
		return err
	})
	if err != nil {
		w.left(what, fmt.Sprintf("applied again: %v", err))
	}
}

// mop destroys what is left of the lab and compares the machine.
func (w *wrecker) mop(what string) {
	dir := filepath.Join(w.dir, w.plan.Name())
	if _, err := os.Lstat(dir); err == nil {
		if err := w.with(func(l *lab.Lab) error { return l.Destroy(nil) }); err != nil {
			w.left(what, fmt.Sprintf("destroy: %v", err))
		}
	} else if err := lab.Tidy(w.dir); err != nil { // as destroy does where there is no lab
		w.left(what, fmt.Sprintf("tidy: %v", err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now, diffs, err := proof.Await(ctx, w.scope, w.before)
	if err != nil {
		w.left(what, err.Error())
	}
	for _, d := range diffs {
		w.left(what, d.Section+": "+strings.Join(d.Changes(), "; "))
		w.before = now
	}
}

// lookAgain has somebody else look, too.
func (w *wrecker) lookAgain() error {
	look, err := looked()
	if diff := cmp.Diff(w.look, look); diff != "" {
		w.left(fmt.Sprintf("after %d faults", w.faults()), diff)
		w.look = look
	}
	return err
}

func (w *wrecker) left(what, found string) {
	w.Left = append(w.Left, what+": "+found)
}
