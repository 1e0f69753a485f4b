//! `rialto demo`: a small shop, and what such systems exist to survive.
//!
//! Everything is real: Rialto and the shop's eight instances are processes of their own, orders
//! come over the network, a kill is SIGKILL. The acts do something, watch, and judge by what
//! customers and the catalog saw.

mod acts;
mod board;
mod crew;
mod load;
mod stage;
mod summary;
mod tape;
mod view;
mod web;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::cli::DemoArgs;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::terminal::{Palette, Screen, can_draw};
use acts::Pace;
use board::Board;
use stage::Stage;
use summary::Verdict;

/// Between two pictures.
const REDRAW: Duration = Duration::from_millis(200);
/// Between two samples of the numbers.
const SAMPLE: Duration = Duration::from_millis(500);
/// Samples between two lines of numbers, when plain.
const SAMPLES_A_LINE: u32 = 6;
/// The numbers shown are those of this last stretch.
const LATELY: Duration = Duration::from_secs(4);
/// Until connections are open and everybody knows everybody.
const WARM_UP: Duration = Duration::from_secs(3);
/// Longest time that the acts may take together when they are played once.
const ONCE_MAX: Duration = Duration::from_secs(150);
/// Of one round of acts.
const ONCE: Pace = Pace { calm: Duration::from_secs(6), watch: Duration::from_secs(5) };
/// Of acts that go on until Ctrl-C.
const AT_LEISURE: Pace = Pace { calm: Duration::from_secs(20), watch: Duration::from_secs(10) };

/// One service of the shop, as a process that ends when its standard input closes.
pub(crate) fn service(arguments: Vec<String>) -> ExitCode {
    crew::end_with_parent();
    rialto_shop::main(arguments)
}

/// Runs the demo.
///
/// # Errors
/// When something does not start, or an act of `--once` did not hold.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::caused(Exit::Failed, &error);
    let mut folder = Folder::new().map_err(failed)?;
    let drawn = !args.plain && can_draw();
    let board = Arc::new(Board::new(!drawn));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(failed)?;
    let leave = CancellationToken::new();
    let play = Play {
        args: args.clone(),
        board: Arc::clone(&board),
        folder: folder.path.clone(),
        leave: leave.clone(),
        verdicts: Arc::default(),
    };
    let verdicts = Arc::clone(&play.verdicts);
    let playing = runtime.spawn(play.run());
    if drawn {
        let drawing = draw(&board, || playing.is_finished());
        leave.cancel();
        drawing.map_err(failed)?;
    }
    let result = runtime.block_on(playing);
    // Kills what is left, also when an act panicked.
    drop(runtime);
    let result = result.unwrap_or_else(|error| Err(Failure::caused(Exit::Failed, &error)));
    let verdicts = std::mem::take(&mut *verdicts.lock());
    if !verdicts.is_empty() {
        output::print(&format!("\n{}", summary::table(&verdicts)));
    }
    let all_held = verdicts.iter().all(|verdict| verdict.held);
    let nothing_to_see = result.as_ref().is_err_and(|failure| failure.exit() == Exit::Listen);
    if (result.is_err() || !all_held) && !nothing_to_see {
        folder.keep = true;
        output::line(&format!("Logs of all processes are kept in {}", folder.path.display()));
    }
    result?;
    match all_held || !args.once {
        true => Ok(()),
        false => Err(Failure::new(Exit::NotHeld, "not every act held")),
    }
}

/// Draws until the play ends or the person leaves.
fn draw(board: &Board, ended: impl Fn() -> bool) -> io::Result<()> {
    let palette = Palette::new();
    let mut screen = Screen::open()?;
    while !ended() {
        let shown = board.shown();
        screen.draw(|frame| view::draw(frame, &shown, palette))?;
        if screen.leave_asked(REDRAW)? {
            break;
        }
    }
    Ok(())
}

/// The play from the first process to the last.
struct Play {
    args: DemoArgs,
    board: Arc<Board>,
    folder: PathBuf,
    leave: CancellationToken,
    verdicts: Arc<Mutex<Vec<Verdict>>>,
}

