//! What is said about texts that do not parse.

use crate::syntax::parse::parse_text;

/// The text has a problem at this place which reads so: code, message, further labels, help.
#[track_caller]
fn bad(text: &str, place: &str, expected: &str) {
    let problems = parse_text(text, 0).problems;
    let shown: Vec<(&str, String)> = problems
        .iter()
        .map(|p| {
            let at = p.span().unwrap_or_default();
            let mut shown = format!("{}: {}", p.code.text(), p.message);
            for label in p.labels.iter().skip(1) {
                shown += &format!("; {} at {}", label.message, label.span.lo);
            }
            if let Some(help) = &p.help {
                shown += &format!("; {help}");
            }
            (&text[at.lo as usize..at.hi as usize], shown)
        })
        .collect();
    assert!(shown.iter().any(|(at, p)| *at == place && p == expected), "{text}\nexpected {expected}\nfound {shown:#?}");
}

#[test]
fn characters_and_literals() {
    bad(
        "let x = \"a ${ b",
        "${",
        "E0007: this `${` has no `}` on its line; close it with `}`; for a dollar sign before a brace write `\\$`",
    );
    bad(
        "let x = 9223372036854775808",
        "9223372036854775808",
        "E0007: `9223372036854775808` is too large; the largest number is 9223372036854775807",
    );
    bad(
        "let x = 99999999999999999999Gi",
        "99999999999999999999Gi",
        "E0007: the quantity `99999999999999999999Gi` is too large or finer than a thousandth",
    );
    bad(
        "let x = 10mins",
        "10mins",
        "E0007: `10mins` has no known unit; did you mean `10min`? quantities end in `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti`, durations in `ms`, `s`, `min`, `h`, `d`",
    );
    bad(
        "let x = 80GB",
        "80GB",
        "E0007: `80GB` has no known unit; did you mean `80G`? quantities end in `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti`, durations in `ms`, `s`, `min`, `h`, `d`",
    );
    bad(
        "let x = 80gi",
        "80gi",
        "E0007: `80gi` has no known unit; did you mean `80Gi`? quantities end in `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti`, durations in `ms`, `s`, `min`, `h`, `d`",
    );
    bad(
        "let x = 8x",
        "8x",
        "E0007: `8x` has no known unit; quantities end in `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti`, durations in `ms`, `s`, `min`, `h`, `d`",
    );
    bad("let x = 0:2", "0:2", "E0007: a side of the ratio `0:2` is zero");
    bad(
        "let x = 99999999999:1",
        "99999999999:1",
        "E0007: `99999999999:1` is not a ratio; a ratio is two whole numbers, such as `1:2`",
    );
    bad(
        "let x = 0644",
        "0644",
        "E0007: the number `0644` begins with a zero; numbers are decimal: the octal file mode `0644` is written `420`",
    );
    bad(
        "let x = 0x1f",
        "0x1f",
        "E0007: `0x1f` has no known unit; quantities end in `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti`, durations in `ms`, `s`, `min`, `h`, `d`",
    );
    bad("let x = 007s", "007s", "E0007: the number `007s` begins with a zero; write `7s`");
    bad("let x = 1_000", "1_000", "E0007: `1_000` has no known unit; write the digits without `_`");
    bad("let x = 1.0001ms", "1.0001ms", "E0007: `1.0001ms` is not a whole number of milliseconds, or too long");
    bad("let x = 5x%", "5x%", "E0007: `5x%` is not a percentage");
    bad(
        "let x = \"\\q\"",
        "\\q",
        "E0007: unknown escape `\\q`; known are `\\n`, `\\t`, `\\\\`, `\\\"`, `\\$` and `\\u{1f600}`; a `#\"raw string\"#` has no escapes",
    );
    bad(
        "let x = \"\\u{110000}\"",
        "\\u{110000}",
        "E0007: unknown escape `\\u{110000}`; known are `\\n`, `\\t`, `\\\\`, `\\\"`, `\\$` and `\\u{1f600}`; a `#\"raw string\"#` has no escapes",
    );
    bad(
        "let x = \"\\u12\"",
        "\\u",
        "E0007: unknown escape `\\u`; known are `\\n`, `\\t`, `\\\\`, `\\\"`, `\\$` and `\\u{1f600}`; a `#\"raw string\"#` has no escapes",
    );
    bad(
        "let x = \"\"\"\n    a\n  b\n    \"\"\"",
        "  b",
        "E0007: this line is indented less than the closing `\"\"\"`; the white space before the closing `\"\"\"` is removed from every line; move the quotes to the left",
    );
    bad("let x = \u{feff}1", "\u{feff}", "E0006: a byte order mark, U+FEFF; remove it");
    bad(
        "\u{feff}let x = 1",
        "\u{feff}",
        "E0006: a byte order mark, U+FEFF; save the file as UTF-8 without a byte order mark (BOM)",
    );
    bad(
        "let x = \"\u{202e}\"",
        "\u{202e}",
        "E0006: a character that changes the direction of text, U+202E; what is shown is not what is compiled; remove it, or write `\\u{202e}` in a string",
    );
    bad("let x = 1 // \u{7}", "\u{7}", "E0006: a control character, U+0007; remove it, or write `\\u{7}` in a string");
}

