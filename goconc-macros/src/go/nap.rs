//! Blocks that begin with a sleep or a receive: `go! { let d = ..; time::sleep(d); .. }`, `go! { let job = jobs.recv(); .. }`.
//!
//! Such a goroutine needs a stack to begin and a stack to go on, but none while it waits, if what comes after the wait is a
//! closure of its own. Whether that makes the same program is seen by the tokens, else this finds nothing and the block stays whole.
//!
//! What may stand before the wait: `let name = value;`, `COUNTER.fetch_add(1, ..);` and `println!("..", place);`. A value is made of
//! literals, names, arithmetic, elements, and of calls that are known ([`TRUSTED`]); there is no `&`, no field, and no method of a
//! variable. So no variable borrows from another one, and each of them can move into the second closure; nothing is left behind on the
//! thread; and whatever the first closure has not used up the second one mentions: it is dropped when the block ends, as it would
//! have been.

use proc_macro2::{Delimiter, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{BinOp, Expr, ExprMethodCall, LitStr, Path, Token, Type, UnOp};

use super::form::is_assignment;

/// A block that begins with a wait.
pub(crate) struct Nap {
    /// The statements before it, without their semicolons.
    pub(crate) before: Vec<TokenStream>,
    /// The variables that those declare.
    pub(crate) locals: Vec<Local>,
    /// Places that those look at, and that still have their values.
    pub(crate) seen: Vec<Expr>,
    pub(crate) wait: Wait,
    /// The statements after it.
    pub(crate) after: TokenStream,
}

/// What it begins with.
pub(crate) enum Wait {
    /// `time::sleep`, however that is written, and how long.
    Sleep { path: TokenStream, duration: Expr },
    /// `let pattern = place.recv()`, or without the pattern.
    Receive { pattern: Option<TokenStream>, place: Expr, call: TokenStream, method: Span },
}

/// Types and modules whose functions may be called before the wait: they leave nothing behind.
const TRUSTED: [&str; 3] = ["Duration", "Instant", "time"];
/// The same of the methods of statics.
const TRUSTED_METHODS: [&str; 10] =
    ["fetch_add", "fetch_sub", "fetch_or", "fetch_and", "load", "store", "swap", "add", "len", "is_empty"];

/// A variable: `mut name`.
pub(crate) struct Local {
    pub(crate) mutable: Option<Token![mut]>,
    pub(crate) name: Ident,
    /// Its value is gone, or can be copied.
    pub(crate) used: bool,
    /// The number of the statement.
    pub(crate) declared_by: usize,
}

impl Nap {
    /// Takes a block apart. `None`: it does not begin with a wait, or it cannot be told.
    pub(crate) fn find(block: &TokenStream) -> Option<Nap> {
        let trees: Vec<TokenTree> = block.clone().into_iter().collect();
        let mut rest = trees.as_slice();
        let mut before = Vec::new();
        let wait = loop {
            let end = rest.iter().position(is_semicolon).unwrap_or(rest.len());
            let (statement, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            match as_sleep(statement).or_else(|| as_receive(statement)) {
                Some(wait) => break wait,
                None if rest.is_empty() => return None,
                None => before.push(stream(statement)),
            }
        };
        let mut reader = Reader::default();
        for (number, statement) in before.iter().enumerate() {
            reader.statement(number, statement)?;
        }
        if let Wait::Sleep { duration, .. } = &wait {
            reader.value(duration)?;
        }
        if has_items(rest) {
            return None; // they are known in the whole block
        }
        let (locals, seen) = reader.finish();
        if locals.iter().any(|local| local.used && local.mutable.is_some()) {
            return None; // what it is set to later, lints would not see
        }
        for local in locals.iter().filter(|local| !local.used && local.mutable.is_some()) {
            unmark(&mut before[local.declared_by]); // nothing here changes it: the second closure's may be changed
        }
        Some(Nap { before, locals, seen, wait, after: stream(rest) })
    }
}

fn stream(trees: &[TokenTree]) -> TokenStream {
    trees.iter().cloned().collect()
}

/// Whether there is an item among the statements.
fn has_items(statements: &[TokenTree]) -> bool {
    let words = [
        "fn",
        "const",
        "static",
        "use",
        "struct",
        "enum",
        "union",
        "mod",
        "type",
        "trait",
        "impl",
        "extern",
        "macro_rules",
    ];
    statements
        .iter()
        .any(|tree| matches!(tree, TokenTree::Ident(word) if words.iter().any(|item| word == item)))
}

/// Takes the `mut` out of `let mut ..`.
fn unmark(declaration: &mut TokenStream) {
    let trees = core::mem::take(declaration).into_iter().enumerate();
    *declaration = trees.filter(|(at, _)| *at != 1).map(|(_, tree)| tree).collect();
}

fn is_semicolon(tree: &TokenTree) -> bool {
    is_punct(tree, ';')
}

/// `time::sleep(duration)`, and nothing else.
fn as_sleep(statement: &[TokenTree]) -> Option<Wait> {
    let (TokenTree::Group(duration), path) = statement.split_last()? else { return None };
    let [.., time, _, _, sleep] = path else { return None };
    let found = duration.delimiter() == Delimiter::Parenthesis && is(time, "time") && is(sleep, "sleep");
    let duration = if found { syn::parse2(duration.stream()).ok()? } else { return None };
    let path = stream(path);
    Path::parse_mod_style.parse2(path.clone()).ok()?;
    Some(Wait::Sleep { path, duration })
}

/// `place.recv()` or `let pattern = place.recv()`, and nothing else.
fn as_receive(statement: &[TokenTree]) -> Option<Wait> {
    let [receiver @ .., dot, method, TokenTree::Group(nothing)] = statement else { return None };
    let found = nothing.delimiter() == Delimiter::Parenthesis
        && nothing.stream().is_empty()
        && is(method, "recv")
        && is_punct(dot, '.');
    let begin = match receiver {
        [word, ..] if is(word, "let") => 1 + receiver.iter().rposition(|tree| is_punct(tree, '='))?,
        _ => 0,
    };
    let pattern = receiver.get(1..begin.saturating_sub(1)).unwrap_or_default();
    let is_comparison =
        matches!(pattern.last(), Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint);
    if is_comparison || pattern.iter().any(|tree| is_punct(tree, '=')) {
        return None;
    }
    let place = if found { syn::parse2(stream(&receiver[begin..])).ok()? } else { return None };
    let is_static = matches!(&place, Expr::Path(path) if is_upper_case(&path.path));
    (is_static || is_place(&place)).then(|| Wait::Receive {
        pattern: (begin != 0).then(|| stream(pattern)),
        place,
        call: stream(&statement[begin..]),
        method: method.span(),
    })
}

fn is(tree: &TokenTree, name: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == name)
}

fn is_punct(tree: &TokenTree, punct: char) -> bool {
    matches!(tree, TokenTree::Punct(found) if found.as_char() == punct)
}

/// Reads what stands before the wait. `None` from any of its functions: that is more than it understands.
#[derive(Default)]
struct Reader {
    locals: Vec<Local>,
    seen: Vec<Expr>,
    used: Vec<Ident>,
}

impl Reader {
    fn statement(&mut self, number: usize, tokens: &TokenStream) -> Option<()> {
        let first = tokens.clone().into_iter().next()?;
        if is_punct(&first, '#') {
            return None; // it may not be there
        }
        if is(&first, "let") {
            let Declaration { mutable, name, value } = Declaration::parse.parse2(tokens.clone()).ok()?;
            self.value(&value)?;
            let known = |other: &Ident| *other == name;
            let seen = self.seen.iter().filter_map(root).any(known);
            if seen || self.used.iter().any(known) || self.locals.iter().any(|local| known(&local.name)) {
                return None; // two of one name
            }
            self.locals.push(Local { mutable, name, used: false, declared_by: number });
            return Some(());
        }
        match syn::parse2(tokens.clone()).ok()? {
            Expr::Macro(call) => self.shown(&call.mac),
            value @ (Expr::Call(_) | Expr::MethodCall(_)) => self.value(&value),
            _ => None,
        }
    }

    /// An expression whose value borrows from no variable.
    fn value(&mut self, expr: &Expr) -> Option<()> {
        match expr {
            Expr::Lit(_) => Some(()),
            Expr::Path(path) => {
                self.used.extend(path.path.get_ident().cloned());
                Some(())
            }
            Expr::Paren(paren) => self.value(&paren.expr),
            Expr::Cast(cast) => self.value(&cast.expr),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_) | UnOp::Not(_)) => self.value(&unary.expr),
            Expr::Binary(binary) if is_arithmetic(&binary.op) => {
                self.value(&binary.left)?;
                self.value(&binary.right)
            }
            Expr::Index(index) if is_place(&index.expr) => {
                self.seen.push((*index.expr).clone());
                self.value(&index.index)
            }
            Expr::Call(call) if is_trusted(&call.func) => self.values(&call.args),
            Expr::MethodCall(ExprMethodCall { receiver, method, args, .. }) => {
                let is_static = matches!(&**receiver, Expr::Path(path) if is_upper_case(&path.path));
                let known = is_static && TRUSTED_METHODS.iter().any(|trusted| method == trusted);
                if known { self.values(args) } else { None }
            }
            _ => None,
        }
    }

    fn values<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) -> Option<()> {
        exprs.into_iter().try_for_each(|expr| self.value(expr))
    }

    /// `println!("..", places)` or the like, which only looks at what it shows.
    fn shown(&mut self, mac: &syn::Macro) -> Option<()> {
        let printers = ["println", "print", "eprintln", "eprint"];
        let name = mac.path.get_ident()?;
        if !printers.iter().any(|printer| name == printer) {
            return None;
        }
        let (text, args) = printed.parse2(mac.tokens.clone()).ok()?;
        for mut name in names_in(&text.value())? {
            name.set_span(text.span());
            self.seen.push(syn::parse2(name.into_token_stream()).ok()?);
        }
        for arg in args {
            match arg {
                Expr::Lit(_) => {}
                place if is_place(&place) => self.seen.push(place),
                _ => return None,
            }
        }
        Some(())
    }

    fn finish(mut self) -> (Vec<Local>, Vec<Expr>) {
        for local in &mut self.locals {
            local.used = self.used.contains(&local.name);
        }
        let used = self.used;
        let mut seen = self.seen;
        seen.retain(|place| root(place).is_some_and(|name| !used.contains(name)));
        (self.locals, seen)
    }
}

