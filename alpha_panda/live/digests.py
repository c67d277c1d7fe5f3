"""The digest of an account's state: of all of it, though only what has changed is hashed anew.

After every step the journal says what state the account is in, so the digest must be cheap: with all of a broker's
instruments the state has megabytes, of which a step changes some kilobytes. It is a tree of two levels, the digest of
the digests of blocks. What has changed is found by comparing every block with a copy of it as it was. So the digest
follows from the bytes of the state alone, whatever led to it, and no byte can differ without changing it.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from alpha_panda.chain import snapshot_bytes
from alpha_panda.kernels.records import Records
from alpha_panda.live.snapshots import digest_of

_TREE = "tree:"
_BLOCK_BYTES = 1024  # a price that changes costs one; smaller ones make the upper level larger
_DIGEST_BYTES = 16

Bytes = npt.NDArray[np.uint8]


class StateDigest:
    """The digest of arrays that are changed in place, ready to be asked for again and again."""

    def __init__(self, arrays: Mapping[str, Records]) -> None:
        self._arrays = arrays
        self._trees = {name: _Tree(arrays[name]) for name in sorted(arrays)}

    def now(self) -> str:
        """Return the digest of the arrays as they are."""
        digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for name, tree in self._trees.items():
            digest.update(len(name).to_bytes(4, "little") + name.encode())
            digest.update(tree.size.to_bytes(8, "little") + tree.leaves())
        return f"{_TREE}{digest.hexdigest()}"

    def like(self, recorded: str) -> str:
        """Return the digest of the arrays of the kind that `recorded` is: older journals hashed all bytes as one."""
        return self.now() if recorded.startswith(_TREE) else digest_of(snapshot_bytes(self._arrays))


class _Tree:
    """The digests of the blocks of one array."""

    def __init__(self, array: Records) -> None:
        self._bytes: Bytes = array.reshape(-1).view(np.uint8)
        self.size = len(self._bytes)
        whole = self.size // _BLOCK_BYTES * _BLOCK_BYTES
        self._blocks = self._bytes[:whole].view(np.uint64).reshape(-1, _BLOCK_BYTES // 8)
        self._rest = self._bytes[whole:]
        self._known = self._blocks.copy()
        self._differs = np.zeros(self._blocks.shape, np.bool_)
        self._leaves = bytearray()
        for block in range(len(self._blocks)):
            self._leaves += self._leaf(block)

    def leaves(self) -> bytes:
        """Return the digests of all blocks, of which those that have changed are made anew, and then of the rest."""
        np.not_equal(self._blocks, self._known, out=self._differs)
        changed = np.flatnonzero(self._differs.any(axis=1))
        self._known[changed] = self._blocks[changed]
        for block in changed.tolist():
            self._leaves[block * _DIGEST_BYTES : (block + 1) * _DIGEST_BYTES] = self._leaf(block)
        return bytes(self._leaves) + _hashed(self._rest)

    def _leaf(self, block: int) -> bytes:
        return _hashed(self._bytes[block * _BLOCK_BYTES : (block + 1) * _BLOCK_BYTES])


def _hashed(content: Bytes) -> bytes:
    return hashlib.blake2b(content.data, digest_size=_DIGEST_BYTES).digest()
