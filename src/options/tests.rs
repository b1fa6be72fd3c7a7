//! The whole table, option by option.
#![forbid(unsafe_code)]

use super::row::{Empty, Initial, Kind, Owner, Row};
use super::table::ROWS;
use super::*;

fn types() -> impl Iterator<Item = u8> {
    0..=20
}

fn options_for(row: &Row) -> Options {
    Options::new(
        row.types
            .first()
            .copied()
            .unwrap_or(socket_type::PAIR as u8),
    )
}

fn owned() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(|row| row.owner == Owner::Options && is_built(row.need))
}

fn int(value: i32) -> [u8; 4] {
    value.to_ne_bytes()
}

fn set_int(options: &mut Options, option: i32, value: i32) -> Result<()> {
    options.set(option, Some(&int(value)))
}

#[test]
fn rows_are_in_order_and_found_by_number() {
    assert!(ROWS.is_sorted_by(|left, right| left.number < right.number));
    for row in ROWS {
        assert_eq!(super::row(row.number), Some(row));
        assert!(row.doc.trim().ends_with('.'), "{}", row.name);
        assert!(row.access.gets() || row.access.sets());
    }
    let numbers: Vec<i32> = ROWS.iter().map(|row| row.number).collect();
    let unused = [
        0,
        1,
        2,
        3,
        10,
        20,
        26,
        29,
        30,
        67,
        70,
        82,
        83,
        125,
        127,
        128,
        -1,
        i32::MAX,
        i32::MIN,
    ];
    for number in unused {
        assert!(!numbers.contains(&number));
        assert_eq!(super::row(number), None);
        assert_eq!(Options::new(0).get(number), Err(Errno::EINVAL));
        assert_eq!(
            Options::new(0).set(number, Some(&int(0))),
            Err(Errno::EINVAL)
        );
    }
    assert_eq!(numbers.len(), (4..=124).count() - 9);
}

#[test]
fn what_others_own_is_not_here() {
    for row in ROWS
        .iter()
        .filter(|row| row.owner != Owner::Options || !is_built(row.need))
    {
        for socket_type in types() {
            let mut options = Options::new(socket_type);
            assert_eq!(
                set_int(&mut options, row.number, 1),
                Err(Errno::EINVAL),
                "{}",
                row.name
            );
            assert_eq!(options.get(row.number), Err(Errno::EINVAL), "{}", row.name);
        }
    }
}

#[test]
fn defaults_are_those_of_the_table() {
    for row in owned() {
        for socket_type in types() {
            let value = Options::new(socket_type).get(row.number);
            let expected = match (row.access.gets(), row.initial, row.kind) {
                (false, ..) => Err(Errno::EINVAL),
                _ if row.name == "LINGER" && [2, 10, 15].contains(&socket_type) => {
                    Ok(Value::Int(0))
                }
                (_, Initial::Number(number), Kind::I64) => Ok(Value::I64(number.into())),
                (_, Initial::Number(number), Kind::U64) => Ok(Value::U64(number as u64)),
                (_, Initial::Number(number), _) => Ok(Value::Int(number)),
                (_, Initial::Empty, Kind::Text(..)) => Ok(Value::Text(Vec::new())),
                (_, Initial::Empty, _) => Ok(Value::Bytes(Vec::new())),
                (_, Initial::ZeroKey, _) => Ok(Value::Key([0; 32])),
                (_, Initial::Nothing, _) => unreachable!("{}", row.name),
            };
            assert_eq!(value, expected, "{}", row.name);
        }
    }
}

#[test]
fn numbers_keep_to_their_bounds_and_size() {
    for row in owned() {
        let Kind::Int(least, most) = row.kind else {
            continue;
        };
        let mut options = options_for(row);
        let before = options.get(row.number);
        let sets = row.access.sets();
        for (value, good) in [
            (Some(least), sets),
            (Some(most), sets),
            (least.checked_sub(1), false),
            (most.checked_add(1), false),
        ] {
            let Some(value) = value else { continue };
            let outcome = set_int(&mut options, row.number, value);
            assert_eq!(
                outcome,
                if good { Ok(()) } else { Err(Errno::EINVAL) },
                "{} {value}",
                row.name
            );
            if good && row.access.gets() && row.name != "GSSAPI_SERVER" {
                let kept = if row.name == "HEARTBEAT_TTL" {
                    value / 100 * 100
                } else {
                    value
                };
                assert_eq!(
                    options.get(row.number),
                    Ok(Value::Int(kept)),
                    "{}",
                    row.name
                );
            }
        }
        if !sets {
            assert_eq!(options.get(row.number), before);
        }
    }
}

