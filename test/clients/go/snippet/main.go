package main

import (
	"fmt"
	"os"

	"github.com/zishang520/socket.io/clients/socket/v3"
)

func main() {
	url, token, room := os.Args[1], os.Args[2], os.Args[3]

	options := socket.DefaultOptions()
	options.SetAuth(map[string]any{"token": token})
	client, err := socket.Connect(url, options)
	if err != nil {
		panic(err)
	}
	client.On("connect", func(...any) { // after each reconnect too: a new socket is in no room
		client.EmitWithAck("room:join", map[string]any{"room": room})(func(answer []any, err error) { fmt.Println("joined", answer) })
	})
	client.On("news", func(args ...any) { fmt.Println("news", args) })
	select {}
}
