//! Each form and what becomes of it; each mistake and what is said about it.

use super::expand;
use crate::testing::{assert_tokens, errors, tokens};

/// `$` in `expected` is the path of the private module.
#[track_caller]
fn select(input: &str, expected: &str) {
    assert_tokens(&expand(wrapped(input)), &expected.replace('$', "path::to::goconc::__private::select"));
}

#[track_caller]
fn mistakes(input: &str, expected: &[&str]) {
    let found = errors(expand(wrapped(input)));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

/// What the wrapper in goconc makes of it.
#[track_caller]
fn wrapped(input: &str) -> proc_macro2::TokenStream {
    tokens(&format!("(path::to::goconc) {input}"))
}

/// One arm that receives, with what becomes of the value: alone, with a `default`, and beside another.
#[track_caller]
fn recv(arm: &str, binding: Option<&str>) {
    let taken = binding.unwrap_or("::core::mem::drop(slot.take());");
    select(&format!("{arm} => body(v)"), &format!("{{ let slot = $::recv_only(&ch); {taken} body(v) }}"));
    select(
        &format!("{arm} => body(v), default => other()"),
        &format!(
            "{{
                let chosen = $::try_recv_only(&ch);
                match chosen {{
                    ::core::option::Option::Some(slot) => {{ {taken} body(v) }}
                    ::core::option::Option::None => other(),
                }}
            }}"
        ),
    );
    let (declaration, slot, body) = match binding {
        Some(binding) => {
            let binding = binding.replace("slot", "slot0");
            ("let mut slot0 = $::Slot::new();", "slot0", format!("{{ {binding} body(v) }}"))
        }
        None => ("", "$::Temporary::new()", "body(v)".to_owned()),
    };
    select(
        &format!("{arm} => body(v), <-b => B"),
        &format!(
            "{{
                {declaration}
                let chosen = $::select(&mut [
                    $::recv(&ch, &mut {slot}).id(0),
                    $::recv(&b, &mut $::Temporary::new()).id(1)
                ]);
                match chosen {{ 0 => {body}, 1 => B, _ => $::unreachable(), }}
            }}"
        ),
    );
}

/// One arm that sends `value` on `channel`: alone, with a `default`, and beside another.
#[track_caller]
fn send(arm: &str, channel: &str, value: &str) {
    select(&format!("{arm} => body()"), &format!("{{ $::send_only(&{channel}, {value}); body() }}"));
    select(
        &format!("default => other(), {arm} => body()"),
        &format!(
            "{{
                let chosen = $::try_send_only(&{channel}, {value});
                match chosen {{ true => body(), false => other(), }}
            }}"
        ),
    );
    select(
        &format!("{arm} => body(), <-b => B"),
        &format!(
            "{{
                let chosen = $::select(&mut [
                    $::send(&{channel}, &mut $::Temporary::new(), {value}).id(0),
                    $::recv(&b, &mut $::Temporary::new()).id(1)
                ]);
                match chosen {{ 0 => body(), 1 => B, _ => $::unreachable(), }}
            }}"
        ),
    );
}

#[test]
fn receives() {
    recv("v = <-ch", Some("let v = slot.take();"));
    recv("_ = <-ch", Some("let _ = slot.take();"));
    recv("a @ (b | c) = <-ch", Some("let a @ (b | c) = slot.take();"));
    recv("v := <-ch", Some("let v = slot.take_or_default();"));
    recv("mut v:=<-ch", Some("let mut v = slot.take_or_default();"));
    recv("v, ok := <-ch", Some("let (v, ok) = slot.take_ok();"));
    recv("_, mut ok := <-ch", Some("let (_, mut ok) = slot.take_ok();"));
    recv("<-ch", None);
    recv("_ := <-ch", None);
    recv("biased := <-ch", Some("let biased = slot.take_or_default();"));
    recv("default, biased := <-ch", Some("let (default, biased) = slot.take_ok();"));
    recv("biased, default := <-ch", Some("let (biased, default) = slot.take_ok();"));
}

