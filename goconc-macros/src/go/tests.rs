//! Each form and what becomes of it; each mistake and what is said about it.

use proc_macro2::{Delimiter, TokenStream};

use crate::testing::{assert_tokens, errors, tokens};

/// In front of what discards the result.
const ALLOW: &str = "#[allow(let_underscore_lock, clippy::diverging_sub_expression)]";

/// Expands a `go!` that is written with `delimiter`.
fn expand(input: &str, delimiter: Delimiter) -> TokenStream {
    super::expand(tokens(&format!("(::goconc) {input}")), || Some(delimiter))
}

#[track_caller]
fn go(input: &str, expected: &str) {
    assert_tokens(&expand(input, Delimiter::Parenthesis), expected);
}

#[track_caller]
fn braces(input: &str, expected: &str) {
    assert_tokens(&expand(input, Delimiter::Brace), expected);
}

#[track_caller]
fn mistakes(input: &str, expected: &[&str]) {
    let found = errors(expand(input, Delimiter::Parenthesis));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

/// A call with these values evaluated in the caller: the long form.
#[track_caller]
fn call(input: &str, values: &str, names: &[&str], invocation: &str) {
    let each = |format: &dyn Fn(&str) -> String| names.iter().map(|name| format(name)).collect::<String>();
    let muts = each(&|name| format!("mut {name},"));
    let keep =
        each(&|name| format!("let {name} = ::goconc::__private::arg::Probe(&{name}).kind().keep({name});"));
    let pass = each(&|name| {
        format!("let ({name}, held) = {name}; #[allow(unused_mut)] let mut {name} = {name}.pass(&held);")
    });
    let rehearsal = match invocation.contains('|') {
        true => String::new(),
        false => format!("if false {{ {ALLOW} let _ = {invocation}; ::core::unreachable!(); }}"),
    };
    let expected = format!(
        "{{ match ({values},) {{
            #[allow(unused_mut, unreachable_code)]
            ({muts}) => {{
                {rehearsal}
                {keep}
                ::goconc::__private::go(move || {{ {pass} {ALLOW} let _ = {invocation}; }});
            }}
        }}; }}"
    );
    go(input, &expected);
}

/// A call with nothing to evaluate in the caller: the short form.
#[track_caller]
fn inline_call(input: &str, invocation: &str) {
    go(input, &format!("{{ ::goconc::__private::go(move || {{ {ALLOW} let _ = {invocation}; }}); }}"));
}

#[test]
fn calls() {
    call("worker(id, &jobs)", "id, &jobs", &["arg0", "arg1"], "worker(arg0, arg1)");
    call("f::<i32>(x, 5)", "x", &["arg0"], "f::<i32>(arg0, 5)");
    call("Server::new(a()?)", "a()?", &["arg0"], "Server::new(arg0)");
    call("f(vec![1, 2],)", "vec![1, 2]", &["arg0"], "f(arg0)");
    call("f(x),", "x", &["arg0"], "f(arg0)");
    call("make()(x)", "make(), x", &["callee", "arg0"], "callee(arg0)");
    call(
        "(self.f)(x)",
        "::goconc::__private::arg::Place::new(&self.f).read(), x",
        &["callee", "arg0"],
        "callee(arg0)",
    );
}

#[test]
fn methods() {
    call("server.handle(conn)", "server, conn", &["receiver", "arg0"], "receiver.handle(arg0)");
    call("a.b().c::<T>(x)", "a.b(), x", &["receiver", "arg0"], "receiver.c::<T>(arg0)");
    call("(&s).run()", "&s", &["receiver"], "receiver.run()");
    for place in ["self.jobs", "chans[i]", "*p"] {
        call(
            &format!("({place}).send(1)"),
            &format!("::goconc::__private::arg::Place::new(&{place}).read()"),
            &["receiver"],
            "receiver.send(1)",
        );
    }
}

