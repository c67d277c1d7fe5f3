"""The way of an order or of a refusal, in the words of the screens."""

import dataclasses
from collections.abc import Iterator

from alpha_panda.apps.desk import history_models, models
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.live.messages import Control, Decision, Fill, OrderUpdate, Signal
from alpha_panda.live.past import descent


def shown_lineage(lineage: descent.Lineage, shower: Shower) -> history_models.Lineage:
    """Return a lineage as it is shown."""
    decision = lineage.decision.data
    return history_models.Lineage(
        symbol=lineage.symbol,
        strategy=decision.strategy,
        order_id=decision.order_id,
        reason=lineage.reason,
        finished=lineage.is_finished,
        quote=_event(lineage.quote, shower) if lineage.quote else None,
        steps=tuple(_steps(lineage, shower)),
    )


def _steps(lineage: descent.Lineage, shower: Shower) -> Iterator[history_models.Step]:
    if lineage.frame is not None and lineage.event is not None:
        yield history_models.Step(stamp=_stamp(lineage.frame), says=_event(lineage.event, shower))
    for told in (lineage.command, lineage.signal, lineage.decision, *lineage.order):
        if told is not None:
            yield history_models.Step(stamp=_stamp(told.stamp), says=_says(told.data, told.stamp, shower))


def _says(
    said: Signal | Control | Decision | OrderUpdate | Fill, stamp: descent.Stamp, shower: Shower
) -> models.Signal | models.Command | models.Decision | models.Order | models.Fill:
    match said:
        case Signal():
            return shower.signal(said, stamp.time_ns)
        case Control():
            return shower.command(said, stamp.time_ns)
        case Decision():
            return shower.decision(said, f"{stamp.topic}:{stamp.offset}")
        case OrderUpdate():
            return shower.order(said)
        case Fill():
            return shower.fill(said)


def _stamp(stamp: descent.Stamp) -> history_models.Stamp:
    fields = dataclasses.asdict(stamp)
    return history_models.Stamp(**{name: fields[name] for name in history_models.Stamp.model_fields})


def _event(event: descent.MarketEvent, shower: Shower) -> history_models.MarketEvent:
    fields = dataclasses.asdict(event)
    fields["symbol"] = "" if event.kind == "clock" else shower.symbol(event.instrument_token)
    return history_models.MarketEvent(
        **{name: fields[name] for name in history_models.MarketEvent.model_fields if name in fields}
    )
