// SPDX-License-Identifier: GPL-2.0-or-later

// A small HTTP server and its own client, whose handler grows its stack so that the
// runtime moves it:
//
//	goserver [REQUESTS]
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

//go:noinline
func grow(depth int) int {
	var room [512]byte
	room[depth%512] = 1
	if depth == 0 {
		return int(room[0])
	}
	return grow(depth-1) + int(room[depth%512])
}

//go:noinline
func handleWork(n int) int {
	done := make(chan int)
	go func() { done <- grow(n) }()
	return <-done
}

func handler(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	fmt.Fprintln(w, handleWork(n))
}

func fetch(client *http.Client, url string, n int) bool {
	response, err := client.Get(fmt.Sprintf("%s/?n=%d", url, n))
	if err != nil {
		return false
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	return string(body) == fmt.Sprintln(n+1)
}

func main() {
	requests := 400
	if len(os.Args) > 1 {
		requests, _ = strconv.Atoi(os.Args[1])
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(listener, http.HandlerFunc(handler))

	fmt.Println("ready", os.Getpid())
	input := bufio.NewReader(os.Stdin)
	if line, _ := input.ReadString('\n'); line != "go\n" {
		os.Exit(2)
	}

	client := &http.Client{Timeout: 30 * time.Second}
	url := "http://" + listener.Addr().String()
	var group sync.WaitGroup
	var lock sync.Mutex
	good := 0
	for worker := 0; worker < 4; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for i := worker; i < requests; i += 4 {
				if fetch(client, url, i) {
					lock.Lock()
					good++
					lock.Unlock()
				}
			}
		}(worker)
	}
	group.Wait()
	fmt.Printf("done calls=%d good=%d\n", requests, good)
	io.Copy(io.Discard, input)
}