#[test]
fn declarations() {
    bad("grop g { }", "grop", "E0004: expected a declaration, found `grop`; did you mean `group`?");
    bad(
        "role x {}",
        "role",
        "E0004: expected a declaration, found `role`; a declaration begins with one of `use`, `param`, `let`, `template`, `edge`, `group`, `tenant`, `policy`, `refine`, `assert` or `private`",
    );
    bad("let = 3", "=", "E0004: expected a name, found `=`; a comparison is written `==`");
    bad("let x 3", "3", "E0004: expected `:` or `=`, found `3`; write `x = 3`");
    bad("let Foo = 3", "Foo", "E0004: `Foo` is not a name; names are lower case with hyphens between words: `foo`");
    bad(
        "template foo { }",
        "foo",
        "E0004: `foo` is not the name of a template, edge or type; their names begin with a capital and have no hyphens: `Foo`",
    );
    bad("param x = 3", "=", "E0004: expected `:`, found `=`; a name and its type are joined with `:`");
    bad("param x: = 3", "=", "E0004: expected a type, found `=`");
    bad("param x: Lst<Int = 3", "=", "E0004: expected `,`, `>` or `|`, found `=`; a comparison is written `==`");
    bad("use std.sglang { A B }", "B", "E0004: expected `}` or `,`, found `B`; put a `,` between the two");
    bad("use", "", "E0004: expected a name or a string");
    bad("let x = [for y in z y]", "y", "E0004: expected `:` or `if`, found `y`");
    bad("let x = {for y in z: y}", "}", "E0004: expected `=`, found `}`");
    bad("let x = \"a ${}\"", "}", "E0004: expected an expression, found `}`");
    bad(
        "let x = \"abc\nlet y = 2",
        "\"abc",
        "E0004: this string is never closed; close it with `\"` on the same line; a text of several lines is written between `\"\"\"`",
    );
    bad("let x = \"\"\"\nabc\nlet y = 2", "\"\"\"", "E0004: this string is never closed; close it with `\"\"\"`");
    bad("let x = #\"abc\nlet y = 2", "#\"abc", "E0004: this string is never closed; close it with `\"#`");
    bad("tenant {", "{", "E0004: expected a name, found `{`");
    bad("policy p { { }", "", "E0004: expected `}`; this `{` is never closed at 9");
    bad(
        "let x = 1 let y = 2",
        "let",
        "E0004: expected the end of the declaration, found `let`; a declaration begins in the first column of its line",
    );
    bad("private", "", "E0004: expected a declaration");
    bad("private use", "", "E0004: expected a name or a string");
    bad("group g x { }", "x", "E0004: expected `for`, `is`, `x`, `{` or the end of the declaration, found `x`");
    bad("group g x 3 + 1 { }", "+", "E0004: expected `for`, `is`, `{` or the end of the declaration, found `+`");
    bad("edge E(from: A) { from { a } }", "}", "E0004: expected `=` or `{`, found `}`");
    bad("let x = a => b", "=", "E0004: expected the end of the declaration, found `=`; a comparison is written `==`");
    bad(
        "let x = f(a = 1, 2)",
        "2",
        "E0004: an argument without a name after one with a name; write the arguments without names first",
    );
    bad(
        "let x = f(a: 1)",
        ":",
        "E0004: expected `)` or `,`, found `:`; an argument with a name is written `name = value`",
    );
    bad("let x = 1 +", "", "E0004: expected an expression");
    bad("let x = )", ")", "E0004: expected an expression, found `)`");
    bad("let x = @", "@", "E0004: expected an expression, found `@`");
    bad("let x = é", "é", "E0004: expected an expression, found `é`");
    bad("let x = 1 + é", "é", "E0004: expected an expression, found `é`");
    bad("let x = 1:2:3", ":", "E0004: expected the end of the declaration, found `:`");
    bad("let x = 1:x", ":", "E0004: expected the end of the declaration, found `:`");
    bad("let x = a\n  - b", "-", "E0004: `-` needs white space on both sides, on one line; write `a - b` on one line");
    bad(
        "let x = a -\n  b",
        "-",
        "E0004: expected the end of the declaration, found `-`; `-` between two values needs white space on both sides, on one line",
    );
    bad("let x = (1)(2)", "(1)", "E0004: this cannot be called; only builtins and methods of roles are called");
    bad("let X-y = 1", "X-y", "E0004: `X-y` is not a name; names are lower case with hyphens between words: `x-y`");
    bad(
        "param x: string",
        "string",
        "E0004: `string` is not the name of a template, edge or type; their names begin with a capital and have no hyphens: `String`",
    );
    bad(
        "use \"a${b}\"",
        "b",
        "E0004: the path of a file is plain text, without `${…}`; for a dollar sign before a brace write `\\$`",
    );
}

