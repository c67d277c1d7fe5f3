"""What the data of the catalog are worth: figures per instrument and resolution, and a verdict in words."""

from alpha_panda.data.quality.report import QUALITY, quality

__all__ = ["QUALITY", "quality"]