#[test]
fn sends() {
    send("out <- x + 1", "out", "x + 1");
    send("self.outs[i] <- -1", "self.outs[i]", "-1");
    send("out<--1", "out", "-1");
    send("default <- a < -b", "default", "a < -b");
    send("make::<A, B>() <- |a, b| a", "make::<A, B>()", "|a, b| a");
    send("make::<-1>() <- 1", "make::<-1>()", "1");
    send("outs[1<<-x] <- 1", "outs[1<<-x]", "1");
    send("*{ out } <- S { a, b }", "*{ out }", "S { a, b }");
}

#[test]
fn all_of_it() {
    select(
        "biased;
        v = <-a, if g => A,
        default => { D. }
        out <- x, if h() => { C. }
        v, ok := <-b => if ok { v } else { 0 }
        <-ctx.done() => return,",
        "{
            let mut slot0 = $::Slot::new();
            let mut slot2 = $::Slot::new();
            let chosen = $::try_select_biased(&mut [
                $::when(g, $::recv(&a, &mut slot0)).id(0),
                $::when(h(), $::send(&out, &mut $::Temporary::new(), x)).id(1),
                $::recv(&b, &mut slot2).id(2),
                $::recv(&ctx.done(), &mut $::Temporary::new()).id(3)
            ]);
            match chosen {
                0 => { let v = slot0.take(); A },
                1 => { C. },
                2 => { let (v, ok) = slot2.take_ok(); if ok { v } else { 0 } },
                3 => return,
                _ => { D. },
            }
        }",
    );
}

#[test]
fn few_arms() {
    select("", "$::block_for_ever()");
    select("biased;", "$::block_for_ever()");
    select("default => D", "{ let chosen = $::try_select(&mut []); match chosen { _ => D, } }");
    select(
        "biased; <-a, if g => { A }",
        "{
            let chosen = $::select_biased(&mut [$::when(g, $::recv(&a, &mut $::Temporary::new())).id(0)]);
            match chosen { 0 => { A }, _ => $::unreachable(), }
        }",
    );
    select("biased; <-a => { A }", "{ let slot = $::recv_only(&a); ::core::mem::drop(slot.take()); { A } }");
}

#[test]
fn attributes() {
    select(
        "#[cfg(unix)] #[allow(x)] #[cfg(y)] v = <-a, if g => A,
        #[cfg(z)] out <- x => C,",
        "{
            #[cfg(unix)] #[cfg(y)] let mut slot0 = $::Slot::new();
            let chosen = $::select(&mut [
                #[cfg(unix)] #[cfg(y)] $::when(g, $::recv(&a, &mut slot0)).id(0),
                #[cfg(z)] $::send(&out, &mut $::Temporary::new(), x).id(1)
            ]);
            match chosen {
                #[cfg(unix)] #[cfg(y)] #[allow(x)] 0 => { let v = slot0.take(); A },
                #[cfg(z)] 1 => C,
                _ => $::unreachable(),
            }
        }",
    );
    select(
        "#[cfg(unix)] #[allow(x)] #[cfg(y)] default => D",
        "{
            #[cfg(all(unix, y))] let select = $::try_select;
            #[cfg(not(all(unix, y)))] let select = $::select;
            let chosen = select(&mut []);
            match chosen {
                #[cfg(unix)] #[cfg(y)] #[allow(x)] _ => D,
                #[cfg(not(all(unix, y)))] _ => $::unreachable(),
            }
        }",
    );
    mistakes("#[cfg_attr(x, cfg(y))] <-a => A", &["the `cfg` of an arm stands alone"]);
}

