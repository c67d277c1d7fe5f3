"""What feeds the streams: the desk's pictures and happenings, told to the hub as they come."""

import asyncio
import functools
from collections.abc import Mapping

from alpha_panda.apps.api.hub import Hub, Topic
from alpha_panda.apps.api.logs import line_of
from alpha_panda.apps.api.parts import Parts
from alpha_panda.apps.api.pipeline import pipeline_of
from alpha_panda.apps.api.portfolio import portfolio_of
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.live.watch.logfollowing import follow
from alpha_panda.units import SECOND_NS

TOPIC_OF: Mapping[str, Topic] = {
    "order": "orders",
    "fill": "orders",
    "command": "orders",
    "signal": "signals",
    "decision": "signals",
}
"""The topic of each kind of happening."""

_PIPELINE_EVERY_NS = SECOND_NS  # stages report once in that time
_AGAIN_S = 1.0


async def feed(api: Parts) -> None:
    """Feed the streams until cancelled; one is enough for all viewers of a process."""
    tell = functools.partial(api.hub.tell, "alerts", "alerts")
    tell(api.alarms.board)
    unlisten = api.alarms.listen(tell)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_feed_pictures(api.hub, api.desk))
            tasks.create_task(_feed_happenings(api.hub, api.desk))
            tasks.create_task(_feed_logs(api))
    finally:
        unlisten()


async def _feed_pictures(hub: Hub, desk: Desk) -> None:
    told, pipeline_ns = None, 0
    async with desk.watch() as pictures:
        async for picture in pictures:
            portfolio = portfolio_of(picture)
            says = portfolio.model_copy(update={"moment": None})
            if says != told:
                hub.tell("portfolio", "portfolio", portfolio)
                told = says
            if picture.taken_ns - pipeline_ns >= _PIPELINE_EVERY_NS:
                hub.tell("pipeline", "pipeline", pipeline_of(picture))
                pipeline_ns = picture.taken_ns


async def _feed_happenings(hub: Hub, desk: Desk) -> None:
    async with desk.watch_happenings() as happenings:
        async for batch in happenings:
            for each in batch:
                hub.tell(TOPIC_OF[each.what], each.what, each)


async def _feed_logs(api: Parts) -> None:
    """Tell each line that is added; a disk that cannot be read is tried again."""
    while True:
        try:
            async for line in follow(api.desk.state):
                api.hub.tell("logs", "line", line_of(line))
        except OSError as error:
            api.log.warning("logs_not_followed", reason=str(error))
            await asyncio.sleep(_AGAIN_S)