#[test]
fn statics_literals_and_closures_stay_inside() {
    inline_call("f()", "f()");
    inline_call("f(1, \"x\", &STATIC, &config::LIMIT)", "f(1, \"x\", &STATIC, &config::LIMIT)");
    inline_call("WG.wait()", "WG.wait()");
    inline_call("POOL.field.run(1)", "POOL.field.run(1)");
    inline_call("f(|x| x + 1)", "f(move |x| x + 1)");
    call("f(n, |x| x + 1)", "n", &["arg0"], "f(arg0, move |x| x + 1)");
    call("(|x| print(x))(n)", "n", &["arg0"], "(move |x| print(x))(arg0)");
}

#[test]
fn closures_and_blocks() {
    let start =
        |body: &str| format!("{{ ::goconc::__private::go(move || {{ {ALLOW} let _ = ({body})(); }}); }}");
    go("|| f(x)", &start("move || f(x)"));
    go("move || -> i32 { 5 }", &start("move || -> i32 { 5 }"));
    go("{ a(); b() }", &start("move || { a(); b() }"));
    go("for v in &ch { f(v) }", &start("move || { for v in &ch { f(v) } }"));
    go("unsafe { f() }", &start("move || { unsafe { f() } }"));
    go("println!(\"x\")", &start("move || { println!(\"x\") }"));
    go("let x = 1; f(x)", &start("move || { let x = 1; f(x) }"));
    braces("f(x)", &start("move || { f(x) }"));
    braces("name = compute();", &start("move || { name = compute(); }"));
    braces("|| f(x)", &start("move || f(x)"));
    // Not even syntax: an editor must be able to complete in an unfinished body.
    braces("let x = server.", &start("move || { let x = server. }"));
    let unknown = super::expand(tokens("(::goconc) let x = server."), || None);
    assert_tokens(&unknown, &start("move || { let x = server. }"));
    mistakes("server.", &["unexpected end of input"]);
}

/// `$crate` is wherever the wrapper is.
#[test]
fn the_path_of_the_crate() {
    assert_tokens(
        &super::expand(tokens("(a::b) name = \"x\", [ch] || f()"), || None),
        &format!(
            "{{
                let options = a::b::__private::Options::new().name(\"x\");
                let ch = a::b::__private::capture::Capture(&ch).kind().get(&ch);
                a::b::__private::go_with(options, move || {{ {ALLOW} let _ = (move || f())(); }});
            }}"
        ),
    );
}

#[test]
fn captures_and_options() {
    go(
        "name = \"a\", stack_size = \"1 MiB\", [ch, mut n] { f() }",
        &"{
            let options = ::goconc::__private::Options::new().name(\"a\").stack_size(\"1 MiB\");
            let ch = ::goconc::__private::capture::Capture(&ch).kind().get(&ch);
            let mut n = ::goconc::__private::capture::Capture(&n).kind().get(&n);
            ::goconc::__private::go_with(options, move || { ALLOW let _ = (move || { f() })(); });
        }"
        .replace("ALLOW", ALLOW),
    );
    // An array that something is done with is no capture list.
    call("[a, b].concat()", "[a, b]", &["receiver"], "receiver.concat()");
}

#[test]
fn values_are_no_calls() {
    mistakes("", &["nothing to run"]);
    mistakes("5", &["`5` is a value, not a call"]);
    mistakes("x", &["write `go!(x())` to call it"]);
    mistakes("server.handle", &["`server.handle` is not called: write `go!(server.handle())`"]);
    mistakes("(f())", &["remove the parentheses"]);
    mistakes("f()?", &["`?` has nowhere to return to"]);
    mistakes("f().await", &["a goroutine is not a future"]);
    mistakes("async { f() }", &["a goroutine is not a future"]);
    mistakes("async || f()", &["write a plain closure"]);
    mistakes("x = 5", &["write it in a block, `go! { x = 5; }`"]);
    mistakes("x <<= 5", &["`go! { x <<= 5; }`"]);
    mistakes("a(), b()", &["a `go!` for each call"]);
    mistakes("&f()", &["runs a call, a closure or a block"]);
    mistakes("|x| f(x)", &["nothing is passed to this closure"]);
    mistakes("||", &["expected a closure with a body"]);
    assert_eq!(errors(expand("x", Delimiter::Brace)).len(), 1);
}

