"""Which model runs on a machine: a published one where it can be had, else the one at hand."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from typing import Final

from gpu_worker.engine import cached_model, repository_of

HUB_TIMEOUT_SECONDS: Final = 5
SIZES_MB: Final = {"tiny.en": 75, "tiny": 75, "base.en": 145, "base": 145, "small.en": 484, "small": 484}
"""Download sizes of published models (model.bin, as listed at the hub)."""
WANTED_FILES: Final = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]


class ModelUnavailable(Exception):
    """The model that was asked for is not here and cannot be fetched."""


def _hub_answers() -> bool:
    from huggingface_hub import constants

    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=HUB_TIMEOUT_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500 and error.code != 403
    except OSError:
        return False


def find_model(name: str) -> str:
    """Folder of a published model, from this machine or from the hub; tells people on stderr what is downloaded.

    Raises:
        ModelUnavailable: with one line that says why.
    """
    repository = repository_of(name)
    if repository is None:
        raise ModelUnavailable(f"there is no published model {name}; try tiny.en, base.en, small.en, large-v3 or owner/name")
    cached = cached_model(name)
    if cached is not None:
        return cached
    if not _hub_answers():
        raise ModelUnavailable(f"the model {name} is not on this machine, and the model hub cannot be reached")
    from huggingface_hub import snapshot_download

    size = SIZES_MB.get(name)
    sys.stderr.write(f"downloading the model {name}{f' (about {size} MB, once)' if size else ' (once)'}\n")
    try:
        return str(snapshot_download(repository, allow_patterns=WANTED_FILES))
    except Exception as error:  # noqa: BLE001 - hubs and proxies answer with anything; people get one line
        raise ModelUnavailable(f"the model {name} could not be downloaded ({type(error).__name__})") from error
