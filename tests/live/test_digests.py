"""The digest of a state follows from its bytes alone, of which none can change without changing it."""

import numpy as np
import pytest

from alpha_panda.chain import snapshot_bytes
from alpha_panda.kernels.records import ACCOUNT, BOOK, QUOTE, Records
from alpha_panda.live.digests import StateDigest
from alpha_panda.live.snapshots import digest_of


def state() -> dict[str, Records]:
    """Return arrays of many blocks, of one block and a rest, and of less than a block."""
    generator = np.random.default_rng(1)
    shapes = {"books": (BOOK, (2, 30)), "accounts": (ACCOUNT, (1,)), "quotes": (QUOTE, (3,))}
    arrays = {name: np.zeros(shape, dtype) for name, (dtype, shape) in shapes.items()}
    for array in arrays.values():
        flat = array.reshape(-1).view(np.uint8)
        flat[:] = generator.integers(0, 256, len(flat))
    return arrays


@pytest.mark.parametrize("name", ["books", "accounts", "quotes"])
def test_every_byte_counts_and_the_way_to_a_state_does_not(name: str):
    arrays = state()
    digest = StateDigest(arrays)
    seen = {digest.now()}
    flat = arrays[name].reshape(-1).view(np.uint8)
    for place in range(0, len(flat), 61):
        flat[place] ^= 1
        seen.add(digest.now())
        assert digest.now() == StateDigest(arrays).now()
    assert len(seen) == 1 + len(range(0, len(flat), 61))
    arrays[name][...] = state()[name]
    assert digest.now() == StateDigest(state()).now()


def test_numbers_that_compare_equal_are_told_apart_by_their_bytes():
    arrays = {"figures": np.zeros(500)}
    digest = StateDigest(arrays)
    positive = digest.now()
    arrays["figures"][7] = -0.0
    assert digest.now() != positive


def test_what_stands_in_another_array_is_another_state():
    one, other = (StateDigest({first: np.arange(300), "z": np.arange(300)}) for first in ("a", "b"))
    assert one.now() != other.now()
    assert StateDigest({"a": np.arange(300)}).now() != StateDigest({"a": np.arange(301)}).now()


def test_a_journal_of_before_is_held_against_the_digest_that_it_has():
    arrays = state()
    digest = StateDigest(arrays)
    assert digest.like(digest_of(snapshot_bytes(arrays))) == digest_of(snapshot_bytes(arrays))
    assert digest.like(digest.now()) == digest.now()
