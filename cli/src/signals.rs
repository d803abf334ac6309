//! Signals become a value that the run looks at. A second Ctrl-C ends rg at once; whatever it started dies with it.

use exec::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::Exit;

/// Arranges that SIGINT, SIGTERM and SIGHUP ask the run to end.
pub fn cancel_on_signals() -> std::io::Result<Cancel> {
    let cancel = Cancel::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // This comes first: at the second signal the flag that the first one has set is seen.
        if signal == SIGINT {
            flag::register_conditional_shutdown(signal, i32::from(Exit::Interrupted.code()), cancel.flag())?;
        }
        flag::register(signal, cancel.flag())?;
    }
    Ok(cancel)
}
