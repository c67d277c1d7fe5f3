"""What a proof of causality found: every check, what it compared, and the first thing that the future changed."""

import dataclasses
import datetime
import operator
from collections.abc import Sequence

import polars as pl

from alpha_panda.data.columns import IST_ZONE
from alpha_panda.errors import CausalityError


@dataclasses.dataclass(frozen=True)
class Finding:
    """One value that ought to have stayed as it was; `time` and `symbol` are None where it belongs to no bar."""

    cause: str  # what was changed, as half a sentence: `when the bars after … are other ones`
    time: datetime.datetime | None = None
    symbol: str | None = None
    column: str | None = None
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        place = " ".join(filter(None, (f"{self.time:%Y-%m-%d %H:%M:%S}" if self.time else None, self.symbol)))
        if self.column is None:
            return f"{place}: {self.cause}" if place else self.cause
        return f"{place}: {self.column} changes from {self.before} to {self.after} {self.cause}"


def earliest(found: Sequence[Finding]) -> Finding | None:
    """Return the finding of the earliest time, one without a time only where there is no other."""
    timed = (finding for finding in found if finding.time is not None)
    return min(timed, key=operator.attrgetter("time"), default=next(iter(found), None))


@dataclasses.dataclass(frozen=True)
class Check:
    """One way of asking: how many comparisons it made, and the earliest finding if there was any."""

    market: str
    name: str
    compared: int
    finding: Finding | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """All checks of one target; it holds where none found anything."""

    target: str
    markets: tuple[str, ...]  # on what it was tried, one sentence each
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether no check found anything."""
        return all(check.finding is None for check in self.checks)

    @property
    def first(self) -> Finding | None:
        """The finding of the earliest time; one that belongs to no time comes last."""
        return earliest([check.finding for check in self.checks if check.finding is not None])

    @property
    def frame(self) -> pl.DataFrame:
        """The checks as a frame: market, check, compared, holds, and the fields of the finding."""
        fields = [field.name for field in dataclasses.fields(Finding)]
        rows = [
            {
                "market": check.market,
                "check": check.name,
                "compared": check.compared,
                "holds": check.finding is None,
                **{field: None if check.finding is None else getattr(check.finding, field) for field in fields},
            }
            for check in self.checks
        ]
        texts = {field: pl.String for field in fields if field != "time"}
        return pl.DataFrame(rows, schema_overrides={**texts, "time": pl.Datetime("us", IST_ZONE)})

    def check(self) -> None:
        """Raise CausalityError with the first finding; nothing where it holds."""
        if self.first is not None:
            raise CausalityError(f"{self.target} is not proven causal: {self.first}")
