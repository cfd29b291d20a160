use goconc::prelude::*;

struct Job;

fn main() {
    let (jobs, quit) = (Chan::<Job>::new(), Chan::<()>::new());
    select! {
        _job, ok := <-jobs => println!("{ok}"),
        <-quit => {}
    }
}
