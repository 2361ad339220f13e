package tunneltest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"golang.ngrok.com/muxado/v2"
)

// The types of streams. A stream begins with its type and carries one request
// and its answer in JSON, or one public connection, or heartbeats without end.
const (
	streamAuth       muxado.StreamType = 0
	streamBind       muxado.StreamType = 1
	streamUnbind     muxado.StreamType = 2
	streamProxy      muxado.StreamType = 3
	streamRestart    muxado.StreamType = 4
	streamStop       muxado.StreamType = 5
	streamSrvInfo    muxado.StreamType = 8
	streamStopTunnel muxado.StreamType = 9
	streamPatch      muxado.StreamType = 10
	streamHeartbeat  muxado.StreamType = 0xFFFFFFFF
)

// region is where the edge says it is.
const region = "lab"

// The messages, with the fields that the edge uses. Their names are the
// protocol's.
type (
	authRequest struct {
		ClientID string `json:"ClientId"`
		Extra    struct {
			Authtoken, UserAgent, Metadata, Cookie string
		}
	}
	authAnswer struct {
		Version  string
		ClientID string `json:"ClientId"`
		Error    string
		Extra    authAnswerExtra
	}
	authAnswerExtra struct {
		Version, Region, Cookie       string
		AccountName, PlanName, Banner string
		AgentSessionID                string
	}
	bindRequest struct {
		ID    string `json:"Id"`
		Proto string
		Opts  json.RawMessage
		Extra struct {
			Token, Metadata string
			PoolingEnabled  bool
		}
	}
	bindOptions struct {
		URL, TrafficPolicy string
	}
	bindAnswer struct {
		ID    string `json:"Id"`
		URL   string
		Proto string
		Opts  json.RawMessage // as in the request
		Error string
		Extra struct{ Token, TunnelID string }
	}
	unbindRequest struct {
		ID string `json:"Id"`
	}
	proxyHeader struct {
		ID             string `json:"Id"`
		ClientAddr     string
		Proto          string
		EdgeType       string
		PassthroughTLS bool
	}
	stopTunnel struct {
		ID        string `json:"Id"`
		Message   string
		ErrorCode string
	}
	errorAnswer struct{ Error string }
	infoAnswer  struct{ Region string }
)

// answer reads a request from stream and writes what f makes of it.
func answer[Req, Resp any](stream io.ReadWriter, f func(Req) Resp) error {
	var req Req
	if err := json.NewDecoder(stream).Decode(&req); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	if err := json.NewEncoder(stream).Encode(f(req)); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}

// writeProxyHeader introduces a public connection. Unlike everything else in
// the protocol its length is little-endian.
func writeProxyHeader(w io.Writer, h proxyHeader) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...))
	return err
}

// echoHeartbeats sends each beat back, unless muted says to swallow it.
func echoHeartbeats(stream io.ReadWriter, muted func() bool) {
	var beat [4]byte
	for {
		if _, err := io.ReadFull(stream, beat[:]); err != nil {
			return
		}
		if muted() {
			continue
		}
		if _, err := stream.Write(beat[:]); err != nil {
			return
		}
	}
}
