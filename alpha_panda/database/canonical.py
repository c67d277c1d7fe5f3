"""JSON in the one way in which the database writes it, so that equal content has an equal digest."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from alpha_panda.errors import ConfigurationError

_DIGEST_BYTES = 16


def canonical(value: Mapping[str, Any], what: str) -> str:
    """Return `value`, which is `what`, as JSON with sorted keys and no spaces; ConfigurationError where it is none."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{what} cannot be kept: {error}") from None


def digest_of(text: str) -> str:
    """Return the content hash of canonical JSON, in hexadecimal."""
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def finite(value: Any) -> Any:
    """Return `value` with None for each figure that JSON cannot say: NaN and infinity."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in cast("Sequence[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
