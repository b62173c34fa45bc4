use maud::{Markup, html};

/// One command for each client, of which the page shows the one that is chosen.
pub(super) fn command_tabs(legend: &str, commands: &[(&str, String)]) -> Markup {
    html! {
        fieldset.install {
            legend { (legend) }
            @for (client, _) in commands {
                input type="radio" name="client" id={ "i-" (client) } value=(client) checked[*client == "npm"];
                label for={ "i-" (client) } { (client) }
            }
            @for (client, command) in commands { div class={ "line " (client) } data-copy { code { (command) } } }
        }
    }
}
