//! Checks that connect, or ask a question over HTTP. Only ever to the address that they are given;
//! an answer that points elsewhere is not followed. Whoever registers an instance chooses that
//! address: no instance is where machines keep what they know of themselves, so nothing is asked
//! there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::checks::Verdict;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_millis(500);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3);
/// `HTTP/1.1 200`.
const STATUS_LINE_BYTES: usize = 12;

/// Whether something accepts connections.
pub(super) async fn tcp(host: &str, port: u16) -> Verdict {
    match connect(host, port).await {
        Ok(_) => Verdict::Works,
        Err(verdict) => verdict,
    }
}

/// Whether a GET is answered with the expected status.
pub(super) async fn http(
    host: &str,
    port: u16,
    path: &str,
    headers: &str,
    expected: u16,
) -> Verdict {
    let stream = match connect(host, port).await {
        Ok(stream) => stream,
        Err(verdict) => return verdict,
    };
    let request = request(host, port, path, headers);
    match timeout(ANSWER, ask(stream, &request)).await {
        Ok(Ok(status)) if status == expected => Verdict::Works,
        // Busy, or moved for a while: it may come back by itself.
        Ok(Ok(302 | 503)) => Verdict::Fails,
        Ok(Ok(_)) => Verdict::Refuses,
        Ok(Err(_)) | Err(_) => Verdict::Fails,
    }
}

/// Connects, to nothing but this.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, Verdict> {
    let connect = async {
        // Decided on the address that a name stands for, which is then the one connected to.
        let all = lookup_host((host, port)).await?;
        let fit: Vec<SocketAddr> = all.filter(|it| is_an_instances(it.ip())).collect();
        TcpStream::connect(fit.as_slice()).await
    };
    match timeout(CONNECT, connect).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Verdict::Refuses),
        Ok(Err(_)) | Err(_) => Err(Verdict::Fails),
    }
}

/// Whether an instance can be there: not the network's own addresses, and not those of the link,
/// where clouds answer with credentials of the machine.
fn is_an_instances(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast())
        }
        IpAddr::V6(ip) => !(ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast()),
    }
}

async fn ask(mut stream: TcpStream, request: &str) -> io::Result<u16> {
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; STATUS_LINE_BYTES];
    stream.read_exact(&mut line).await?;
    status(&line).ok_or_else(|| io::Error::other("no status line of HTTP/1"))
}

fn status(line: &[u8; STATUS_LINE_BYTES]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let (version, status) = line.split_once(' ')?;
    if !version.starts_with("HTTP/1.") {
        return None;
    }
    status.parse().ok()
}

/// Path and headers were checked when they were set: visible ASCII, no line breaks.
fn request(host: &str, port: u16, path: &str, headers: &str) -> String {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    for header in headers.split('|') {
        let Some((name, value)) = header.split_once(':') else { continue };
        let token = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
        if name.is_empty() || !name.chars().all(token) || name.eq_ignore_ascii_case("host") {
            continue;
        }
        request.push_str(&format!("{name}: {}\r\n", value.trim()));
    }
    request.push_str("Connection: close\r\n\r\n");
    request
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 512];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    async fn closed() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn connects() {
        assert_eq!(tcp("127.0.0.1", answering("").await).await, Verdict::Works);
        assert_eq!(tcp("127.0.0.1", closed().await).await, Verdict::Refuses);
        assert_eq!(tcp("no such host", 1).await, Verdict::Fails);
    }

    #[tokio::test]
    async fn asks() {
        for (answer, expected, verdict) in [
            ("HTTP/1.1 200 OK\r\n\r\n", 200, Verdict::Works),
            ("HTTP/1.0 204 No Content\r\n\r\n", 204, Verdict::Works),
            ("HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", 200, Verdict::Fails),
            ("HTTP/1.1 503 Busy\r\n\r\n", 200, Verdict::Fails),
            ("HTTP/1.1 404 Not Found\r\n\r\n", 200, Verdict::Refuses),
            ("SSH-2.0-OpenSSH", 200, Verdict::Fails),
            ("", 200, Verdict::Fails),
        ] {
            let port = answering(answer).await;
            assert_eq!(http("127.0.0.1", port, "/x", "", expected).await, verdict, "{answer}");
        }
        assert_eq!(http("127.0.0.1", closed().await, "/", "", 200).await, Verdict::Refuses);
    }

    #[tokio::test]
    async fn asks_nothing_where_no_instance_can_be() {
        for host in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"]
        {
            assert!(!is_an_instances(host.parse().unwrap()), "{host}");
            assert_eq!(tcp(host, 80).await, Verdict::Fails, "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"] {
            assert!(is_an_instances(host.parse().unwrap()), "{host}");
        }
    }

    #[test]
    fn requests() {
        let text = request("::1", 80, "x", "X-Token:a|Host:evil|b a:c|User-Agent: check");
        let expected = "GET /x HTTP/1.1\r\nHost: [::1]:80\r\nX-Token: a\r\nUser-Agent: check\r\n\
                        Connection: close\r\n\r\n";
        assert_eq!(text, expected);
    }
}
