"""Routes of the pipeline: its stages, their lag and delays, the feed, and what nobody could process."""

from fastapi import APIRouter, Query

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import FeedNow, Moment, Pipeline, Rows, StageDelay
from alpha_panda.apps.api.parts import LOOKS, Api
from alpha_panda.apps.desk.models import Picture, Stage

router = APIRouter(tags=["pipeline"], dependencies=LOOKS, responses=responses(401, 403))


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
