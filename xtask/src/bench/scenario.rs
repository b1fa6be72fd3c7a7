//! What is measured: a program, its arguments, and what the result has to reach.

use super::perf::Perf;

/// Whose figures stand in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    Libzmq,
    Ozmq,
    /// A bare C program without any library: what the machine allows.
    Limit,
    /// Libzmq binds, ours connects.
    OzmqToLibzmq,
    /// Ours binds, libzmq connects.
    LibzmqToOzmq,
}

impl Contender {
    pub fn title(self) -> &'static str {
        match self {
            Self::Libzmq => "libzmq",
            Self::Ozmq => "ozmq",
            Self::Limit => "limit",
            Self::OzmqToLibzmq => "ozmq to libzmq",
            Self::LibzmqToOzmq => "libzmq to ozmq",
        }
    }
}

/// One of our own C programs (`bench/*.c`) and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    pub program: &'static str,
    pub arguments: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    Perf(Perf),
    Own(Own),
}

/// What the compared figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// So many a second.
    Rate,
    /// Microseconds one way.
    Latency,
    /// Something of which less is better.
    Amount(&'static str),
}

/// How many messages or round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The first, short run has so many; what it takes decides about the others.
    First(u64),
    Fixed(u64),
}

/// What the figure has to reach; every scenario has to reach the reference's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Times better than the reference, at least.
    pub ratio: Option<f64>,
    /// Share of what the limit reaches, at least.
    pub of_limit: Option<f64>,
    /// The figure itself, at most.
    pub at_most: Option<f64>,
}

impl Budget {
    pub fn ratio(ratio: f64) -> Self {
        Self {
            ratio: Some(ratio),
            ..Self::default()
        }
    }

    pub fn of_limit(self, share: f64) -> Self {
        Self {
            of_limit: Some(share),
            ..self
        }
    }

    pub fn at_most(most: f64) -> Self {
        Self {
            at_most: Some(most),
            ..Self::default()
        }
    }
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Rows of one family stand together, and make one plot when they have an `x`.
    pub family: String,
    pub variant: String,
    /// Where its points lie in the family's plot.
    pub x: Option<f64>,
    pub work: Work,
    pub limit: Option<Own>,
    pub unit: Unit,
    pub count: Count,
    pub budget: Budget,
    /// Part of `--quick`.
    pub quick: bool,
    /// The receiving process counts its allocations and copies.
    pub counts_allocations: bool,
}

impl Scenario {
    pub fn new(family: impl Into<String>, variant: impl Into<String>, work: Work) -> Self {
        Self {
            family: family.into(),
            variant: variant.into(),
            x: None,
            work,
            limit: None,
            unit: Unit::Rate,
            count: Count::First(1_000),
            budget: Budget::default(),
            quick: false,
            counts_allocations: false,
        }
    }

    pub fn own(
        family: impl Into<String>,
        variant: impl Into<String>,
        program: &'static str,
        arguments: impl Into<String>,
    ) -> Self {
        let arguments = arguments.into();
        Self::new(family, variant, Work::Own(Own { program, arguments }))
    }

    pub fn at(self, x: f64) -> Self {
        Self { x: Some(x), ..self }
    }

    /// The bare program that shows what is possible.
    pub fn limit(self, program: &'static str, arguments: impl Into<String>) -> Self {
        let arguments = arguments.into();
        Self {
            limit: Some(Own { program, arguments }),
            ..self
        }
    }

    pub fn unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    pub fn count(self, count: Count) -> Self {
        Self { count, ..self }
    }

    pub fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    pub fn quick(self, quick: bool) -> Self {
        Self { quick, ..self }
    }

    pub fn counting_allocations(self) -> Self {
        Self {
            counts_allocations: true,
            ..self
        }
    }

    pub fn name(&self) -> String {
        match self.variant.as_str() {
            "" => self.family.clone(),
            variant => format!("{}, {variant}", self.family),
        }
    }

    /// The name of the figure that is compared, among those that a run yields.
    pub fn figure(&self) -> &'static str {
        match self.counts_allocations {
            true => "allocations",
            false => "value",
        }
    }

    pub fn uses_curve(&self) -> bool {
        matches!(&self.work, Work::Perf(perf) if perf.curve)
    }

    /// Whether a contender has anything to run here.
    pub fn applies_to(&self, contender: Contender) -> bool {
        match contender {
            Contender::Libzmq | Contender::Ozmq => true,
            Contender::Limit => self.limit.is_some(),
            _ => matches!(&self.work, Work::Perf(perf) if perf.is_pair()),
        }
    }
}
