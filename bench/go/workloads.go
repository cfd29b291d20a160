package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// workloads is the table, in the order of src/workloads.rs.
var workloads = []workload{
	{"spawn_join_1M", spawnJoin},
	{"spawn_one_wait", spawnOneWait},
	{"gosched_1", gosched1},
	{"gosched_100x", gosched100},
	{"pingpong_unbuf", pingpong},
	{"unbuf_1p1c", func(r *recorder) { oneToOne(r, 0, 1000000) }},
	{"buf128_1p1c", func(r *recorder) { oneToOne(r, 128, 5000000) }},
	{"buf128_4p4c", func(r *recorder) { fourToFour(r, 128, 5000000) }},
	{"unbuf_4p4c", func(r *recorder) { fourToFour(r, 0, 1000000) }},
	{"chan_same_g_buf1", sameGoroutine},
	{"select2_recv_unbuf", select2},
	{"select_default_miss", selectDefault},
	{"select8_ready", select8},
	{"select_timeout_hit", selectTimeout},
	{"ring503", ring},
	{"skynet_1M", skynet1M},
	{"sieve_1500", sieve1500},
	{"pfib_36", pfib36},
	{"late_workers_2x20us", func(r *recorder) { lateWorkers(r, 2, 10000, 20*time.Microsecond) }},
	{"late_workers_8x20us", func(r *recorder) { lateWorkers(r, 8, 10000, 20*time.Microsecond) }},
	{"late_workers_8x200us", func(r *recorder) { lateWorkers(r, 8, 1000, 200*time.Microsecond) }},
	{"late_workers_64x20us", func(r *recorder) { lateWorkers(r, 64, 10000, 20*time.Microsecond) }},
	{"sleep_1M", sleep1M},
	{"sleep_1M_stack", sleep1MStack},
	{"timer_new_stop", timerNewStop},
	{"unbuf_beside_timer", besideATimer},
	{"parked_1M", parked1M},
	{"parked_1M_stack", parked1MStack},
	{"mutex_uncontended", mutexUncontended},
	{"mutex_8g", mutex8},
	{"rwmutex_8r", rwmutex8},
	{"syncmap_load_8g", syncMapLoad8},
	{"pool_getput_8g", poolGetPut8},
	{"cond_pingpong", condPingpong},
	{"ctx_cancel_tree_100k", ctxCancelTree},
	{"tcp_echo_1", func(r *recorder) { tcpEcho(r, 1) }},
	{"tcp_echo_100", func(r *recorder) { tcpEcho(r, 100) }},
	{"tcp_echo_1000", func(r *recorder) { tcpEcho(r, 1000) }},
}

// ---- spawn

func spawnJoin(r *recorder) {
	n := r.sizeOr(1000000)
	before := runtime.NumGoroutine()
	r.best(n, func() {
		var wg sync.WaitGroup
		wg.Add(n)
		for i := 0; i < n; i++ {
			go func() { wg.Done() }()
		}
		wg.Wait()
	})
	settle(before)
}

func spawnOneWait(r *recorder) {
	n := 300000
	before := runtime.NumGoroutine()
	r.best(n, func() {
		closed := 0
		for i := 0; i < n; i++ {
			c := make(chan struct{})
			go func() { close(c) }()
			if _, ok := <-c; !ok {
				closed++
			}
		}
		check("channels found closed", closed, n)
	})
	settle(before)
}

// settle waits, outside the measured time, until every goroutine of the workload has ended.
func settle(before int) {
	for t := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(t) > 10*time.Second {
			check("number of goroutines left", runtime.NumGoroutine(), before)
		}
	}
}

// ---- yield

func gosched1(r *recorder) {
	n := 2000000
	r.best(n, func() {
		for i := 0; i < n; i++ {
			runtime.Gosched()
		}
	})
}

func gosched100(r *recorder) {
	n := 2000000
	r.best(n, func() {
		var wg sync.WaitGroup
		var yields int64
		for g := 0; g < 100; g++ {
			wg.Add(1)
			go func() {
				for i := 0; i < n/100; i++ {
					runtime.Gosched()
				}
				atomic.AddInt64(&yields, int64(n/100))
				wg.Done()
			}()
		}
		wg.Wait()
		check("number of yields", yields, int64(n))
	})
}

// ---- chan

func pingpong(r *recorder) {
	n := 1000000
	r.best(n, func() {
		a, b := make(chan int), make(chan int)
		go func() {
			for v := range a {
				b <- v
			}
			close(b)
		}()
		sum := 0
		for i := 0; i < n; i++ {
			a <- i
			sum += <-b
		}
		close(a)
		check("sum of the replies", sum, sumBelow(n))
	})
}

func oneToOne(r *recorder, capacity, n int) {
	r.best(n, func() {
		a := make(chan int, capacity)
		go func() {
			for i := 0; i < n; i++ {
				a <- i
			}
			close(a)
		}()
		sum := 0
		for v := range a {
			sum += v
		}
		check("sum of the messages", sum, sumBelow(n))
	})
}

