//! How far coordinated roles may be apart while they are updated or scaled.

use super::super::state::{Checker, Context, FrameIx, RoleIx, View};
use super::super::value::Value;
use super::super::{Amount, CoordinatedRollout, CoordinatedScaling, Progression, Recovery, Share};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::resolve::Type;
use crate::rollout::{Schedule, TooLarge, Update, most_even, quickest};
use crate::source::Span;
use crate::syntax::{Expr, Key, MapBody, MapEntry};

/// The name and value of an entry `name = value`.
fn set(entry: &MapEntry) -> Option<(&str, &Expr)> {
    match entry {
        MapEntry::Set { key: Key::Name(key), value } => Some((&key.name, value)),
        MapEntry::Set { .. } | MapEntry::Merge { .. } | MapEntry::For { .. } => None,
    }
}

impl<'p> Checker<'_, '_, 'p> {
    /// The block `rollout` of a `coordinate`.
    pub fn coordinated_rollout(
        &mut self,
        body: &'p MapBody,
        frame: FrameIx,
        roles: &[RoleIx],
    ) -> Option<CoordinatedRollout> {
        let (mut skew, mut max_unavailable) = (None, None);
        for entry in &body.entries {
            match set(entry) {
                Some(("max-skew", value)) => skew = Some((self.share(value, frame)?, value.span)),
                Some(("max-unavailable", value)) => max_unavailable = Some(self.amount(value, frame)?),
                _ => self.no_option(entry, body.span, "rollout", &["max-skew", "max-unavailable"]),
            }
        }
        let schedule = self.steps(skew, max_unavailable, body.span, roles)?;
        Some(CoordinatedRollout { max_skew: skew.map(|(share, _)| share), max_unavailable, schedule, span: body.span })
    }

    /// The block `scale` of a `coordinate`.
    pub fn coordinated_scaling(&mut self, body: &'p MapBody, frame: FrameIx) -> Option<CoordinatedScaling> {
        let mut scaling = CoordinatedScaling { max_skew: None, order: Progression::Ready, span: body.span };
        for entry in &body.entries {
            match set(entry) {
                Some(("max-skew", value)) => scaling.max_skew = Some(self.share(value, frame)?),
                Some(("order", value)) => {
                    let word = self.one_of(&["ready", "scheduled"], value, frame)?;
                    scaling.order = if word == "ready" { Progression::Ready } else { Progression::Scheduled };
                }
                _ => self.no_option(entry, body.span, "scale", &["max-skew", "order"]),
            }
        }
        Some(scaling)
    }

    /// The fewest steps. Refuses a bound that no order of updates keeps, and numbers of instances that
    /// no schedule can be made for.
    fn steps(
        &mut self,
        skew: Option<(Share, Span)>,
        max_unavailable: Option<Amount>,
        block: Span,
        roles: &[RoleIx],
    ) -> Option<Schedule> {
        let instances = self.fixed_instances(block, roles)?;
        let limits = Amount::limits(max_unavailable, &instances);
        let update = |shared| Update { instances: &instances, limits: &limits, shared };
        match quickest(update(true), skew.map(|(share, _)| share.skew())) {
            Ok(Some(schedule)) => return Some(schedule),
            Ok(None) => {
                let span = skew.map_or(block, |(_, span)| span);
                self.unreachable(span, roles, [most_even(update(true)), most_even(update(false))]);
            }
            Err(TooLarge) => {
                let message = "there are too many orders in which these instances can be updated";
                let problem = Diagnostic::new(Code::LimitExceeded, block, message);
                self.report(problem.help("lower `max-unavailable`, coordinate fewer roles, or split the group"));
            }
        }
        None
    }

