//! Do two binary trees hold the same numbers? Each is walked by a goroutine, and the walks are compared.
//!
//! Go: the exercise "Equivalent Binary Trees" of "A Tour of Go". `Same` may know the answer before the walks are over; it
//! receives the rest all the same, so that no goroutine is left waiting.
//!
//! Run: `cargo run --release -p goconc-examples --bin same_tree`

use goconc::{Send, prelude::*};

#[derive(Debug, Default)]
struct Tree {
    root: Option<Box<Node>>,
}

#[derive(Debug)]
struct Node {
    left: Tree,
    value: i32,
    right: Tree,
}

impl Tree {
    fn of(values: &[i32]) -> Tree {
        let mut tree = Tree::default();
        for &value in values {
            tree.insert(value);
        }
        tree
    }

    fn insert(&mut self, value: i32) {
        match &mut self.root {
            Some(node) if value < node.value => node.left.insert(value),
            Some(node) => node.right.insert(value),
            None => self.root = Some(Box::new(Node { left: Tree::default(), value, right: Tree::default() })),
        }
    }

    /// Sends all values in order.
    fn walk(&self, ch: &Send<i32>) {
        if let Some(node) = &self.root {
            node.left.walk(ch);
            ch.send(node.value);
            node.right.walk(ch);
        }
    }
}

#[goroutine]
fn walker(t: Tree, ch: Send<i32>) {
    t.walk(&ch);
    ch.close();
}

fn same(t1: Tree, t2: Tree) -> bool {
    let (c1, c2) = (Chan::<i32>::new(), Chan::<i32>::new());
    go!(walker(t1, &c1));
    go!(walker(t2, &c2));
    let mut same = true;
    loop {
        match (c1.recv(), c2.recv()) {
            (None, None) => return same,
            (v1, v2) => same &= v1 == v2,
        }
    }
}

#[goroutine]
fn main() {
    println!("{}", same(Tree::of(&[1, 1, 2, 3, 5, 8, 13]), Tree::of(&[8, 3, 13, 1, 5, 1, 2])));
    println!("{}", same(Tree::of(&[1, 2, 3]), Tree::of(&[1, 2, 3, 4])));
}