impl Play {
    async fn run(self) -> Result<(), Failure> {
        let stopped = stop_asked(self.leave.clone())?;
        let mut stopped = std::pin::pin!(stopped);
        let set_up = stage::set_up(&self.board, &self.folder, self.args.port_offset, acts::RATE);
        let stage = tokio::select! {
            stage = set_up => Arc::new(stage?),
            () = &mut stopped => return Ok(()),
        };
        let watching = tokio::spawn(keep_watching(Arc::clone(&stage)));
        let result = tokio::select! {
            result = self.perform(&stage) => result,
            () = &mut stopped => Ok(()),
        };
        watching.abort();
        self.board.say("Ending all processes.");
        stage.crew.dismiss().await;
        result
    }

    async fn perform(&self, stage: &Stage) -> Result<(), Failure> {
        if self.args.once {
            let round = timeout(ONCE_MAX, self.round(stage, ONCE)).await;
            return round.map_err(|_| {
                Failure::new(Exit::NotHeld, "the acts took longer than 150 s; is the machine busy?")
            });
        }
        loop {
            self.round(stage, AT_LEISURE).await;
            stage.load.resume();
            self.board.say("And again, from the beginning. Ctrl-C ends the demo.");
        }
    }

    async fn round(&self, stage: &Stage, pace: Pace) {
        sleep(WARM_UP).await;
        let (verdict, normal) = acts::normal(stage, pace).await;
        self.note(verdict);
        self.note(acts::kill(stage, pace).await);
        self.note(acts::revive(stage).await);
        self.note(acts::slow(stage, pace, &normal).await);
        self.note(acts::overload(stage, pace, &normal).await);
        self.note(acts::books(stage).await);
    }

    fn note(&self, verdict: Verdict) {
        self.board.say(if verdict.held { "Held." } else { "This act FAILED." });
        let mut verdicts = self.verdicts.lock();
        // Of acts that repeat, the last outcome counts, unless an earlier one failed.
        match verdicts.iter_mut().find(|old| old.act == verdict.act) {
            Some(old) if old.held => *old = verdict,
            Some(_) => {}
            None => verdicts.push(verdict),
        }
    }
}

/// Resolves when the person leaves the view, or on SIGINT or SIGTERM.
fn stop_asked(leave: CancellationToken) -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::caused(Exit::Failed, &error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            () = leave.cancelled() => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Keeps the board's numbers fresh.
async fn keep_watching(stage: Arc<Stage>) {
    let mut ejected: Vec<String> = Vec::new();
    let mut last_event = 0;
    let mut samples = 0;
    let mut looked = Duration::ZERO;
    loop {
        sleep(SAMPLE).await;
        for event in stage.events_after(last_event).await {
            last_event = last_event.max(event.id);
            let Some((_, name)) = event.subject.split_once('/') else { continue };
            match event.kind.as_str() {
                "ejected" => ejected.push(name.to_owned()),
                "returned" => ejected.retain(|other| other != name),
                _ => {}
            }
        }
        let members = stage.members(&ejected).await;
        let now = stage.load.elapsed();
        let since = (now - looked).as_secs_f64();
        looked = now;
        let lately = stage.load.tape().stretch(now.saturating_sub(LATELY), now);
        let second = stage.load.tape().stretch(now.saturating_sub(Duration::from_secs(1)), now);
        stage.board.update(|shown| {
            shown.members(members, since);
            shown.totals = stage.load.tape().totals();
            shown.lately = lately;
            shown.rate = stage.load.rate();
            shown.under_way = stage.load.under_way();
            shown.sample(second.placed as u64, second.p99_ms as u64);
        });
        samples += 1;
        if samples % SAMPLES_A_LINE == 0 {
            stage.board.tell_numbers();
        }
    }
}

/// A temporary folder that is gone afterwards, unless somebody should look into it.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new() -> io::Result<Self> {
        let name = format!("rialto-demo-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let path = std::env::temp_dir().join(name);
        make_private(&path)?;
        Ok(Self { path, keep: false })
    }
}

/// The folder holds tokens: nobody else may look into it.
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // It is temporary; the system clears what is left.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
