"""What is asked twice under one key is done once: whoever asks again is told what came of it."""

import asyncio
import collections
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from fastapi import HTTPException

Done = TypeVar("Done")

KEPT_MAX = 1_000
"""How many answers are kept for those who ask again."""


class Once(Generic[Done]):
    """What was asked under keys, each of them one person's own, and what came of it, once that is settled."""

    def __init__(self, is_settled: Callable[[Done], bool]) -> None:
        self._is_settled = is_settled
        self._asked: collections.OrderedDict[tuple[str, str], tuple[str, asyncio.Task[Done]]] = (
            collections.OrderedDict()
        )

    async def do(
        self, who: str, key: str, meaning: str, doing: Callable[[], Coroutine[Any, Any, Done]]
    ) -> tuple[Done, bool]:
        """Return what came of `doing`, and whether it had been asked before under this key, and so was not done again.

        Who asks while it is being done waits for it. What failed, or is not settled, may be asked again. A key that
        stood for something of another `meaning` is refused.
        """
        meant, task = self._asked.get((who, key), (meaning, None))
        if meant != meaning:
            raise HTTPException(409, "this Idempotency-Key was used for something else: take another for each command")
        if task is not None:
            return await asyncio.shield(task), True
        task = asyncio.create_task(doing())
        self._asked[who, key] = (meaning, task)
        task.add_done_callback(functools.partial(self._on_done, (who, key)))
        if len(self._asked) > KEPT_MAX:
            self._asked.popitem(last=False)
        # Whoever asked may leave; what was begun is done all the same.
        return await asyncio.shield(task), False

    def _on_done(self, place: tuple[str, str], task: asyncio.Task[Done]) -> None:
        if task.cancelled() or task.exception() is not None or not self._is_settled(task.result()):
            self._asked.pop(place, None)