#[test]
fn the_arrow() {
    mistakes("v = a => A", &["the arrow is missing: write `v = <-a`"]);
    mistakes("v := a.b(), if g => A", &["the arrow is missing: write `v := <-a.b()`"]);
    mistakes("a => A", &["write `<-a` to receive, `a <- value` to send"]);
    mistakes("v = ->a => A", &["the arrow is `<-`"]);
    mistakes("out -> x => A", &["the arrow is `<-`"]);
    mistakes("recv(a) -> v => A", &["the arrow is `<-`"]);
    mistakes("v = < -a => A", &["the arrow has no space in it"]);
    mistakes("v = a<- => A", &["a receive has its arrow in front of the channel"]);
    mistakes("v := a<- => A", &["a receive has its arrow in front of the channel"]);
    mistakes("v = a <- x => A", &["a receive has its arrow in front of the channel"]);
    mistakes("v := a <- x => A", &["a receive has its arrow in front of the channel"]);
    mistakes("a<- => A", &["`<-` has the channel on its right to receive"]);
    mistakes("v = <- => A", &["which channel? Write `v = <-ch => ..`"]);
    mistakes("<-, <-b => B", &["which channel? Write `<-ch => ..`"]);
    mistakes("=> A", &["nothing to wait for"]);
    mistakes("_ => A", &["`_` is no operation: write `default => ..`"]);
    mistakes("else => A", &["`else` is no operation: write `default => ..`"]);
}

#[test]
fn what_is_received() {
    for bad in ["(v, ok)", "S { v }", "a, b, c", "v: u8", "ref v", "Some(v)", ""] {
        mistakes(&format!("{bad} := <-a => A"), &["`:=` has one or two names in front of it"]);
    }
    mistakes("case v := <-a => A", &["begins without Go's `case`"]);
    mistakes("v, ok = <-a => A", &["two values are declared with `:=`"]);
    mistakes("Some(v) = <-a => A", &["a closed channel gives `None`"]);
    mistakes("None = <-a => A", &["a closed channel gives `None`"]);
    mistakes("1 + = <-a => A", &["expected a name in front of `=`"]);
    mistakes("1 + <- 5 => A", &["expected a channel in front of `<-`"]);
}

#[test]
fn arms() {
    mistakes("<-a, <-b => B", &["expected `=>`"]);
    mistakes("<-a", &["expected `=>`"]);
    mistakes("default", &["expected `=>`"]);
    mistakes("<-a: A, <-b => B", &["expected `=>`"]);
    mistakes("<-a =>, <-b => B", &["an arm needs a body"]);
    mistakes("<-a =>", &["an arm needs a body"]);
    mistakes("<-a => A v = <-b => B", &["a comma is missing"]);
    mistakes("<-a => A default => B", &["a comma is missing"]);
    mistakes("<-a => A <-b => B", &["a comma is missing"]);
    mistakes("default => A, default => B, default => C", &["one `default` at most", "one `default` at most"]);
    mistakes("default, if g => A", &["`default` has no guard"]);
    mistakes("<-a if g => A", &["a comma goes before a guard"]);
    mistakes("<-a, if let Some(x) = y => A", &["a guard is a `bool`"]);
    mistakes("bias; <-a => A", &["unknown option `bias`"]);
    mistakes("biased, <-a => A", &["a semicolon goes after `biased`"]);
}

#[test]
fn several_mistakes_at_once() {
    mistakes(
        "random;
        v = a => A,
        (v, w) := <-b, if g => { B }
        <-c, if g,
        <-d =>,
        default, if g => D
        default => E",
        &[
            "unknown option `random`",
            "write `v = <-a`",
            "`:=` has one or two names",
            "expected `=>`",
            "an arm needs a body",
            "`default` has no guard",
            "a comma is missing",
            "one `default` at most",
        ],
    );
}

#[test]
fn an_error_leaves_the_other_arms() {
    let text = "`_` is no operation: write `default => ..` for when no other arm is ready";
    select(
        "<-a => A, _ => B",
        &format!(
            "{{
                ::core::compile_error! {{ {text:?} }}
                let chosen = $::select(&mut [$::recv(&a, &mut $::Temporary::new()).id(0)]);
                match chosen {{ 0 => A, _ => $::unreachable(), }}
            }}"
        ),
    );
    select("_ => B", &format!("{{ ::core::compile_error! {{ {text:?} }} ::core::unreachable!() }}"));
}
