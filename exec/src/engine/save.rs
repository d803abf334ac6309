//! Images that an engine has, as archives: what `docker save` writes.

use std::fs::File;
use std::io::Write;

use bollard::errors::Error;
use futures_util::TryStreamExt;

use super::client::{self, Found, Places};
use super::error::EngineError;
use crate::Cancel;
use crate::sandbox::How;

/// Writes an image of the first engine that answers in these places to a file, as `docker save` does.
pub fn save_image(places: &Places, name: &str, file: &mut File, cancel: &Cancel) -> Result<(), EngineError> {
    let stop = || cancel.is_cancelled().then_some(How::Cancelled);
    let saved = client::runtime()?.block_on(client::attend(find_and_export(places, name, file), &stop));
    saved.unwrap_or(Err(EngineError::Interrupted))
}

async fn find_and_export(places: &Places, name: &str, file: &mut File) -> Result<(), EngineError> {
    let (docker, found) = client::find(places).await?;
    let image = docker.inspect_image(name).await.map_err(|error| refused(&found, name, &error))?;
    // A name without a tag would be every tag of it.
    let id = image.id.unwrap_or_else(|| name.to_owned());
    let mut pieces = std::pin::pin!(docker.export_image(&id));
    while let Some(piece) = pieces.try_next().await.map_err(|error| refused(&found, name, &error))? {
        file.write_all(&piece).map_err(|error| EngineError::Client(error.to_string()))?;
    }
    Ok(())
}

fn refused(found: &Found, name: &str, error: &Error) -> EngineError {
    let (engine, name) = (found.to_string(), name.to_owned());
    match error {
        Error::DockerResponseServerError { status_code: 404, .. } => EngineError::NoImage { engine, name },
        error => EngineError::Export { engine, name, why: crate::report::with_causes(error) },
    }
}
