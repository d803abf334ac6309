//! Answers queries: every expression becomes a set of nodes.

use std::ops::Range;

use model::{Kind, Origin, Target};
use regex::Regex;

use super::attributes;
use super::error::{EvaluationProblem, QueryError};
use super::expression::{Call, Expr, Expression, PatternId, Word};
use super::reach::{path, reach, reach_within};
use super::token::Operator;
use super::world::{Nodes, World, build_file, is_declared};
use super::{Answer, Node};
use crate::Graph;

/// Finds what a word names: targets for a label or a pattern, the file itself for a path.
type Resolve<'a> = &'a dyn Fn(&str) -> Result<Vec<Node>, QueryError>;

/// Answers a query. `resolve` says what its words name.
pub fn evaluate(expr: &Expr, graph: &Graph, resolve: Resolve<'_>) -> Result<Answer, QueryError> {
    let mut resolved = Vec::with_capacity(expr.patterns.len());
    for word in &expr.patterns {
        resolved.push(resolve(&word.text).map_err(|error| error.at(&word.span))?);
    }
    let world = World::new(graph, resolved.iter().flatten(), expr.outputs);
    let sets = resolved.iter().map(|nodes| world.set(nodes.iter().filter_map(|node| world.number(node)))).collect();
    let mut evaluator = Evaluator { world: &world, sets, words: &expr.patterns, bound: Vec::new() };
    let numbers = evaluator.ordered(&expr.root)?;
    Ok(Answer { nodes: numbers.into_iter().map(|number| world.node(number)).collect() })
}

struct Evaluator<'a> {
    world: &'a World<'a>,
    /// What each pattern names.
    sets: Vec<Nodes>,
    words: &'a [Word],
    /// The variables in scope, the innermost last.
    bound: Vec<(&'a str, Nodes)>,
}

impl<'a> Evaluator<'a> {
    /// Answers the outermost expression: the only one whose order is seen.
    fn ordered(&mut self, expression: &'a Expression) -> Result<Vec<usize>, QueryError> {
        match expression {
            Expression::Call(call) => {
                if let Call::Somepath(from, to) = &**call {
                    let (from, to) = (self.set(from)?, self.set(to)?);
                    return Ok(path(self.world, &from, &to));
                }
            }
            Expression::Let { name, value, body } => {
                let value = self.set(value)?;
                self.bound.push((name, value));
                return self.ordered(body);
            }
            Expression::Pattern(_) | Expression::Set(_) | Expression::Variable(_) | Expression::Operation { .. } => {}
        }
        Ok(self.set(expression)?.ones().collect())
    }

    fn set(&mut self, expression: &'a Expression) -> Result<Nodes, QueryError> {
        match expression {
            Expression::Pattern(PatternId(id)) => Ok(self.sets[*id].clone()),
            Expression::Set(members) => {
                let mut all = self.world.none();
                members.iter().for_each(|PatternId(id)| all.union_with(&self.sets[*id]));
                Ok(all)
            }
            Expression::Variable(word) => self.variable(word),
            Expression::Let { name, value, body } => {
                let value = self.set(value)?;
                self.bound.push((name, value));
                let answer = self.set(body);
                self.bound.pop();
                answer
            }
            Expression::Operation { first, rest } => {
                let mut left = self.set(first)?;
                for (operator, right) in rest {
                    let right = self.set(right)?;
                    match operator {
                        Operator::Union => left.union_with(&right),
                        Operator::Except => left.difference_with(&right),
                        Operator::Intersect => left.intersect_with(&right),
                    }
                }
                Ok(left)
            }
            Expression::Call(call) => self.call(call),
        }
    }

    fn variable(&self, word: &Word) -> Result<Nodes, QueryError> {
        let bound = self.bound.iter().rev().find(|(name, _)| *name == word.text);
        let unbound = || evaluation(EvaluationProblem::Variable(word.text.clone()), word);
        bound.map(|(_, nodes)| nodes.clone()).ok_or_else(unbound)
    }

