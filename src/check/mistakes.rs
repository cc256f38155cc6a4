//! Mistakes of types, in the words of both evaluation and inference. A value is named by its kind,
//! such as `a String`: see [`super::value::Value::kind`].

use crate::diag::{Code, Diagnostic, did_you_mean, suggestion};
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{BinaryOp, Ident, UnaryOp};

/// The kind of a text that the running pod completes.
pub(super) const RUNTIME: &str = "a value of the running pod";

/// A value of another kind than wanted.
pub(super) fn type_mismatch(wanted: &str, found: &str, span: Span) -> Diagnostic {
    if found == RUNTIME {
        return runtime_value(span);
    }
    Diagnostic::new(Code::TypeMismatch, span, format!("expected {wanted}, found {found}"))
}

/// A value of the running pod where it must be known now.
pub(super) fn runtime_value(span: Span) -> Diagnostic {
    Diagnostic::new(Code::RuntimeValue, span, "this is known in the running pod only").help(
        "values such as `leader.address` and `pod.ip` are legal in `command`, `args`, `flags`, `env` and `exec` probes",
    )
}

/// A text that is no member of a union.
pub(super) fn not_a_word(word: &str, words: &[String], span: Span) -> Diagnostic {
    let list: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    let message = format!("\"{word}\" is not one of {}", list.join(", "));
    let mut problem = Diagnostic::new(Code::TypeMismatch, span, message);
    let near = did_you_mean(word, words.iter().map(String::as_str));
    problem.help = near.map(|n| format!("did you mean \"{n}\"?"));
    problem
}

/// A key that a record does not have.
pub(super) fn unknown_key(key: &str, ty: &Type, known: &[&str], span: Span) -> Diagnostic {
    let mut problem = Diagnostic::new(Code::UnknownField, span, format!("unknown key `{key}` in `{ty}`"));
    problem.help = suggestion(key, known);
    problem
}

/// A role that is not made from the template that is asked for.
pub(super) fn not_made_from(role: &Ident, template: &str, span: Span) -> Diagnostic {
    let message = format!("role `{}` is not made from `{template}`", role.name);
    Diagnostic::new(Code::TypeMismatch, span, message)
        .label(role.span, "the role is declared here")
        .help(format!("make it from the template: `role {} is {template}(…)`", role.name))
}

/// A condition that is not a Bool.
pub(super) fn not_a_condition(found: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, span, format!("expected a Bool, found {found}"))
        .here("a condition is true or false")
}

/// A value that has no form in a text.
pub(super) fn not_in_a_text(found: &str, span: Span) -> Diagnostic {
    let help = match found {
        "a List" => Some("join it: `join(xs, \",\")`"),
        "a Map" => Some("write it as `json(…)` or `yaml(…)`"),
        "a Role" => Some("name what of the role is meant, such as `.service` or `.name`"),
        "a Model" => Some("say `.name` or `.path`"),
        _ => None,
    };
    let mut problem = Diagnostic::new(Code::TypeMismatch, span, format!("{found} cannot stand in a text"));
    problem.help = help.map(str::to_owned);
    problem
}

/// A computed key that is not a text.
pub(super) fn not_a_key(found: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, span, format!("a key is a String, found {found}"))
}

/// Something that `for` cannot walk.
pub(super) fn not_a_collection(found: &str, span: Span) -> Diagnostic {
    let problem = Diagnostic::new(Code::TypeMismatch, span, format!("expected a List or Map, found {found}"));
    match found {
        "an Int" => problem.help("numbers are listed by `range(n)` or `range(from, to)`"),
        _ => problem,
    }
}

/// A declaration that is not a value.
pub(super) fn not_a_value(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, span, format!("`{name}` is not a value"))
}

/// `leader`, `self` or `pod` without a member.
pub(super) fn lone_runtime(word: &str, span: Span) -> Diagnostic {
    let example = match word {
        "leader" => "leader.address",
        "self" => "self.rank",
        _ => "pod.ip",
    };
    Diagnostic::new(Code::TypeMismatch, span, format!("`{word}` alone is not a value"))
        .help(format!("for example `{example}`"))
}

/// A member that a value does not have.
pub(super) fn no_field(member: &Ident, known: &[&str], base: Span, found: &str) -> Diagnostic {
    let mut problem = Diagnostic::new(Code::UnknownField, member.span, format!("no field `{}`", member.name));
    problem.help = suggestion(&member.name, known);
    problem.label(base, format!("this is {found}"))
}

