//! Writes on the socket: segments, gaps, and the rate.

use super::{
    asked::{ALL, TEXT, serve},
    seen::Watch,
};

#[tokio::test]
async fn what_is_only_cut_has_the_bytes_that_http_writes() {
    for shape in ALL {
        let mut found = Vec::new();
        for wire in ["", ", wire: {send: {cut: {in: body, every: 100, gap: 0s}}}"] {
            let server = serve(&format!("- {{then: {{{TEXT}{wire}}}}}\n")).await;
            let mut watch = Watch::connect(server.base_url());
            watch.send(&shape.request_with(&[]));
            found.push(watch.message().bytes().escape_ascii().to_string());
        }
        assert_eq!(found[0], found[1], "{shape:?}");
    }
}
