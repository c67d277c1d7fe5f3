"""Routes of the portfolio: the account, its limits, what it holds and how its equity went."""

from fastapi import Query, Request, Response

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import AccountNow, Moment, Paged, Portfolio, Rows
from alpha_panda.apps.api.parts import Api, Cursor, Limit
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.models import Limit as RiskLimit
from alpha_panda.apps.desk.models import Picture, Point, Position

router = subject("portfolio")


@router.get("/picture", response_model=Picture, responses={304: {"description": "It has not changed."}})
async def picture(request: Request, api: Api) -> Response:
    """Everything that the dashboard shows, at one moment; with `If-None-Match` only where it changed since."""
    now = api.desk.picture
    tag = f'"{api.desk.boot_id}.{now.number}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(api.written.of(now), media_type="application/json", headers=headers)


@router.get("/portfolio")
async def portfolio(api: Api) -> Portfolio:
    """The account with its limits, strategies and positions, all of the same moment."""
    return portfolio_of(api.desk.picture)


def portfolio_of(picture: Picture) -> Portfolio:
    """Return the part of a picture that is the portfolio."""
    return Portfolio(
        moment=Moment.of(picture),
        session=picture.session,
        phase=picture.phase,
        account=picture.account,
        limits=picture.limits,
        latch=picture.latch,
        killed=picture.killed,
        strategies=picture.strategies,
        positions=picture.positions,
        refusals=picture.refusals,
    )


@router.get("/portfolio/account")
async def account(api: Api) -> AccountNow:
    """The account as its stage last reported it, and whether it is killed."""
    now = api.desk.picture
    return AccountNow(moment=Moment.of(now), account=now.account, latch=now.latch, killed=now.killed)


@router.get("/portfolio/limits")
async def limits(api: Api) -> Rows[RiskLimit]:
    """Every limit of the account with what is used of it."""
    now = api.desk.picture
    return Rows(moment=Moment.of(now), rows=now.limits)


@router.get("/portfolio/positions")
async def positions(
    api: Api,
    strategy: str = Query("", description="Only of this strategy."),
    symbol: str = Query("", description="Only of this instrument.", examples=["NSE:INFY"]),
    is_open: bool = Query(False, description="Only what is held now; the others were closed today."),
) -> Rows[Position]:
    """What each strategy holds of each instrument, or held today."""
    now = api.desk.picture
    rows = tuple(
        each
        for each in now.positions
        if strategy in ("", each.strategy) and symbol in ("", each.symbol) and (each.quantity or not is_open)
    )
    return Rows(moment=Moment.of(now), rows=rows)


@router.get("/portfolio/curve")
async def curve(api: Api) -> Rows[Point]:
    """The equity of the market's day, oldest first, thinned to some hundreds of points."""
    now = api.desk.picture
    return Rows(moment=Moment.of(now), rows=now.curve)


@router.get("/portfolio/equity", responses=responses(503))
async def equity(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Point]:
    """Every figure that the account said of its equity, newest first."""
    page = await api.desk.history("equity", cursor, limit)
    return Paged(rows=tuple(row for row in page.rows if isinstance(row, Point)), following=page.following)