func fourToFour(r *recorder, capacity, n int) {
	r.best(n, func() {
		a := make(chan int, capacity)
		var wp, wc sync.WaitGroup
		var total int64
		for p := 0; p < 4; p++ {
			wp.Add(1)
			go func() {
				for i := 0; i < n/4; i++ {
					a <- i
				}
				wp.Done()
			}()
		}
		for c := 0; c < 4; c++ {
			wc.Add(1)
			go func() {
				sum := 0
				for v := range a {
					sum += v
				}
				atomic.AddInt64(&total, int64(sum))
				wc.Done()
			}()
		}
		wp.Wait()
		close(a)
		wc.Wait()
		check("sum of the messages", total, int64(4*sumBelow(n/4)))
	})
}

func sameGoroutine(r *recorder) {
	n := 5000000
	r.best(n, func() {
		a := make(chan int, 1)
		sum := 0
		for i := 0; i < n; i++ {
			a <- i
			sum += <-a
		}
		check("sum of the messages", sum, sumBelow(n))
	})
}

// ---- select

func select2(r *recorder) {
	n := 1000000
	r.best(n, func() {
		a, b, done := make(chan int), make(chan int), make(chan struct{})
		for _, c := range []chan int{a, b} {
			go func() {
				for i := 0; i < n/2; i++ {
					c <- i
				}
			}()
		}
		sum := 0
		for i := 0; i < n; i++ {
			select {
			case v := <-a:
				sum += v
			case v := <-b:
				sum += v
			case <-done:
			}
		}
		check("sum of the messages", sum, 2*sumBelow(n/2))
	})
}

func selectDefault(r *recorder) {
	n := 5000000
	r.best(n, func() {
		a := make(chan int)
		missed := 0
		for i := 0; i < n; i++ {
			select {
			case <-a:
			default:
				missed++
			}
		}
		check("number of defaults", missed, n)
	})
}

func select8(r *recorder) {
	n := 1000000
	r.best(n, func() {
		var c [8]chan int
		for i := range c {
			c[i] = make(chan int, 1)
		}
		sum := 0
		for i := 0; i < n; i++ {
			c[i&7] <- i
			select {
			case v := <-c[0]:
				sum += v
			case v := <-c[1]:
				sum += v
			case v := <-c[2]:
				sum += v
			case v := <-c[3]:
				sum += v
			case v := <-c[4]:
				sum += v
			case v := <-c[5]:
				sum += v
			case v := <-c[6]:
				sum += v
			case v := <-c[7]:
				sum += v
			}
		}
		check("sum of the messages", sum, sumBelow(n))
	})
}

func selectTimeout(r *recorder) {
	n := 1000000
	r.best(n, func() {
		a := make(chan int, 1)
		sum := 0
		for i := 0; i < n; i++ {
			a <- i
			select {
			case v := <-a:
				sum += v
			case <-time.After(time.Second):
			}
		}
		check("sum of the messages", sum, sumBelow(n))
	})
}

// ---- classic

func ring(r *recorder) {
	const members = 503
	n := 1000000
	r.best(n, func() {
		first := make(chan int)
		done := make(chan int)
		in := first
		for i := 0; i < members-1; i++ {
			out := make(chan int)
			go ringMember(in, out, done)
			in = out
		}
		go ringMember(in, first, done)
		first <- n
		check("what the ring says at the end", <-done, 1)
	})
}

func ringMember(in, out, done chan int) {
	for v := range in {
		if v == 0 {
			done <- 1
			return
		}
		out <- v - 1
	}
}

func skynet1M(r *recorder) {
	n := r.sizeOr(1000000)
	// The leaves and the inner nodes of a tree with ten children per node.
	r.best(n*10/9, func() {
		c := make(chan int)
		go skynet(c, 0, n, 10)
		check("sum of the leaves", <-c, sumBelow(n))
	})
}

func skynet(c chan int, num, size, div int) {
	if size == 1 {
		c <- num
		return
	}
	rc := make(chan int)
	for i := 0; i < div; i++ {
		go skynet(rc, num+i*(size/div), size/div, div)
	}
	sum := 0
	for i := 0; i < div; i++ {
		sum += <-rc
	}
	c <- sum
}

func sieve1500(r *recorder) {
	r.once(1, func() { check("prime 1500", sieve(1500), 12553) })
}

func sieve(n int) int {
	ch := make(chan int)
	go func(ch chan int) {
		for i := 2; ; i++ {
			ch <- i
		}
	}(ch)
	p := 0
	for i := 0; i < n; i++ {
		p = <-ch
		ch1 := make(chan int)
		go func(in, out chan int, prime int) {
			for {
				v := <-in
				if v%prime != 0 {
					out <- v
				}
			}
		}(ch, ch1, p)
		ch = ch1
	}
	return p
}

func pfib36(r *recorder) {
	r.best(1, func() { check("fib(36)", pfib(36), 14930352) })
}

