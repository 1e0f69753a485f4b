//! One entry for both libFuzzer and the replay test: any bytes as a file, environment and flags.

use super::{Layer, Resolved, explain, resolve};

/// Decodes bytes as a configuration and checks what must hold for every input.
///
/// The first byte says how the rest is read: as a TOML file, as environment, or as flags.
///
/// # Panics
/// When an accepted configuration is not accepted again in the form it is explained in, or a
/// refusal has no words: a mistake of ours, which the fuzzer is there to find.
pub fn fuzz(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let layer = match mode % 3 {
        0 => Layer::file("fuzz.toml", &text),
        1 => Layer::environment(text.lines().filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })),
        _ => {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let (routes, sets) = lines.into_iter().partition::<Vec<_>, _>(|l| l.starts_with('/'));
            Layer::flags(&sets, &routes, &[])
        }
    };
    match resolve("/data", vec![layer]) {
        Ok(resolved) => again(&resolved),
        Err(problems) => assert!(!problems.to_string().is_empty(), "a refusal without words"),
    }
}

/// What was accepted is accepted again as flags, with the same values.
fn again(resolved: &Resolved) {
    let shown = explain::to_text(resolved).len() + explain::to_json(resolved).to_string().len();
    assert!(shown > 0);
    let visible = resolved.values.iter().filter(|placed| placed.setting.key != "admin.password");
    let sets: Vec<String> =
        visible.map(|placed| format!("{}={}", placed.setting.key, placed.value)).collect();
    let mut layer = Layer::flags(&sets, &[], &[]);
    layer.routes = resolved.routes.clone();
    let twice = resolve("/data", vec![layer]).expect("an explained configuration is accepted");
    let mut expected = resolved.config.clone();
    expected.admin_password = None;
    // NaN is not equal to itself; the text form is.
    assert_eq!(format!("{:?}", twice.config), format!("{expected:?}"));
}
