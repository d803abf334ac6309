//! The text of rg.lock. It is written by rg, and read as strictly as what people write: a merge may have broken it.

use model::{Location, Lock, Mistake, RelPath, codes};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{self, place, type_name};
use crate::settings::Checked;

/// What a reader of one table is given: the lock, the name of an entry and its value.
type Keep = fn(&mut Lock, &str, &str) -> Result<(), String>;

/// Reads the text of rg.lock.
pub fn lock(text: &str) -> Checked<Lock> {
    let file = RelPath::new(Lock::FILE).expect("a normal path");
    let (table, mistakes) = document::parse(text, &file);
    let mut reader = Reader { file: &file, lock: Lock::default(), mistakes: Vec::new() };
    match mistakes.into_iter().next() {
        None => reader.read(table.get_ref()),
        // After one, the others are its echo.
        Some(mistake) => {
            let at = mistake.at.map_or_else(|| Location::new(file.clone(), 0..0), |(location, _)| location);
            reader.broken(format!("rg.lock is no TOML: {}", mistake.message), at);
        }
    }
    (reader.lock, reader.mistakes)
}

struct Reader<'a> {
    file: &'a RelPath,
    lock: Lock,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn read(&mut self, table: &DeTable<'_>) {
        let mut version = None;
        for (key, value) in table {
            match &**key.get_ref() {
                "version" => version = value.get_ref().as_integer().and_then(|number| number.as_str().parse().ok()),
                "images" => self.entries(value, |lock, image, digest| {
                    let digest = digest.parse().map_err(|error: model::ImageDigestError| error.to_string())?;
                    lock.images.insert(image.to_owned(), digest);
                    Ok(())
                }),
                "repos" => self.entries(value, |lock, reference, commit| {
                    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                        return Err(format!("`{commit}` is not a commit"));
                    }
                    lock.repos.insert(reference.to_owned(), commit.to_owned());
                    Ok(())
                }),
                other => self.broken(format!("unknown table `{other}`"), place(self.file, key)),
            }
        }
        if version != Some(Lock::VERSION) {
            let message = format!("this version of rg reads version {} of rg.lock", Lock::VERSION);
            self.broken(message, Location::new(self.file.clone(), 0..0));
        }
    }

    fn entries(&mut self, value: &Spanned<DeValue<'_>>, keep: Keep) {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("{} stands where a table belongs", type_name(value.get_ref()));
            return self.broken(message, place(self.file, value));
        };
        for (name, value) in table {
            let text = value.get_ref().as_str().ok_or_else(|| format!("`{}` is not a string", name.get_ref()));
            if let Err(message) = text.and_then(|text| keep(&mut self.lock, name.get_ref(), text)) {
                self.broken(message, place(self.file, value));
            }
        }
    }

    fn broken(&mut self, message: String, at: Location) {
        let hint = "take one side of a merge, or delete the line, and run `rg lock`";
        self.mistakes.push(Mistake::new(codes::BAD_LOCK, message).at(at, "").hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[&str]) {
        let (_, mistakes) = lock(text);
        let messages: Vec<&str> = mistakes.iter().map(|mistake| &*mistake.message).collect();
        assert_eq!(messages, want, "{text}");
    }

    #[test]
    fn what_is_printed_is_read() {
        let images = [("host:5000/go:1 \"x\"".to_owned(), model::ImageDigest([7; 32]))].into();
        let repos = [("ssh://host/x main".to_owned(), "ab".repeat(20))].into();
        let printed = Lock { images, repos };
        assert_eq!(lock(&printed.to_string()), (printed, Vec::new()));
    }

    #[test]
    fn what_a_merge_broke_is_told() {
        check("version = 1\n", &[]);
        check("", &["this version of rg reads version 1 of rg.lock"]);
        check("version = 2\n", &["this version of rg reads version 1 of rg.lock"]);
        check("version = 1\n[images]\na = 1\n", &["`a` is not a string"]);
        check(
            "version = 1\n[images]\na = \"sha256:1\"\n",
            &["`sha256:1` is no digest: write `sha256:` and 64 digits of 0 to 9 and a to f"],
        );
        check("version = 1\nimages = 3\n", &["a number stands where a table belongs"]);
        check("version = 1\n[repos]\na = \"main\"\n", &["`main` is not a commit"]);
        check("version = 1\n[image]\n", &["unknown table `image`"]);
        let (_, mistakes) = lock("version = 1\n<<<<<<< ours\n");
        assert_eq!((mistakes.len(), mistakes[0].code), (1, codes::BAD_LOCK));
    }
}