func pfib(n int) int {
	if n < 20 {
		return fib(n)
	}
	c := make(chan int, 1)
	go func() { c <- pfib(n - 1) }()
	b := pfib(n - 2)
	return <-c + b
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// ---- pool

func lateWorkers(r *recorder, workers, jobs int, work time.Duration) {
	r.best(jobs, func() {
		in := make(chan int)
		var wg sync.WaitGroup
		var parked, worked int64
		for w := 0; w < workers; w++ {
			wg.Add(1)
			go func() {
				atomic.AddInt64(&parked, 1)
				mine := 0
				for range in {
					for t := time.Now(); time.Since(t) < work; {
					}
					mine++
				}
				atomic.AddInt64(&worked, int64(mine))
				wg.Done()
			}()
		}
		for atomic.LoadInt64(&parked) < int64(workers) {
			runtime.Gosched()
		}
		for i := 0; i < jobs; i++ {
			in <- i
		}
		close(in)
		wg.Wait()
		check("number of jobs done", worked, int64(jobs))
	})
}

// ---- timer

// How long the sleepers sleep, in milliseconds: from the shortest on, in so many steps.
const shortestSleep, sleepSteps = 500, 1000

// sleep1M reports what is left when the longest sleep is taken off.
func sleep1M(r *recorder) {
	n := r.sizeOr(1000000)
	t := time.Now()
	var wg sync.WaitGroup
	var early int64
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func() {
			d := time.Duration(shortestSleep+i%sleepSteps) * time.Millisecond
			t := time.Now()
			time.Sleep(d)
			if time.Since(t) < d {
				atomic.AddInt64(&early, 1)
			}
			wg.Done()
		}()
	}
	wg.Wait()
	r.time(r.name, n, time.Since(t)-(shortestSleep+sleepSteps-1)*time.Millisecond)
	check("number of sleeps that were too short", early, 0)
}

// besideATimer is unbuf_1p1c while a goroutine sleeps for long.
func besideATimer(r *recorder) {
	go time.Sleep(time.Hour)
	time.Sleep(10 * time.Millisecond) // until it does
	oneToOne(r, 0, 1000000)
}

// sleep1MStack is sleep1M with the sleep in a function.
func sleep1MStack(r *recorder) {
	n := r.sizeOr(1000000)
	t := time.Now()
	var wg sync.WaitGroup
	var early int64
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func() {
			if !sleepWell(time.Duration(shortestSleep+i%sleepSteps) * time.Millisecond) {
				atomic.AddInt64(&early, 1)
			}
			wg.Done()
		}()
	}
	wg.Wait()
	r.time(r.name, n, time.Since(t)-(shortestSleep+sleepSteps-1)*time.Millisecond)
	check("number of sleeps that were too short", early, 0)
}

//go:noinline
func sleepWell(d time.Duration) bool {
	t := time.Now()
	time.Sleep(d)
	return time.Since(t) >= d
}

func timerNewStop(r *recorder) {
	n := 3000000
	r.best(n, func() {
		stopped := 0
		for i := 0; i < n; i++ {
			t := time.NewTimer(time.Hour)
			if t.Stop() {
				stopped++
			}
		}
		check("number of timers stopped", stopped, n)
	})
}

// ---- parked

func parked1M(r *recorder) {
	rows := [4]string{"parked_1M_start", "parked_1M_rss", "parked_1M_tables", "parked_1M_wake_exit"}
	parked(r, rows, func(c chan int, started *int64) {
		go func() { atomic.AddInt64(started, 1); <-c }()
	})
}

// parked1MStack is parked1M with the receive in a function.
func parked1MStack(r *recorder) {
	rows := [4]string{"parked_1M_stack_start", "parked_1M_stack_rss", "parked_1M_stack_tables", "parked_1M_stack_wake_exit"}
	parked(r, rows, func(c chan int, started *int64) { go waitFor(c, started) })
}

//go:noinline
func waitFor(c chan int, started *int64) {
	atomic.AddInt64(started, 1)
	<-c
}

func parked(r *recorder, rows [4]string, begin func(c chan int, started *int64)) {
	n := r.sizeOr(1000000)
	rss, tables := memory()
	c := make(chan int)
	t := time.Now()
	var started int64
	for i := 0; i < n; i++ {
		begin(c, &started)
	}
	for atomic.LoadInt64(&started) < int64(n) {
		time.Sleep(time.Millisecond)
	}
	r.time(rows[0], n, time.Since(t))
	rssParked, tablesParked := memory()
	r.bytes(rows[1], n, rssParked-rss)
	r.bytes(rows[2], n, tablesParked-tables)
	t = time.Now()
	close(c)
	for runtime.NumGoroutine() > 10 {
		time.Sleep(time.Millisecond)
	}
	r.time(rows[3], n, time.Since(t))
	check("number of goroutines started", started, int64(n))
}

// memory gives the bytes this process has resident, and those of its page tables.
func memory() (rss, tables int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		switch f[0] {
		case "VmRSS:":
			rss = kib(f[1])
		case "VmPTE:":
			tables = kib(f[1])
		}
	}
	return rss, tables
}

func kib(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n * 1024
}
