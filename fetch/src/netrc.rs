//! Reads `.netrc`: names and passwords by host. An entry `default` is left out, because it tells every server.

use crate::credentials::{Credentials, basic};

/// Returns the credentials of a netrc file.
pub(crate) fn credentials(text: &str) -> Credentials {
    let mut credentials = Credentials::default();
    let mut machine = Machine::default();
    let words = words(text);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "machine" => {
                machine.add_to(&mut credentials);
                machine = Machine { host: words.next().map(str::to_owned), ..Machine::default() };
            }
            "default" => {
                machine.add_to(&mut credentials);
                machine = Machine::default();
            }
            "login" => machine.login = words.next().map(str::to_owned),
            "password" => machine.password = words.next().map(str::to_owned),
            "account" => drop(words.next()),
            _ => {}
        }
    }
    machine.add_to(&mut credentials);
    credentials
}

#[derive(Default)]
struct Machine {
    host: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

impl Machine {
    fn add_to(&self, credentials: &mut Credentials) {
        if let (Some(host), Some(login)) = (&self.host, &self.login) {
            let password = self.password.as_deref().unwrap_or_default();
            credentials.add_host(host, basic(&format!("{login}:{password}")));
        }
    }
}

/// Splits into words; comments and macros, which end with an empty line, are left out.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut is_macro = false;
    for line in text.lines() {
        is_macro = (is_macro || line.trim_start().starts_with("macdef")) && !line.trim().is_empty();
        if !is_macro {
            let plain = line.split_whitespace().take_while(|word| !word.starts_with('#') || word.len() > 1);
            words.extend(plain.map(|word| word.trim_matches('"').to_owned()));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Url;

    #[test]
    fn each_machine_has_its_own_credentials() {
        let text = "# mine\nmachine a.example login me password #1 account x\n\nmacdef init\nmachine b.example login no\n\n\
                    machine c.example\n  login you\n  password \"p\"\ndefault login anonymous password x\n";
        let credentials = credentials(text);
        let check = |host: &str, want: Option<String>| {
            let url = Url::parse(&format!("https://{host}/simple/")).unwrap();
            assert_eq!(credentials.of(&url).map(str::to_owned), want, "{host}");
        };
        check("a.example", Some(basic("me:#1")));
        check("b.example", None);
        check("c.example", Some(basic("you:p")));
        check("d.example", None);
    }
}
