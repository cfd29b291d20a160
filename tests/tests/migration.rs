//! Which programs' started goroutines move between threads: the programs `src/bin/tls_*.rs`, as they are,
//! with their symbols stripped, and with C libraries that have thread-locals.
//!
//! A test whose tool (`strip`, `cc`) is not installed says so and passes.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::path::{Path, PathBuf};
use std::process::Command;

const NONE: &str = env!("CARGO_BIN_EXE_tls_none");
const DLOPEN: &str = env!("CARGO_BIN_EXE_tls_dlopen");

/// Runs a program and returns what it printed.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn run(program: &str) -> String {
    output(&mut Command::new(program))
}

/// A directory for one test.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Runs a tool; `false` and a word about it when there is no such tool.
fn tool(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => {
            assert!(status.success(), "{command:?}");
            true
        }
        Err(error) => {
            eprintln!("skipped: {command:?}: {error}");
            false
        }
    }
}

/// Compiles a shared library, if there is a C compiler.
fn library(name: &str, source: &str) -> Option<PathBuf> {
    let dir = scratch(name);
    let (c, so) = (dir.join("lib.c"), dir.join(format!("lib{name}.so")));
    std::fs::write(&c, source).unwrap();
    tool(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&so).arg(&c)).then_some(so)
}

/// A copy of a program with `strip` run over it, if there is one.
fn stripped(program: &str, option: &str) -> Option<String> {
    let copy = scratch(&format!("strip{option}")).join("program");
    std::fs::copy(program, &copy).unwrap();
    let copy = copy.to_str().unwrap();
    tool(Command::new("strip").args([option, copy])).then(|| copy.to_owned())
}

const WITH_TLS: &str = "static __thread int counter; int count(void) { return ++counter; }";
const WITH_KEYS: &str = "#include <pthread.h>\nvoid *of(pthread_key_t k) { return pthread_getspecific(k); }";
const PLAIN: &str = "int one(void) { return 1; }";

#[test]
fn no_thread_locals() {
    assert_eq!(run(NONE), "moving\n");
}

#[test]
fn own_thread_locals() {
    let text = run(env!("CARGO_BIN_EXE_tls_own"));
    assert!(text.starts_with("sticky: "), "{text}");
    for name in ["PLAIN", "DROPPED", "LAZY", "LAZY_DROPPED", "main::main::INNER"] {
        assert!(text.contains(&format!("tls_own::{name}, ")), "{name}: {text}");
    }
    assert!(!text.contains("std::"), "{text}");
}

#[test]
fn thread_local_of_a_dependency() {
    let text = run(env!("CARGO_BIN_EXE_tls_dependency"));
    assert!(text.starts_with("sticky: ") && text.contains("RawThreadId"), "{text}");
    assert!(!text.contains("parking_lot_core"), "{text}");
}

#[test]
fn rand_rng() {
    let text = run(env!("CARGO_BIN_EXE_tls_rand"));
    assert!(text.starts_with("sticky: ") && text.contains("THREAD_RNG_KEY, "), "{text}");
}

#[test]
fn thread_bound_values() {
    let text = run(env!("CARGO_BIN_EXE_tls_thread_bound"));
    assert!(text.starts_with("sticky: ") && text.contains("send_wrapper"), "{text}");
}

#[test]
fn stripped_symbols() {
    let Some(all) = stripped(NONE, "--strip-all") else { return };
    assert_eq!(run(&all), "sticky: symbols are stripped\n");
    let Some(local) = stripped(NONE, "--discard-all") else { return };
    let text = run(&local);
    assert!(text.starts_with("sticky: no symbol explains bytes "), "{text}");
    let Some(debug) = stripped(NONE, "--strip-debug") else { return };
    assert_eq!(run(&debug), "moving\n");
}

#[test]
fn library_at_start() {
    let with = |so: PathBuf| output(Command::new(NONE).env("LD_PRELOAD", so));
    let Some(tls) = library("start_tls", WITH_TLS) else { return };
    let text = with(tls);
    assert!(text.starts_with("sticky: ") && text.contains("4 bytes, in libstart_tls.so"), "{text}");
    let Some(keys) = library("start_keys", WITH_KEYS) else { return };
    let text = with(keys);
    assert!(text.starts_with("sticky: ") && text.contains("pthread_getspecific"), "{text}");
    let Some(plain) = library("start_plain", PLAIN) else { return };
    assert_eq!(with(plain), "moving\n");
}

#[test]
fn library_loaded_later() {
    let with = |so: PathBuf| output(Command::new(DLOPEN).arg(so));
    let Some(tls) = library("later_tls", WITH_TLS) else { return };
    let text = with(tls);
    assert!(text.starts_with("moving\nsticky: ") && text.contains("liblater_tls.so"), "{text}");
    let Some(plain) = library("later_plain", PLAIN) else { return };
    assert_eq!(with(plain), "moving\nmoving\n");
}

/// Then `/proc/self/exe` is the dynamic linker, which has no thread-locals at all.
#[test]
fn started_through_the_dynamic_linker() {
    let linker = "/lib64/ld-linux-x86-64.so.2";
    if Path::new(linker).exists() {
        let text = output(Command::new(linker).arg(env!("CARGO_BIN_EXE_tls_own")));
        assert_eq!(text, "sticky: /proc/self/exe is not the running program\n");
    }
}
