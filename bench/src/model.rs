//! `--model`: what the looks of the scheduler cost on a machine with many CPUs, which none of ours has.
//!
//! A small model of cache lines stands for the machine: a read of a line that another CPU has written since, and a write of a
//! line that another CPU has read or written since, has to wait for that CPU. Such waits are counted, and visits, and what is
//! always the same comes out. The Ps are simulated as far as the look in question goes: the code itself is in `goconc/src/sched`
//! and `goconc/src/gmp/p.rs`, and where it changes, this has to follow.

/// So many Ps, one on each CPU.
const PROCS: [usize; 7] = [2, 4, 8, 16, 32, 64, 256];
/// How the figures below say that something is per pick of a goroutine: there are so many.
const PICKS: usize = 20_000;
/// Picks between two looks around, as in `find`.
const RARELY: usize = 61;

/// Who looks how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// At everything that every P has, as at first.
    All,
    /// As it is now.
    Now,
}

/// The cache lines of a machine.
#[derive(Debug)]
struct Lines {
    /// How often each was written.
    version: Vec<u64>,
    /// The CPU that wrote it last, unless others have read it since.
    owner: Vec<Option<usize>>,
    /// What each CPU has seen of each line: `seen[cpu][line]`.
    seen: Vec<Vec<u64>>,
    waits: u64,
}

impl Lines {
    fn new(cpus: usize, lines: usize) -> Lines {
        Lines {
            version: vec![0; lines],
            owner: vec![None; lines],
            seen: vec![vec![0; lines]; cpus],
            waits: 0,
        }
    }

    fn read(&mut self, cpu: usize, line: usize) {
        if self.seen[cpu][line] != self.version[line] {
            self.waits += 1;
            self.seen[cpu][line] = self.version[line];
            self.owner[line] = None;
        }
    }

    fn write(&mut self, cpu: usize, line: usize) {
        if self.owner[line] != Some(cpu) {
            self.waits += 1;
        }
        self.version[line] += 1;
        self.seen[cpu][line] = self.version[line];
        self.owner[line] = Some(cpu);
    }
}

/// Surplus: half of the Ps run and offer a chain at every 32nd pick; of the others half as many spin, the rest sleeps. The line
/// of each P is that of its deque, the last one that of the bits.
fn surplus(procs: usize, rule: Rule, offers: bool) -> (f64, f64) {
    let (busy, spinners) = (procs / 2, (procs / 4).max(1));
    let bits = procs;
    let mut lines = Lines::new(procs, procs + 1);
    let mut chains = vec![0_u32; procs];
    let mut bit = vec![false; procs];
    let (mut visits, mut looks) = (0_u64, 0_u64);
    for step in 0..PICKS / busy {
        for cpu in 0..busy {
            if !(offers && (step + cpu) % 32 == 0) {
                continue;
            }
            lines.write(cpu, cpu);
            chains[cpu] += 1;
            if rule == Rule::Now {
                lines.read(cpu, bits);
                if !std::mem::replace(&mut bit[cpu], true) {
                    lines.write(cpu, bits);
                }
            }
        }
        for cpu in busy..busy + spinners {
            looks += 1;
            if rule == Rule::Now {
                lines.read(cpu, bits);
            }
            let start = (step * 7 + cpu * 13) % procs; // anything that is not always the same
            for victim in (start..procs).chain(0..start) {
                if rule == Rule::Now && !bit[victim] {
                    continue;
                }
                visits += 1;
                lines.read(cpu, victim);
                if chains[victim] > 0 {
                    chains[victim] -= 1;
                    lines.write(cpu, victim);
                    break;
                }
                if rule == Rule::Now {
                    bit[victim] = false;
                    lines.write(cpu, bits);
                }
            }
        }
    }
    (visits as f64 / looks as f64, lines.waits as f64 / looks as f64)
}

/// Timers: every P arms one at every tenth pick, and a pick takes 100 ns. Waits per pick for looks at all timers.
fn timers(procs: usize, rule: Rule) -> f64 {
    /// 20 us.
    const LOOK_EVERY: usize = 200;
    let seen = procs;
    let mut lines = Lines::new(procs, procs + 1);
    let (mut last, mut waits) = (0, 0);
    let steps = PICKS / procs.min(20);
    for step in 1..=steps {
        for cpu in 0..procs {
            if step % 10 == 0 {
                lines.write(cpu, cpu); // its own heap
            }
            if (step + cpu) % RARELY != 0 {
                continue;
            }
            let before = lines.waits;
            if rule == Rule::Now {
                lines.read(cpu, seen);
            }
            if rule == Rule::All || step - last >= LOOK_EVERY {
                if rule == Rule::Now {
                    lines.write(cpu, seen);
                }
                last = step;
                (0..procs).for_each(|p| lines.read(cpu, p));
            }
            waits += lines.waits - before;
        }
    }
    waits as f64 / (steps * procs) as f64
}

