"""A desk that shows made-up pictures, rich and consistent, for drawing without a session."""

import math
import time
from collections.abc import Iterator

from alpha_panda.apps.alerts.models import AlarmBoard
from alpha_panda.apps.desk import models
from alpha_panda.units import E4, SECOND_NS

NINE_FIFTEEN_NS = 1_763_696_700 * SECOND_NS  # 21 November 2025, 09:15 in India
NOW_NS = NINE_FIFTEEN_NS + 5 * 3600 * SECOND_NS
INITIAL_E4 = 10_00_000 * E4


class FakeDesk:
    """A desk whose picture a test sets; as long as it `hears`, its sources were read and its feed heard just now."""

    def __init__(self, picture: models.Picture | None = None, boot_id: str = "boot-1") -> None:
        self.shown = picture or example_picture()
        self.boot_id = boot_id
        self.hears = True
        self.board = quiet_board()
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Return the time, which passes from the example's moment on."""
        return NOW_NS + time.monotonic_ns() - self._began_ns

    @property
    def picture(self) -> models.Picture:
        """What is shown at this moment."""
        now_ns = self.now_ns()
        if not self.hears or self.shown.session is None:
            return self.shown.model_copy(update={"taken_ns": now_ns})
        sources = tuple(
            source.model_copy(update={"read_ns": now_ns}) if source.well else source for source in self.shown.sources
        )
        feed = self.shown.feed and self.shown.feed.model_copy(update={"heard_ns": now_ns - SECOND_NS // 5})
        return self.shown.model_copy(update={"taken_ns": now_ns, "sources": sources, "feed": feed})

    def change(self, **fields: object) -> None:
        """Show another picture, which differs in these fields."""
        self.shown = self.picture.model_copy(update={"number": self.shown.number + 1, **fields})

    def change_account(self, **fields: object) -> None:
        """Show another picture, whose account differs in these fields."""
        account = self.shown.account
        assert account is not None
        self.change(account=account.model_copy(update=fields))


def example_picture() -> models.Picture:
    """Return a paper session in the afternoon: three positions, some refusals, a gain."""
    positions = tuple(_positions())
    realised_e4 = sum(position.realised_e4 for position in positions)
    unrealised_e4 = sum(position.unrealised_e4 or 0 for position in positions)
    charges_e4 = sum(position.charges_e4 for position in positions)
    equity_e4 = INITIAL_E4 + realised_e4 + unrealised_e4 - charges_e4
    gross_e4 = sum(abs(position.quantity) * (position.last_e4 or 0) for position in positions)
    net_e4 = sum(position.quantity * (position.last_e4 or 0) for position in positions)
    return models.Picture(
        number=1,
        taken_ns=NOW_NS,
        session=_session(),
        sources=tuple(
            models.Source(name=name, well=True, is_read=True, trouble="", read_ns=NOW_NS)
            for name in ("log", "store", "folder")
        ),
        phase="trading",
        account=models.Account(
            state="running",
            halt="",
            reported_ns=NOW_NS,
            market_ns=NOW_NS,
            equity_e4=equity_e4,
            cash_e4=equity_e4 - net_e4,
            gross_e4=gross_e4,
            day_pnl_e4=equity_e4 - INITIAL_E4,
            realised_e4=realised_e4,
            unrealised_e4=unrealised_e4,
            charges_e4=charges_e4,
            positions=3,
            orders_working=1,
            orders_made=42,
            approved=40,
            refused=7,
            fills=39,
            signals=51,
            events=1_204_331,
        ),
        limits=_limits(gross_e4 / equity_e4),
        feed=models.Feed(
            market_ns=NOW_NS,
            heard_ns=NOW_NS - SECOND_NS // 5,
            market_open=True,
            gaps=0,
            reconnects=0,
            kept_out=0,
        ),
        stages=tuple(_stages()),
        strategies=tuple(_strategies()),
        positions=positions,
        orders=tuple(_orders()),
        decisions=tuple(_decisions()),
        refusals=(models.Refusals(code="gross_exposure", count=5), models.Refusals(code="open_orders", count=2)),
        happenings=tuple(_happenings()),
        curve=tuple(_curve(equity_e4)),
        latch=None,
        commands_waiting=0,
        dead_letters=0,
        troubles=(),
    )


def quiet_board(**fields: int) -> AlarmBoard:
    """Return a board without alarms, or with so many as are named."""
    counts = {name: fields.get(name, 0) for name in ("critical", "high", "low", "unacknowledged")}
    return AlarmBoard(number=1, taken_ns=NOW_NS, alerts=(), lately=0, flood=False, channels=(), kept=True, **counts)


def empty_picture() -> models.Picture:
    """Return what a desk shows before any session has begun."""
    return models.Picture(
        number=0,
        taken_ns=0,
        session=None,
        sources=tuple(
            models.Source(name=name, well=False, is_read=False, trouble="no session has begun", read_ns=0)
            for name in ("log", "store", "folder")
        ),
        phase="unknown",
        account=None,
        limits=(),
        feed=None,
        stages=(),
        strategies=(),
        positions=(),
        orders=(),
        decisions=(),
        refusals=(),
        happenings=(),
        curve=(),
        latch=None,
        commands_waiting=0,
        dead_letters=0,
        troubles=("no session has begun",),
    )


def _session() -> models.SessionTerms:
    return models.SessionTerms(
        name="2025-11-21-paper",
        broker="paper",
        mode="paper",
        feed="synthetic",
        started_ns=NINE_FIFTEEN_NS,
        log="embedded",
        strategies=("trend", "reversion", "breakout"),
        symbols=("NSE:RELIANCE", "NSE:INFY", "NFO:NIFTY25NOVFUT", "NSE:TCS"),
        code_digest="3f1c9a77",
    )


def _limits(gross: float) -> tuple[models.Limit, ...]:
    def limit(name: str, used: float, allowed: float, is_ratio: bool, action: str) -> models.Limit:
        return models.Limit.model_validate(
            {"name": name, "used": used, "allowed": allowed, "is_ratio": is_ratio, "action": action}
        )

    return (
        limit("day_loss_reduce", 0.0, 0.01, True, "only orders that reduce"),
        limit("day_loss_halt", 0.0, 0.02, True, "everything is closed, nothing opens until the next day"),
        limit("drawdown_halt", 0.0123, 0.05, True, "everything is closed until a person resets"),
        limit("gross_fraction", gross, 1.5, True, "orders are clipped"),
        limit("positions", 3, 10, False, "what would open another is refused"),
        limit("open_orders", 1, 20, False, "further orders are refused"),
    )


def _positions() -> Iterator[models.Position]:
    rows = (
        ("trend", "NSE:RELIANCE", 2885633, "MIS", 120, 2_847_35_00, 2_861_10_00, 1_240_50_00, 312_4500, 6),
        ("trend", "NSE:INFY", 408065, "MIS", -210, 1_512_80_00, 1_518_05_00, -430_00_00, 188_2300, 4),
        ("reversion", "NFO:NIFTY25NOVFUT", 9604354, "NRML", 25, 26_104_00_00, 26_151_45_00, 0, 402_1100, 2),
        ("breakout", "NSE:TCS", 2953217, "MIS", 0, None, 3_105_00_00, 2_204_00_00, 254_9900, 8),
    )
    for strategy, symbol, token, product, quantity, average_e4, last_e4, realised_e4, charges_e4, fills in rows:
        yield models.Position(
            strategy=strategy,
            symbol=symbol,
            instrument_token=token,
            product=product,
            quantity=quantity,
            average_e4=average_e4,
            last_e4=last_e4,
            unrealised_e4=quantity * (last_e4 - average_e4) if average_e4 is not None else 0,
            realised_e4=realised_e4,
            charges_e4=charges_e4,
            fills=fills,
            updated_ns=NOW_NS - 900 * SECOND_NS,
        )


def _strategies() -> Iterator[models.Strategy]:
    for place, (name, state) in enumerate((("trend", "running"), ("reversion", "running"), ("breakout", "paused"))):
        of = [position for position in _positions() if position.strategy == name]
        yield models.Strategy.model_validate(
            {
                "name": name,
                "state": state,
                "source": f"strategies/{name}.py",
                "interval_ns": 60 * SECOND_NS,
                "product": of[0].product,
                "symbols": (),
                "capital_e4": 3_00_000 * E4,
                "parameters": {"fast": 12, "slow": 26},
                "realised_e4": sum(position.realised_e4 for position in of),
                "unrealised_e4": sum(position.unrealised_e4 or 0 for position in of),
                "charges_e4": sum(position.charges_e4 for position in of),
                "open_positions": sum(position.quantity != 0 for position in of),
                "signals": 17 + place,
                "last_signal_ns": NOW_NS - 60 * SECOND_NS * (place + 1),
                "last_symbol": of[0].symbol,
                "last_target": 1.0 - place,
            }
        )


def _stages() -> Iterator[models.Stage]:
    for stage in ("feed", "signals", "account", "portfolio"):
        yield models.Stage(
            stage=stage,
            holder="4711@trader",
            partitions=(0,),
            phase="running",
            reported_ns=NOW_NS - SECOND_NS // 2,
            age_s=0.5,
            lag=None if stage == "feed" else 0,
            market_ns=NOW_NS,
            events_a_second=2_000.0,
            trouble="",
            note="",
            delays=(models.Delay(name="tick_to_order", p50_s=0.0021, p99_s=0.0068, max_s=0.0201, count=2048),)
            if stage == "account"
            else (),
            set_aside=0,
            dead_letters=0,
            figures={},
        )


def _orders() -> Iterator[models.Order]:
    rows = (
        (42, "trend", "NSE:INFY", "SELL", 60, 0, "working", 10),
        (41, "trend", "NSE:RELIANCE", "BUY", 120, 120, "complete", 900),
        (40, "reversion", "NFO:NIFTY25NOVFUT", "BUY", 25, 25, "complete", 1_800),
        (39, "breakout", "NSE:TCS", "SELL", 80, 30, "cancelled", 2_400),
    )
    for order_id, strategy, symbol, side, quantity, filled, status, ago_s in rows:
        yield models.Order.model_validate(
            {
                "order_id": order_id,
                "made_ns": NOW_NS - ago_s * SECOND_NS,
                "updated_ns": NOW_NS - (ago_s - 1) * SECOND_NS,
                "strategy": strategy,
                "symbol": symbol,
                "side": side,
                "order_type": "LIMIT" if status == "working" else "MARKET",
                "validity": "DAY",
                "quantity": quantity,
                "filled": filled,
                "average_e4": 2_847_35_00 if filled else None,
                "limit_e4": 1_520_00_00 if status == "working" else 0,
                "trigger_e4": 0,
                "brokerage_e4": 20 * E4 if filled else 0,
                "status": status,
                "opening": side == "BUY",
                "guard": "none",
            }
        )


def _decisions() -> Iterator[models.Decision]:
    rows = (
        ("refused", "gross_exposure", "BUY", 200, 0, 16_12_000.0 * E4, 15_00_000.0 * E4, 0),
        ("clipped", "order_value", "BUY", 200, 120, 5_69_470.0 * E4, 3_50_000.0 * E4, 41),
        ("approved", "none", "SELL", 60, 60, 0.0, 0.0, 42),
    )
    for place, (verdict, code, side, asked, granted, figure, limit, order_id) in enumerate(rows):
        yield models.Decision.model_validate(
            {
                "cursor": f"d{place}",
                "time_ns": NOW_NS - (20 + 60 * place) * SECOND_NS,
                "strategy": "trend",
                "symbol": "NSE:RELIANCE",
                "verdict": verdict,
                "code": code,
                "side": side,
                "asked": asked,
                "granted": granted,
                "price_e4": 2_861_10_00,
                "figure": figure,
                "limit": limit,
                "target": 1.0,
                "order_id": order_id,
                "guard": "none",
            }
        )


def _happenings() -> Iterator[models.Happening]:
    decisions, orders = list(_decisions()), list(_orders())
    charges = models.Charges(
        brokerage_e4=20 * E4,
        stt_e4=0,
        transaction_e4=10_15_00,
        sebi_e4=34_00,
        stamp_e4=10_25_00,
        gst_e4=5_49_00,
        dp_e4=0,
        total_e4=20 * E4 + 10_15_00 + 34_00 + 10_25_00 + 5_49_00,
    )
    fill = models.Fill(
        time_ns=NOW_NS - 899 * SECOND_NS,
        order_id=41,
        strategy="trend",
        symbol="NSE:RELIANCE",
        side="BUY",
        quantity=120,
        price_e4=2_847_35_00,
        charges=charges,
        realised_e4=0,
        position=120,
        guard="none",
    )
    signal = models.Signal(
        time_ns=NOW_NS - 21 * SECOND_NS, strategy="trend", symbol="NSE:RELIANCE", target=1.0, volatility=0.0021
    )
    command = models.Command(
        time_ns=NOW_NS - 1_500 * SECOND_NS, command="pause", strategy="breakout", who="asha", reason="gap in the feed"
    )
    lines = [
        decisions[0],
        signal,
        orders[0],
        decisions[1],
        decisions[2],
        fill,
        orders[1],
        command,
        orders[2],
        orders[3],
    ]
    for round_ in range(4):
        for line in lines:
            when = "updated_ns" if isinstance(line, models.Order) else "time_ns"
            yield line.model_copy(update={when: getattr(line, when) - round_ * 2_400 * SECOND_NS})


def _curve(equity_e4: int) -> Iterator[models.Point]:
    points = 300
    for place in range(points + 1):
        share = place / points
        wave = math.sin(share * 17) * 1_400 + math.sin(share * 41) * 500
        value_e4 = INITIAL_E4 + round((equity_e4 - INITIAL_E4) * share) + round(wave * (1 - share) * share * 4) * E4
        yield models.Point(
            time_ns=NINE_FIFTEEN_NS + round(share * (NOW_NS - NINE_FIFTEEN_NS)),
            equity_e4=value_e4,
            realised_e4=0,
            unrealised_e4=value_e4 - INITIAL_E4,
            charges_e4=0,
            gross_e4=4_00_000 * E4,
        )
