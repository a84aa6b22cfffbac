// SPDX-License-Identifier: GPL-2.0-or-later

// What goroutines do to their stacks, and the truth about it:
//
//	gowork [--log FILE] MODE [N]
//
// N calls are made of the functions that the mode's own function names. The garbage collector, which
// shrinks stacks, runs all the while.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ---- the log: name, start, duration, thread, as the other targets have it ----------------------

type record struct {
	name     string
	duration time.Duration
}

var (
	logLock sync.Mutex
	records []record
)

func note(name string, start time.Time) {
	duration := time.Since(start)
	logLock.Lock()
	records = append(records, record{name, duration})
	logLock.Unlock()
}

func writeLog(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for _, r := range records {
		fmt.Fprintln(out, r.name, 0, r.duration.Nanoseconds(), 0)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

func spin(duration time.Duration) {
	for start := time.Now(); time.Since(start) < duration; {
	}
}

// inGoroutines makes n calls in four goroutines, and waits for them.
func inGoroutines(n int, call func(i int)) {
	var group sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for i := worker; i < n; i += 4 {
				call(i)
			}
		}(worker)
	}
	group.Wait()
}

// ---- plain: timed functions and methods ----------------------------------------------------------

type worker struct{ served int64 }

//go:noinline
func (w *worker) handle(n int) {
	start := time.Now()
	spin(200 * time.Microsecond)
	atomic.AddInt64(&w.served, 1)
	note("handle", start)
}

//go:noinline
func leaf(n int) int { return n + 1 }

func plain(n int) string {
	var w worker
	sum := 0
	for i := 0; i < n; i++ {
		w.handle(i)
		sum = leaf(sum)
	}
	return fmt.Sprintf("handle=%d leaf=%d", w.served, sum)
}

// ---- grow: recursion with large frames on new stacks, which move at several depths ----------------

var grown int64

//go:noinline
func grow(depth int) int {
	var room [4096]byte
	atomic.AddInt64(&grown, 1)
	room[depth] = 1
	if depth == 0 {
		return int(room[0])
	}
	return grow(depth-1) + int(room[depth])
}

func growing(n int) string {
	inGoroutines(n, func(i int) {
		done := make(chan int)
		go func() { done <- grow(20 + i%20) }()
		<-done
	})
	return fmt.Sprintf("grow=%d", grown)
}

// ---- move: calls that wait, so that goroutines go from thread to thread ----------------------------

var threads sync.Map

//go:noinline
func wander(i int, partner chan int) {
	start := time.Now()
	threads.Store(syscall.Gettid(), true)
	for k := 0; k < 4; k++ {
		runtime.Gosched()
		partner <- <-partner + 1
	}
	time.Sleep(time.Millisecond)
	threads.Store(syscall.Gettid(), true)
	note("wander", start)
}

func moving(n int) string {
	inGoroutines(n, func(i int) {
		partner := make(chan int)
		go func() {
			for k := 0; k < 4; k++ {
				partner <- k
				<-partner
			}
		}()
		wander(i, partner)
	})
	used := 0
	threads.Range(func(key, value any) bool { used++; return true })
	return fmt.Sprintf("wander=%d threads=%d", n, used)
}

// ---- panic: what recovers returns, what lies below it never does ------------------------------------

var recovered int64

//go:noinline
func failing(depth int, why string) int {
	if depth > 0 {
		return failing(depth-1, why) + 1
	}
	panic(why)
}

//go:noinline
func guarded(i int) (result int) {
	start := time.Now()
	defer func() {
		if recover() != nil {
			atomic.AddInt64(&recovered, 1)
			result = -1
		}
		note("guarded", start)
	}()
	spin(100 * time.Microsecond)
	if i%2 == 0 {
		return failing(i%5, "as planned")
	}
	return i
}

// guardedLoop's deferred calls cannot be laid out by the compiler: recovery takes another way.
//
//go:noinline
func guardedLoop(i int) (result int) {
	for k := 0; k < 1+i%2; k++ {
		defer func() {
			if recover() != nil {
				result = -1
			}
		}()
	}
	return failing(i%3, "in a loop")
}

