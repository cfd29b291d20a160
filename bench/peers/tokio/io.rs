//! Sockets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::on_tokio::on_tokio;
use crate::recorder::{Recorder, check};

/// 200,000 round trips of 64 bytes over the loopback, over `connections` at once.
pub(crate) fn echo(r: &Recorder, connections: usize) {
    const TOTAL: usize = 200_000;
    r.best(TOTAL, || {
        on_tokio(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let server = tokio::spawn(serve(listener));
            let clients = (0..connections).map(|_| tokio::spawn(client(address, TOTAL / connections)));
            for client in clients.collect::<Vec<_>>() {
                client.await.expect("no panic");
            }
            server.abort();
        });
    });
}

/// Sends back all that comes, on every connection.
async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // Go's connections are like that.
        stream.set_nodelay(true).expect("a TCP socket has it");
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            copy(&mut from, &mut to).await.expect("the loopback does not break");
        });
    }
}

/// Makes `n` round trips over one connection.
async fn client(address: SocketAddr, n: usize) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket has it");
    let (mut out, mut back) = ([0; 64], [0; 64]);
    for i in 0..n {
        out[0] = i as u8;
        stream.write_all(&out).await.expect("the loopback does not break");
        stream.read_exact(&mut back).await.expect("the loopback does not break");
        check("byte that came back", back[0], out[0]);
    }
}
