//! What holds for any sequence of commands.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rialto_configuration::{
    Command, ConfigKey, Content, Entry, ImportPolicy, Md5, Origin, Pattern, Policy, Publish,
    PublishMeta, Remove, State, Target, Text, Write,
};

fn keys() -> impl Strategy<Value = ConfigKey> {
    ("(|public|ns)", "[GH]", "[abc]").prop_map(|(namespace, group, data_id)| {
        ConfigKey::new(&namespace, &group, &data_id).unwrap()
    })
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![
        3 => Just(Target::Formal),
        1 => "10\\.0\\.0\\.[12]".prop_map(|ips| Target::Beta { ips }),
        1 => "[xy]".prop_map(Target::Tag),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    let publish = (keys(), targets(), "[a-d ]{0,2}", any::<bool>(), any::<Option<bool>>());
    let publish = publish.prop_map(|(key, target, text, cas, secret)| {
        Command::Publish(Box::new(Publish {
            key,
            content: Content::new(&text),
            target,
            cas: if cas { Md5::of(b"a").to_string() } else { String::new() },
            kind: None,
            meta: PublishMeta::default(),
            encrypted_data_key: String::new(),
            secret,
            origin: Origin::default(),
        }))
    });
    let remove = (keys(), targets());
    let remove = remove.prop_map(|(key, target)| {
        Command::Remove(Remove { key, target, origin: Origin::default() })
    });
    let import = vec((keys(), "[a-d]"), 0..4).prop_map(|items| {
        let items = items.into_iter().map(|(key, text)| rialto_configuration::ImportItem {
            key,
            content: Content::new(&text),
            kind: None,
            meta: PublishMeta::default(),
            encrypted_data_key: String::new(),
            secret: false,
        });
        let (items, policy) = (items.collect(), ImportPolicy::Skip);
        Command::Import { items, policy, origin: Origin::default() }
    });
    prop_oneof![5 => publish, 3 => remove, 1 => import]
}

/// Commands in batches of some sizes.
fn batches() -> impl Strategy<Value = Vec<Vec<Command>>> {
    vec(vec(commands(), 0..6), 0..12)
}

fn run(seed: u64, batches: Vec<Vec<Command>>) -> (State, Vec<Write>) {
    let mut state = State::new(Policy { hash_seed: seed, ..Policy::default() });
    let mut writes = Vec::new();
    for (now_ms, commands) in (1..).zip(batches) {
        let mut batch = state.batch();
        for command in commands {
            let _refused = batch.apply(now_ms, command);
        }
        let plan = batch.finish();
        writes.extend_from_slice(plan.writes());
        state.install(plan);
    }
    (state, writes)
}

fn all(state: &State) -> Vec<&Entry> {
    state.after(None, None).map(|entry| &**entry).collect()
}

/// What a disk would bring back.
fn restored(writes: &[Write]) -> State {
    let mut versions = BTreeMap::new();
    let mut state = State::new(Policy::default());
    for write in writes {
        match write {
            Write::PutVersion { entry, gray } => {
                versions.insert((entry.key.clone(), gray.clone()), entry.clone());
            }
            Write::RemoveVersion { key, gray } => {
                versions.remove(&(key.clone(), gray.clone()));
            }
            Write::PutCounters(counters) => state.restore_counters(*counters),
            Write::AddHistory(_) | Write::PutCapacity { .. } => {}
        }
    }
    for ((key, gray), entry) in versions {
        match entry.gray(&gray) {
            Some(gray) => state.restore_gray(entry.id, &key, gray.clone()),
            None => state.restore_formal(entry.id, &key, entry.formal.clone().unwrap()),
        }
    }
    state
}

proptest! {
    #[test]
    fn same_input_same_writes_whatever_the_seed(batches in batches()) {
        let (one, one_writes) = run(1, batches.clone());
        let (other, other_writes) = run(2, batches);
        prop_assert_eq!(format!("{one_writes:?}"), format!("{other_writes:?}"));
        prop_assert_eq!(one_writes, other_writes);
        prop_assert_eq!(all(&one), all(&other));
    }

    #[test]
    fn what_was_written_brings_everything_back(batches in batches()) {
        let (state, writes) = run(1, batches);
        let again = restored(&writes);
        prop_assert_eq!(all(&again), all(&state));
        prop_assert_eq!(again.total(), state.total());
        prop_assert_eq!(again.revision(), state.revision());
        let namespaces: Vec<_> = again.namespaces().collect();
        prop_assert_eq!(namespaces, state.namespaces().collect::<Vec<_>>());
    }

    #[test]
    fn batches_of_one_do_the_same_as_one_batch(commands in vec(commands(), 0..20)) {
        let single = commands.iter().map(|command| vec![command.clone()]).collect::<Vec<_>>();
        // At the same moment, as one batch is.
        let run_at_once = |batches: Vec<Vec<Command>>| {
            let mut state = State::new(Policy::default());
            for commands in batches {
                let mut batch = state.batch();
                for command in commands {
                    let _refused = batch.apply(1, command);
                }
                let plan = batch.finish();
                state.install(plan);
            }
            state
        };
        let (one, other) = (run_at_once(single), run_at_once(vec![commands]));
        prop_assert_eq!(all(&one), all(&other));
    }

    #[test]
    fn counts_and_order_are_those_of_what_is_there(batches in batches()) {
        let (state, writes) = run(1, batches);
        let formal = all(&state).into_iter().filter(|entry| entry.formal.is_some()).count();
        prop_assert_eq!(state.total(), formal as u64);
        let keys: Vec<_> = all(&state).into_iter().map(|entry| entry.key.clone()).collect();
        let mut sorted = keys.clone();
        sorted.sort();
        prop_assert_eq!(keys, sorted);
        for entry in all(&state) {
            prop_assert!(entry.formal.is_some() || !entry.grays.is_empty(), "no residue");
            prop_assert_eq!(&**state.by_id(entry.id).unwrap(), entry);
        }
        let ids: Vec<u64> = writes.iter().filter_map(|write| match write {
            Write::AddHistory(entry) => Some(entry.line.id),
            _ => None,
        }).collect();
        prop_assert!(ids.iter().zip(1..).all(|(id, expected)| *id == expected));
    }

    #[test]
    fn any_text_may_be_a_key_a_pattern_or_a_search(text in ".{0,40}", other in ".{0,40}") {
        let key = ConfigKey::new(&text, &other, &text);
        if let Ok(key) = &key {
            prop_assert_eq!(ConfigKey::of_group_key(&key.group_key()), Ok(key.clone()));
        }
        let _read = ConfigKey::of_group_key(&text);
        let _read = Pattern::parse(&format!("{text}>>{other}>>{text}"));
        let within = format!("{text}{other}{text}");
        prop_assert!(Text::within(&other).matches(&within) || other.trim().is_empty());
        let _matched = Text::blur(&text).matches(&other);
        let hex = Md5::of(text.as_bytes()).to_string();
        prop_assert_eq!(Md5::parse(&hex).map(|md5| md5.to_string()), Some(hex));
    }
}
