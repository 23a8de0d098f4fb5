//! A report as a page: one HTML file that holds its data, its style and its script, and asks no network for
//! anything. Decides nothing.
//!
//! The script is the modules of `reports/page`, joined when ackproof is built. It reads the data as it stands in
//! the file. Without a script the page shows the report as text.
//!
//! - [`course`] what the lanes and curves of a run are drawn from, [`twin`] those of another · [`bundle`] joins the modules

mod bundle;
pub mod course;
pub mod twin;

use crate::check::CheckReport;
use crate::compare::CompareReport;
use crate::contract::Contract;
use crate::human;
use crate::run::RunReport;
use crate::sweep::SweepReport;
use crate::validate::ValidateReport;
use crate::what_if::WhatIfReport;
use course::Course;
use serde::Serialize;
use twin::Twin;

const STYLE: &str = include_str!("../page/page.css");

/// What the script is given.
#[derive(Serialize)]
struct Data<'a, T> {
    /// Which page it is.
    page: &'static str,
    report: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<&'a Contract>,
    #[serde(skip_serializing_if = "Option::is_none")]
    course: Option<&'a Course>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_if: Option<&'a WhatIfReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    twin: Option<&'a Twin>,
}

impl<'a, T> Data<'a, T> {
    const fn of(page: &'static str, report: &'a T) -> Self {
        Self { page, report, contract: None, course: None, what_if: None, twin: None }
    }
}

/// One run.
#[must_use]
pub fn run(report: &RunReport, contract: &Contract, course: &Course) -> String {
    let title = format!("{} {} seed {}", report.verdict, report.scenario, report.seed);
    let data = Data { contract: Some(contract), course: Some(course), ..Data::of("run", report) };
    html(&title, &data, &human::run(report))
}

/// One run, what would have saved it, and a run that does not fail beside it.
#[must_use]
pub fn what_if(
    (report, contract, course): (&RunReport, &Contract, &Course),
    what_if: &WhatIfReport,
    twin: Option<&Twin>,
) -> String {
    let title = format!("{} seed {}: what if", report.scenario, report.seed);
    let (contract, course) = (Some(contract), Some(course));
    let data = Data { contract, course, what_if: Some(what_if), twin, ..Data::of("run", report) };
    html(&title, &data, &format!("{}\n{}", human::run(report), human::what_if(what_if)))
}

/// A history.
#[must_use]
pub fn check(report: &CheckReport, course: &Course) -> String {
    let title = format!("{} {}", report.verdict, report.history);
    let data = Data { course: Some(course), ..Data::of("check", report) };
    html(&title, &data, &human::check(report))
}

/// A sweep.
#[must_use]
pub fn sweep(report: &SweepReport) -> String {
    let title = format!("{} {}", report.verdict, report.asked.paths.join(" "));
    let data = Data::of("sweep", report);
    html(&title, &data, &human::sweep(report))
}

/// A comparison.
#[must_use]
pub fn compare(report: &CompareReport) -> String {
    let data = Data::of("compare", report);
    html("comparison", &data, &human::compare(report))
}

/// A validation.
#[must_use]
pub fn validate(report: &ValidateReport) -> String {
    let title = format!("{} with a real Kafka", report.agreement);
    let data = Data::of("validate", report);
    html(&title, &data, &human::validate(report))
}

fn html<T: Serialize>(title: &str, data: &T, text: &str) -> String {
    // No `</script>` and no `<!--` can come from a name in the data.
    let data = serde_json::to_string(data).expect("plain data").replace('<', "\\u003c");
    let (title, text) = (escaped(title), escaped(&plain(text)));
    let script = bundle::script();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  base-uri 'none'; form-action 'none'";
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <title>{title} · ackproof</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <main id=\"page\">\n<noscript><h1>{title}</h1></noscript>\n</main>\n\
         <details id=\"text\" open>\n<summary>The report as text</summary>\n\
         <pre tabindex=\"0\">{text}</pre>\n</details>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>\n{script}</script>\n</body>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Without the colours of a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, code)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = code.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_the_script_or_the_text() {
        let name = "</script><!-- \u{1b}[31mred\u{1b}[0m & <b>";
        let page = html(name, &[name], name);
        assert_eq!(page.matches("</script>").count(), 2, "its own two");
        assert!(page.contains(r#"["\u003c/script>\u003c!-- "#), "data");
        assert!(page.contains("&lt;/script&gt;&lt;!-- red &amp; &lt;b&gt;"), "text");
    }

    #[test]
    fn script_and_style_leave_room_for_the_data() {
        let size = STYLE.len() + bundle::script().len();
        assert!(size < 250_000, "{size} bytes");
    }
}
