//! Each kind of function and what becomes of it; each mistake and what is said about it.

use super::expand;
use crate::testing::{assert_tokens, errors, tokens};

#[track_caller]
fn goroutine(options: &str, item: &str, expected: &str) {
    assert_tokens(&expand(tokens(options), tokens(item)), expected);
}

#[track_caller]
fn mistakes(options: &str, item: &str, expected: &[&str]) {
    let found = errors(expand(tokens(options), tokens(item)));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn main_runs_as_a_goroutine() {
    goroutine(
        "",
        "fn main() { body() }",
        "fn main() -> ::std::process::ExitCode {
            fn main() { body() }
            ::goconc::__private::main(::goconc::__private::MainOptions::new(), main,)
        }",
    );
    goroutine(
        "",
        "fn main() -> ! { body() }",
        "fn main() -> ::std::process::ExitCode {
            fn main() -> ! { body() }
            ::goconc::__private::main(::goconc::__private::MainOptions::new(), main,)
        }",
    );
    goroutine(
        "gomaxprocs = 4, stack_size = \"256 KiB\", sticky, crate = \"my::goconc\"",
        "/// Docs.
        #[allow(x)]
        pub fn main() -> Result<(), Error> { #![allow(y)] unfinished. }",
        "/// Docs.
        #[allow(x)]
        pub fn main() -> ::std::process::ExitCode {
            fn main() -> Result<(), Error> { #![allow(y)] unfinished. }
            my::goconc::__private::main::<Result<(), Error>>(
                my::goconc::__private::MainOptions::new().gomaxprocs(4).stack_size(\"256 KiB\").sticky(),
                main,
            )
        }",
    );
    goroutine(
        "unsafe(migrate)",
        "fn main() -> impl Termination { 5 }",
        "fn main() -> ::std::process::ExitCode {
            fn main() -> impl Termination { 5 }
            ::goconc::__private::main(::goconc::__private::MainOptions::new().migrate(), main,)
        }",
    );
}

#[test]
fn directional_parameters_convert() {
    goroutine(
        "",
        "#[test]
        pub(crate) unsafe fn f<'a, T: Ord>(&self, id: u32, mut jobs: Recv<&'a T>, out: goconc::chan::Send<T>) -> u32
        where T: Clone { id. }",
        "#[test]
        pub(crate) unsafe fn f<'a, T: Ord>(
            &self,
            id: u32,
            jobs: impl ::core::convert::Into<Recv<&'a T>>,
            out: impl ::core::convert::Into<goconc::chan::Send<T>>
        ) -> u32
        where T: Clone {
            let mut jobs = ::core::convert::Into::into(jobs);
            let out = ::core::convert::Into::into(out);
            id.
        }",
    );
    goroutine(
        "",
        "fn f(_: Recv<T>, #[cfg(x)] a @ Send { .. }: Send<T>) { #![allow(x)] g() }",
        "fn f(_: impl ::core::convert::Into<Recv<T>>, #[cfg(x)] arg1: impl ::core::convert::Into<Send<T>>) {
            #![allow(x)]
            #[cfg(x)] let a @ Send { .. } = ::core::convert::Into::into(arg1);
            g()
        }",
    );
    goroutine("", "fn f(&self, jobs: Recv<T>);", "fn f(&self, jobs: impl ::core::convert::Into<Recv<T>>);");
}

#[test]
fn elided_lifetimes_are_named() {
    goroutine(
        "",
        "fn f<T>(a: &str, b: Recv<&str>, c: Send<Result<Box<[&'_ T]>, fn(&T) -> &T>>, d: Recv<Box<dyn Fn(&str) + '_>>) {}",
        "fn f<'elided1, 'elided2, 'elided3, T,>(
            a: &str,
            b: impl ::core::convert::Into<Recv<&'elided1 str>>,
            c: impl ::core::convert::Into<Send<Result<Box<[&'elided2 T]>, fn(&T) -> &T>>>,
            d: impl ::core::convert::Into<Recv<Box<dyn Fn(&str) + 'elided3>>>
        ) {
            let b = ::core::convert::Into::into(b);
            let c = ::core::convert::Into::into(c);
            let d = ::core::convert::Into::into(d);
        }",
    );
    let named = "fn f<'a>(a: &str, b: Chan<&str>, c: &Recv<&str>) {}";
    goroutine("", named, named);
}

