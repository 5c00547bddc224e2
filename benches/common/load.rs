//! The load that servers are put under.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::common::Failed;

pub(crate) const CONNECTIONS: usize = 32;
const ROUND: Duration = Duration::from_millis(500);
const LATENCIES: usize = 2000;

/// Answers a second over all connections. Every answer has `length` bytes.
pub(crate) async fn load(address: SocketAddr, sent: &[u8], length: usize) -> Result<f64, Failed> {
    static ANSWERS: AtomicU64 = AtomicU64::new(0);
    ANSWERS.store(0, Ordering::Relaxed);
    let mut tasks = Vec::new();
    let begin = Instant::now();
    for _ in 0..CONNECTIONS {
        let sent = sent.to_vec();
        tasks.push(tokio::spawn(async move {
            let mut socket = tokio::net::TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let mut answer = vec![0; length];
            while begin.elapsed() < ROUND {
                socket.write_all(&sent).await?;
                socket.read_exact(&mut answer).await?;
                ANSWERS.fetch_add(1, Ordering::Relaxed);
            }
            io::Result::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(ANSWERS.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}

/// The median time from a request to the end of its answer, one after the
/// other on one connection.
pub(crate) async fn latency(address: SocketAddr, sent: &[u8], answer: &[u8]) -> Result<Duration, Failed> {
    let mut socket = tokio::net::TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let mut read = vec![0; answer.len()];
    let mut times = Vec::new();
    for _ in 0..LATENCIES {
        let begin = Instant::now();
        socket.write_all(sent).await?;
        socket.read_exact(&mut read).await?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times[LATENCIES / 2])
}