    /// How many instances each role has; no number may be an autoscaler's.
    fn fixed_instances(&mut self, block: Span, roles: &[RoleIx]) -> Option<Vec<u32>> {
        let mut instances = Vec::new();
        for role in roles {
            let (least, most) = self.bounds(*role)?;
            let count = u32::try_from(most).ok()?;
            if least != most {
                let name = self.role(*role).name.name.clone();
                let message =
                    format!("role `{name}` is updated in step with others and has no fixed number of instances");
                let replicas = self.field_span(View { role: *role, part: 0 }, "replicas");
                let problem = Diagnostic::new(Code::BadCoordination, block, message);
                self.report(problem.label(replicas, "a range").help("fix the number, or leave `rollout` out"));
                return None;
            }
            instances.push(count);
        }
        Some(instances)
    }

    fn unreachable(&mut self, span: Span, roles: &[RoleIx], best: [Result<Schedule, TooLarge>; 2]) {
        let [shared, alone] = best.map(|found| found.map_or(100.0, |schedule| schedule.skew.percent()));
        let names: Vec<String> = roles.iter().map(|role| format!("`{}`", self.role(*role).name.name)).collect();
        let message =
            format!("no order of updates keeps {} within this bound: the best is {shared:.1}%", names.join(", "));
        let help =
            format!("{shared:.1}% when a step updates instances of several roles, {alone:.1}% one role at a time");
        self.report(Diagnostic::new(Code::SkewUnreachable, span, message).help(help));
    }

    pub fn recovery(&mut self, value: &'p Expr, frame: FrameIx) -> Option<Recovery> {
        Recovery::parse(&self.one_of(&["pod", "instance", "role", "group"], value, frame)?)
    }

    fn one_of(&mut self, words: &[&str], expr: &'p Expr, frame: FrameIx) -> Option<String> {
        let value = self.eval(expr, Context::new(frame));
        let union = Type::Union(words.iter().map(|word| (*word).to_owned()).collect());
        let Value::Str(word) = self.convert(value, &union, expr.span) else { return None };
        Some(word.to_string())
    }

    fn share(&mut self, expr: &'p Expr, frame: FrameIx) -> Option<Share> {
        let value = self.eval(expr, Context::new(frame));
        let Value::Percent(percent) = self.convert(value, &Type::Percent, expr.span) else { return None };
        self.share_of(percent, expr.span)
    }

    fn share_of(&mut self, percent: f64, span: Span) -> Option<Share> {
        if (0.0..=100.0).contains(&percent) {
            return Some(Share { millionths: (percent * 10_000.0).round() as u32 });
        }
        let problem = Diagnostic::new(Code::OutOfRange, span, format!("{percent}% is no share of a whole"));
        self.report(problem.help("0% to 100%"));
        None
    }

    /// A number of instances, or a share of them.
    fn amount(&mut self, expr: &'p Expr, frame: FrameIx) -> Option<Amount> {
        match self.eval(expr, Context::new(frame)) {
            Value::Percent(percent) => Some(Amount::Share(self.share_of(percent, expr.span)?)),
            value => {
                let Value::Int(count) = self.convert(value, &Type::Int, expr.span) else { return None };
                match u32::try_from(count) {
                    Ok(count) if count > 0 => Some(Amount::Count(count)),
                    _ => {
                        let message = format!("{count} instances at a time never end an update");
                        let problem = Diagnostic::new(Code::OutOfRange, expr.span, message);
                        self.report(problem.help("1 or more, or a share such as `25%`"));
                        None
                    }
                }
            }
        }
    }

    /// What a block does not know.
    pub fn no_option(&mut self, entry: &MapEntry, block: Span, name: &str, known: &[&str]) {
        let (MapEntry::Set { key: Key::Name(key), .. } | MapEntry::Merge { key: Key::Name(key), .. }) = entry else {
            let message = format!("the keys of `{name}` are written out");
            return self.report(Diagnostic::new(Code::MisplacedStatement, block, message));
        };
        let mut problem = Diagnostic::new(Code::UnknownField, key.span, format!("`{name}` has no `{}`", key.name));
        problem.help = suggestion(&key.name, known);
        self.report(problem);
    }
}
