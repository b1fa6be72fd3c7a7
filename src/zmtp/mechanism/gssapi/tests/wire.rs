//! Whole handshakes, byte by byte.
#![forbid(unsafe_code)]

use super::super::toy::{Toy, initiate_of};
use super::*;
use crate::zmtp::handshake::{Handshake, MAX_BUFFERED, MAX_COMMAND};

/// Moves what one side has to say to the other, and takes its steps, with [`Toy`] in the place of Kerberos.
fn carry(from: &mut Handshake, to: &mut Handshake, held: &mut Vec<u8>, piece: usize) -> bool {
    let mut moved = false;
    if let Some(errand) = from.take_errand() {
        assert_eq!(from.report(errand.run_by(Box::new(Toy))), Ok(()));
        moved = true;
    }
    if from.zap_request().is_some() {
        assert_eq!(from.zap_reply(accepted(b"joe")), Ok(()));
        moved = true;
    }
    from.transmit(held);
    while !held.is_empty() {
        let now = piece.min(held.len());
        let taken = to.receive(&held[..now]).unwrap();
        assert!(to.buffered() <= MAX_BUFFERED);
        held.drain(..taken);
        if taken == 0 {
            break;
        }
        moved = true;
    }
    moved
}

#[test]
fn two_handshakes_in_pieces_of_every_length() {
    for plaintext in [false, true] {
        for piece in 1..130 {
            let side = |as_server| {
                let mut config = gssapi_config(as_server);
                config.gssapi.plaintext = plaintext;
                Handshake::new(config)
            };
            let (mut client, mut server) = (side(false), side(true));
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while carry(&mut client, &mut server, &mut there, piece)
                | carry(&mut server, &mut client, &mut back, piece)
            {}
            let user = server.outcome().unwrap().properties;
            assert_eq!(user.get(b"User-Id"), Some(&b"joe"[..]));
            assert!(client.outcome().is_some());
            assert_eq!(client.take_cipher().is_none(), plaintext);
            assert_eq!(server.take_cipher().is_none(), plaintext);
        }
    }
}

#[test]
fn the_largest_token_costs_no_more_than_it_may() {
    let mut server = Handshake::new(gssapi_config(true));
    let mut greeting = Vec::new();
    Handshake::new(gssapi_config(false)).transmit(&mut greeting);
    greeting.extend_from_slice(b"\x03\x01GSSAPI");
    greeting.resize(64, 0);
    assert_eq!(server.receive(&greeting), Ok(64));
    let token = vec![7; MAX_COMMAND as usize - 13];
    let mut wire = Vec::new();
    frame::append_v2(&mut wire, frame::COMMAND, &initiate_of(&token));
    wire.extend_from_slice(b"\x04\x00");
    for piece in wire.chunks(1000) {
        server.receive(piece).unwrap();
        assert!(server.buffered() <= MAX_BUFFERED);
    }
    assert!(server.waits_for_report());
    assert!(server.buffered() >= token.len());
    assert_eq!(server.receive(b"\x04\x00"), Ok(0));
    let errand = server.take_errand().unwrap();
    assert_eq!(errand.token, token);

    let mut larger = Vec::new();
    frame::append_v2(
        &mut larger,
        frame::COMMAND,
        &vec![0; MAX_COMMAND as usize + 1],
    );
    let mut server = Handshake::new(gssapi_config(true));
    assert_eq!(server.receive(&greeting), Ok(64));
    assert_eq!(server.receive(&larger[..20]), Err(Failure::TooLarge));
}
