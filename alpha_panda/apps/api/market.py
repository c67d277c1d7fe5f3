"""Routes of what is traded and when: instruments, their minutes, and the sessions there were."""

from typing import Annotated

from fastapi import HTTPException, Path, Query

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import Listed
from alpha_panda.apps.api.parts import Api
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.history_models import Bar, FillsFound
from alpha_panda.apps.desk.models import InstrumentTerms, SessionListing, SessionTerms
from alpha_panda.strategy import did_you_mean

router = subject("market")

Symbol = Annotated[str, Path(max_length=100, description="With its exchange.", examples=["NSE:INFY"])]


@router.get("/instruments")
async def instruments(api: Api) -> Listed[InstrumentTerms]:
    """What the session trades."""
    return Listed(rows=api.desk.instruments())


@router.get("/instruments/{symbol}", responses=responses(404))
async def instrument(api: Api, symbol: Symbol) -> InstrumentTerms:
    """One instrument of the session, such as `NSE:INFY`."""
    known = {each.symbol: each for each in api.desk.instruments()}
    if symbol not in known:
        raise HTTPException(404, f"the session does not trade {symbol}{did_you_mean(symbol, known)}")
    return known[symbol]


@router.get("/instruments/{symbol}/bars", responses=responses(404))
async def bars(api: Api, symbol: Symbol) -> Listed[Bar]:
    """The minutes of one instrument's day, oldest first, from the events that the session saw."""
    await instrument(api, symbol)
    return Listed(rows=api.desk.bars(symbol))


@router.get("/instruments/{symbol}/fills", responses=responses(404, 503))
async def instrument_fills(
    api: Api, symbol: Symbol, strategy: Annotated[str, Query(max_length=100, description="Only of this strategy.")] = ""
) -> FillsFound:
    """The executions of one instrument with their charges, newest first, and whether these are all of them."""
    await instrument(api, symbol)
    return await api.desk.fills_of(symbol, strategy)


@router.get("/session", responses=responses(404))
async def session(api: Api) -> SessionTerms:
    """What the session that is shown was made of when it began."""
    if (terms := api.desk.picture.session) is None:
        raise HTTPException(404, "no session has begun here: start one with `alpha-panda live`")
    return terms


@router.get("/sessions")
async def sessions(api: Api) -> Listed[SessionListing]:
    """The sessions whose folders lie beside that of the one which is shown: of many, the 200 written to last."""
    return Listed(rows=api.desk.sessions())
