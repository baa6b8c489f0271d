package topology_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"nslab/topology"
)

const schemaFile = "../docs/nslab.schema.json"

// object is as much of the schema as says which keys there are.
type object struct {
	Properties  map[string]any    `json:"properties"`
	Additional  any               `json:"additionalProperties"`
	Definitions map[string]object `json:"definitions"`
}

func TestSchemaHasTheKeysOfTheParser(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema object
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for what, keys := range topology.Keys() {
		o := schema
		if what != "file" {
			o = schema.Definitions[what]
		}
		want := slices.Sorted(slices.Values(keys))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(o.Properties))); diff != "" {
			t.Errorf("keys of a %s (-parser +schema):\n%s", what, diff)
		}
		if open := o.Additional != false; open != (what == "link") {
			t.Errorf("%s: additionalProperties is %v", what, o.Additional)
		}
	}
}

// validate returns what an editor would complain about.
func validate(t *testing.T, schema *jsonschema.Schema, path string) error {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	return schema.Validate(words(doc))
}

// words makes every key a string, as it is in JSON.
func words(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := map[string]any{}
		for k, x := range v {
			out[fmt.Sprint(k)] = words(x)
		}
		return out
	case map[string]any:
		for k, x := range v {
			v[k] = words(x)
		}
	case []any:
		for i, x := range v {
			v[i] = words(x)
		}
	}
	return v
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSchemaAcceptsWhatTheParserAccepts(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	files := yamlFiles(t, "testdata/good")
	files = append(files, yamlFiles(t, "../scenarios")...)
	files = append(files, yamlFiles(t, "../scenarios/broken")...)
	for _, path := range files {
		if err := validate(t, schema, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// invisible are the mistakes that a schema cannot see: they are about the lab
// as a whole, or about YAML rather than its content.
var invisible = []string{
	"address-impossible", "auto-", "cni-state", "address-network", "address-prefix", "address-too-many", "address-twice", "bridge-in", "dns-nobody", "File Name", "file-bidi",
	"file-carriage", "file-empty-lab", "file-line", "file-two", "filter-lab", "include-circle", "include-escape", "link-circle", "link-interface", "link-parent", "link-port",
	"link-self", "link-unknown", "name-case", "name-clash", "name-link-nobody", "network-shared", "nat-dnat-twice", "nat-families", "nat-keys", "nat-too-many", "number-octal", "ports-taken",
	"remove-in-use", "remove-twice", "remove-unknown", "route-dev", "route-gateway-not", "route-gateway-off",
	"route-gateway-self", "route-link-local", "route-lost", "route-twice", "service-path", "service-twice", "step-mistake", "step-verify",
	"sysctl-octal", "tables-twice", "yaml-anchor", "yaml-merge", "yaml-tag",
}

func TestSchemaRefusesWhatItCanSee(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for _, path := range yamlFiles(t, "testdata/bad") {
		hidden := slices.ContainsFunc(invisible, func(p string) bool { return strings.HasPrefix(filepath.Base(path), p) })
		switch err := validate(t, schema, path); {
		case err == nil && !hidden:
			t.Errorf("%s is valid for the schema", path)
		case err != nil && hidden:
			t.Errorf("%s is no longer invisible to the schema: take it off the list", path)
		}
	}
}
