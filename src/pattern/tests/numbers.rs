//! SERVER, PEER and the other types of one frame: whom a number means, and what becomes of longer messages.
#![forbid(unsafe_code)]

use super::*;

impl Socket {
    fn send_to(&mut self, number: u32, body: &str) -> Result<()> {
        self.pump();
        let mut msg = Msg::copied(body.as_bytes()).unwrap();
        msg.set_routing_id(number);
        let sent = with!(self, pattern, cx => pattern.send(cx, &mut msg));
        assert_eq!(sent.is_err(), msg.routing_id() == number && !msg.is_empty());
        sent
    }

    fn recv_from(&mut self) -> (u32, String) {
        let msg = self.recv_frame().unwrap();
        (
            msg.routing_id(),
            String::from_utf8(msg.data().to_vec()).unwrap(),
        )
    }
}

#[test]
fn a_server_answers_whom_it_names() {
    let mut server = Socket::new(SERVER);
    let mut clients: Vec<_> = (0..3).map(|_| Socket::new(CLIENT)).collect();
    for client in &mut clients {
        client.connect(&mut server, 0);
    }
    let mut numbers = Vec::new();
    for (nth, client) in clients.iter_mut().enumerate() {
        client.send(&[&nth.to_string()]);
        let (number, body) = server.recv_from();
        assert_eq!(body, nth.to_string());
        assert!(number != 0 && !numbers.contains(&number));
        numbers.push(number);
    }
    for (nth, (client, number)) in clients.iter_mut().zip(&numbers).enumerate().rev() {
        server.send_to(*number, &nth.to_string()).unwrap();
        assert_eq!(client.recv_from(), (0, nth.to_string()));
        client.expect_nothing();
    }
    assert_eq!(server.send_to(0, "x"), Err(Errno::EHOSTUNREACH));
    let strange = (1..).find(|number| !numbers.contains(number)).unwrap();
    assert_eq!(server.send_to(strange, "x"), Err(Errno::EHOSTUNREACH));
}

#[test]
fn a_full_peer_is_waited_for_and_a_gone_one_is_not() {
    let mut server = Socket::new(SERVER);
    let mut client = Socket::new(CLIENT);
    client.connect(&mut server, 2);
    client.send(&["hello"]);
    let (number, _) = server.recv_from();
    server.send_to(number, "1").unwrap();
    server.send_to(number, "2").unwrap();
    assert_eq!(server.send_to(number, "3"), Err(Errno::EAGAIN));
    client.expect(&["1"]);
    server.send_to(number, "3").unwrap();
    client.send(&["last"]);
    client.close();
    // What it sent can still be read, but nothing can be sent to it.
    assert_eq!(server.send_to(number, "4"), Err(Errno::EHOSTUNREACH));
    assert_eq!(server.recv_from(), (number, "last".into()));
    server.expect_nothing();
    assert_eq!(server.send_to(number, "5"), Err(Errno::EHOSTUNREACH));
    with!(&mut server, pattern, _cx => {
        assert_eq!(pattern.numbered(number), Err(Errno::EHOSTUNREACH));
    });
}

#[test]
fn a_peer_knows_the_number_of_each_connect() {
    let mut one = Socket::new(PEER);
    let mut two = Socket::new(PEER);
    let (near, far) = one.connect(&mut two, 0);
    let number = with!(&mut one, pattern, _cx => pattern.newest_number()).unwrap();
    with!(&mut one, pattern, _cx => assert_eq!(pattern.numbered(number), Ok(near)));
    one.send_to(number, "there").unwrap();
    let (back, body) = two.recv_from();
    assert_eq!(body, "there");
    with!(&mut two, pattern, _cx => assert_eq!(pattern.numbered(back), Ok(far)));
    two.send_to(back, "back").unwrap();
    assert_eq!(one.recv_from(), (number, "back".into()));
    for kind in [SERVER, CLIENT, ROUTER] {
        with!(&mut Socket::new(kind), pattern, _cx => assert_eq!(pattern.newest_number(), None));
    }
    with!(&mut Socket::new(CLIENT), pattern, _cx => {
        assert_eq!(pattern.numbered(1), Err(Errno::ENOTSUP));
    });
}

#[test]
fn longer_messages_are_thrown_away() {
    for (kind, from) in [
        (SERVER, DEALER),
        (CLIENT, DEALER),
        (GATHER, PUSH),
        (PEER, DEALER),
        (CHANNEL, PAIR),
    ] {
        let mut socket = Socket::new(kind);
        let mut sender = Socket::new(from);
        let mut other = Socket::new(from);
        socket.connect(&mut sender, 0);
        if kind != CHANNEL {
            socket.connect(&mut other, 0);
        }
        sender.send(&["long", "er"]);
        assert!(!socket.can_recv(), "{kind}");
        socket.expect_nothing();
        sender.send(&["1"]);
        sender.send(&["2", "and", "more"]);
        sender.send(&["3", "and"]);
        sender.send(&["4"]);
        if kind != CHANNEL {
            other.send(&["a", "b"]);
        }
        socket.expect(&["1"]);
        socket.expect(&["4"]);
        socket.expect_nothing();
        sender.send(&["5", "and"]);
        sender.close();
        socket.expect_nothing();
    }
}

#[test]
fn a_dgram_is_an_address_and_a_body() {
    let mut one = Socket::new(DGRAM);
    let mut two = Socket::new(DGRAM);
    assert_eq!(one.send_frame(b"address", true), Err(Errno::EAGAIN));
    one.connect(&mut two, 0);
    assert_eq!(one.send_frame(b"body", false), Err(Errno::EINVAL));
    one.send_frame(b"address", true).unwrap();
    assert_eq!(one.send_frame(b"body", true), Err(Errno::EINVAL));
    one.send_frame(b"body", false).unwrap();
    two.expect(&["address", "body"]);
}

#[test]
fn scatter_goes_round() {
    let mut scatter = Socket::new(SCATTER);
    let mut gathers: Vec<_> = (0..2).map(|_| Socket::new(GATHER)).collect();
    for gather in &mut gathers {
        scatter.connect(gather, 0);
    }
    scatter.send(&["1"]);
    scatter.send(&["2"]);
    gathers[0].expect(&["1"]);
    gathers[1].expect(&["2"]);
}
