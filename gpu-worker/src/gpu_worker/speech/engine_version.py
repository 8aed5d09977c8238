"""The version of the engine, readable without loading it."""

from typing import Final

ENGINE_VERSION: Final = "4"
"""Increases when texts change. Results of other versions are not reused."""
