//! Reads one attribute: a TOML value of the type that the rule's table says, or a mistake.
//! It does not know rules.

use std::sync::Arc;

use model::{Location, Mistake, Pattern, Platform, RelPath};
use toml::Spanned;
use toml::de::DeValue;

use crate::declaration::{DeclaredOutput, NamedPattern, OutputShape, Sign, Value};
use crate::document::{self, place, type_name};
use crate::rule::AttributeType;
use crate::sources::{self, Place};
use crate::written::Written;
use model::codes;

/// Reads attributes of one definition file.
pub(crate) struct AttributeReader<'a> {
    /// The definition file.
    pub file: &'a RelPath,
    /// Where sources are looked for.
    pub place: Place<'a>,
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
}

impl AttributeReader<'_> {
    /// Reads a value of a type; `None` if it is not one, which is reported.
    pub fn read(&mut self, name: &str, kind: AttributeType, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        match kind {
            AttributeType::Text => self.text(name, kind, value).map(Value::Text),
            AttributeType::Texts => self.texts(name, kind, value).map(Value::Texts),
            AttributeType::Number => self.number(name, value),
            AttributeType::Truth => match value.get_ref().as_bool() {
                Some(truth) => Some(Value::Truth(truth)),
                None => self.wrong_type(name, kind, value),
            },
            AttributeType::Environment => self.environment(name, value),
            AttributeType::Sources => {
                let texts = self.texts(name, kind, value)?;
                Some(Value::Sources(sources::resolve(&texts, self.place, &mut self.mistakes)))
            }
            AttributeType::Label => {
                let text = self.text(name, kind, value)?;
                Some(Value::Labels(self.labels(&[text])))
            }
            AttributeType::Labels => {
                let texts = self.texts(name, kind, value)?;
                Some(Value::Labels(self.labels(&texts)))
            }
            AttributeType::Patterns => Some(Value::Patterns(self.patterns(name, value)?)),
            AttributeType::Outputs => {
                let texts = self.texts(name, kind, value)?;
                Some(Value::Outputs(self.outputs(&texts)))
            }
            AttributeType::Platform => self.platform(name, value),
        }
    }

    /// Reads a list of target patterns.
    pub fn patterns(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Vec<NamedPattern>> {
        let texts = self.texts(name, AttributeType::Patterns, value)?;
        Some(texts.iter().filter_map(|text| self.pattern(text)).collect())
    }

    /// Reads a list of strings.
    pub fn texts(&mut self, name: &str, kind: AttributeType, value: &Spanned<DeValue<'_>>) -> Option<Vec<Written>> {
        let Some(values) = value.get_ref().as_array() else { return self.wrong_type(name, kind, value) };
        let mut texts = Vec::with_capacity(values.len());
        for item in values {
            match document::written(self.file, item) {
                Some(text) => texts.push(text),
                None => {
                    let message = format!("an item of `{name}` is {}, not a string", type_name(item.get_ref()));
                    self.report(codes::WRONG_TYPE, message, place(self.file, item), "not a string");
                }
            }
        }
        Some(texts)
    }

    fn text(&mut self, name: &str, kind: AttributeType, value: &Spanned<DeValue<'_>>) -> Option<Written> {
        document::written(self.file, value).or_else(|| self.wrong_type(name, kind, value))
    }

    fn number(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let DeValue::Integer(number) = value.get_ref() else {
            return self.wrong_type(name, AttributeType::Number, value);
        };
        let at = place(self.file, value);
        match document::integer(number).and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Some(Value::Number(number, at)),
            None => {
                let message = format!("`{name}` is {number}, which is out of range");
                self.report(codes::BAD_VALUE, message, at, "from 0 to 4294967295");
                None
            }
        }
    }

    fn environment(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong_type(name, AttributeType::Environment, value);
        };
        let mut pairs = Vec::with_capacity(table.len());
        for (key, value) in table {
            let key = Written { text: Arc::from(&**key.get_ref()), at: place(self.file, key) };
            if key.text.is_empty() || key.text.contains(|letter: char| "=\0".contains(letter) || letter.is_whitespace())
            {
                let message = format!("`{}` is not the name of an environment variable", key.text.escape_debug());
                let mistake = Mistake::new(codes::BAD_VALUE, message).at(key.at, "");
                self.mistakes.push(mistake.hint("write a name without spaces and `=`, as `LANG`"));
            } else if let Some(value) = document::written(self.file, value) {
                pairs.push((key, value));
            } else {
                let message = format!("`{name}.{}` is {}, not a string", key.text, type_name(value.get_ref()));
                self.report(codes::WRONG_TYPE, message, place(self.file, value), "write it in quotes");
            }
        }
        Some(Value::Environment(pairs))
    }

    fn labels(&mut self, texts: &[Written]) -> Vec<crate::written::NamedLabel> {
        let label = |text| sources::label(text, self.place.package, &mut self.mistakes);
        texts.iter().filter_map(label).collect()
    }

    fn pattern(&mut self, written: &Written) -> Option<NamedPattern> {
        let (sign, text) = match written.text.strip_prefix('-') {
            Some(text) => (Sign::Minus, text),
            None => (Sign::Plus, &*written.text),
        };
        match Pattern::parse(text, self.place.package) {
            Ok(pattern) => Some(NamedPattern { pattern, sign, at: written.at.clone() }),
            Err(error) => {
                self.report(codes::BAD_LABEL, error.to_string(), written.at.clone(), "");
                None
            }
        }
    }

    fn outputs(&mut self, texts: &[Written]) -> Vec<DeclaredOutput> {
        let mut outputs: Vec<(DeclaredOutput, &Location)> = Vec::new();
        for written in texts {
            let Some(output) = self.output(written) else { continue };
            let inside = |(other, _): &&(DeclaredOutput, &Location)| {
                other.path.starts_with(&output.path) || output.path.starts_with(&other.path)
            };
            match outputs.iter().find(inside) {
                Some((other, other_at)) => {
                    let mistake = overlapping(&output, other).at(written.at.clone(), "");
                    self.mistakes.push(mistake.also((*other_at).clone(), "the other one"));
                }
                None => outputs.push((output, &written.at)),
            }
        }
        outputs.into_iter().map(|(output, _)| output).collect()
    }

    fn output(&mut self, written: &Written) -> Option<DeclaredOutput> {
        let (path, shape) = match written.text.strip_suffix('/') {
            Some(path) => (path, OutputShape::Directory),
            None => (&*written.text, OutputShape::File),
        };
        if path.contains(['*', '?', '[']) {
            let message = format!("the output `{}` is a glob, and outputs are named one by one", written.text);
            let mistake = Mistake::new(codes::BAD_OUTPUT, message).at(written.at.clone(), "");
            self.mistakes.push(mistake.hint("name each file, or a directory that holds them, as \"img/\""));
            return None;
        }
        let reason = match RelPath::new(path) {
            Ok(path) if !path.is_root() => return Some(DeclaredOutput { path, shape }),
            Ok(_) => "an output has no name".to_owned(),
            Err(error) => error.to_string(),
        };
        let mistake = Mistake::new(codes::BAD_OUTPUT, reason).at(written.at.clone(), "");
        self.mistakes.push(mistake.hint("outputs are relative to $OUT, as \"out.txt\" or \"img/\""));
        None
    }

    fn platform(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let text = self.text(name, AttributeType::Platform, value)?;
        match text.text.parse::<Platform>() {
            Ok(platform) => Some(Value::Platform(platform)),
            Err(error) => {
                self.report(codes::BAD_VALUE, error.to_string(), text.at, "");
                None
            }
        }
    }

    fn wrong_type<T>(&mut self, name: &str, kind: AttributeType, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let message = format!("`{name}` is {}, not {}", type_name(value.get_ref()), kind.words());
        self.report(codes::WRONG_TYPE, message, place(self.file, value), &format!("not {}", kind.words()));
        None
    }

    fn report(&mut self, code: &'static str, message: String, at: Location, words: &str) {
        self.mistakes.push(Mistake::new(code, message).at(at, words));
    }
}

fn overlapping(output: &DeclaredOutput, other: &DeclaredOutput) -> Mistake {
    let message = if output.path == other.path {
        format!("the output `{}` is declared twice", output.path)
    } else {
        format!("the outputs `{}` and `{}` lie inside one another", output.path, other.path)
    };
    Mistake::new(codes::OVERLAPPING_OUTPUTS, message)
}
