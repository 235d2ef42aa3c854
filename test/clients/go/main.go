// A stock socket.io client for Go that does as it is told on standard input and tells what it sees, in JSON lines.
//
// Binary is told as {"$base64": "…"}, in both directions. The orders are in ../driver.ts.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/zishang520/socket.io/clients/engine/v3/transports"
	"github.com/zishang520/socket.io/clients/socket/v3"
	server "github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

type order struct {
	Do    string
	Event string
	Args  []any
	How   struct {
		URL       string
		Transport string
		Auth      map[string]any
		Headers   map[string]string
		Query     map[string]string
	}
}

var (
	client     *socket.Socket
	oneAtATime sync.Mutex
)

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var given order
		must(json.Unmarshal(line, &given))
		if given.Do == "connect" {
			connect(given)
		} else {
			args := binary(given.Args).([]any)
			client.EmitWithAck(given.Event, args...)(func(answer []any, err error) {
				if err == nil {
					tell("answer", answer...)
				}
			})
		}
	}
}

func connect(given order) {
	options := socket.DefaultOptions()
	options.SetTransports(map[string]*types.Set[transports.TransportCtor]{
		"polling":   types.NewSet(transports.Polling),
		"websocket": types.NewSet(transports.WebSocket),
		"upgrade":   types.NewSet(transports.Polling, transports.WebSocket),
	}[given.How.Transport])
	if given.How.Auth != nil {
		options.SetAuth(given.How.Auth)
	}
	if given.How.Headers != nil {
		headers := http.Header{}
		for name, value := range given.How.Headers {
			headers.Set(name, value)
		}
		options.SetExtraHeaders(headers)
	}
	if given.How.Query != nil {
		query := url.Values{}
		for name, value := range given.How.Query {
			query.Set(name, value)
		}
		options.SetQuery(query)
	}
	manager := socket.NewManager(given.How.URL, options)
	client = manager.Socket("/", options)
	must(client.On("connect", func(...any) { tell("connect", client.Id()) }))
	must(client.On("connect_error", func(args ...any) { tell("connect_error", args...) }))
	must(client.On("disconnect", func(args ...any) { tell("disconnect", args...) }))
	client.OnAny(received)
	client.Connect()
}

func received(args ...any) {
	event, args := args[0].(string), args[1:]
	if len(args) > 0 {
		if ack, isAsked := args[len(args)-1].(server.Ack); isAsked {
			args = args[:len(args)-1]
			if event == "mirror" {
				ack(args, nil)
			} else if event == "decode" {
				ack([]any{args[0], binary(map[string]any{"$base64": args[1]})}, nil)
			}
		}
	}
	tell(event, args...)
}

func tell(event string, args ...any) {
	line, err := json.Marshal(map[string]any{"event": event, "args": readable(args)})
	must(err)
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	fmt.Println(string(line))
}

func readable(value any) any {
	switch value := value.(type) {
	case *types.ExtendedError:
		return map[string]any{"message": value.Message, "data": value.Data}
	case error:
		return value.Error()
	case []byte:
		return map[string]any{"$base64": base64.StdEncoding.EncodeToString(value)}
	case types.BufferInterface:
		return readable(value.Bytes())
	case io.Reader:
		bytes, err := io.ReadAll(value)
		must(err)
		return readable(bytes)
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = readable(item)
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, item := range value {
			object[key] = readable(item)
		}
		return object
	}
	return value
}

func binary(value any) any {
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			value[i] = binary(item)
		}
	case map[string]any:
		if text, isBinary := value["$base64"].(string); isBinary {
			bytes, err := base64.StdEncoding.DecodeString(text)
			must(err)
			return types.NewBytesBuffer(bytes)
		}
		for key, item := range value {
			value[key] = binary(item)
		}
	}
	return value
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