/// The word of counts, which every pick reads: one pick in `seldom` is followed by a sleep and a wake-up, four writes.
fn counts(procs: usize, seldom: usize) -> f64 {
    let mut lines = Lines::new(procs, 1);
    let steps = PICKS / procs.min(20);
    for step in 0..steps {
        for cpu in 0..procs {
            lines.read(cpu, 0);
            if (step * procs + cpu).is_multiple_of(seldom) {
                (0..4).for_each(|_| lines.write(cpu, 0));
            }
        }
    }
    lines.waits as f64 / (steps * procs) as f64
}

/// A wake-up, under the scheduler's lock: of how many sleeping Ms is the line touched, when half of all sleep?
fn wake_up(procs: usize, rule: Rule) -> usize {
    let sleeping = procs / 2;
    match rule {
        Rule::All => sleeping.div_ceil(2), // from the end, up to the one that held the P last: half of them, on average
        Rule::Now => 1,
    }
}

/// One look of sysmon at as many Ms that compute as there are Ps: how many CPUs are interrupted, all in all?
fn interrupts(procs: usize, rule: Rule) -> usize {
    let fences = if rule == Rule::All { procs } else { 1 };
    fences * (procs - 1)
}

/// Prints the tables.
pub(crate) fn print() {
    println!(
        "What a look costs with many Ps: counted in a model of cache lines, before -> now.\n\
         A wait is a line that has to come from another CPU: 50 to 200 ns.\n"
    );
    let columns = [
        "visits/look, flood",
        "waits/look, flood",
        "visits/look, quiet",
        "timers: waits/pick",
        "Ms touched/wake-up",
        "interrupts/sysmon",
    ];
    let heads: String = columns.map(|head| format!("{head:>20}")).concat();
    println!("{:>4}{heads}", "P");
    for procs in PROCS {
        let both = |of: &dyn Fn(Rule) -> f64| pair(of(Rule::All), of(Rule::Now));
        let cells = [
            both(&|rule| surplus(procs, rule, true).0),
            both(&|rule| surplus(procs, rule, true).1),
            both(&|rule| surplus(procs, rule, false).0),
            both(&|rule| timers(procs, rule)),
            both(&|rule| wake_up(procs, rule) as f64),
            both(&|rule| interrupts(procs, rule) as f64),
        ];
        println!("{procs:>4}{}", cells.map(|cell| format!("{cell:>20}")).concat());
    }
    println!("\nWaits per pick for the word of counts, when one pick in so many is followed by a sleep:\n");
    let seldom = [10, 100, 1000, 10_000, 100_000];
    println!("{:>4}{}", "P", seldom.map(|n| format!("{n:>10}")).concat());
    for procs in PROCS {
        println!("{procs:>4}{}", seldom.map(|n| format!("{:>10.4}", counts(procs, n))).concat());
    }
}

fn pair(before: f64, now: f64) -> String {
    let short = |x: f64| if x < 10.0 { format!("{x:.2}") } else { format!("{x:.0}") };
    format!("{} -> {}", short(before), short(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_waited_for_when_another_cpu_has_touched_it() {
        let mut lines = Lines::new(2, 1);
        lines.write(0, 0); // from memory
        lines.write(0, 0);
        assert_eq!(lines.waits, 1);
        lines.read(1, 0);
        lines.read(1, 0);
        lines.read(0, 0);
        assert_eq!(lines.waits, 2);
        lines.write(0, 0); // the other one has it, too
        lines.write(1, 0);
        assert_eq!(lines.waits, 4);
    }

    /// What the model is there to show: nothing but the word of counts grows with the number of Ps.
    #[test]
    fn looks_do_not_grow_with_the_number_of_ps() {
        for offers in [false, true] {
            assert!(surplus(64, Rule::Now, offers).0 <= 2.0, "visits");
        }
        assert!(surplus(64, Rule::All, false).0 > 63.0);
        assert!(timers(64, Rule::Now) < 0.1 && timers(64, Rule::All) > 0.9);
        assert!(wake_up(64, Rule::Now) == wake_up(2, Rule::Now));
    }
}
