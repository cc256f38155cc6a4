//! Lines of which the parts stand below each other.

/// Lines and the widths of their parts, in characters.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    indent: &'static str,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl Columns {
    /// Lines that begin with some blanks.
    pub(crate) fn indented(indent: &'static str) -> Self {
        Columns { indent, ..Columns::default() }
    }

    /// Adds a line.
    pub(crate) fn push<const N: usize>(&mut self, row: [String; N]) {
        self.widths.resize(self.widths.len().max(N), 0);
        for (width, part) in self.widths.iter_mut().zip(&row) {
            *width = (*width).max(part.chars().count());
        }
        self.rows.push(row.into());
    }

    /// The lines as text, without blanks at their ends.
    pub(crate) fn finish(self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let mut line = self.indent.to_owned();
            for (part, width) in row.iter().zip(&self.widths) {
                let room = width - part.chars().count() + 2;
                line.push_str(part);
                line.extend(std::iter::repeat_n(' ', room));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}