    fn call(&mut self, call: &'a Call) -> Result<Nodes, QueryError> {
        let world = self.world;
        Ok(match call {
            Call::Deps(of, depth) => reach(&world.forward, &self.set(of)?, *depth),
            Call::Rdeps { universe, of, depth } => {
                let universe = reach(&world.forward, &self.set(universe)?, None);
                self.dependents(of, *depth, &universe)?
            }
            Call::Allrdeps(of, depth) => self.dependents(of, *depth, &world.all())?,
            Call::Somepath(from, to) => {
                let (from, to) = (self.set(from)?, self.set(to)?);
                world.set(path(world, &from, &to))
            }
            Call::Allpaths(from, to) => {
                let below = reach(&world.forward, &self.set(from)?, None);
                self.dependents(to, None, &below)?
            }
            Call::Kind(pattern, of) => self.matching(of, pattern, &|number| Some(world.kind(number)))?,
            Call::Filter(pattern, of) => self.matching(of, pattern, &|number| Some(world.name(number)))?,
            Call::Attr { name, pattern, of } => {
                self.matching(of, pattern, &|number| attributes::text(world.target(number)?, &name.text))?
            }
            Call::Labels(name, of) => self.expand(of, &|target| attributes::named(world, target, &name.text))?,
            Call::Tests(of) => self.tests(of)?,
            Call::Siblings(of) => self.siblings(of)?,
            Call::Some { of, count, span } => world.set(self.some(of, span)?.ones().take(*count as usize)),
            Call::Buildfiles(of) => self.buildfiles(of)?,
            Call::Visible { to, of } => self.visible(to, of)?,
            Call::Owner(id) => self.owner(*id)?,
            Call::Inputs(of) => self.inputs(of)?,
            Call::Outputs(of) => self.expand(of, &|target| world.outputs(target))?,
            Call::Later(name, span) => {
                return Err(QueryError::Evaluation { problem: EvaluationProblem::Later(name), span: span.clone() });
            }
        })
    }

    /// Returns what depends on `of` inside a universe, `of` included.
    fn dependents(&mut self, of: &'a Expression, depth: Option<u32>, universe: &Nodes) -> Result<Nodes, QueryError> {
        let mut start = self.set(of)?;
        start.intersect_with(universe);
        Ok(reach_within(self.world.backward(), &start, depth, &|number| universe.contains(number)))
    }

    /// Returns those of `of` whose text holds a match.
    fn matching(
        &mut self,
        of: &'a Expression,
        pattern: &Word,
        text: &dyn Fn(usize) -> Option<String>,
    ) -> Result<Nodes, QueryError> {
        let regex = Regex::new(&pattern.text).map_err(|error| {
            let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            evaluation(EvaluationProblem::Regex { pattern: pattern.text.clone(), reason }, pattern)
        })?;
        let of = self.set(of)?;
        Ok(self.world.set(of.ones().filter(|number| text(*number).is_some_and(|text| regex.is_match(&text)))))
    }

    /// Returns what the targets of `of` lead to.
    fn expand(&mut self, of: &'a Expression, into: &dyn Fn(&Target) -> Vec<usize>) -> Result<Nodes, QueryError> {
        let of = self.set(of)?;
        Ok(self.world.set(of.ones().filter_map(|number| self.world.target(number)).flat_map(into)))
    }

    /// Returns the tests of `of`; a suite stands for its tests.
    fn tests(&mut self, of: &'a Expression) -> Result<Nodes, QueryError> {
        let mut tests = self.world.none();
        let mut seen = self.set(of)?;
        let mut queue: Vec<usize> = seen.ones().collect();
        while let Some(number) = queue.pop() {
            match self.world.target(number).map(|target| target.kind) {
                Some(Kind::Test) => tests.insert(number),
                Some(Kind::Suite) => {
                    let members = self.world.forward.targets.row(number).iter().map(|member| *member as usize);
                    queue.extend(members.filter(|member| !seen.put(*member)));
                }
                Some(Kind::Build | Kind::Group | Kind::Implicit) | None => {}
            }
        }
        Ok(tests)
    }

    /// Returns `of`, unless it is empty.
    fn some(&mut self, of: &'a Expression, span: &Range<usize>) -> Result<Nodes, QueryError> {
        let all = self.set(of)?;
        if all.is_clear() {
            return Err(QueryError::Evaluation { problem: EvaluationProblem::Empty, span: span.clone() });
        }
        Ok(all)
    }

    /// Returns those of `of` that every target of `to` may depend on.
    fn visible(&mut self, to: &'a Expression, of: &'a Expression) -> Result<Nodes, QueryError> {
        let world = self.world;
        let (to, of) = (self.set(to)?, self.set(of)?);
        let to: Vec<&Target> = to.ones().filter_map(|number| world.target(number)).collect();
        Ok(world.set(of.ones().filter(|number| to.iter().all(|who| world.is_visible(*number, who)))))
    }

