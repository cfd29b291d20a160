use std::rc::Rc;

fn main() {
    let text = Rc::new("hi");
    let handle = goconc::spawn(move || text.len());
    println!("{:?}", handle.join());
}
