package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// tapVariable names the folder in which the scripts' igloo leaves what it printed with
// --json.
const tapVariable = "IGLOO_TEST_TAP"

// tapped runs igloo, and keeps a copy of what --json prints.
func tapped(run func() int) int {
	dir := os.Getenv(tapVariable)
	if dir == "" || !slices.ContainsFunc(os.Args, func(arg string) bool { return arg == "--json" || arg == "json" }) {
		return run()
	}
	file, err := os.CreateTemp(dir, "*.ndjson")
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(file, "#", strings.Join(os.Args[1:], " "))
	stdout := os.Stdout
	out, in, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	os.Stdout = in
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.MultiWriter(stdout, file), out)
	}()
	code := run()
	_ = in.Close()
	<-done
	_ = file.Close()
	return code
}

// checkTapped holds every line that the scripts have seen against docs/json.schema.json.
// Nothing may be printed that the schema does not know, and with all scripts run
// nothing known may be missing.
func checkTapped(t *testing.T, dir string) {
	t.Helper()
	schema := strictSchema(t)
	seen := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 64<<20)
		command := ""
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "#") {
				command = lines.Text()
				continue
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(lines.Text()))
			if err != nil {
				t.Errorf("igloo %s prints a line that is not JSON: %v\n%s", command, err, lines.Text())
				break
			}
			object, _ := value.(map[string]any)
			kind, _ := object["type"].(string)
			seen[kind] = true
			if err := schema.Validate(value); err != nil {
				t.Errorf("igloo %s prints a line that docs/json.schema.json does not allow: %v\n%s", command, err, lines.Text())
				break
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if run := flag.Lookup("test.run").Value.String(); run == "" {
		for _, kind := range schemaTypes(t) {
			if !seen[kind] {
				t.Errorf("docs/json.schema.json has the type %q, and no script prints one", kind)
			}
		}
	}
	t.Logf("%d outputs, types %v", len(files), slices.Sorted(maps.Keys(seen)))
}

const schemaFile = "../../docs/json.schema.json"

func readSchema(t *testing.T) any {
	t.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// strictSchema is the schema, with unknown keys forbidden: for those who read the lines
// of a newer igloo they are not.
func strictSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document := readSchema(t)
	forbidUnknown(document.(map[string]any)["$defs"])
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // reads nothing from outside
	if err := compiler.AddResource("json.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("json.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func forbidUnknown(value any) {
	switch value := value.(type) {
	case map[string]any:
		if _, object := value["properties"].(map[string]any); object && value["type"] == "object" {
			if _, said := value["additionalProperties"]; !said {
				value["additionalProperties"] = false
			}
		}
		for _, inner := range value {
			forbidUnknown(inner)
		}
	case []any:
		for _, inner := range value {
			forbidUnknown(inner)
		}
	}
}

// schemaTypes lists what "type" may be.
func schemaTypes(t *testing.T) []string {
	t.Helper()
	defs := readSchema(t).(map[string]any)["$defs"].(map[string]any)
	var types []string
	for _, def := range defs {
		properties, _ := def.(map[string]any)["properties"].(map[string]any)
		if kind, ok := properties["type"].(map[string]any); ok {
			if name, ok := kind["const"].(string); ok {
				types = append(types, name)
			}
		}
	}
	return types
}

// TestSchemaIsDocumented demands that docs/json.md names every key of the schema, and
// that a line the schema does not know is refused.
func TestSchemaIsDocumented(t *testing.T) {
	docs, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, def := range readSchema(t).(map[string]any)["$defs"].(map[string]any) {
		properties, _ := def.(map[string]any)["properties"].(map[string]any)
		for key := range properties {
			if !strings.Contains(string(docs), "`"+key+"`") {
				t.Errorf("docs/json.md does not name %q of %s", key, name)
			}
		}
	}
	schema := strictSchema(t)
	for _, line := range []string{`{}`, `{"type":"unheard"}`, `{"type":"notice"}`, `{"type":"notice","text":"a","more":1}`, `{"type":"delivery","id":"d1"}`, `[]`} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(value) == nil {
			t.Errorf("the schema allows %s", line)
		}
	}
}
