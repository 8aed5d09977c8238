"""Settings of the engine, from the environment. All errors are reported together."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EngineSettings(BaseSettings):
    """Which model runs, and how."""

    model_config = SettingsConfigDict(env_prefix="")

    model: str = "small.en"
    """Name of a published model, or a folder in CTranslate2's format."""
    model_name: str = ""
    """Name of the model in results; empty: the name in `model`, or the folder's name."""
    device: str = "auto"
    """`cuda`, `cpu`, or `auto`: CUDA where there is a GPU."""
    compute_type: str = "auto"
    """CTranslate2 compute type. `auto`: float16 on a GPU (int8_float16 if that is unsupported), int8 on a CPU."""
    batch_windows: int = Field(default=0, ge=0)
    """Windows decoded together. 0: 16 on a GPU; 4 on a CPU, where more would delay each step too long."""
    speaker_model: str = ""
    """ONNX file of a speaker-embedding model, or its name below models/ in the stage's bucket; empty: no speakers."""
    cpu_threads: int = Field(default=0, ge=0)
    """CPU threads; 0: CTranslate2's default."""
