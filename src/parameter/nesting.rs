//! A bound on nesting, checked before parsing: the parser, and everything after it, walks values recursively.
//!
//! Knows the tokens of TOML, not its grammar; it may only err towards a deeper count. Start at [`check`].

use super::problem::Problem;
use super::tree::{Origin, SourceId};

/// Levels of brackets, braces and dotted keys together.
const MAX_DEPTH: usize = 64;

/// Refuses a text that nests deeper than anyone would write.
pub(super) fn check(text: &str, source: SourceId) -> Result<(), Problem> {
    let bytes = text.as_bytes();
    // Each open bracket with the dots of the key before it, which nest as well.
    let mut open: Vec<(u8, usize)> = Vec::new();
    let (mut depth, mut dots) = (0, 0);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        at = token_end(bytes, at);
        match bytes[start] {
            byte @ (b'[' | b'{') => {
                open.push((byte, dots));
                depth += 1 + dots;
                dots = 0;
            }
            byte @ (b']' | b'}') => {
                let opening = if byte == b']' { b'[' } else { b'{' };
                if let Some((_, before)) = open.pop_if(|(byte, _)| *byte == opening) {
                    depth -= 1 + before;
                    dots = before;
                }
            }
            b'.' => dots += 1,
            b',' | b'\n' | b'\r' => dots = 0,
            _ => {}
        }
        if depth + dots > MAX_DEPTH {
            let origin = Origin::new(source, start..at);
            return Err(Problem::at(&origin, "nested too deeply", format!("deeper than {MAX_DEPTH} levels")));
        }
    }
    Ok(())
}

/// Where the token ends that begins at `at`; strings and comments are one token each, also if unfinished.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let length = match rest[0] {
        b'#' => rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')),
        b'"' | b'\'' => Some(string_length(rest)),
        byte if is_special(byte) => Some(1),
        _ => rest.iter().position(|&byte| is_special(byte) || byte == b'#'),
    };
    at + length.unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'.' | b'=' | b',' | b'[' | b']' | b'{' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
}

/// Length of the string token that `text` begins with. A string in single quotation marks has no escapes.
fn string_length(text: &[u8]) -> usize {
    let quote = text[0];
    let long = text.starts_with(&[quote; 3]);
    let closing: &[u8] = if long { &[quote; 3][..] } else { &[quote][..] };
    let mut at = closing.len();
    while at < text.len() {
        if text[at..].starts_with(closing) {
            at += closing.len();
            // A long string may end in up to two quotation marks of its own.
            let own =
                if long { text[at..].iter().take(2).take_while(|&&byte| byte == quote).count() } else { 0 };
            return at + own;
        }
        if quote == b'"' && text[at] == b'\\' && matches!(text.get(at + 1), Some(b'\\' | b'"')) {
            at += 1;
        } else if !long && text[at] == b'\n' {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        assert_eq!(super::check(text, SourceId::FILE).is_ok(), expected, "{text}");
    }

    #[test]
    fn brackets_and_dots_nest_but_strings_and_comments_do_not() {
        check(&format!("a = {}{}", "[".repeat(64), "]".repeat(64)), true);
        check(&format!("a = {}", "[".repeat(65)), false);
        check(&format!("a{} = 1", ".a".repeat(64)), true);
        check(&format!("a{} = 1", ".a".repeat(65)), false);
        // 40 dots before the brace and 30 behind it are 71 levels.
        check(&format!("a{} = {{ a{} = 1 }}", ".a".repeat(40), ".a".repeat(30)), false);
        check(&format!("a = \"{}\" # {}", "[".repeat(99), ".".repeat(99)), true);
        check(&format!("a = \"\"\"\n\\\" {} \"\"\"\"\"\nb = '{}'", "[".repeat(99), "{".repeat(99)), true);
        check(&"a = [1.5, [2.5, 3.5]]\n".repeat(99), true);
    }

    #[test]
    fn a_wrong_bracket_closes_nothing() {
        check(&"a = [ }\n".repeat(65), false);
    }
}
