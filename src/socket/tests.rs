//! Sockets of one context, over inproc.
#![forbid(unsafe_code)]

use super::*;
use crate::ctx::{self, CONTEXTS, Context};
use crate::msg::Msg;
use crate::options::{Value, table};

const PAIR: i32 = 0;
const PULL: i32 = 7;
const PUSH: i32 = 8;
const DONTWAIT: i32 = 1;
const SNDMORE: i32 = 2;

fn context() -> *mut c_void {
    CONTEXTS.insert(Context::new().unwrap())
}

fn say(socket: *mut c_void, text: &[u8], flags: i32) -> Result<usize> {
    let mut msg = Msg::copied(text).unwrap();
    send(&mut enter(socket).unwrap(), &mut msg, flags)
}

fn hear(socket: *mut c_void, flags: i32) -> Result<Vec<u8>> {
    recv(&mut enter(socket).unwrap(), flags).map(|msg| msg.data().to_vec())
}

fn set_int(socket: *mut c_void, option: i32, value: i32) {
    set_option(
        &mut enter(socket).unwrap(),
        option,
        Some(&value.to_ne_bytes()),
    )
    .unwrap();
}

fn end(context: *mut c_void, sockets: &[*mut c_void]) {
    for &socket in sockets {
        close(socket).unwrap();
        assert_eq!(close(socket), Err(Errno::ENOTSOCK));
    }
    ctx::terminate(context).unwrap();
}

#[test]
fn pairs_talk_whoever_comes_first() {
    let context = context();
    let (a, b, c) = (
        open(context, PAIR).unwrap(),
        open(context, PAIR).unwrap(),
        open(context, PAIR).unwrap(),
    );
    connect(&mut enter(a).unwrap(), b"inproc://x").unwrap();
    assert_eq!(say(a, b"early", SNDMORE), Ok(5));
    assert_eq!(say(a, b"bird", 0), Ok(4));
    bind(&mut enter(b).unwrap(), b"inproc://x").unwrap();
    assert_eq!(
        bind(&mut enter(c).unwrap(), b"inproc://x"),
        Err(Errno::EADDRINUSE)
    );
    assert_eq!(hear(b, 0).unwrap(), b"early");
    assert_eq!(
        get_option(&mut enter(b).unwrap(), table::RCVMORE),
        Ok(Value::Status(1))
    );
    assert_eq!(hear(b, 0).unwrap(), b"bird");
    say(b, b"answer", 0).unwrap();
    assert_eq!(hear(a, 0).unwrap(), b"answer");
    assert_eq!(hear(a, DONTWAIT), Err(Errno::EAGAIN));
    end(context, &[a, b, c]);
}

#[test]
fn what_a_closed_socket_sent_arrives_once_someone_binds() {
    let context = context();
    let (a, b) = (open(context, PUSH).unwrap(), open(context, PULL).unwrap());
    connect(&mut enter(a).unwrap(), b"inproc://late").unwrap();
    say(a, b"left behind", 0).unwrap();
    close(a).unwrap();
    bind(&mut enter(b).unwrap(), b"inproc://late").unwrap();
    assert_eq!(hear(b, 0).unwrap(), b"left behind");
    assert_eq!(hear(b, DONTWAIT), Err(Errno::EAGAIN));
    end(context, &[b]);
}

#[test]
fn high_water_marks_of_both_ends_add_up() {
    let context = context();
    let (a, b) = (open(context, PUSH).unwrap(), open(context, PULL).unwrap());
    set_int(a, table::SNDHWM, 3);
    set_int(b, table::RCVHWM, 4);
    bind(&mut enter(b).unwrap(), b"inproc://marks").unwrap();
    connect(&mut enter(a).unwrap(), b"inproc://marks").unwrap();
    let taken = (0..20)
        .take_while(|_| say(a, b"m", DONTWAIT).is_ok())
        .count();
    assert_eq!(taken, 7);
    end(context, &[a, b]);
}

#[test]
fn a_sleeper_is_woken_by_messages_and_by_shutdown() {
    let context = context();
    let (a, b) = (open(context, PUSH).unwrap(), open(context, PULL).unwrap());
    bind(&mut enter(b).unwrap(), b"inproc://sleep").unwrap();
    connect(&mut enter(a).unwrap(), b"inproc://sleep").unwrap();
    let reader = b as usize;
    let thread = std::thread::spawn(move || {
        let reader = reader as *mut c_void;
        let heard: Vec<_> = (0..1000).map(|_| hear(reader, 0).unwrap()).collect();
        (heard.len(), hear(reader, 0))
    });
    for _ in 0..1000 {
        say(a, b"m", 0).unwrap();
        std::thread::yield_now();
    }
    while hear_nothing_left(b) {
        std::thread::yield_now();
    }
    ctx::shutdown(context).unwrap();
    assert_eq!(thread.join().unwrap(), (1000, Err(Errno::ETERM)));
    end(context, &[a, b]);
}

/// True until the reader took everything.
fn hear_nothing_left(socket: *mut c_void) -> bool {
    events(&mut enter(socket).unwrap()) != Ok(0)
}

#[test]
fn the_descriptor_tells_of_what_comes() {
    let context = context();
    let (a, b) = (open(context, PUSH).unwrap(), open(context, PULL).unwrap());
    bind(&mut enter(b).unwrap(), b"inproc://fd").unwrap();
    connect(&mut enter(a).unwrap(), b"inproc://fd").unwrap();
    let Ok(Value::Status(fd)) = get_option(&mut enter(b).unwrap(), table::FD) else {
        panic!("no descriptor");
    };
    let raised = || {
        let mut set = [wait::entry(fd, libc::POLLIN)];
        crate::sys::wait::poll(&mut set, Some(Duration::ZERO), None).unwrap() == 1
    };
    assert_eq!(events(&mut enter(b).unwrap()), Ok(0));
    assert!(!raised());
    say(a, b"m", 0).unwrap();
    assert!(raised());
    assert_eq!(events(&mut enter(b).unwrap()), Ok(1));
    assert_eq!(hear(b, DONTWAIT).unwrap(), b"m");
    assert!(!raised());
    end(context, &[a, b]);
}