#[test]
fn other_parameters_stay() {
    let same = "fn f(a: Chan<T>, b: &Recv<T>, c: Option<Recv<T>>, d: Recv, e: Recv<A, B>, g: <X as Y>::Recv<T>) { h() }";
    goroutine("", same, same);
    let method = "fn main(&self) { h() }";
    goroutine("", method, method);
}

/// A function with these tokens has a frame, in which its result has this type.
#[track_caller]
fn framed(signature: &str, result: &str, body: &str, run: &str) {
    goroutine(
        "",
        &format!("fn f{signature} {{ {body} }}"),
        &format!(
            "fn f{signature} {{
                let function = ::goconc::__private::Function::new(move || -> {result} {{ {body} }});
                let zero = function.result().zero();
                function.{run}(zero)
            }}"
        ),
    );
}

#[test]
fn frames() {
    framed("(&self, x: i32)", "()", "if x { defer! { y. } }", "run");
    framed("() -> Result<T, E>", "Result<T, E>", "own_macro!(); g()", "run");
    framed("() -> T", "T", "if a { defer! { recover().returning(5) } }", "run_or_given");
    framed("() -> T", "T", "defer! { f() } query.returning(5)", "run");
    framed("() -> !", "!", "goconc::defer!(g()); loop {}", "run");
    framed("() -> impl A", "_", "defer!(g())", "run");
    framed("() -> Result<(impl A, &'a [impl B; 2]), E>", "Result<(_, &'a [_; 2]), E>", "defer!(g())", "run");
    for body in ["g()", "println!(\"defer\")", "if !x { vec![1] }", "a != (b)"] {
        let same = format!("fn f() -> T {{ {body} }}");
        goroutine("", &same, &same);
    }
    goroutine(
        "",
        "fn main() { defer!(g()); }",
        "fn main() -> ::std::process::ExitCode {
            fn main() {
                let function = ::goconc::__private::Function::new(move || -> () { defer!(g()); });
                let zero = function.result().zero();
                function.run(zero)
            }
            ::goconc::__private::main(::goconc::__private::MainOptions::new(), main,)
        }",
    );
}

#[test]
fn mistakes_of_main() {
    mistakes(
        "sticky, unsafe(migrate), gomaxprocs = 0, foo, stack_size = \"x\"",
        "async fn main(args: Vec<String>) {}",
        &[
            "`gomaxprocs` is a number of at least 1",
            "unknown option `foo`",
            "a stack size is a positive number",
            "`main` takes no arguments",
            "remove `async`",
            "contradict each other",
        ],
    );
    mistakes(
        "migrate, sticky = 1, unsafe(sticky), gomaxprocs, sticky, sticky",
        "fn main<T>() {}",
        &[
            "write `#[goroutine(unsafe(migrate))]`",
            "`sticky` has no value",
            "only `migrate` is unsafe",
            "`gomaxprocs` needs a number",
            "`sticky` is given twice",
            "`main` cannot be generic",
        ],
    );
    for bad in ["gomaxprocs = -1", "gomaxprocs = 1.5", "gomaxprocs = \"4\"", "gomaxprocs = 4u8"] {
        mistakes(bad, "fn main() {}", &["`gomaxprocs` is a number of at least 1"]);
    }
}

#[test]
fn mistakes_of_functions() {
    mistakes("", "async fn f() {}", &["remove `async`"]);
    mistakes("", "const fn f() {}", &["remove `const`"]);
    mistakes("", "extern \"C\" fn f() {}", &["remove `extern`"]);
    mistakes("", "struct S;", &["`#[goroutine]` is for functions"]);
    mistakes("", "fn f(r: Recv<impl Copy>) {}", &["name this type"]);
    mistakes("sticky", "fn f() {}", &["this option is for `fn main` only"]);
}

#[test]
fn an_error_leaves_the_item() {
    let text = super::NOT_A_FUTURE;
    let item = "async fn f(jobs: Recv<T>) { body() }";
    goroutine("", item, &format!("::core::compile_error! {{ {text:?} }} {item}"));
    goroutine(
        "",
        "/// Docs.\npub async fn main() { body() }",
        &format!(
            "::core::compile_error! {{ {text:?} }}
            /// Docs.
            pub fn main() {{ #[allow(dead_code)] async fn main() {{ body() }} }}"
        ),
    );
}