//go:noinline
func half(odd int) int {
	if odd == 0 {
		panic("even")
	}
	return odd
}

func tryHalf(i int) {
	defer func() { recover() }()
	half(i % 2)
}

func panicking(n int) string {
	inGoroutines(n, func(i int) {
		guarded(i)
		tryHalf(i / 4)
		guardedLoop(i)
	})
	return fmt.Sprintf("guarded=%d recovered=%d guarded_loop=%d", n, recovered, n)
}

// ---- exit: goroutines that end within a call -----------------------------------------------------------

//go:noinline
func leaving(i int) {
	spin(10 * time.Microsecond)
	runtime.Goexit()
}

func exiting(n int) string {
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			leaving(i)
		}(i)
	}
	group.Wait()
	return fmt.Sprintf("leaving=%d", n)
}

// ---- args: values, and results that tell failures ---------------------------------------------------------

//go:noinline
func compute(n int, scale int8, text string) int {
	spin(20 * time.Microsecond)
	if n%7 == 3 {
		return -n
	}
	return 0 * (len(text) + int(scale))
}

func computing(n int) string {
	failed, sum := 0, 0
	for i := 0; i < n; i++ {
		sum += i
		if compute(i, int8(-(i%100)), "text") != 0 {
			failed++
		}
	}
	return fmt.Sprintf("compute=%d failed=%d sum=%d", n, failed, sum)
}

// ---- hold: calls that are open until standard input ends ----------------------------------------------------

//go:noinline
func held(release chan struct{}) {
	<-release
}

func holding(n int) string {
	release := make(chan struct{})
	for i := 0; i < n; i++ {
		go held(release)
	}
	return fmt.Sprintf("held=%d", n)
}

// ---- linger: calls that are open for long, at once, and return ------------------------------------------------

//go:noinline
func linger(ms int) {
	time.Sleep(time.Duration(ms) * time.Millisecond)
}

func lingering(n int) string {
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			linger(2500)
		}()
	}
	group.Wait()
	return fmt.Sprintf("linger=%d", n)
}

// ---- http: a server under the load of its own clients, for N milliseconds ---------------------------------------

type server struct{ served int64 }

//go:noinline
func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	fmt.Fprintln(w, grow(n%16))
	atomic.AddInt64(&s.served, 1)
	note("handle", start)
}

func serving(ms int) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := &server{}
	go http.Serve(listener, http.HandlerFunc(s.handle))
	url := "http://" + listener.Addr().String()
	until := time.Now().Add(time.Duration(ms) * time.Millisecond)
	var good int64
	inGoroutines(4, func(worker int) {
		client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
		for n := worker; time.Now().Before(until); n++ {
			if fetch(client, url, n) {
				atomic.AddInt64(&good, 1)
			}
		}
	})
	return fmt.Sprintf("handle=%d good=%d grow=%d", s.served, good, grown)
}

func fetch(client *http.Client, url string, n int) bool {
	response, err := client.Get(fmt.Sprintf("%s/?n=%d", url, n))
	if err != nil {
		return false
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	return string(body) == fmt.Sprintln(n%16+1)
}

// ---------------------------------------------------------------------------------------------------------------

var modes = map[string]func(n int) string{
	"plain": plain, "grow": growing, "move": moving, "panic": panicking, "exit": exiting,
	"args": computing, "hold": holding, "linger": lingering, "http": serving,
}

func main() {
	args, path, n := os.Args[1:], "", 1000
	if len(args) > 2 && args[0] == "--log" {
		path, args = args[1], args[2:]
	}
	if len(args) > 1 {
		n, _ = strconv.Atoi(args[1])
	}
	if len(args) == 0 || modes[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gowork [--log FILE] MODE [N]")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(4)
	fmt.Println("ready", os.Getpid())
	input := bufio.NewReader(os.Stdin)
	if line, _ := input.ReadString('\n'); line != "go\n" {
		os.Exit(2)
	}
	go func() {
		for ; ; time.Sleep(5 * time.Millisecond) {
			runtime.GC()
		}
	}()
	truth := modes[args[0]](n)
	if path != "" {
		if err := writeLog(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Println("done", truth)
	io.Copy(io.Discard, input)
}
