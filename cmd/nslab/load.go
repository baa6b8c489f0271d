package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/scenarios"
	"nslab/topology"
)

// maxFile is the most that is read of a lab file: topology refuses more than
// 1 MiB, and says so.
const maxFile = 2 << 20

// sourceFD names the environment variable that tells a command inside a
// sandbox on which descriptor its lab file waits: the path may lead elsewhere
// there, and standard input has been read.
const sourceFD = "NSLAB_SOURCE_FD"

// garbage, in percent of what is in use, is what may gather before it is
// collected in a lab whose file has more than large bytes: half of Go's 100 takes
// a tenth of the memory from one of 1000 namespaces, and costs it 3 % of processor
// time. Smaller ones it would cost more and save next to nothing: what the program
// is made of is most of what they take.
const (
	garbage = 50
	large   = 64 << 10
)

// load reads a lab file: a path, "-", or the name of a built-in scenario.
func load(s streams, file string) (*lab.Source, *topology.Topology, error) {
	if src, err := handedOver(); src != nil || err != nil {
		return parsed(src, err)
	}
	text, name, err := readFile(s, file)
	if err != nil {
		return nil, nil, &codeError{exitUsage, err}
	}
	src := &lab.Source{Path: name, Name: name, Files: map[string]string{name: string(text)}}
	spare(src)
	if abs, err := filepath.Abs(name); err == nil && fileExists(name) {
		src.Path = abs
	}
	t, err := topology.Parse(topology.Source{Name: name, Text: text}, src.Recorded(openBeside))
	if err != nil {
		return nil, nil, &codeError{exitUsage, allMistakes(t, err)}
	}
	return src, t, nil
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func parsed(src *lab.Source, err error) (*lab.Source, *topology.Topology, error) {
	if err != nil {
		return nil, nil, err
	}
	spare(src)
	t, err := src.Parse()
	return src, t, err
}

// spare has a large lab take less memory.
func spare(src *lab.Source) {
	if len(src.Files[src.Name]) > large {
		debug.SetGCPercent(garbage)
	}
}

// handedOver reads the source that the command outside the sandbox passed on.
func handedOver() (*lab.Source, error) {
	var fd uintptr
	if _, err := fmt.Sscan(os.Getenv(sourceFD), &fd); err != nil {
		return nil, nil //nolint:nilnil // nothing was handed over
	}
	f := os.NewFile(fd, "source")
	defer f.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var src lab.Source
	if err := json.NewDecoder(f).Decode(&src); err != nil {
		return nil, fmt.Errorf("the lab file handed over to the sandbox: %w", err)
	}
	return &src, nil
}

func readFile(s streams, file string) (text []byte, name string, err error) {
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(s.in, maxFile))
		return text, "<stdin>", err
	}
	text, err = readLimited(file)
	if errors.Is(err, fs.ErrNotExist) && !strings.Contains(file, "/") {
		if text, serr := scenarios.Read(file); serr == nil {
			return text, strings.TrimSuffix(file, ".yaml") + ".yaml", nil
		}
	}
	if err != nil {
		return nil, "", noFile(file, err)
	}
	return text, file, nil
}

var errDirectory = errors.New("is a directory")

func readLimited(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && fi.IsDir() {
		return nil, errDirectory
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

func noFile(file string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	err = fmt.Errorf("cannot read %s: %w", topology.Quote(file), err)
	if errors.Is(err, errDirectory) {
		return noDirectory(err, file)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if strings.Contains(file, "://") {
		return hint(err, "nslab reads files only: curl -fsS "+topology.Quote(file)+" | nslab apply -")
	}
	if like := meantFile(file); like != "" {
		err = fmt.Errorf("%w, did you mean %s?", err, topology.Quote(like))
	}
	return hint(err, "nslab scenario list shows the built-in labs")
}

// noPart words why a file that another one names cannot be read.
func noPart(name, from string, err error) error {
	path, ok := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot find %s: neither beside %s nor among the built-in scenarios", topology.Quote(name), from)
	case ok && path.Err.Error() == "path escapes from parent": // os.Root has no name for it
		return fmt.Errorf("it leads out of the directory of %s", from)
	case ok:
		return path.Err
	}
	return err
}

// openBeside finds a file that another file asks for: beside it, then among
// the built-in scenarios. What leads out of the directory of the asking file,
// by its name or by a symbolic link, is refused.
func openBeside(name, from string) (topology.Source, error) {
	dir := filepath.Dir(from)
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close()
		text, rerr := readBeneath(root, name)
		if rerr == nil {
			return topology.Source{Name: filepath.Join(dir, name), Text: text}, nil
		}
		if !errors.Is(rerr, fs.ErrNotExist) {
			return topology.Source{}, noPart(name, from, rerr)
		}
	}
	text, err := scenarios.Read(name)
	if err != nil {
		return topology.Source{}, noPart(name, from, fs.ErrNotExist)
	}
	return topology.Source{Name: name, Text: text}, nil
}

func readBeneath(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// compile reads FILE and plans it for the host it is to stand on.
func compile(s streams, c *cli.Context, file string) (*lab.Source, *lab.Plan, error) {
	src, t, err := load(s, file)
	if err != nil {
		return nil, nil, err
	}
	machine, err := onMachine(c, t)
	if err != nil {
		return nil, nil, err
	}
	p, err := lab.Compile(t, machine)
	if err != nil {
		return nil, nil, &codeError{exitUsage, err}
	}
	if os.Getenv(sourceFD) == "" { // else the command outside has said so
		warn(s, c, t.Warnings)
	}
	return src, p, checkLanguage(c, p)
}

// warn tells what a file says that is legal and surely not meant. It changes
// nothing else, and no exit status.
func warn(s streams, c *cli.Context, warnings []*topology.Error) {
	for _, w := range warnings {
		note(s, c, "%s", w.Warning())
	}
}

// onMachine says where the lab is to stand: --host decides, then the file.
func onMachine(c *cli.Context, t *topology.Topology) (bool, error) {
	switch h := c.String("host"); h {
	case "":
		return t.Host.Text == topology.Machine, nil
	case topology.Machine, topology.Sandbox:
		return h == topology.Machine, nil
	default:
		return false, usage("--host %s: it is sandbox or machine", topology.Quote(h))
	}
}
