//! Problems as text: for people in a terminal, as JSON, and as GitHub annotations.