#[test]
fn wrong_sizes_and_null_are_refused() {
    for row in owned().filter(|row| row.access.sets()) {
        let sizes: &[usize] = match row.kind {
            Kind::Int(..) | Kind::Flag | Kind::Id => &[0, 1, 3, 5, 8],
            Kind::I64 | Kind::U64 => &[0, 4, 7, 9],
            Kind::Key => &[0, 4, 31, 33, 39, 42],
            _ => continue,
        };
        let mut options = options_for(row);
        for &size in sizes {
            assert_eq!(
                options.set(row.number, Some(&vec![b'1'; size])),
                Err(Errno::EINVAL),
                "{} {size}",
                row.name
            );
        }
        let expected = if row.kind == Kind::Id {
            Ok(())
        } else {
            Err(Errno::EINVAL)
        };
        assert_eq!(options.set(row.number, None), expected, "{}", row.name);
    }
}

#[test]
fn texts_keep_to_their_length() {
    for row in owned().filter(|row| row.access.sets()) {
        let (Kind::Bytes(least, most, empty) | Kind::Text(least, most, empty)) = row.kind else {
            continue;
        };
        let mut options = options_for(row);
        let expect = |good: bool| if good { Ok(()) } else { Err(Errno::EINVAL) };
        let longest = most.min(70_000);
        for length in [least.max(1), longest] {
            let value: Vec<u8> = (0..length).map(|n| n as u8).collect();
            assert_eq!(
                options.set(row.number, Some(&value)),
                Ok(()),
                "{} {length}",
                row.name
            );
            match options.get(row.number) {
                Ok(Value::Text(kept) | Value::Bytes(kept)) => {
                    assert_eq!(kept, value, "{}", row.name)
                }
                other => assert_eq!(other, Err(Errno::EINVAL), "{}", row.name),
            }
        }
        assert_eq!(
            options.set(row.number, Some(&vec![1; longest + 1])),
            expect(most > longest),
            "{}",
            row.name
        );
        assert_eq!(
            options.set(row.number, Some(&[])),
            expect(matches!(empty, Empty::Clears | Empty::Allowed))
        );
        assert_eq!(
            options.set(row.number, None),
            expect(empty != Empty::Refused),
            "{}",
            row.name
        );
    }
}

#[test]
fn some_options_belong_to_some_types() {
    for row in owned().filter(|row| !row.types.is_empty()) {
        for socket_type in types() {
            let outcome = set_int(&mut Options::new(socket_type), row.number, 1);
            assert_eq!(
                outcome.is_ok(),
                row.types.contains(&socket_type),
                "{} {socket_type}",
                row.name
            );
        }
    }
    assert_eq!(Options::new(0).get(table::ROUTER_NOTIFY), Ok(Value::Int(0)));
}

#[test]
fn ipv4only_is_the_opposite_of_ipv6() {
    let mut options = Options::new(0);
    set_int(&mut options, table::IPV4ONLY, 0).expect("a flag");
    assert!(options.ipv6);
    assert_eq!(options.get(table::IPV4ONLY), Ok(Value::Int(0)));
    set_int(&mut options, table::IPV6, 0).expect("a flag");
    assert_eq!(options.get(table::IPV4ONLY), Ok(Value::Int(1)));
}

#[test]
fn the_time_to_live_is_cut_to_tenths() {
    let mut options = Options::new(0);
    for (given, kept) in [
        (-99, 0),
        (99, 0),
        (100, 100),
        (199, 100),
        (6_553_599, 6_553_500),
    ] {
        set_int(&mut options, table::HEARTBEAT_TTL, given).expect("in range");
        assert_eq!(options.heartbeat_ttl, kept);
    }
    for given in [-100, 6_553_600] {
        assert_eq!(
            set_int(&mut options, table::HEARTBEAT_TTL, given),
            Err(Errno::EINVAL)
        );
    }
}

#[test]
fn plain_options_choose_the_mechanism() {
    let mut options = Options::new(0);
    set_int(&mut options, table::PLAIN_SERVER, 1).expect("a flag");
    assert_eq!(
        (options.mechanism, options.as_server),
        (Mechanism::Plain, true)
    );
    assert_eq!(options.get(table::MECHANISM), Ok(Value::Int(1)));
    assert_eq!(options.get(table::PLAIN_SERVER), Ok(Value::Int(1)));
    if is_built(row::Need::Curve) {
        assert_eq!(options.get(table::CURVE_SERVER), Ok(Value::Int(0)));
    }
    options
        .set(table::PLAIN_USERNAME, Some(b"admin"))
        .expect("a name");
    assert_eq!(
        (options.mechanism, options.as_server),
        (Mechanism::Plain, false)
    );
    options.set(table::PLAIN_PASSWORD, None).expect("NULL");
    assert_eq!(options.mechanism, Mechanism::Null);
    assert_eq!(
        options.get(table::PLAIN_USERNAME),
        Ok(Value::Text(b"admin".to_vec()))
    );
    set_int(&mut options, table::PLAIN_SERVER, 0).expect("a flag");
    assert_eq!(
        (options.mechanism, options.as_server),
        (Mechanism::Null, false)
    );
}