/// `let mut name: Type = value`
struct Declaration {
    mutable: Option<Token![mut]>,
    name: Ident,
    value: Expr,
}

impl Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse::<Token![let]>()?;
        let mutable = input.parse()?;
        let name = input.parse()?;
        if input.parse::<Option<Token![:]>>()?.is_some() {
            input.parse::<Type>()?;
        }
        input.parse::<Token![=]>()?;
        Ok(Declaration { mutable, name, value: input.parse()? })
    }
}

/// A function of one of [`TRUSTED`].
fn is_trusted(callee: &Expr) -> bool {
    let Expr::Path(path) = callee else { return false };
    let owner = path.path.segments.iter().rev().nth(1);
    path.qself.is_none() && owner.is_some_and(|owner| TRUSTED.iter().any(|trusted| owner.ident == trusted))
}

/// `"..", a, b`
fn printed(input: ParseStream<'_>) -> syn::Result<(LitStr, Vec<Expr>)> {
    let text = input.parse()?;
    let mut args = Vec::new();
    while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
        args.push(input.parse()?);
    }
    Ok((text, args))
}

/// The variables that a format string names. `None`: it is a special one.
fn names_in(text: &str) -> Option<Vec<Ident>> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let (inside, behind) = rest.split_once('}')?;
        let (name, how) = inside.split_once(':').unwrap_or((inside, ""));
        if how.contains(['$', '*']) {
            return None;
        }
        if !name.trim().is_empty() && name.trim().parse::<usize>().is_err() {
            names.push(syn::parse_str::<Ident>(name).ok()?);
        }
        rest = behind;
    }
    Some(names)
}

/// A variable, or a field of one.
fn is_place(expr: &Expr) -> bool {
    root(expr).is_some()
}

/// The variable of a place.
fn root(place: &Expr) -> Option<&Ident> {
    match place {
        Expr::Path(path) => path.path.get_ident(),
        Expr::Field(field) => root(&field.base),
        _ => None,
    }
}

/// The name of a constant or a static.
fn is_upper_case(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|segment| {
        let name = segment.ident.to_string();
        name.contains(char::is_uppercase) && !name.contains(char::is_lowercase)
    })
}

/// Takes its operands by value.
fn is_arithmetic(op: &BinOp) -> bool {
    use BinOp::*;
    let compares = matches!(op, And(_) | Or(_) | Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_));
    !compares && !is_assignment(op)
}
