// The Go side of the comparison: runs one workload and prints one line per timed run.
//
//	gobench NAME [REPEATS [SIZE]]
//	gobench -list
//
// Each line is `result row=NAME unit=UNIT value=PER_OPERATION total=SUM`; the last one, `done name=NAME procs=N`,
// says that every result was right. The goconc side prints the same lines (src/child.rs).
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

// workload is one entry of the table: what a name runs.
type workload struct {
	name string
	run  func(r *recorder)
}

// recorder times a workload and prints what it measured.
type recorder struct {
	name    string
	repeats int
	size    int // of a workload that has one; 0: the usual one
}

// sizeOr is how large a workload is to be.
func (r *recorder) sizeOr(usual int) int {
	if r.size > 0 {
		return r.size
	}
	return usual
}

// best times f, which does n operations, as often as was asked for; whoever reads the lines takes the best.
func (r *recorder) best(n int, f func()) {
	for range r.repeats {
		r.once(n, f)
	}
}

// once is for workloads that leave something behind: only the first run in a process is the real thing.
func (r *recorder) once(n int, f func()) {
	t := time.Now()
	f()
	r.time(r.name, n, time.Since(t))
}

// time prints a duration as a row of its own.
func (r *recorder) time(row string, n int, d time.Duration) {
	line(row, "ns", float64(d.Nanoseconds()), n)
}

// bytes prints an amount of memory as a row of its own.
func (r *recorder) bytes(row string, n int, total int64) {
	line(row, "bytes", float64(total), n)
}

func line(row, unit string, total float64, n int) {
	fmt.Printf("result row=%s unit=%s value=%.3f total=%.0f\n", row, unit, total/float64(n), total)
}

// check ends the program when a workload's result is wrong.
func check[T comparable](what string, got, want T) {
	if got != want {
		panic(fmt.Sprintf("wrong result: %s is %v, not %v", what, got, want))
	}
}

// sumBelow is 0 + 1 + ... + n-1: what a consumer of those numbers must arrive at.
func sumBelow(n int) int { return n * (n - 1) / 2 }

// number reads argument i, which is what, or gives usual if it is not there.
func number(i int, what string, usual int) int {
	if len(os.Args) <= i {
		return usual
	}
	n, err := strconv.Atoi(os.Args[i])
	if err != nil || n < 1 {
		fmt.Fprintf(os.Stderr, "gobench: %s is %q, not a number above 0\n", what, os.Args[i])
		os.Exit(2)
	}
	return n
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: gobench NAME [REPEATS [SIZE]] | -list")
		os.Exit(2)
	}
	if os.Args[1] == "-list" {
		for _, w := range workloads {
			fmt.Println(w.name)
		}
		return
	}
	r := &recorder{name: os.Args[1], repeats: number(2, "REPEATS", 1), size: number(3, "SIZE", 0)}
	for _, w := range workloads {
		if w.name == r.name {
			w.run(r)
			fmt.Printf("done name=%s procs=%d\n", w.name, runtime.GOMAXPROCS(0))
			return
		}
	}
	fmt.Fprintf(os.Stderr, "gobench: no workload is called %q\n", r.name)
	os.Exit(2)
}
