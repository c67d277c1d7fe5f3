"""Alpha Panda: one chain of kernels from a notebook to orders at Zerodha."""

__all__: list[str] = []
