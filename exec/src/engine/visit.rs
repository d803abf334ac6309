//! `rg shell` in an engine: a program in a container of its own, with the standard streams and the terminal of rg.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::ResizeExecOptions;
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::client::Session;
use super::container::{Input, Program, USER};
use super::{Order, or_missing, remote, script, shared};
use crate::Failure;
use crate::executor::Stopped;
use crate::left::{put_back, take_out};
use crate::mask::Masker;
use crate::sandbox::How;

/// How often the size of the terminal is looked at, and whether the program is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What ends a program whose output nobody reads.
const SIGPIPE: i32 = 13;
/// How much is read at once.
const PIECE: usize = 1 << 12;

/// Runs a job with the standard streams of rg.
pub(super) fn visit(session: &Session, order: &Order<'_>) -> Result<How, Stopped> {
    if !script::is_possible(order.image, order.job) {
        let name = &order.image.name;
        let why =
            format!("the image {name} lacks programs to enter it by (sh, env, cat, mkdir): use --executor native");
        return Err(Failure::Unable(why).into());
    }
    let broken = |error: io::Error| Failure::sandbox(&error);
    let out = order.job.out.as_str();
    order.job.left.map_or(Ok(()), |left| put_back(left, &order.inputs, out)).map_err(broken)?;
    let program = |container: &str| enter(session, order, container);
    let visited = if session.shares_directories(order)? {
        shared::visit(session, order, program)
    } else {
        remote::visit(session, order, program)
    };
    order.job.left.map_or(Ok(()), |left| take_out(left, &order.inputs, out)).map_err(broken)?;
    Ok(visited?)
}

/// Runs the program in a container that waits.
fn enter(session: &Session, order: &Order<'_>, container: &str) -> Result<How, Failure> {
    let stop = || order.cancel.is_cancelled().then_some(How::Cancelled);
    let broken = |error: Error| session.broken("run the program to its end", &error);
    let input = order.job.secrets.iter().flat_map(|secret| secret.value.iter().copied()).collect();
    let preparation = Program { container, command: script::preparation(order), input };
    match session.attend(preparation.run(session, order.log, Masker::default()), &stop) {
        Ok(prepared) => drop(prepared.map_err(broken)?),
        Err(how) => return Ok(how),
    }
    let terminal = Terminal::of_rg().map_err(|error| Failure::sandbox(&error))?;
    let is_over = &AtomicBool::new(false);
    let (typed, pieces) = channel(1);
    let ended = std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().spawn_scoped(scope, move || read_input(&typed, is_over));
        let program = run(session, order, container, pieces, terminal.as_ref());
        let ended = reader.map(|_| session.attend(program, &stop));
        is_over.store(true, Ordering::Relaxed);
        ended
    });
    drop(terminal);
    match ended.map_err(|error| Failure::Thread(error.to_string()))? {
        Err(how) => Ok(how),
        // Whoever read what the program prints has enough.
        Ok(Err(Error::IOError { err })) if err.kind() == io::ErrorKind::BrokenPipe => Ok(How::Signalled(SIGPIPE)),
        Ok(ended) => or_missing(order, ended.map_err(broken)?),
    }
}

/// The terminal of rg, while whatever is typed goes to the program as it is.
struct Terminal {
    before: Termios,
}

impl Terminal {
    /// Takes the terminal; `None` if rg's streams are none.
    fn of_rg() -> io::Result<Option<Terminal>> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Some(Terminal { before }))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Reads rg's input until its end, or until nobody wants it: what comes later is for whoever comes after rg.
fn read_input(to: &Sender<Vec<u8>>, is_over: &AtomicBool) {
    let stdin = io::stdin();
    let patience = Timespec::try_from(LOOK_EVERY).ok();
    while !is_over.load(Ordering::Relaxed) {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], patience.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        let mut piece = vec![0; PIECE];
        match rustix::io::read(&stdin, &mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => piece.truncate(length),
        }
        if to.blocking_send(piece).is_err() {
            return;
        }
    }
}

async fn run(
    session: &Session,
    order: &Order<'_>,
    container: &str,
    pieces: Receiver<Vec<u8>>,
    terminal: Option<&Terminal>,
) -> Result<How, Error> {
    let config = ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(terminal.is_some()),
        cmd: Some(script::visit(order)),
        user: Some(USER.to_owned()),
        ..ExecConfig::default()
    };
    let exec = session.docker.create_exec(container, config).await?;
    let options = StartExecOptions { tty: terminal.is_some(), ..StartExecOptions::default() };
    if let StartExecResults::Attached { output, input } = session.docker.start_exec(&exec.id, Some(options)).await? {
        let aside = pin!(async {
            select(pin!(write_input(input, pieces)), pin!(keep_size(session, &exec.id, terminal)))
                .await
                .factor_first()
                .0
        });
        match select(pin!(show(output)), aside).await {
            Either::Left((shown, _)) => shown?,
            Either::Right((never, _)) => match never {},
        }
    }
    let mut said = tempfile::tempfile_in(order.scratch)?;
    let status = Program { container, command: script::status(), input: Vec::new() };
    status.run(session, &said, Masker::default()).await?;
    let mut code = String::new();
    said.rewind()?;
    said.read_to_string(&mut code)?;
    code.trim().parse().map(How::Exited).map_err(|_| io::Error::other("something else ended it").into())
}

/// Passes the input on. It never ends by itself.
async fn write_input(mut input: Input, mut pieces: Receiver<Vec<u8>>) -> Infallible {
    while let Some(piece) = pieces.recv().await {
        // A program that reads no more may go on.
        if input.write_all(&piece).await.is_err() || input.flush().await.is_err() {
            break;
        }
    }
    let _ = input.shutdown().await;
    pending().await
}

/// Tells the program how large the terminal is, whenever that changes. It never ends by itself.
async fn keep_size(session: &Session, exec: &str, terminal: Option<&Terminal>) -> Infallible {
    if terminal.is_none() {
        return pending().await;
    }
    let mut known = None;
    loop {
        let size = tcgetwinsize(io::stdout()).ok().map(|Winsize { ws_row, ws_col, .. }| (ws_row, ws_col));
        if let Some((rows, columns)) = size.filter(|_| size != known) {
            let options = ResizeExecOptions { h: rows.into(), w: columns.into() };
            // Podman has no such program until it runs.
            if session.docker.resize_exec(exec, options).await.is_ok() {
                known = size;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Shows what the program prints, until its end.
async fn show(mut output: impl Stream<Item = Result<LogOutput, Error>> + Unpin) -> Result<(), Error> {
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    while let Some(piece) = output.next().await {
        match piece? {
            LogOutput::StdErr { message } => stderr.write_all(&message)?,
            piece => {
                stdout.write_all(piece.as_ref())?;
                stdout.flush()?;
            }
        }
    }
    Ok(())
}
