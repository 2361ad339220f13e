package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// dotenvNames are the names of .env igloo reads beside IGLOO_<FLAG>; everything
// else in the file is none of its business.
var dotenvNames = []string{
	"IGLOO_APP_SECRET", "IGLOO_VERIFY_TOKEN", "IGLOO_ACCESS_TOKEN",
	"APP_SECRET", "VERIFY_TOKEN", "TOKEN", "NGROK_AUTHTOKEN",
}

// ownPrefix begins the names that are igloo's alone.
const ownPrefix = "IGLOO_"

// readDotenv reads NAME=VALUE lines: comments, "export", single and double quotes.
func readDotenv(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, nil
		}
		return nil, fmt.Errorf("read .env: %w", err)
	}
	data, _ = fromUTF16(data) // what Windows editors and PowerShell write
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	out := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || strings.HasPrefix(line, "#") || (!strings.HasPrefix(name, ownPrefix) && !slices.Contains(dotenvNames, name)) {
			continue
		}
		out[name] = dotenvValue(strings.TrimSpace(value))
	}
	return out, nil
}

func dotenvValue(value string) string {
	for _, quote := range []string{`"`, `'`} {
		if rest, ok := strings.CutPrefix(value, quote); ok {
			if text, _, ok := strings.Cut(rest, quote); ok {
				return text
			}
		}
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}

// yamlFile is a flat configuration file.
type yamlFile struct {
	path   string
	values map[string]string
	lines  map[string]int
}

func (f *yamlFile) lookup(flag string) (value, where string, ok bool) {
	if f == nil {
		return "", "", false
	}
	value, ok = f.values[yamlName(flag)]
	return value, fmt.Sprintf("%s:%d", filepath.Base(f.path), f.lines[yamlName(flag)]), ok
}

// readYAML reads a configuration file; a missing one is nil. Every key is a flag's
// name with underscores, every value a scalar or a list of scalars.
func readYAML(path string) (*yamlFile, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	name := filepath.Base(path)
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, usagef("", "%s: %s", name, firstLine(err.Error()))
	}
	out := &yamlFile{path: path, values: map[string]string{}, lines: map[string]int{}}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		pairs, ok := mappingOf(doc.Body)
		if !ok {
			return nil, usagef("every line is a key and a value: forward_to: 3000", "%s:%d: not a mapping", name, doc.Body.GetToken().Position.Line)
		}
		for _, pair := range pairs {
			key, line := pair.Key.String(), pair.Key.GetToken().Position.Line
			if _, empty := pair.Value.(*ast.NullNode); empty {
				continue // a key without a value is a key that is not set
			}
			value, ok := scalarOf(pair.Value)
			if !slices.Contains(configKeys(), key) {
				return nil, usagef(nearestHint(key, configKeys(), "the keys are in docs/config.md"), "%s:%d: unknown key %q", name, line, key)
			}
			if !ok {
				return nil, usagef("", "%s:%d: %s takes one value or a list of values", name, line, key)
			}
			out.values[key], out.lines[key] = value, line
		}
	}
	return out, nil
}

func mappingOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil, true
	}
	return nil, false
}

// scalarOf returns a scalar as it is written, a list joined with commas.
func scalarOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.SequenceNode:
		var items []string
		for _, item := range n.Values {
			text, ok := scalarOf(item)
			if !ok {
				return "", false
			}
			items = append(items, text)
		}
		return strings.Join(items, ","), true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}
