"""What a notebook offers a hand to move: a slider for each parameter of a strategy."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alpha_panda.kernels.records import Parameter
from alpha_panda.strategy import Strategy, Value

if TYPE_CHECKING:
    from marimo import ui

STEPS = 60
"""About how many positions a slider has: what a hand can set apart."""

_REACH = 5  # a slider goes to so many times the default, so that the interesting values are not all at its left end


def parameter_sliders(strategy: Strategy, names: Iterable[str] = ()) -> "ui.dictionary":
    """Return a marimo dictionary of sliders, one for each parameter, or for those in `names`.

    A slider stands at the default and speaks when it is let go, so that dragging it does not ask a hundred questions.
    """
    from marimo import ui

    chosen = list(names) or list(strategy.parameters)
    sliders: dict[str, Any] = {}
    for name in chosen:
        parameter = strategy.parameters[name]
        steps = steps_of(parameter)
        sliders[name] = ui.slider(
            steps=steps, value=parameter.default, label=name.replace("_", " "), debounce=True, show_value=True
        )
    return ui.dictionary(sliders)


def steps_of(parameter: Parameter) -> Sequence[Value]:
    """Return the values of a parameter that a slider offers: within its range, its default among them, rising."""
    default, low, high = parameter
    far = min(high, low + max(_REACH * (default - low), 1))
    if isinstance(default, int):
        step = max(round((far - low) / STEPS), 1)
        values = {default, *range(int(low), int(far) + 1, step)}
        return sorted(values)
    return sorted({float(default), *(round(value, 6) for value in np.linspace(low, far, STEPS + 1).tolist())})
