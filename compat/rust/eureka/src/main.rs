//! Registers with our client, prints which of the named services it sees, and leaves when its
//! input ends: `rialto-compat-eureka URL NAME PORT OTHER...`. Server and token come from the
//! environment, as for every program on our client.

#![forbid(unsafe_code)]

use std::io::Write;
use std::time::Duration;

use rialto_sdk::Rialto;
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: URL NAME PORT OTHER...");
    let (url, name, port) = (next()?, next()?, next()?.parse()?);
    let others: Vec<String> = arguments.collect();
    let rialto = Rialto::builder().server(url).without_cache().connect().await?;
    let registration = rialto.register(&name, port).host("127.0.0.1").await?;
    let watching = async {
        let mut before = None;
        loop {
            let now = seen(&rialto, &name, &others).await;
            if before.as_ref() != Some(&now) {
                say(&now);
            }
            before = Some(now);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let mut input = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        () = watching => {}
        _ = stdin.read_to_end(&mut input) => {}
    }
    registration.leave().await;
    say("left");
    // The runtime would wait for the thread that reads the input.
    std::process::exit(0);
}

async fn seen(rialto: &Rialto, own: &str, others: &[String]) -> String {
    let mut line = "seen".to_owned();
    for name in others.iter().map(String::as_str).chain([own]) {
        if !rialto.instances(&name.to_lowercase()).await.is_empty() {
            line = format!("{line} {}", name.to_uppercase());
        }
    }
    line
}

fn say(line: &str) {
    // Nobody listens any more when this fails, and the input ends as well.
    let _ = writeln!(std::io::stdout(), "{line}");
}