#[test]
fn capture_lists_hold_names() {
    mistakes("[] f()", &["empty capture list"]);
    mistakes(
        "[a, a, &b, self, s.c,] f()",
        &[
            "`a` is listed twice",
            "write `b` without the `&`",
            "`self` cannot be rebound",
            "give this a name first",
        ],
    );
    mistakes("[a], f()", &["no comma after the capture list"]);
    mistakes("[a] name = \"x\", f()", &["options come first"]);
    mistakes("[, a] f()", &["a capture list holds names"]);
    mistakes("[mut] f()", &["a capture list holds names"]);
}

#[test]
fn options_are_known_and_given_once() {
    mistakes(
        "nmae = 1, stack_size = \"1 MB\", name = \"a\", name = \"b\", f()",
        &["unknown option `nmae`", "a stack size is a positive number", "`name` is given twice"],
    );
    mistakes("name = \"a\"", &["nothing to run"]);
    mistakes("stack_size = 0, 5", &["a stack size is a positive number", "`5` is a value"]);
}

#[test]
fn an_error_leaves_something_well_typed() {
    assert_tokens(
        &expand("s.m", Delimiter::Parenthesis),
        &format!(
            "{{ ::core::compile_error! {{ {:?} }} let _ = || {{ let _ = &s.m; }}; () }}",
            "`s.m` is not called: write `go!(s.m())`, or `go!((s.m)())` if it is a field that holds a function"
        ),
    );
}

/// Up to the sleep one closure, behind it another one.
#[test]
fn a_block_that_begins_with_a_sleep() {
    let nap = |imports: &str, before: &str, sleep: &str, d: &str, can_move: &str, kept: &str, after: &str| {
        format!(
            "{{ ::goconc::__private::nap::go(move || {{
                {imports} {before}
                let duration = {d};
                let nap = if ::goconc::__private::nap::is_sleep(&{sleep}, &duration) {{
                    ::goconc::__private::nap::Here.sleep_for(duration)
                }} else {{
                    {sleep}(duration);
                    ::goconc::__private::nap::Nap::over()
                }};
                let rest = move || {{ {ALLOW} let _ = (move || {{ {kept} {after} }})(); }};
                let can_move = true {can_move};
                nap.then(can_move, rest)
            }}); }}"
        )
    };
    let plain = nap("", "", "time::sleep", "d", "", "", "f(); g()");
    let forms = [
        "|| { time::sleep(d); f(); g() }",
        "move || { time::sleep(d); f(); g() }",
        "time::sleep(d); f(); g()",
    ];
    for form in forms {
        go(form, &plain);
    }
    braces("time::sleep(d)", &nap("", "", "time::sleep", "d", "", "", ""));
    braces("{ time::sleep(d); }", &nap("", "", "time::sleep", "d", "", "", ""));
    let probe = |number: u8, name: &str| {
        format!(
            "#[allow(clippy::used_underscore_binding)]
             let probe{number} = ::goconc::__private::nap::Local::of(&{name});"
        )
    };
    braces(
        "let d = 2 * N; let mut a: u8 = Instant::f(d, x); S.store(x, 1); println!(\"{s} {{}} {t:?}{}\", u.v, 1); goconc::time::sleep(d); g(a, s)",
        &nap(
            "use ::goconc::__private::nap::{MayMove as _, MayStay as _};",
            &format!(
                "let d = 2 * N; {} let a: u8 = Instant::f(d, x); {} S.store(x, 1); println!(\"{{s}} {{{{}}}} {{t:?}}{{}}\", u.v, 1);",
                probe(0, "d"),
                probe(1, "a")
            ),
            "goconc::time::sleep",
            "d",
            "&& (&probe0).can_move() && (&probe1).can_move()",
            "#[allow(unused_variables, unused_mut, clippy::redundant_locals, clippy::used_underscore_binding)]
             let mut a = a; let _ = &s; let _ = &t; let _ = &u.v;",
            "g(a, s)",
        ),
    );
}

