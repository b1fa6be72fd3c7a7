//! The two ends of a connection, as monitors name them.
#![forbid(unsafe_code)]

use super::EndpointText;

/// Where a connection, or what shall become one, begins and ends. An end not known is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ends {
    /// Our side.
    pub local: EndpointText,
    /// The peer's side.
    pub remote: EndpointText,
    accepted: bool,
}

impl Ends {
    /// What a listener at `local` has to tell of itself.
    pub fn listening(local: EndpointText) -> Ends {
        Ends::accepted(local, EndpointText::default())
    }

    /// A connection that came from `remote`.
    pub fn accepted(local: EndpointText, remote: EndpointText) -> Ends {
        Ends {
            local,
            remote,
            accepted: true,
        }
    }

    /// A connection to be made to `remote`.
    pub fn dialing(remote: EndpointText) -> Ends {
        Ends {
            local: EndpointText::default(),
            remote,
            accepted: false,
        }
    }

    /// The one end that events of version 1 carry: that which the application knows, by its bind or its connect.
    pub fn known(&self) -> &EndpointText {
        if self.accepted {
            &self.local
        } else {
            &self.remote
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_knows_its_own_endpoint() {
        let accepted = Ends::accepted("tcp://1.2.3.4:5".into(), "tcp://6.7.8.9:10".into());
        assert_eq!(*accepted.known(), "tcp://1.2.3.4:5");
        assert_eq!(*Ends::listening("ipc://a".into()).known(), "ipc://a");
        assert_eq!(*Ends::dialing("tcp://b:1".into()).known(), "tcp://b:1");
    }
}
