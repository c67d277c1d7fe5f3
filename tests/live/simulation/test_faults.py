"""Whatever goes wrong, in as many processes as there are: the ledger of the undisturbed session, every order once.

Each trial draws a shape of the session and its faults from a seed: how many processes there are, which of them do the
same, how many partitions, and what goes wrong at which of their appends in each of their first lives. That it ends is
part of the trial.
"""

import itertools
import random
from collections.abc import Mapping, Sequence

import pytest

from tests.live.simulation.broker import Fault
from tests.live.simulation.loop import simulated
from tests.live.simulation.world import ALL, Process, World

_TRIALS = 20  # for each shape
_LIVES = 4
_FAULTS_MAX = 2  # in a life

SHAPES: Mapping[str, Sequence[Sequence[str]]] = {
    "one process": (ALL,),
    "every stage apart": (("feed",), ("signals",), ("account",)),
    "two pairs": (("feed", "signals"), ("signals", "account")),
    "two signals": (("feed",), ("signals",), ("signals",), ("account",)),
    "two accounts": (("feed",), ("signals",), ("account",), ("account",)),
    "two of each": (("feed",), ("feed",), ("signals",), ("signals",), ("account",), ("account",)),
}


def faults_of(generator: random.Random) -> list[dict[int, Fault]]:
    """Return what goes wrong in the lives of a process: early ones, in recovery, or late ones as well."""
    last = generator.choice((6, 20, 60))
    count = generator.randint(0, _FAULTS_MAX)
    return [{generator.randint(1, last): generator.choice(list(Fault)) for _ in range(count)} for _ in range(_LIVES)]


async def survived(seed: int, shape: Sequence[Sequence[str]]) -> World:
    generator = random.Random(seed)
    world = World(seed, partitions=generator.choice((1, 2, 3)))
    names = map("process {}".format, itertools.count())
    await world.run(*(Process(name, stages, faults_of(generator)) for name, stages in zip(names, shape, strict=False)))
    await world.check()
    return world


@pytest.mark.parametrize("shape", SHAPES)
def test_faults_leave_no_trace(shape: str):
    lives = 0
    for seed in range(_TRIALS):
        try:
            lives += len(simulated(survived(seed, SHAPES[shape])).ends)
        except BaseException as error:
            error.add_note(f"in trial {seed} of {shape}")
            raise
    assert lives > _TRIALS / 2
