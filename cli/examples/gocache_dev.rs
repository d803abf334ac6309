//! dev
#[path = "../src/gocache.rs"]
mod gocache;
fn main() {
    let store = gocache::Store::parse(std::env::args().skip(1)).unwrap();
    gocache::serve(&store, std::io::stdin().lock(), std::io::stdout().lock()).unwrap();
}