#[test]
fn curve_options_choose_the_mechanism() {
    let mut options = Options::new(0);
    if !is_built(row::Need::Curve) {
        let refused = set_int(&mut options, table::CURVE_SERVER, 1);
        return assert_eq!(refused, Err(Errno::EINVAL));
    }
    set_int(&mut options, table::CURVE_SERVER, 1).expect("a flag");
    options
        .set(table::CURVE_SECRETKEY, Some(&[7; 32]))
        .expect("a key");
    assert_eq!(
        (options.mechanism, options.as_server),
        (Mechanism::Curve, true)
    );
    options
        .set(
            table::CURVE_SERVERKEY,
            Some(b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"),
        )
        .expect("a key");
    assert_eq!(
        (options.mechanism, options.as_server),
        (Mechanism::Curve, false)
    );
    assert_eq!(
        options.set(table::CURVE_PUBLICKEY, Some(&[b'~'; 40])),
        Err(Errno::EINVAL)
    );
    assert_eq!(options.get(table::CURVE_PUBLICKEY), Ok(Value::Key([0; 32])));
}

#[test]
fn properties_are_names_and_values() {
    let mut options = Options::new(0);
    let mut set = |text: &[u8]| options.set(table::METADATA, Some(text));
    let long = |length: usize| [b"X-", &vec![b'n'; length - 2][..], b":value"].concat();
    for good in [
        &b"X-hello:hello"[..],
        b"X-hello:again",
        b"X-colon:a:b",
        b"X-:v",
        &long(255),
    ] {
        assert_eq!(set(good), Ok(()));
    }
    for bad in [
        &b":"[..],
        b"key:",
        b":value",
        b"keyvalue",
        b"",
        b"X-key:",
        b"other:value",
        b"X:y",
        &long(256),
    ] {
        assert_eq!(set(bad), Err(Errno::EINVAL));
    }
    assert_eq!(options.set(table::METADATA, None), Err(Errno::EINVAL));
    assert_eq!(options.metadata[&b"X-hello"[..]], b"hello");
    assert_eq!(options.metadata[&b"X-colon"[..]], b"a:b");
    assert_eq!(options.metadata.len(), 4);
}

#[test]
fn filters_add_up_until_null() {
    let mut options = Options::new(0);
    for text in [&b"127.0.0.1/32"[..], b"10.0.0.0/8\0"] {
        options
            .set(table::TCP_ACCEPT_FILTER, Some(text))
            .expect("a network");
    }
    assert_eq!(options.tcp_accept_filters.len(), 2);
    for text in [&b""[..], b"foo", &[b'1'; 256]] {
        assert_eq!(
            options.set(table::TCP_ACCEPT_FILTER, Some(text)),
            Err(Errno::EINVAL)
        );
    }
    options.set(table::TCP_ACCEPT_FILTER, None).expect("NULL");
    assert!(options.tcp_accept_filters.is_empty());

    set_int(&mut options, table::IPC_FILTER_UID, 1000).expect("an id");
    set_int(&mut options, table::IPC_FILTER_UID, 0).expect("an id");
    assert!(options.ipc_filter_uid.iter().eq(&[0, 1000]));
    options.set(table::IPC_FILTER_UID, None).expect("NULL");
    assert!(options.ipc_filter_uid.is_empty());
}

#[test]
fn secrets_are_not_printed() {
    let mut options = Options::new(0);
    options
        .set(table::PLAIN_PASSWORD, Some(b"swordfish"))
        .expect("a password");
    assert!(!format!("{options:?}").contains("115"));
    assert!(!format!("{options:?}").contains("swordfish"));
}

/// What is not tested through the C interface may be accepted and do nothing.
#[test]
fn every_option_is_tested_from_c() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/capi-tests");
    let mut words = std::collections::HashSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder of the C programs") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("options") || !name.ends_with(".c") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a C program");
        let split = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words.extend(split.map(str::to_owned));
    }
    for row in ROWS.iter().chain(table::context::ROWS) {
        let name = format!("ZMQ_{}", row.name);
        assert!(
            words.contains(&name),
            "no program capi-tests/options*.c names {name}"
        );
    }
}
