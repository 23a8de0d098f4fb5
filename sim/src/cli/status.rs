//! Exit statuses. Their numbers are a contract; the table in the README is the same.

use ackproof_reports::verdict::Verdict;

/// What a command came to, in order of precedence: of several the last one here wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// 0: all expectations met.
    Met,
    /// 4: nothing selected to run: no seed.
    Nothing,
    /// 3: inconclusive.
    Inconclusive,
    /// 1: a property or an expectation violated.
    Violated,
    /// 2: usage or scenario error, like clap's own.
    Usage,
    /// 5: non-determinism found.
    Nondeterministic,
    /// 70: ackproof itself failed.
    Internal,
    /// 130: interrupted; partial results are written.
    Interrupted,
}

impl Status {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::Violated => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Nothing => 4,
            Self::Nondeterministic => 5,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Met => Self::Met,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Violated => Self::Violated,
            Verdict::Nondeterministic => Self::Nondeterministic,
            Verdict::Crashed => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_their_precedence_are_the_documented_ones() {
        let mut all = [
            Status::Interrupted,
            Status::Met,
            Status::Internal,
            Status::Violated,
            Status::Nothing,
            Status::Usage,
            Status::Nondeterministic,
            Status::Inconclusive,
        ];
        all.sort();
        assert_eq!(all.map(Status::code), [0, 4, 3, 1, 2, 5, 70, 130]);
        let verdicts = [
            Verdict::Met,
            Verdict::Inconclusive,
            Verdict::Violated,
            Verdict::Nondeterministic,
            Verdict::Crashed,
        ];
        assert_eq!(verdicts.map(|verdict| Status::from(verdict).code()), [0, 3, 1, 5, 70]);
    }
}
