"""Routes of the pipeline: its stages, their lag and delays, the feed, and what nobody could process."""

from typing import Annotated

from fastapi import HTTPException, Query

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import FeedNow, Letter, Moment, Paged, Pipeline, Rows, StageDelay
from alpha_panda.apps.api.parts import Api, Cursor, Limit
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.models import Picture, Stage
from alpha_panda.live.build import open_log
from alpha_panda.live.dead_letters import is_of_event, topics_of
from alpha_panda.live.messages import DeadLetter
from alpha_panda.live.past.pages import page
from alpha_panda.live.session import begun, read_session
from alpha_panda.live.streams import Entry
from alpha_panda.strategy import did_you_mean

router = subject("pipeline")


@router.get("/pipeline")
async def pipeline(api: Api) -> Pipeline:
    """The stages, the feed and what is wrong, all of the same moment."""
    return pipeline_of(api.desk.picture)


def pipeline_of(picture: Picture) -> Pipeline:
    """Return the part of a picture that is the pipeline."""
    return Pipeline(
        moment=Moment.of(picture),
        phase=picture.phase,
        feed=picture.feed,
        stages=picture.stages,
        commands_waiting=picture.commands_waiting,
        dead_letters=picture.dead_letters,
        troubles=picture.troubles,
    )


@router.get("/pipeline/stages")
async def stages(api: Api, stage: str = Query("", description="Only this stage, of each process.")) -> Rows[Stage]:
    """Each stage of each process as it last said, with its lag in records and all figures that it reports."""
    now = api.desk.picture
    return Rows(moment=Moment.of(now), rows=tuple(each for each in now.stages if stage in ("", each.stage)))


@router.get("/pipeline/delays")
async def delays(api: Api) -> Rows[StageDelay]:
    """How long it took from a tick to its signal, decision and order, over the latest 2,048 of each stage."""
    now = api.desk.picture
    rows = tuple(
        StageDelay(stage=stage.stage, holder=stage.holder, delay=delay)
        for stage in now.stages
        for delay in stage.delays
    )
    return Rows(moment=Moment.of(now), rows=rows)


@router.get("/pipeline/feed")
async def feed(api: Api) -> FeedNow:
    """How fresh the market data are."""
    now = api.desk.picture
    return FeedNow(moment=Moment.of(now), feed=now.feed)


@router.get("/pipeline/dead-letters", responses=responses(404, 409, 503))
async def dead_letters(
    api: Api,
    topic: Annotated[
        str, Query(max_length=100, description="Only what stood on this topic.", examples=["market.ticks"])
    ] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Paged[Letter]:
    """What no attempt could process, newest first, with the reason; `alpha-panda dlq` puts it back.

    Two processes that gave up the same record in the same moment may each have said so, under the same `id`.
    """
    async with open_log(api.desk.state, read_only=True) as log:
        known = {each.name: each for each in topics_of(begun(await read_session(log), api.desk.state))}
        if topic and topic not in known:
            raise HTTPException(404, f"the session has no topic {topic}{did_you_mean(topic, known)}")
        wanted = [each.dead_letters for each in known.values() if topic in ("", each.name)]
        entries, following = await page(log, wanted, DeadLetter, cursor, limit)
    return Paged(rows=tuple(map(_shown, entries)), following=following)


def _shown(entry: Entry) -> Letter:
    message, letter = entry.message, entry.message.data
    assert isinstance(letter, DeadLetter)
    return Letter(
        id=message.id,
        topic=letter.place.topic,
        partition=letter.place.partition,
        offset=letter.place.offset,
        time_ns=message.time_ns,
        source=message.source,
        is_event=is_of_event(message.source),
        attempts=letter.attempts,
        reason=letter.reason,
        size_bytes=len(letter.value),
    )
