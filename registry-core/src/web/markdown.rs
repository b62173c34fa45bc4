use std::borrow::Cow;
use std::collections::HashSet;

use ammonia::Builder;
use maud::html;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use url::Url;

/// The longest readme that is rendered, in bytes.
const LONGEST: usize = 256 << 10;
/// The prefix of all ids, so that a readme cannot claim one of the page's own.
const ID_PREFIX: &str = "readme-";
/// Elements that a parser opens again in each block that follows, if they are not closed.
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Elements that are never open.
const EMPTY: [&str; 6] = ["br", "col", "hr", "img", "input", "wbr"];
/// The most elements that such reopening may add.
const MOST_REOPENED: usize = 400_000;
/// The most open elements that a parser may look at.
const MOST_LOOKED_AT: usize = 20_000_000;
/// How deeply quotes and lists may be nested.
const DEEPEST: usize = 60;
/// What is escaped in a segment of a path.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// Where the relative links of a readme lead.
#[derive(Debug, Clone)]
pub(crate) struct ReadmePlace {
    /// The address of the version's files, without a slash at its end.
    pub(crate) files: String,
    /// The address of the version's pictures, without a slash at its end.
    pub(crate) pictures: String,
}

/// Renders Markdown to HTML in which nothing is executable and which loads nothing from elsewhere. Relative links lead to
/// the files of the version; pictures of other hosts are replaced by their texts.
pub(crate) fn render_readme(text: &str, place: &ReadmePlace) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM;
    let events = Parser::new_ext(text, options).map(without_checkbox);
    let mut events = without_foreign_pictures(events);
    if nesting(&events) > DEEPEST {
        return html! { pre { (text) } }.into_string();
    }
    if is_slow_to_parse(&events) {
        for event in &mut events {
            if let Event::Html(raw) | Event::InlineHtml(raw) = event {
                *event = Event::Text(raw.clone());
            }
        }
    }
    name_headings(&mut events);
    let mut rendered = String::with_capacity(text.len() * 2);
    pulldown_cmark::html::push_html(&mut rendered, events.into_iter());
    sanitize(&rendered, place)
}

/// A checkbox that cannot be changed is a sign.
fn without_checkbox(event: Event<'_>) -> Event<'_> {
    match event {
        Event::TaskListMarker(true) => Event::Text("☑ ".into()),
        Event::TaskListMarker(false) => Event::Text("☐ ".into()),
        other => other,
    }
}

/// Replaces pictures that are not in the package by their texts.
fn without_foreign_pictures<'a>(events: impl Iterator<Item = Event<'a>>) -> Vec<Event<'a>> {
    let mut kept = Vec::new();
    // Whether each picture that is open is kept.
    let mut open = Vec::new();
    for event in events {
        match &event {
            Event::Start(Tag::Image { dest_url, .. }) => {
                open.push(relative(dest_url).is_some());
                if open.last() == Some(&false) {
                    continue;
                }
            }
            Event::End(TagEnd::Image) if open.pop() == Some(false) => continue,
            _ => {}
        }
        kept.push(event);
    }
    kept
}

/// How deeply quotes and lists are nested.
fn nesting(events: &[Event<'_>]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for event in events {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether raw HTML may leave so many elements open that a parser takes long. It opens formatting elements again in each
/// block that follows, and looks through all that are open at each block. Both are upper bounds: elements that are closed
/// count too.
fn is_slow_to_parse(events: &[Event<'_>]) -> bool {
    let (mut formatting, mut open, mut blocks) = (0, 0, events.len());
    for event in events {
        let (Event::Html(raw) | Event::InlineHtml(raw)) = event else { continue };
        for tag in raw.split('<').skip(1) {
            blocks += 1;
            let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).take(12).collect();
            let name = name.to_ascii_lowercase();
            if FORMATTING.contains(&name.as_str()) {
                formatting += 1;
            }
            if !name.is_empty() && !EMPTY.contains(&name.as_str()) {
                open += 1;
            }
        }
    }
    formatting * blocks > MOST_REOPENED || open * blocks > MOST_LOOKED_AT
}

/// Gives each heading an id made of its text, as code hosts do, and moves it one level down, below the page's own.
fn name_headings(events: &mut [Event<'_>]) {
    let mut used = HashSet::new();
    for start in 0..events.len() {
        let Event::Start(Tag::Heading { .. }) = &events[start] else { continue };
        let mut title = String::new();
        for event in &mut events[start + 1..] {
            match event {
                Event::Text(text) | Event::Code(text) => title.push_str(text),
                Event::End(TagEnd::Heading(level)) => {
                    *level = one_down(*level);
                    break;
                }
                _ => {}
            }
        }
        let mut slug = slug(&title);
        let mut number = 0;
        while !used.insert(slug.clone()) {
            number += 1;
            slug = format!("{}-{number}", self::slug(&title));
        }
        if let Event::Start(Tag::Heading { id, level, .. }) = &mut events[start] {
            *id = Some(CowStr::from(slug));
            *level = one_down(*level);
        }
    }
}

fn one_down(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

fn slug(title: &str) -> String {
    let kept = title.trim().chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|sign| if sign == ' ' { '-' } else { sign }).take(80).collect()
}

fn sanitize(rendered: &str, place: &ReadmePlace) -> String {
    let place = place.clone();
    let mut builder = Builder::default();
    builder
        .rm_tags(["area", "article", "aside", "footer", "header", "hgroup", "map", "nav"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .add_tag_attributes("img", ["width", "height", "alt", "title"])
        .add_generic_attributes(["id"])
        .id_prefix(Some(ID_PREFIX))
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("a", "href") => link(value, &place.files),
            ("img", "src") => picture(value, &place.pictures),
            (_, "href" | "src" | "cite") => web_url(value).then(|| value.into()),
            _ => Some(value.into()),
        });
    builder.clean(rendered).to_string()
}

/// Returns where a link leads; `None` removes it.
fn link<'a>(target: &'a str, files: &str) -> Option<Cow<'a, str>> {
    if let Some(heading) = target.strip_prefix('#') {
        return Some(format!("#{ID_PREFIX}{heading}").into());
    }
    if web_url(target) || is_mail(target) {
        return Some(target.into());
    }
    relative(target).map(|path| format!("{files}/{path}").into())
}

fn picture<'a>(target: &'a str, pictures: &str) -> Option<Cow<'a, str>> {
    relative(target).map(|path| format!("{pictures}/{path}").into())
}