/// Up to the receive one closure, with the receive another one.
#[test]
fn a_block_that_begins_with_a_receive() {
    let nap = |place: &str, declare: &str, after: &str| {
        format!(
            "{{ ::goconc::__private::nap::go(move || {{
                use ::goconc::__private::nap::{{Receives as _, ReceivesNot as _}};
                let from = (&::goconc::__private::nap::Source(&{place})).receive();
                let rest = from.rest(move |first| {{
                    {ALLOW} let _ = (move || {{
                        {declare} match first {{
                            #[allow(unreachable_patterns)]
                            ::goconc::__private::nap::First::Now(value) => value.get(),
                            ::goconc::__private::nap::First::Call => {place}.recv(),
                        }};
                        {after}
                    }})();
                }});
                let can_move = true;
                rest.if_it(can_move)
            }}); }}"
        )
    };
    braces("c.recv()", &nap("c", "", ""));
    braces("c.recv(); f()", &nap("c", "", "f()"));
    braces("let v = self_.c.recv(); f(v);", &nap("self_.c", "let v =", "f(v);"));
    braces("let _: Option<T> = JOBS.recv();", &nap("JOBS", "let _: Option<T> =", ""));
    go("|| { let (mut a, b) = c.recv(); }", &nap("c", "let (mut a, b) =", ""));
}

/// In front of a wait, these are more than is understood.
const MORE: &[&str] = &[
    "let r = &x",
    "let n = x.name()",
    "let n = x.n",
    "let n = f(x)",
    "let n = Server::new(x)",
    "let n = Duration::f(x).g()",
    "let (a, b) = pair",
    "let _ = time::f()",
    "let d = 5; let d = time::g(d)",
    "let d = d * 2",
    "println!(\"{g}\"); let g = 5",
    "let n = a[0]; let a = 3",
    "let mut d = 2; let e = d * 2",
    "let c = || 5",
    "let v = Vec::new()",
    "let v = time::f(&x)",
    "let v = vec![1]",
    "let a = b == c",
    "let Some(x) = time::f() else { return }",
    "x.store(1)",
    "DEPTH.set(7)",
    "time::f(x)?",
    "x = 5",
    "return",
    "if a { b() }",
    "println!(\"{}\", x.name())",
    "println!(\"{:w$}\", x)",
    "println!(\"{x}\", x = 5)",
    "log!(\"x\")",
    "#[cfg(unix)] let x = 5",
    "#[cfg(unix)] time::f(x)",
    "defer!(f())",
    "fn f() {}",
];

/// These are no waits.
const NO_WAITS: &[&str] = &[
    "sleep(d)",
    "time::sleep(&d)",
    "time::sleep(x.d())",
    "time::sleep(a, b)",
    "x = time::sleep(d)",
    "return time::sleep(d)",
    "thread::sleep(d)",
    "x = c.recv()",
    "let v = c.recv()?",
    "let v = f().recv()",
    "let v = c.recv(1)",
    "let Some(v) = c.recv() else { return }",
    "return c.recv()",
    "let stale = Some(x) != c.recv()",
    "let same = a == c.recv()",
    "let less = a <= c.recv()",
];

/// What cannot be told from its tokens to be the same in two closures stays in one.
#[test]
fn blocks_that_stay_whole() {
    let whole = |body: &str| {
        braces(
            body,
            &format!(
                "{{ ::goconc::__private::go(move || {{ {ALLOW} let _ = (move || {{ {body} }})(); }}); }}"
            ),
        );
    };
    for before in MORE {
        whole(&format!("{before}; time::sleep(d); after()"));
        whole(&format!("{before}; c.recv(); after()"));
    }
    for wait in NO_WAITS {
        whole(&format!("{wait}; after()"));
    }
    for after in ["fn f() {}", "const D: u8 = 5;", "use a::b;", "static S: u8 = 1;", "macro_rules! m {}"] {
        whole(&format!("time::sleep(d); {after}"));
        whole(&format!("c.recv(); f(); {after}"));
    }
}
