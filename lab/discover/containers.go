package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	asking   = 2 * time.Second // an answer of a socket on this machine takes milliseconds
	maxReply = 16 << 20        // bytes
)

// sockets are where Docker and podman answer: podman speaks Docker's language.
func sockets() map[string]string {
	s := map[string]string{"docker": "/var/run/docker.sock", "podman": "/run/podman/podman.sock"}
	if path, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://"); ok {
		s["docker"] = path
	}
	return s
}

// containers asks everybody who may know some. Who is not there has none.
func (s *Sources) containers(ctx context.Context) (found []Container, unseen []string) {
	for runtime, path := range s.Sockets {
		list, err := ask(ctx, runtime, path)
		found = append(found, list...)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unseen = append(unseen, fmt.Sprintf("the names of %s's containers: %v", runtime, err))
		}
	}
	for _, dir := range s.Podman {
		list, err := podman(dir)
		found = append(found, list...)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unseen = append(unseen, fmt.Sprintf("the names of podman's containers: %v", err))
		}
	}
	slices.Sort(unseen)
	return found, unseen
}

// christen gives containers to their namespaces: by the path where the runtime
// has mounted it, or by its first process.
func (m *Machine) christen(containers []Container) {
	for _, c := range containers {
		for _, n := range m.Namespaces {
			has := c.pid != 0 && slices.ContainsFunc(n.Processes, func(p Process) bool { return p.Pid == c.pid }) ||
				c.sandbox != "" && slices.Contains(n.Paths, followed(c.sandbox))
			if has {
				n.inhabit(&c)
			}
		}
	}
}

// inhabit notes a container of a namespace, once if it is told of twice. The
// namespace is called after the one that has made it; of that one are the
// published ports, also where nobody says who it was.
func (n *Namespace) inhabit(c *Container) {
	has := n.Container
	switch {
	case slices.ContainsFunc(n.others, func(o *Container) bool { return o.ID == c.ID }):
	case n.own:
		n.others = append(n.others, c)
	case has == nil:
		n.Container = c
	case has.ID == c.ID && len(has.Ports) < len(c.Ports):
		n.Container = c
	case has.ID == c.ID:
	case has.guest && !c.guest || len(has.Ports) < len(c.Ports):
		n.Container, n.others = c, append(n.others, has)
	default:
		n.others = append(n.others, c)
	}
}

// followed is a path without links: Docker says /var/run, which is /run.
func followed(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// engine is an API of Docker on a socket.
type engine struct {
	runtime string
	client  *http.Client
}

// ask lists the containers that run: Docker Engine API, GET /containers/json and
// GET /containers/ID/json.
func ask(ctx context.Context, runtime, socket string) ([]Container, error) {
	if _, err := os.Stat(socket); err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	e := engine{runtime, &http.Client{Timeout: asking, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
	var running []struct {
		ID    string `json:"Id"`
		Names []string
		Ports []struct {
			IP          string
			PrivatePort uint16
			PublicPort  uint16
			Type        string
		}
	}
	if err := e.get(ctx, "/containers/json", &running); err != nil {
		return nil, err
	}
	var list []Container
	for _, r := range running {
		c := Container{Runtime: runtime, ID: r.ID, Name: r.ID}
		if len(r.Names) > 0 {
			c.Name = strings.TrimPrefix(r.Names[0], "/")
		}
		for _, p := range r.Ports {
			if p.PublicPort != 0 {
				c.Ports = append(c.Ports, fmt.Sprintf("%s->%d/%s", net.JoinHostPort(p.IP, strconv.Itoa(int(p.PublicPort))), p.PrivatePort, p.Type))
			}
		}
		if err := e.place(ctx, &c); err != nil {
			return list, err
		}
		list = append(list, c)
	}
	return list, nil
}

// place asks where a container lives.
func (e engine) place(ctx context.Context, c *Container) error {
	var one struct {
		State           struct{ Pid int }
		NetworkSettings struct{ SandboxKey string }
		HostConfig      struct{ NetworkMode string }
	}
	err := e.get(ctx, "/containers/"+url.PathEscape(c.ID)+"/json", &one)
	c.pid, c.sandbox = one.State.Pid, one.NetworkSettings.SandboxKey
	c.guest = strings.HasPrefix(one.HostConfig.NetworkMode, "container:")
	return err
}

func (e engine) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.runtime+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(into)
}

// podmanDirs are where podman keeps its containers, for root and for this user.
// In each, containers.json has the names; where the processes are is in the
// directory of what runs.
func podmanDirs() []string {
	dirs := []string{"/var/lib/containers/storage"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local/share/containers/storage"))
	}
	return dirs
}

// podman reads what podman has on disk, for those whose socket is off: a list
// of all containers, and of each that runs its pidfile.
func podman(dir string) ([]Container, error) {
	lists, err := filepath.Glob(filepath.Join(dir, "*-containers", "containers.json"))
	if err != nil {
		return nil, err
	}
	var out []Container
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			return out, err
		}
		var all []struct {
			ID    string   `json:"id"`
			Names []string `json:"names"`
		}
		if err := json.Unmarshal(b, &all); err != nil {
			return out, fmt.Errorf("%s: %w", list, err)
		}
		for _, one := range all {
			if pid := pidOf(dir, filepath.Base(filepath.Dir(list)), one.ID); pid != 0 && len(one.Names) > 0 {
				out = append(out, Container{Runtime: "podman", Name: one.Names[0], ID: one.ID, pid: pid})
			}
		}
	}
	return out, nil
}

// pidOf reads the pidfile of a container that runs, 0 when it does not.
func pidOf(dir, driver, id string) int {
	runs := []string{"/run/containers/storage", filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "containers"), dir}
	for _, run := range runs {
		b, err := os.ReadFile(filepath.Join(run, driver, filepath.Base(id), "userdata", "pidfile"))
		if pid, nerr := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && nerr == nil {
			return pid
		}
	}
	return 0
}
