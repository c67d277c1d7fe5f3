"""Routes of the pipeline: its stages, their lag and delays, the feed, and what nobody could process."""

from fastapi import Query

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import FeedNow, Letter, Listed, Moment, Pipeline, Rows, StageDelay
from alpha_panda.apps.api.parts import Api, Limit
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.models import Picture, Stage
from alpha_panda.live.build import open_log
from alpha_panda.live.dead_letters import Letter as Kept
from alpha_panda.live.dead_letters import read_letters, topics_of
from alpha_panda.live.session import begun, read_session

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


@router.get("/pipeline/dead-letters", responses=responses(409, 503))
async def dead_letters(
    api: Api,
    topic: str = Query("", max_length=100, description="Only what stood on this topic.", examples=["market.ticks"]),
    limit: Limit = 100,
) -> Listed[Letter]:
    """What no attempt could process: of each topic the latest, with the reason; `alpha-panda dlq` puts it back."""
    async with open_log(api.desk.state, read_only=True) as log:
        topics = topics_of(begun(await read_session(log), api.desk.state))
        letters = [await read_letters(log, each) for each in topics if topic in ("", each.name)]
    return Listed(rows=tuple(_shown(each) for of_topic in letters for each in of_topic[:limit]))


def _shown(letter: Kept) -> Letter:
    place = letter.place
    return Letter(
        id=letter.id,
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
        time_ns=letter.time_ns,
        source=letter.source,
        is_event=letter.is_event,
        attempts=letter.data.attempts,
        reason=letter.data.reason,
        size_bytes=len(letter.data.value),
    )
