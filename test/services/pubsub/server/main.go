// Google's own test server of Pub/Sub. It prints the address at which it speaks gRPC, and that of a page on which everything that was
// published is listed, in order, as lines of JSON. It ends when its standard input is closed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
)

type message struct {
	N           int               `json:"n"`
	Topic       string            `json:"topic"`
	OrderingKey string            `json:"orderingKey"`
	Attributes  map[string]string `json:"attributes"`
	Data        []byte            `json:"data"`
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

func main() {
	server := pstest.NewServer()
	// The server of the package takes smaller requests than Google does.
	calls := grpc.NewServer(grpc.MaxRecvMsgSize(16 << 20))
	pb.RegisterPublisherServer(calls, &server.GServer)
	pb.RegisterSubscriberServer(calls, &server.GServer)
	http.HandleFunc("/messages", func(answer http.ResponseWriter, request *http.Request) {
		from, _ := strconv.Atoi(request.FormValue("from"))
		prefix := "projects/" + request.FormValue("project") + "/"
		lines := json.NewEncoder(answer)
		all := server.Messages()
		for n := from; n < len(all); n++ {
			if one := all[n]; strings.HasPrefix(one.Topic, prefix) {
				_ = lines.Encode(message{n, one.Topic, one.OrderingKey, one.Attributes, one.Data})
			}
		}
	})
	callsAt, pagesAt := listen(), listen()
	go func() { log.Fatal(calls.Serve(callsAt)) }()
	go func() { log.Fatal(http.Serve(pagesAt, nil)) }()
	fmt.Println(callsAt.Addr(), pagesAt.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}
