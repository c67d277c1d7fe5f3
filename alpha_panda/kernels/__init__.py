"""The chain: pure numba kernels, and all that a strategy file may import."""

from alpha_panda.kernels.jit import kernel
from alpha_panda.kernels.records import Parameter, record

__all__ = ["Parameter", "kernel", "record"]
