package main

import (
	"context"
	"io"
	"net"
	"sync"
)

// The workloads of packages that come after channels and timers: sync, context, net.

// eight runs f in eight goroutines and waits for them.
func eight(f func()) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(f)
	}
	wg.Wait()
}

// ---- sync

func mutexUncontended(r *recorder) {
	n := 10000000
	r.best(n, func() {
		var m sync.Mutex
		count := 0
		for i := 0; i < n; i++ {
			m.Lock()
			count++
			m.Unlock()
		}
		check("count under the lock", count, n)
	})
}

func mutex8(r *recorder) {
	n := 10000000
	r.best(n, func() {
		var m sync.Mutex
		count := 0
		eight(func() {
			for i := 0; i < n/8; i++ {
				m.Lock()
				count++
				m.Unlock()
			}
		})
		check("count under the lock", count, n)
	})
}

func rwmutex8(r *recorder) {
	n := 10000000
	r.best(n, func() {
		var m, results sync.RWMutex
		value, total := 1, 0
		eight(func() {
			sum := 0
			for i := 0; i < n/8; i++ {
				m.RLock()
				sum += value
				m.RUnlock()
			}
			results.Lock()
			total += sum
			results.Unlock()
		})
		check("sum of what was read", total, n)
	})
}

func syncMapLoad8(r *recorder) {
	const keys = 1000
	n := 10000000
	r.best(n, func() {
		var m sync.Map
		for i := 0; i < keys; i++ {
			m.Store(i, i)
		}
		var results sync.Mutex
		found := 0
		eight(func() {
			mine := 0
			for i := 0; i < n/8; i++ {
				if _, ok := m.Load(i % keys); ok {
					mine++
				}
			}
			results.Lock()
			found += mine
			results.Unlock()
		})
		check("number of keys found", found, n)
	})
}

func poolGetPut8(r *recorder) {
	n := 10000000
	r.best(n, func() {
		p := sync.Pool{New: func() any { return new([64]byte) }}
		eight(func() {
			for i := 0; i < n/8; i++ {
				x := p.Get()
				p.Put(x)
			}
		})
	})
}

func condPingpong(r *recorder) {
	n := 100000
	r.best(n, func() {
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		turn, turns := 0, 0
		var wg sync.WaitGroup
		for me := range 2 {
			wg.Go(func() {
				for i := 0; i < n/2; i++ {
					mu.Lock()
					for turn != me {
						c.Wait()
					}
					turn = 1 - me
					turns++
					mu.Unlock()
					c.Signal()
				}
			})
		}
		wg.Wait()
		check("number of turns", turns, n)
	})
}

// ---- ctx

func ctxCancelTree(r *recorder) {
	n := r.sizeOr(100000)
	r.best(n, func() {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for i := 0; i < n; i++ {
			child, release := context.WithCancel(ctx)
			_ = release // its parent does it
			wg.Add(1)
			go func() {
				<-child.Done()
				wg.Done()
			}()
		}
		cancel()
		wg.Wait()
	})
}

// ---- tcp

// tcpEcho makes 200,000 round trips of 64 bytes over the loopback, over conns connections at once.
func tcpEcho(r *recorder, conns int) {
	total := 200000
	r.best(total, func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					io.Copy(c, c)
					c.Close()
				}()
			}
		}()
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() { echoes(l.Addr().String(), total/conns) })
		}
		wg.Wait()
		l.Close()
	})
}

// echoes makes n round trips over one connection.
func echoes(address string, n int) {
	c := must(net.Dial("tcp", address))
	defer c.Close()
	var out, in [64]byte
	for i := range n {
		out[0] = byte(i)
		must(c.Write(out[:]))
		must(io.ReadFull(c, in[:]))
		check("byte that came back", in[0], out[0])
	}
}

// must ends the program when something failed that has nothing to do with what is measured.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
