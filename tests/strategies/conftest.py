"""Bars that every strategy is tested on: a random walk, and real minutes."""

import numpy as np
import pytest

from tests.bars import minute_bars, random_bars


@pytest.fixture(scope="package", params=["random walk", "INFY"])
def bars(request: pytest.FixtureRequest) -> np.ndarray:
    if request.param == "INFY":
        find = request.getfixturevalue("shared_file")
        return minute_bars(find("minute/stocks_1min_2024_2025.parquet"), "INFY", 20_000)
    return random_bars(20_000, seed=4)
