package capture

import (
	"bytes"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"
)

// quote writes a text for an error.
func quote(text string) string {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return strconv.Quote(text)
}

// mentionsCurl reports whether curl stands in the text as a word.
func mentionsCurl(text []byte) bool {
	for rest := text; ; {
		i := bytes.Index(rest, []byte("curl"))
		if i < 0 {
			return false
		}
		before := i == 0 || bytes.IndexByte([]byte(" \t\n|;&(/\\`$"), rest[i-1]) >= 0
		rest = bytes.TrimPrefix(rest[i+len("curl"):], []byte(".exe"))
		if before && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n\\^"), rest[0]) >= 0) {
			return true
		}
	}
}

// isCurl reports whether a command's first word runs curl.
func isCurl(name string) bool {
	return strings.TrimSuffix(strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/"))), ".exe") == "curl"
}

// readCurl reads the curl commands of a text.
func readCurl(text []byte) ([]Request, error) {
	var pipelines [][]stage
	var err error
	if isCmdExe(text) {
		pipelines, err = cmdPipelines(text)
	} else {
		pipelines, err = shellPipelines(text)
	}
	if err != nil {
		return nil, err
	}
	var out []Request
	for _, pipeline := range pipelines {
		requests, err := runPipeline(pipeline)
		if err != nil {
			return nil, err
		}
		if out = append(out, requests...); len(out) > MaxRequests {
			return nil, tooMany()
		}
	}
	if out == nil {
		return readLog(text)
	}
	return out, nil
}

func tooMany() error {
	return &Error{Reason: "more than " + strconv.Itoa(MaxRequests) + " requests", Want: "cut out those you need"}
}

// runPipeline returns the requests of the curl command in a pipeline. What igloo and
// people put before it, printf, echo, cat and base64, is worked out.
func runPipeline(pipeline []stage) ([]Request, error) {
	curl := slices.IndexFunc(pipeline, func(st stage) bool {
		words := withoutPrefix(st.words)
		return len(words) > 0 && isCurl(words[0].text)
	})
	if curl < 0 {
		return nil, nil
	}
	var stdin *[]byte
	for _, st := range pipeline[:curl] {
		words := withoutPrefix(st.words)
		if len(words) == 0 {
			continue
		}
		if st.stdin != nil {
			stdin = st.stdin
		}
		output, ok := produce(words, stdin)
		if !ok {
			return nil, &Error{Line: words[0].line, Reason: "the body comes from the command " + quote(words[0].text) + ", which igloo does not run", Want: "write the body into the curl command"}
		}
		stdin = &output
	}
	if own := pipeline[curl].stdin; own != nil {
		stdin = own
	}
	return curlRequests(withoutPrefix(pipeline[curl].words)[1:], stdin)
}

// withoutPrefix leaves out a prompt and assignments before a command.
func withoutPrefix(words []word) []word {
	for len(words) > 0 {
		name, _, assigns := strings.Cut(words[0].text, "=")
		prompt := words[0].text == "$" || words[0].text == "%" || words[0].text == ">"
		if !prompt && (!assigns || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "") {
			break
		}
		words = words[1:]
	}
	return words
}

// produce returns what one of a few harmless commands prints.
func produce(words []word, stdin *[]byte) (output []byte, ok bool) {
	args := words[1:]
	switch path.Base(words[0].text) {
	case "printf":
		switch {
		case len(args) == 2 && args[0].text == "%s":
			return []byte(args[1].text), true
		case len(args) == 2 && args[0].text == `%s\n`:
			return []byte(args[1].text + "\n"), true
		case len(args) == 1 && !strings.ContainsAny(args[0].text, `%\`):
			return []byte(args[0].text), true
		}
	case "echo":
		end := "\n"
		if len(args) > 0 && args[0].text == "-n" {
			args, end = args[1:], ""
		}
		texts := make([]string, len(args))
		for i, arg := range args {
			texts[i] = arg.text
		}
		return []byte(strings.Join(texts, " ") + end), true
	case "cat":
		if stdin != nil && (len(args) == 0 || len(args) == 1 && args[0].text == "-") {
			return *stdin, true
		}
	case "base64":
		if stdin == nil || len(args) != 1 || args[0].text != "-d" && args[0].text != "-D" && args[0].text != "--decode" {
			return nil, false
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(*stdin)))
		return data, err == nil
	}
	return nil, false
}