    /// Returns everything declared in the packages of `of`, and their source files.
    fn siblings(&mut self, of: &'a Expression) -> Result<Nodes, QueryError> {
        let world = self.world;
        let of = self.set(of)?;
        let packages: std::collections::BTreeSet<_> = of.ones().filter_map(|number| world.package(number)).collect();
        let is_sibling = |number: usize| world.package(number).is_some_and(|package| packages.contains(package));
        let targets = (0..world.target_count()).filter(|number| world.target(*number).is_some_and(is_declared));
        let mut found = world.set(targets.chain(world.source_numbers()).filter(|number| is_sibling(*number)));
        found.union_with(&of);
        Ok(found)
    }

    fn buildfiles(&mut self, of: &'a Expression) -> Result<Nodes, QueryError> {
        let world = self.world;
        let of = self.set(of)?;
        let file = |number| {
            let declared = world.target(number).and_then(|target| target.declared.as_ref());
            let path = match declared {
                Some(declared) => declared.at.file.clone(),
                None => build_file(world.package(number)?),
            };
            world.number_of_file(path.as_str())
        };
        Ok(world.set(of.ones().filter_map(file)))
    }

    /// Returns the targets whose source the file is.
    fn owner(&mut self, PatternId(id): PatternId) -> Result<Nodes, QueryError> {
        let files = &self.sets[id];
        if files.ones().any(|number| self.world.file(number).is_none()) {
            let word = &self.words[id];
            return Err(evaluation(EvaluationProblem::NotAFile(word.text.clone()), word));
        }
        let mut owners = reach(self.world.backward(), files, Some(1));
        owners.difference_with(files);
        Ok(owners)
    }

    /// Returns the files that targets read themselves: sources, and outputs of others.
    fn inputs(&mut self, of: &'a Expression) -> Result<Nodes, QueryError> {
        let world = self.world;
        let mut of = self.set(of)?;
        of.set_range(world.file_numbers(), false);
        let mut inputs = reach(&world.forward, &of, Some(1));
        inputs.set_range(..world.target_count(), false);
        for target in of.ones().filter_map(|number| world.target(number)) {
            for input in target.actions.iter().flat_map(|action| &action.inputs) {
                if let Origin::Output(producer, name) = &input.from
                    && *producer != target.id
                    && let Some(output) = world.output(producer, name)
                {
                    inputs.insert(output);
                }
            }
        }
        Ok(inputs)
    }
}

fn evaluation(problem: EvaluationProblem, word: &Word) -> QueryError {
    QueryError::Evaluation { problem, span: word.span.clone() }
}

impl World<'_> {
    fn set(&self, numbers: impl IntoIterator<Item = usize>) -> Nodes {
        let mut set = self.none();
        set.extend(numbers);
        set
    }

    /// Returns the label or the path of a node.
    pub(super) fn name(&self, number: usize) -> String {
        match self.target(number) {
            Some(target) => target.id.label.to_string(),
            None => self.file(number).map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Returns the kind of a node in Bazel's words: `go_binary rule`, `source file`, `generated file`.
    pub(super) fn kind(&self, number: usize) -> String {
        match self.target(number) {
            Some(target) => format!("{} rule", target.rule),
            None => self.file(number).map_or("", super::format::file_kind).to_owned(),
        }
    }

    /// Returns the outputs that a target provides.
    fn outputs(&self, target: &Target) -> Vec<usize> {
        let provided = target.provides.iter().filter_map(|provided| match &provided.from {
            Origin::Output(owner, name) => self.output(owner, name),
            Origin::File(_) | Origin::Files(_) | Origin::Text(_) => None,
        });
        provided.collect()
    }

    /// Whether a target may depend on a node; files belong to their packages.
    fn is_visible(&self, number: usize, to: &Target) -> bool {
        let own = self.package(number) == Some(&to.id.label.package);
        own || self.target(number).is_some_and(|seen| model::allows(&seen.visibility, &to.id.label.package))
    }

    /// Returns the numbers of the files that targets own.
    fn source_numbers(&self) -> impl Iterator<Item = usize> {
        let sets = &self.backward().to_sets;
        self.file_numbers().filter(|number| !sets.row(*number).is_empty())
    }
}