/// A member that a role, group or instance does not have; `of` is how the message begins.
pub(super) fn no_member(of: &str, member: &Ident, known: &[&str]) -> Diagnostic {
    let message = format!("{of} has no `{}`", member.name);
    let mut problem = Diagnostic::new(Code::UnknownField, member.span, message);
    problem.help = suggestion(&member.name, known);
    problem
}

/// A name that is longer than a DNS label; otherwise the grammar makes names labels.
pub(super) fn too_long_for_a_label(what: &str, name: &Ident) -> Diagnostic {
    let message = format!("the name of the {what} `{}` has {} characters", name.name, name.name.len());
    Diagnostic::new(Code::NameTooLong, name.span, message).help(format!("the name of a {what} has at most 63"))
}

/// An option that a statement does not have.
pub(super) fn unknown_option(name: &Ident, known: &[&str]) -> Diagnostic {
    let mut problem = Diagnostic::new(Code::UnknownField, name.span, format!("unknown option `{}`", name.name));
    problem.help = suggestion(&name.name, known);
    problem
}

/// An index into something that has none, or of the wrong kind.
pub(super) fn not_indexed(found: &str, by: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, span, format!("{found} cannot be indexed by {by}"))
}

/// `is` after something that is not a role.
pub(super) fn not_a_role(found: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, span, format!("expected a Role before `is`, found {found}"))
}

/// An operator with one operand that it does not take.
pub(super) fn bad_operand(op: UnaryOp, found: &str, span: Span) -> Diagnostic {
    let word = if op == UnaryOp::Not { "not" } else { "-" };
    Diagnostic::new(Code::BadOperands, span, format!("`{word}` cannot be applied to {found}"))
}

/// An operator with two operands that it does not take together.
pub(super) fn bad_operands(op: BinaryOp, a: (&str, Span), b: (&str, Span), span: Span) -> Diagnostic {
    let message = format!("`{}` cannot be applied to {} and {}", op.symbol(), a.0, b.0);
    let problem = Diagnostic::new(Code::BadOperands, span, message)
        .label(a.1, format!("this is {}", a.0))
        .label(b.1, format!("this is {}", b.0));
    if op == BinaryOp::Add && (a.0 == "a String" || b.0 == "a String") {
        return problem.help("texts are joined by interpolation: `\"${a}${b}\"`");
    }
    problem
}

/// Elements of a list that have no order.
pub(super) fn no_order(a: &str, b: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadOperands, span, format!("{a} and {b} have no order"))
}

/// A method that a value does not have.
pub(super) fn no_method(of: &str, method: &Ident) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, method.span, format!("{of} has no method `{}`", method.name))
}

/// `url` or `urls` without its port.
pub(super) fn needs_a_port(method: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, span, format!("`{method}` takes the name of a port"))
        .help("for example `\"http\"`")
}

/// `url` or `urls` that is not called.
pub(super) fn not_called(method: &Ident, role: &str) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, method.span, format!("`{}` is a method", method.name))
        .help(format!("call it with a port: `{role}.{}(\"http\")`", method.name))
}

/// More positional arguments than a function takes.
pub(super) fn too_many_arguments(function: &str, takes: usize, span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, span, format!("`{function}` takes {takes} arguments"))
}

/// An argument that is there already.
pub(super) fn given_twice(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, span, format!("`{name}` is given twice"))
}

/// A named argument that a function does not take.
pub(super) fn no_argument(function: &str, name: &str, params: &[&str], span: Span) -> Diagnostic {
    let mut problem = Diagnostic::new(Code::BadArguments, span, format!("`{function}` takes no `{name}`"));
    problem.help = suggestion(name, params);
    problem
}

/// An argument of a function that is left out.
pub(super) fn missing_argument(function: &str, missing: &str, required: &[&str], span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, span, format!("`{function}` needs `{missing}`"))
        .help(format!("`{function}({})`", required.join(", ")))
}

/// `template` without the path of a file.
pub(super) fn needs_a_path(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, span, "`template` takes the path of a file")
        .help("`template(\"router.yaml.j2\", name = value)`")
}

/// A value that `int`, `float` or `quantity` cannot read.
pub(super) fn not_a_number(value: &str, function: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, span, format!("{value} is not a number that `{function}` can read"))
}
