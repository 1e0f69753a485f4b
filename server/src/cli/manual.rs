//! Completion scripts and manual pages, made from the command definitions.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;

use crate::exit::{Exit, Failure};
use crate::output;

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::definition(), "rialto", &mut script);
    output::print(&String::from_utf8_lossy(&script));
}

/// Prints the manual page of one command, or writes all of them into a folder.
///
/// # Errors
/// When there is no such command, or the folder cannot be written.
pub(crate) fn man(page: &[String], dir: Option<&Path>) -> Result<(), Failure> {
    let mut root = super::definition();
    root.build();
    if let Some(dir) = dir {
        let failed = |error: io::Error| {
            Failure::new(Exit::Failed, format!("cannot write into {}: {error}", dir.display()))
        };
        fs::create_dir_all(dir).map_err(failed)?;
        return write_all(&root, "rialto", dir).map_err(failed);
    }
    let mut command = &root;
    for name in page {
        command = command.find_subcommand(name).ok_or_else(|| {
            let page = page.join(" ");
            Failure::new(Exit::Usage, format!("there is no command {page:?}; see rialto --help"))
        })?;
    }
    let name = std::iter::once("rialto").chain(page.iter().map(String::as_str));
    let text = render(command, &name.collect::<Vec<_>>().join("-"));
    output::print(&text);
    Ok(())
}

fn write_all(command: &Command, name: &str, dir: &Path) -> io::Result<()> {
    fs::write(dir.join(format!("{name}.1")), render(command, name))?;
    for inner in command.get_subcommands() {
        write_all(inner, &format!("{name}-{}", inner.get_name()), dir)?;
    }
    Ok(())
}

fn render(command: &Command, name: &str) -> String {
    let command = command.clone().display_name(name.to_owned());
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command).title(name.to_uppercase());
    man.render(&mut page).expect("writing to memory cannot fail");
    String::from_utf8_lossy(&page).into_owned()
}