#[test]
fn statements() {
    bad(
        "group g {\n  replicas = 2, pods = 4\n}",
        ",",
        "E0004: expected `}` or a statement, found `,`; statements and entries are separated by white space; remove the `,`",
    );
    bad("group g {\n  replicas 2\n}", "2", "E0004: expected `=` or `{`, found `2`; write `replicas = 2`");
    bad("group g {\n  namespace \"x\"\n}", "\"", "E0004: expected `=` or `{`, found a string; write `namespace = …`");
    bad("group g {\n  a: 2\n}", ":", "E0004: expected `=` or `{`, found `:`; a key and its value are joined with `=`");
    bad("group g {\n  a == 2\n}", "=", "E0004: expected an expression, found `=`; a value is given with one `=`");
    bad(
        "group g {\n  a = b = 2\n}",
        "=",
        "E0004: expected `}` or a statement, found `=`; a comparison is written `==`",
    );
    bad(
        "group g {\n  assert a = b\n}",
        "=",
        "E0004: expected `}`, `,` or a statement, found `=`; a comparison is written `==`",
    );
    bad(
        "group g {\n  # hello it's\n  a = 1\n}",
        "# hello it's",
        "E0004: expected `}` or a statement, found `#`; comments begin with `//`",
    );
    bad(
        "group g {\n  a = 'x'\n}",
        "'",
        "E0004: expected an expression, found `'`; strings are written between double quotes",
    );
    bad(
        "group g {\n  a = b && c\n}",
        "&",
        "E0004: expected `}` or a statement, found `&`; both conditions: write `a and b`",
    );
    bad(
        "group g {\n  a = b || c\n}",
        "|",
        "E0004: expected `}` or a statement, found `|`; either condition: write `a or b`",
    );
    bad(
        "group g {\n  a = !c\n}",
        "!",
        "E0004: expected an expression, found `!`; negation is written `not x`, inequality `a != b`",
    );
    bad(
        "group g {\n  a =\n    - 1\n    - 2\n}",
        "-",
        "E0004: expected an expression, found `-`; a list is written `[a, b]`",
    );
    bad(
        "group g {\n  a = b -c\n}",
        "-",
        "E0004: expected `}` or a statement, found `-`; `-` between two values needs white space on both sides, on one line",
    );
    bad(
        "group g {\n  a = b %c\n}",
        "%",
        "E0004: expected `}` or a statement, found `%`; `%` between two values needs white space on both sides, on one line",
    );
    bad(
        "group g {\n  a = len (c)\n}",
        "(",
        "E0004: expected `}` or a statement, found `(`; the parenthesis of a call touches its name: `f(x)`",
    );
    bad(
        "group g {\n  a = c [1]\n}",
        "[",
        "E0004: expected `}` or a statement, found `[`; the bracket of an index touches its value: `xs[0]`",
    );
    bad(
        "group g {\n  a = c .d\n}",
        ".",
        "E0004: expected `}` or a statement, found `.`; a field touches its value: `x.field`",
    );
    bad("group g {\n  a = c.\n}", "}", "E0004: expected a name, found `}`");
    bad("group g {\n  a = \n}", "}", "E0004: expected an expression, found `}`");
    bad("group g {\n  a = (1 + 2\n}", "}", "E0004: expected `)`, found `}`; this `(` is never closed at 16");
    bad("group g {\n  a = [1, 2\n}", "}", "E0004: expected `]` or `,`, found `}`; this `[` is never closed at 16");
    bad("group g {\n  a = [1 2]\n}", "2", "E0004: expected `]` or `,`, found `2`; put a `,` between the two");
    bad(
        "group g {\n  a = f(1, 2\n  b = 3\n}",
        "b",
        "E0004: expected `)` or `,`, found `b`; this `(` is never closed at 17",
    );
    bad(
        "group g {\n  role a {\n    b = 1\n  role c {\n  }\n}\n",
        "",
        "E0004: expected `}` or a statement; this `{` is never closed at 19",
    );
    bad("group g {\n  a = 1\n", "", "E0004: expected `}` or a statement; this `{` is never closed at 8");
    bad(
        "group g {\n  a = 1\n}\n}\n",
        "}",
        "E0004: expected the end of the declaration, found `}`; nothing is open that this could close",
    );
    bad(
        "group g {\n  a = 1\n}\n  let x = 1\n",
        "let",
        "E0004: expected the end of the declaration, found `let`; a declaration begins in the first column of its line",
    );
    bad(
        "group g { role a is b { } }",
        "b",
        "E0004: `b` is not the name of a template, edge or type; their names begin with a capital and have no hyphens: `B`",
    );
    bad(
        "group g { role a { } when x }",
        "x",
        "E0004: expected `=` or `{`, found `x`; `when` stands before a block: `role r is T when condition { … }`; \
         a field decides in its value: `if condition then … else unset`",
    );
    bad("group g { connect a b }", "b", "E0004: expected `->`, found `b`");
    bad("group g { connect a -> }", "}", "E0004: expected a name, found `}`");
    bad(
        "group g { place { a with rack } }",
        "with",
        "E0004: expected `,`, `apart`, `near`, `on` or `within`, found `with`; put a `,` between the two",
    );
    bad("group g { place { spread a } }", "}", "E0004: expected `,` or `over`, found `}`");
    bad("group g { ready http \"/x\" }", "}", "E0004: expected `on`, found `}`");
    bad(
        "group g { ready foo }",
        "foo",
        "E0004: expected `=`, `exec`, `grpc`, `http`, `tcp`, `when` or `{`, found `foo`",
    );
    bad("group g { port http 8000 }", "8000", "E0004: expected `=`, `when` or `{`, found `8000`; write `http = 8000`");
    bad("group g { after }", "}", "E0004: expected `=`, `{` or a role, found `}`");
    bad(
        "group g { flags { tp-size: 4 } }",
        ":",
        "E0004: expected `=`, `{` or a name, found `:`; a key and its value are joined with `=`",
    );
    bad(
        "group g { flags { tp-size = 4, b = 2 } }",
        ",",
        "E0004: expected `}` or a key, found `,`; statements and entries are separated by white space; remove the `,`",
    );
    bad("group g { flags { tp-size 4 } }", "4", "E0004: expected `=`, `{` or a name, found `4`; write `tp-size = 4`");
    bad("group g { a = if b then c }", "}", "E0004: expected `else`, found `}`");
    bad("group g { a = if b c }", "c", "E0004: expected `then`, found `c`");
    bad("group g { a = x not in y }", "in", "E0004: expected `=` or `{`, found `in`; write `not (x in xs)`");
    bad(
        "group g { a = b ? c : d }",
        "?",
        "E0004: expected `}` or a statement, found `?`; a choice is written `if condition then a else b`",
    );
    bad(
        "group g { a = b; c = d }",
        ";",
        "E0004: expected `}` or a statement, found `;`; statements and entries are separated by white space; remove the `;`",
    );
    bad(
        "group g { a_b = 1 }",
        "a_b",
        "E0004: `a_b` is not a name; names are lower case with hyphens between words: `a-b`",
    );
    bad("group g { leader = { } leader { x } }", "}", "E0004: expected `=` or `{`, found `}`");
    bad(
        "group g { file \"/a${b}\" = 1 }",
        "b",
        "E0004: the path of a mount is plain text, without `${…}`; for a dollar sign before a brace write `\\$`",
    );
    bad(
        "group g { place { a, b near c at rack } }",
        "b",
        "E0004: `near` binds one role; write one clause for each role: `b near … at …`",
    );
}
