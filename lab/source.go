package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	jsonv2 "github.com/go-json-experiment/json"

	"nslab/topology"
)

// Source is a lab file with everything it includes, so that it can be read
// again without the files: by a command inside the sandbox, or by `verify`
// when the file has changed since.
type Source struct {
	Path  string            `json:"path"`  // where it was read from, for people
	Name  string            `json:"name"`  // the key of the main file in Files
	Files map[string]string `json:"files"` // by the name that asks for them
}

// Parse reads the source with the files it brought along.
func (s *Source) Parse() (*topology.Topology, error) {
	text, ok := s.Files[s.Name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", s.Name, fs.ErrNotExist)
	}
	return topology.Parse(topology.Source{Name: s.Name, Text: []byte(text)}, s.open)
}

func (s *Source) open(name, from string) (topology.Source, error) {
	if text, ok := s.Files[from+"\x00"+name]; ok {
		return topology.Source{Name: s.Files["\x00"+from+"\x00"+name], Text: []byte(text)}, nil
	}
	return topology.Source{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// Recorded returns an Opener that keeps what open returns.
func (s *Source) Recorded(open topology.Opener) topology.Opener {
	return func(name, from string) (topology.Source, error) {
		got, err := open(name, from)
		if err == nil {
			s.Files[from+"\x00"+name] = string(got.Text)
			s.Files["\x00"+from+"\x00"+name] = got.Name
		}
		return got, err
	}
}

// Keep stores the source beside the journal.
func (l *Lab) Keep(s *Source) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(l.dir, "source.json")
	f, err := openState(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Kept reads the source that Keep stored for the lab called name under dir.
func Kept(dir, name string) (*Source, error) {
	b, err := readState(filepath.Join(dir, name, "source.json"))
	if err != nil {
		return nil, err
	}
	var s Source
	if err := jsonv2.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	return &s, nil
}
