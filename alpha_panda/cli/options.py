"""Options that several commands share, so that they read and explain themselves alike."""

import datetime
import pathlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from alpha_panda.errors import ConfigurationError


def _comma_separated(_hint: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the names in `A,B` and in repeated options alike; ConfigurationError for none, which would mean all."""
    names = tuple(name.strip() for token in tokens for name in token.value.split(",") if name.strip())
    if not names:
        raise ConfigurationError(
            "no symbol is named: write --instruments NSE:INFY,NSE:TCS, or leave it out for all there are"
        )
    return names


def read_date(_hint: Any, tokens: Sequence[Token]) -> datetime.date:
    """Return a date as people of every country read it; ConfigurationError for any other."""
    try:
        return datetime.date.fromisoformat(tokens[0].value)
    except ValueError:
        raise ConfigurationError(f"{tokens[0].value!r} is no date: write it as 2024-04-22") from None


Adjusted = Annotated[
    bool | None,
    Parameter(
        "--adjusted",
        negative="--raw",
        show_default=False,
        help="Adjust prices for corporate actions; else as the study.",
    ),
]
Data = Annotated[pathlib.Path, Parameter("--data", help="Folder of the catalog.")]
DataOfStudy = Annotated[pathlib.Path | None, Parameter("--data", help="Folder of the catalog; else the study's own.")]
First = Annotated[
    datetime.date | None, Parameter("--from", converter=read_date, help="First day, as 2024-04-22, included.")
]
Instruments = Annotated[
    tuple[str, ...],
    Parameter(
        "--instruments",
        converter=_comma_separated,
        n_tokens=1,
        negative=(),
        show_default=False,
        help="Symbols for the strategies that name none, as NSE:INFY,NSE:TCS; else all there are.",
    ),
]
Json = Annotated[
    bool, Parameter("--json", negative=(), show_default=False, help="Print one JSON object instead of tables.")
]
Last = Annotated[datetime.date | None, Parameter("--to", converter=read_date, help="Last day, included.")]
Resolution = Annotated[
    Literal["tick", "1m", "1d"] | None,
    Parameter("--resolution", help="Which data to run over, where there are several."),
]
