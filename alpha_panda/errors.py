"""Every error that Alpha Panda raises on purpose, as one tree.

    AlphaPandaError
    ├── ConfigurationError      a profile, study or setting says something that cannot be
    ├── StrategyError           a strategy file is missing, malformed or misbehaves
    │   └── CausalityError      what it says about the past depends on the future
    ├── DataError               market data is absent, or not what it claims to be
    │   ├── EventError          an event array breaks the rules of the chain
    │   └── CatalogError        the catalog does not hold what was asked of it
    ├── KernelError             a kernel met a state that it must not continue from
    │   └── MoneyOverflowError  a money figure left the range of exact arithmetic
    ├── LogError                the event log cannot be read or written
    │   ├── CorruptRecordError  a log record does not decode to what was written
    │   │   └── VersionError    a log record was written by a later version of this program
    │   └── FencedError         another process has taken over what this one writes
    ├── StoreError              the portfolio store cannot be read or written
    │   └── StoreGapError       the portfolio store has lost what it was told
    ├── DatabaseError           the database of users, strategies and alerts cannot be read or written
    │   ├── UnknownRowError     it holds nothing of the name or number that was given
    │   └── DuplicateRowError   it holds something of that name already
    ├── RecoveryError           a saved session cannot be resumed as it stands
    └── ParityError             two runs that must agree to the byte do not

A message says what is wrong, where, and what to do about it, in one sentence that stands alone on a terminal.
"""


class AlphaPandaError(Exception):
    """Something Alpha Panda refuses to continue with; `exit_code` is what a command returns for it."""

    exit_code = 1


class ConfigurationError(AlphaPandaError):
    """A profile, study or setting says something that cannot be."""

    exit_code = 2


class StrategyError(AlphaPandaError):
    """A strategy file is missing, malformed or misbehaves."""

    exit_code = 3


class CausalityError(StrategyError):
    """What a strategy or a signal says about the past depends on the future, or cannot be proven not to."""

    exit_code = 10


class DataError(AlphaPandaError):
    """Market data is absent, or not what it claims to be."""

    exit_code = 4


class EventError(DataError):
    """An event array breaks the rules of the chain: order, prices, duplicates."""


class CatalogError(DataError):
    """The catalog does not hold what was asked of it."""


class KernelError(AlphaPandaError):
    """A kernel met a state that it must not continue from."""

    exit_code = 5


class MoneyOverflowError(KernelError):
    """A money figure left the range in which int64 arithmetic is exact."""


class LogError(AlphaPandaError):
    """The event log cannot be read or written."""

    exit_code = 6


class CorruptRecordError(LogError):
    """A log record does not decode to what was written."""


class VersionError(CorruptRecordError):
    """A log record was written by a later version of this program, which alone knows what it says."""


class FencedError(LogError):
    """Another process has taken over what this one writes, or holds it and has not let go."""

    exit_code = 11


class StoreError(AlphaPandaError):
    """The portfolio store cannot be read or written."""

    exit_code = 9


class StoreGapError(StoreError):
    """The portfolio store has lost what it was told: it was flushed, or is an older copy."""


class DatabaseError(AlphaPandaError):
    """The database of users, strategies and alerts cannot be read or written."""

    exit_code = 15


class UnknownRowError(DatabaseError):
    """The database holds nothing of the name or number that was given."""


class DuplicateRowError(DatabaseError):
    """The database holds something of the name that was given already."""


class RecoveryError(AlphaPandaError):
    """A saved session cannot be resumed as it stands."""

    exit_code = 7


class ParityError(AlphaPandaError):
    """Two runs that must agree to the byte do not."""

    exit_code = 8
