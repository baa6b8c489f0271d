package sandbox_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tty is a terminal with a person at it.
type tty struct {
	t    *testing.T
	f    *os.File
	seen bytes.Buffer
}

// onTerminal starts a command as a shell would, in a session with a terminal.
func onTerminal(t *testing.T, argv ...string) (*tty, *exec.Cmd) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("a pseudo-terminal: ", err)
	}
	t.Cleanup(func() { master.Close() })
	conn, err := master.SyscallConn() // Fd would make it blocking: no deadlines
	if err != nil {
		t.Fatal(err)
	}
	var n int
	err = conn.Control(func(fd uintptr) {
		_ = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err != nil {
		t.Skip("a pseudo-terminal: ", err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("a pseudo-terminal: ", err)
	}
	defer slave.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(os.Environ(), "PS1=$ ", "ENV=", "TERM=dumb")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Skip("a session on a terminal: ", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &tty{t: t, f: master}, cmd
}

func (y *tty) types(s string) {
	y.t.Helper()
	if _, err := y.f.WriteString(s); err != nil {
		y.t.Fatal(err)
	}
}

// shows waits until want is on the screen, and forgets everything up to it.
func (y *tty) shows(want string) {
	y.t.Helper()
	if err := y.f.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		y.t.Fatal(err)
	}
	b := make([]byte, 1024)
	for !strings.Contains(y.seen.String(), want) {
		n, err := y.f.Read(b)
		y.seen.Write(b[:n])
		if err != nil {
			y.t.Fatalf("waiting for %q: %v; the screen shows\n%s", want, err, y.seen.String())
		}
	}
	y.seen.Next(strings.Index(y.seen.String(), want) + len(want))
}

// An interactive shell has job control, and Ctrl-C means its command.
func TestTerminalShell(t *testing.T) {
	start(t, "terminal")
	y, cmd := onTerminal(t, "/proc/self/exe", "run", "terminal", "bash", "--norc", "--noediting", "-i")
	y.shows("$ ")
	y.types("echo pid-$$-$(cat /proc/sys/kernel/hostname)\n")
	y.shows("-terminal\r\n")
	y.shows("$ ")
	y.types("cat\n")
	y.types("echo-me\n")
	y.shows("echo-me\r\n") // the terminal's echo
	y.shows("echo-me\r\n") // cat's answer
	y.types("\x03")        // Ctrl-C
	y.shows("$ ")
	y.types("echo status-$?\n")
	y.shows("status-130\r\n")
	y.types("sh -c 'echo slee''ps; exec sleep 60'\n")
	y.shows("sleeps\r\n")
	y.types("\x1a") // Ctrl-Z
	y.shows("Stopped")
	y.shows("$ ")
	y.types("kill %1; exit 5\n")
	y.types("exit 5\n")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("%v, want exit status 5", err)
	}
}

// Around a sandbox, the outer shell can stop the whole and go on with it, and
// has its terminal back afterwards.
func TestTerminalJob(t *testing.T) {
	start(t, "job")
	y, cmd := onTerminal(t, "bash", "--norc", "--noediting", "-i")
	self := "/proc/" + strconv.Itoa(os.Getpid()) + "/exe"
	y.shows("$ ")
	y.types(self + " run job sh -c 'echo inside; read x; echo got-$x'\n")
	y.shows("inside\r\n")
	y.types("\x1a") // Ctrl-Z
	y.shows("Stopped")
	y.shows("$ ")
	stopped(t, "^sh -c echo inside")
	y.types("fg\n")
	y.types("hello\n")
	y.shows("got-hello\r\n")
	y.shows("$ ")
	y.types(self + " run job sh -c 'echo self; kill -STOP $$; echo resu''med'\n")
	y.shows("self\r\n")
	y.shows("Stopped")
	y.shows("$ ")
	y.types("fg\n")
	y.shows("resumed\r\n")
	y.shows("$ ")
	// bash inside takes the terminal; a script that goes on must get it back.
	y.types("sh -c '" + self + " run job bash --norc --noediting -i; read y; echo after-$y'\n")
	y.shows("$ ")
	y.types("exit\n")
	y.shows("exit\r\n")
	y.types("again\n")
	y.shows("after-again\r\n")
	y.shows("$ ")
	y.types(self + " run job sh -c 'echo slee''ps; exec sleep 60'\n")
	y.shows("sleeps\r\n")
	y.types("\x03")
	y.shows("$ ")
	y.types("echo status-$?\n")
	y.shows("status-130\r\n")
	y.types("exit 0\n")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// stopped waits until the program inside has met its signal: the shell around
// waits for its own child only, and what is typed before that is read inside.
func stopped(t *testing.T, pattern string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if exec.Command("pgrep", "--runstates", "T", "-f", pattern).Run() == nil {
			return
		}
	}
	t.Fatalf("%q is not stopped after 5s", pattern)
}

// A shell that is killed with its sandbox leaves the terminal as it needed it:
// without echo, letter by letter. Whoever types on must see what he types.
func TestTerminalModeRestored(t *testing.T) {
	s := start(t, "mode")
	y, _ := onTerminal(t, "bash", "--norc", "--noediting", "-i")
	y.shows("$ ")
	const mode = "stty -a | tr ' ;' '\\n\\n' | grep -e '^-*echo$' -e '^-*icanon$' | paste -sd ' '\n"
	y.types(mode)
	y.shows("\nicanon echo\r\n")
	y.shows("$ ")
	self := "/proc/" + strconv.Itoa(os.Getpid()) + "/exe"
	y.types(self + " run mode sh -c 'stty -echo -icanon; echo ra''w; exec sleep 60'\n")
	y.shows("raw\r\n")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	y.shows("$ ")
	// The shell around repairs nothing by itself: to it, the program has just ended.
	y.types("echo status-$?; " + mode)
	y.shows("status-137\r\n")
	y.shows("icanon echo\r\n")
}

// A job that was put into the background ends without taking the terminal from
// the shell, which waits at its prompt and would end with a read error.
func TestTerminalBackground(t *testing.T) {
	s := start(t, "background")
	y, cmd := onTerminal(t, "bash", "--norc", "--noediting", "-i")
	y.shows("$ ")
	y.types("/proc/" + strconv.Itoa(os.Getpid()) + "/exe run background sh -c 'echo be''gun; exec sleep 60'\n")
	y.shows("begun\r\n")
	y.types("\x1a") // Ctrl-Z
	y.shows("Stopped")
	y.shows("$ ")
	y.types("set -b; bg\n") // -b: bash tells at once when it has ended
	y.shows("$ ")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	y.shows("Exit 137")
	y.types("echo he''re\n")
	y.shows("here\r\n")
	y.types("exit 6\n")
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 6 {
		t.Errorf("%v, want exit status 6", cmd.ProcessState)
	}
}

// What a program that ends by itself sets, as stty(1) does, stays.
func TestTerminalModeKept(t *testing.T) {
	start(t, "stty")
	y, cmd := onTerminal(t, "sh", "-c", "/proc/"+strconv.Itoa(os.Getpid())+"/exe run stty stty -echo; stty -a; read x; echo got-$x")
	y.shows(" -echo ")
	y.types("hidden\n")
	y.shows("got-hidden\r\n")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// SIGTERM and SIGHUP are passed on; without a terminal SIGINT is too.
func TestSignalsPassedOn(t *testing.T) {
	start(t, "signals")
	for sig, want := range map[syscall.Signal]int{unix.SIGTERM: 41, unix.SIGHUP: 42, unix.SIGINT: 43} {
		if signal.Ignored(sig) {
			t.Logf("%v is ignored here, as under nohup: no shell could trap it", sig)
			continue
		}
		script := "trap 'exit 41' TERM; trap 'exit 42' HUP; trap 'exit 43' INT; echo up; while :; do read x; done"
		in, cmd := beside(t, "signals", script)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		in.Close()
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%v: exit status %d, want %d", sig, got, want)
		}
	}
}

// What runs inside does not outlive the nslab that runs it.
func TestCallerKilled(t *testing.T) {
	s := start(t, "caller")
	whole(t, s) // it looks into /proc
	_, cmd := beside(t, "caller", "echo up; exec sleep 61")
	if got, _ := output(t, s, "pgrep", "-c", "-f", "sleep 61"); got != "1\n" {
		t.Fatalf("%q processes, want 1", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	script := "for i in $(seq 200); do pgrep -f 'sleep 6[1]' >/dev/null || exit 0; done; exit 1"
	if _, status := output(t, s, "sh", "-c", script); status != 0 {
		t.Error("the program inside lives on")
	}
}

// beside runs a script in the sandbox from another process, and waits until
// it says "up".
func beside(t *testing.T, name, script string) (stdin interface{ Close() error }, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.Command("/proc/self/exe", "run", name, "sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	return in, cmd
}

// A job that is stopped cannot bury its program; the sandbox can be killed
// all the same.
func TestKillWhileCallerStopped(t *testing.T) {
	s := start(t, "stopped")
	_, cmd := beside(t, "stopped", "echo up; exec sleep 60")
	if err := cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("Kill took %v", took)
	}
	if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 137 {
		t.Errorf("%v, want exit status 137", cmd.ProcessState)
	}
}
