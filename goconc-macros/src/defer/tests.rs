//! Each form and what becomes of it; each mistake and what is said about it.

use proc_macro2::{Delimiter, TokenStream};

use crate::testing::{assert_tokens, errors, tokens};

fn expand(input: &str, braces: bool) -> TokenStream {
    expand_of("::goconc", input, braces)
}

fn expand_of(krate: &str, input: &str, braces: bool) -> TokenStream {
    let delimiter = if braces { Delimiter::Brace } else { Delimiter::Parenthesis };
    super::expand(tokens(&format!("({krate}) {input}")), || Some(delimiter))
}

/// In front of what discards the result.
const ALLOW: &str = "#[allow(let_underscore_lock, clippy::diverging_sub_expression)]";

#[track_caller]
fn deferred(input: &str, braces: bool, before: &str, kind: &str, body: &str) {
    let expected = format!(
        "{before} let _deferred = ::goconc::__private::Deferred::{kind}(|| {{ {ALLOW} let _ = {body}; }});"
    );
    assert_tokens(&expand(input, braces), &expected);
}

#[track_caller]
fn call(input: &str, names: &str, values: &str, body: &str) {
    let before = format!("#[allow(unused_mut)] let ({names}) = ({values});");
    deferred(input, false, &before, "call", body);
}

#[track_caller]
fn mistakes(input: &str, expected: &[&str]) {
    let found = errors(expand(input, false));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn calls() {
    call("f(a, &b)", "mut arg0, mut arg1,", "a, &b,", "f(arg0, arg1)");
    call("f(5, x?, |y| y),", "mut arg1,", "x?,", "f(5, arg1, |y| y)");
    call("make()(x)", "mut callee, mut arg0,", "make(), x,", "callee(arg0)");
    call("a.b().c::<T>(x)", "mut receiver, mut arg0,", "a.b(), x,", "receiver.c::<T>(arg0)");
    call("v[i].f()", "mut receiver,", "::goconc::__private::arg::Place::new(&v[i]).read(),", "receiver.f()");
}

#[test]
fn places_and_literals_stay_inside() {
    for same in [
        "f()",
        "wg.done()",
        "self.a.b.close()",
        "(*p).f()",
        "v[0].f()",
        "(self.f)()",
        "f(\"x\", &STATIC)",
        "(|x| g(x))(1)",
    ] {
        deferred(same, false, "", "call", same);
    }
}

#[test]
fn blocks() {
    deferred("a(); b()", false, "", "block", "(|| { a(); b() })()");
    deferred("{ a(); b() }", false, "", "block", "(|| { a(); b() })()");
    deferred("f(x)", true, "", "block", "(|| { f(x) })()");
    deferred("", true, "", "block", "(|| {})()");
    deferred("|| f(x)", false, "", "block", "(|| f(x))()");
    deferred("move || f(x)", false, "", "block", "(move || f(x))()");
    deferred("if a { b() }", false, "", "block", "(|| { if a { b() } })()");
    deferred("log!(x)", false, "", "block", "(|| { log!(x) })()");
    // Not even syntax: an editor must be able to complete in an unfinished body.
    deferred("let x = server.", true, "", "block", "(|| { let x = server. })()");
}

#[test]
fn texts_are_made_now() {
    assert_tokens(
        &expand("println!(\"{x}\")", false),
        "let text = ::std::format!(\"{x}\");
        let _deferred = ::goconc::__private::Deferred::call(|| { println!(\"{}\", text); });",
    );
    deferred("println!()", false, "", "block", "(|| { println!() })()");
}

#[test]
fn recover_is_declared_inside() {
    let imported = "#[allow(unused_imports)] use recover as _;";
    let declared = "#[allow(unused_imports)] use ::goconc::__private::recover;";
    assert_tokens(
        &expand("if let Some(p) = recover() { f(p) }", true),
        &format!(
            "{imported}
            let _deferred = ::goconc::__private::Deferred::block(|| {{
                {declared}
                {ALLOW} let _ = (|| {{ if let Some(p) = recover() {{ f(p) }} }})();
            }});"
        ),
    );
    assert_tokens(
        &expand("recover()", false),
        &format!(
            "{imported}
            let _deferred = ::goconc::__private::Deferred::recover(|| {{
                {declared} {ALLOW} let _ = recover();
            }});"
        ),
    );
    deferred("goconc::recover()", false, "", "recover", "goconc::recover()");
    deferred("a.recover(); b::recover();", true, "", "block", "(|| { a.recover(); b::recover(); })()");
}

#[test]
fn captures_and_the_crate() {
    assert_tokens(
        &expand_of("my::goconc", "[a, mut b] f(&a, b)", false),
        &format!(
            "let _deferred = my::goconc::__private::Deferred::call({{
                let a = my::goconc::__private::capture::Capture(&a).kind().get(&a);
                let mut b = my::goconc::__private::capture::Capture(&b).kind().get(&b);
                #[allow(unused_mut)] let (mut arg1,) = (b,);
                move || {{ {ALLOW} let _ = f(&a, arg1); }}
            }});"
        ),
    );
    mistakes("[a, a, &b] f()", &["`a` is listed twice", "write `b` without the `&`"]);
    mistakes("[a], f()", &["no comma after the capture list: `defer!([ch] f(&ch))`"]);
}

#[test]
fn values_are_no_calls() {
    mistakes("", &["nothing to defer"]);
    mistakes("5", &["`5` is a value, not a call"]);
    mistakes("x", &["write `defer!(x())` to call it"]);
    mistakes("s.close", &["`s.close` is not called: write `defer!(s.close())`"]);
    mistakes("(f())", &["remove the parentheses"]);
    mistakes("f()?", &["`?` has nowhere to return to"]);
    mistakes("f().await", &["a deferred call is not a future"]);
    mistakes("async { f() }", &["a deferred call is not a future"]);
    mistakes("async || f()", &["write a plain closure"]);
    mistakes("x = 5", &["write it in a block, `defer! { x = 5; }`"]);
    mistakes("&f()", &["runs a call, a closure or a block"]);
    mistakes("|x| f(x)", &["nothing is passed to this closure"]);
    assert_eq!(errors(expand("x", true)).len(), 1);
}