fn web_url(target: &str) -> bool {
    Url::parse(target).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn is_mail(target: &str) -> bool {
    Url::parse(target).is_ok_and(|url| url.scheme() == "mailto")
}

/// Returns the path of a file of the package, escaped; `None` for what is no path in it.
fn relative(target: &str) -> Option<String> {
    let is_relative = matches!(Url::parse(target), Err(url::ParseError::RelativeUrlWithoutBase));
    let target = target.trim();
    if !is_relative || target.starts_with("//") || target.contains(['\\', ':']) || target.starts_with("/\\") {
        return None;
    }
    let path = target.split(['#', '?']).next().unwrap_or_default();
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8().ok()?;
        match &*decoded {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name if name.contains(['/', '\\']) || name.chars().any(char::is_control) => return None,
            name => segments.push(utf8_percent_encode(name, SEGMENT).to_string()),
        }
    }
    (!segments.is_empty()).then(|| segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> ReadmePlace {
        ReadmePlace {
            files: "/package/pear/v/1.0.0/files".into(),
            pictures: "/package/pear/v/1.0.0/raw".into(),
        }
    }

    fn render(text: &str) -> String {
        render_readme(text, &place())
    }

    #[test]
    fn headings_have_ids_that_links_in_the_readme_reach() {
        insta::assert_snapshot!(render("# Pear\n\n[use](#how-to-use)\n\n## How to use\n\n## How to `use`\n"), @r##"
        <h2 id="readme-pear">Pear</h2>
        <p><a href="#readme-how-to-use" rel="noopener noreferrer nofollow">use</a></p>
        <h3 id="readme-how-to-use">How to use</h3>
        <h3 id="readme-how-to-use-1">How to <code>use</code></h3>
        "##);
    }

    #[test]
    fn tables_lists_and_code_are_rendered() {
        let text =
            "| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] not\n\n~~old~~\n\n```js\na < b;\n```\n";
        insta::assert_snapshot!(render(text), @r"
        <table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>
        <tr><td>1</td><td>2</td></tr>
        </tbody></table>
        <ul>
        <li>☑ done</li>
        <li>☐ not</li>
        </ul>
        <p><del>old</del></p>
        <pre><code>a &lt; b;
        </code></pre>
        ");
    }

    #[test]
    fn relative_links_lead_into_the_package_and_no_further() {
        for (target, expected) in [
            ("docs/use.md", Some("docs/use.md")),
            ("./docs/../LICENSE#top", Some("LICENSE")),
            ("/docs/a%20b.md?plain=1", Some("docs/a%20b.md")),
            ("../other", None),
            ("//evil.example/x", None),
            ("/\\evil.example/x", None),
            ("\\\\evil.example/x", None),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("a/%2e%2e/%2e%2e/x", None),
            ("a%2fb", None),
            ("", None),
            ("#top", None),
        ] {
            assert_eq!(relative(target).as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn pictures_come_from_the_package_only() {
        let text = "![here](logo.png) ![there](https://evil.example/track.gif) <img src='//evil.example/x'>";
        insta::assert_snapshot!(render(text), @r#"<p><img src="/package/pear/v/1.0.0/raw/logo.png" alt="here"> there <img></p>"#);
    }

    #[test]
    fn what_makes_a_parser_slow_is_rendered_in_time() {
        let tags =
            (0..5000).fold(String::new(), |all, number: u32| all + "<b id=" + &number.to_string() + ">");
        let hostile = [
            tags.clone() + &"\n\nx".repeat(50_000),
            tags + &"<p>".repeat(50_000),
            "<div>".repeat(50_000),
            "> ".repeat(50_000) + "x",
            "* ".repeat(50_000),
            "[".repeat(100_000),
            "![".repeat(50_000) + &"](x)".repeat(20_000),
            "*a_ ".repeat(60_000),
            "`".repeat(1000) + &"` ``".repeat(50_000),
            "|".repeat(5000) + "\n" + &"|-".repeat(5000) + "\n" + &"|x\n".repeat(20_000),
        ];
        for (number, text) in hostile.iter().enumerate() {
            let html = render(text);
            assert!(html.len() < 64 << 20, "{number}: {}", html.len());
        }
    }
}
