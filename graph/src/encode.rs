//! The action key: the description and the contents of all inputs, as Remote Execution API messages.

use model::reapi::{self, Directory, Message};
use model::{Action, ActionKey, Content, Digest, Fingerprint, Lost, Need, RelPath, Work};

use crate::describe::{Description, Property, describe, need_name, need_text};
pub use crate::merkle::EncodeError;
use crate::merkle::Node;

/// An action with its inputs known: its key and the messages that the key is made of.
pub struct Encoded {
    /// The digest of the `Action` message.
    pub key: ActionKey,
    /// The digest of the input root.
    pub input_root: Digest,
    /// The `Action`, `Command` and `Directory` messages, by digest.
    pub messages: Vec<(Digest, Vec<u8>)>,
    /// What lies where in the input root, sorted by path, nothing inside another.
    pub layout: Vec<(RelPath, Content)>,
}

/// Encodes an action, given what lies where (see [`crate::Graph::placed`]), the fingerprint of each need, and a way
/// to read directories that have to be merged.
pub fn encode(
    action: &Action,
    domain: &str,
    placed: Vec<(RelPath, Content)>,
    pin: &dyn Fn(&Need) -> Fingerprint,
    load: &dyn Fn(&Digest) -> Result<Directory, Lost>,
) -> Result<Encoded, EncodeError> {
    let mut root = Node::default();
    for (at, content) in placed {
        root.put(&at, content, load)?;
    }
    if let Work::Command(command) = &action.work {
        // A server starts the command in its working directory, so that has to be there even if nothing lies in it.
        root.directory(&command.directory, load)?;
    }
    let tree = root.finish();
    let mut messages = tree.messages;
    let (command, action) = encode_messages(describe(action, domain), tree.root, pin);
    let key = ActionKey(Digest::of(&action));
    messages.push((Digest::of(&command), command));
    messages.push((key.0, action));
    Ok(Encoded { key, input_root: tree.root, messages, layout: tree.layout })
}

fn encode_messages(
    description: Description<'_>,
    input_root_digest: Digest,
    pin: &dyn Fn(&Need) -> Fingerprint,
) -> (Vec<u8>, Vec<u8>) {
    // The inputs are in the Merkle root.
    let Description { argv, env, directory, outputs, timeout, properties, salt, inputs: _ } = description;
    let command = reapi::Command {
        arguments: argv.into_iter().map(std::borrow::Cow::into_owned).collect(),
        environment_variables: env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        working_directory: directory.to_owned(),
        output_paths: outputs,
    }
    .encode();
    let platform = properties.into_iter().map(|(name, property)| match property {
        Property::Text(text) => (name, text.into_owned()),
        // An image is what it is declared to be: rg.lock has its digest.
        Property::Pin(need @ Need::Image { .. }) => (need_name(need), need_text(need)),
        Property::Pin(need) => (need_name(need), format!("blake3:{}", pin(need))),
    });
    let action = reapi::Action {
        command_digest: Digest::of(&command),
        input_root_digest,
        timeout,
        do_not_cache: false,
        salt: salt.into_bytes(),
        platform: platform.collect(),
    }
    .encode();
    (command, action)
}
