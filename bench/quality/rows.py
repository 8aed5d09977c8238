"""Rows of the result table, and the recordings and results that measurements share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from gpu_worker.speech.engine import Engine

from quality import ours
from quality.corpora import Recording, human, synthetic
from quality.peers import Peer
from quality.scoring import Output, Score, pooled, score

SEEDS: Final = (11, 12, 13)
"""Seeds of the recordings on which settings are confirmed. None of them was used to choose settings."""
MINUTES: Final = 8.0
QUICK_MINUTES: Final = 6.0


@dataclass(frozen=True)
class Row:
    """One row of the result table."""

    what: str
    model: str
    ours: str
    peer: str
    target: str
    holds: bool | None
    """Whether the target is met; None without a target."""


@dataclass
class Subject:
    """One model with its engine, its peer, and the recordings and outputs that several measurements share."""

    name: str
    folder: Path
    is_quick: bool
    _outputs: dict[tuple[str, int], Output] = field(default_factory=dict)

    @cached_property
    def engine(self) -> Engine:
        """The worker's engine, warmed up."""
        return ours.load(self.folder)

    @cached_property
    def peer(self) -> Peer:
        """faster-whisper with the same model."""
        return Peer(self.folder)

    @cached_property
    def is_multilingual(self) -> bool:
        """Whether the model supports other languages than English."""
        return len(self.engine.languages) > 1

    @cached_property
    def recordings(self) -> dict[str, list[Recording]]:
        """Recordings of human and synthetic speech, by corpus."""
        if self.is_quick:
            return {"human": [human(QUICK_MINUTES * 60, SEEDS[0])], "flite": [synthetic(120, SEEDS[0])]}
        return {
            "human": [human(MINUTES * 60, seed) for seed in SEEDS],
            "flite": [synthetic(300, SEEDS[0])],
        }

    def by_peer(self, kind: str, corpus: str) -> PooledResult:
        """The peer's result on all recordings of a corpus."""
        return PooledResult.of(self.recordings[corpus], [self.peer.run(kind, one.audio) for one in self.recordings[corpus]])

    def whole(self, corpus: str) -> PooledResult:
        """The engine's result on whole recordings of a corpus."""
        return self._cached("whole", corpus, lambda one: ours.whole(self.engine, one.audio))

    def chunked(self, corpus: str, overlap_s: float = 0.0, lead_in_s: float = 3.0) -> PooledResult:
        """The engine's result on the recordings of a corpus in chunks of 30 s."""
        kind = f"chunks {overlap_s} {lead_in_s}"
        return self._cached(
            kind, corpus, lambda one: ours.chunks(self.engine, one.audio, overlap_s=overlap_s, lead_in_s=lead_in_s)
        )

    def _cached(self, kind: str, corpus: str, run: Callable[[Recording], Output]) -> PooledResult:
        outputs = []
        for number, one in enumerate(self.recordings[corpus]):
            key = (f"{kind} {corpus}", number)
            if key not in self._outputs:
                self._outputs[key] = run(one)
            outputs.append(self._outputs[key])
        return PooledResult.of(self.recordings[corpus], outputs)


@dataclass(frozen=True)
class PooledResult:
    """The pooled result of several recordings."""

    score: Score
    cpu_s: float
    seconds: float

    @staticmethod
    def of(recordings: Sequence[Recording], outputs: Sequence[Output]) -> PooledResult:
        """Scores the outputs and adds up CPU time and duration."""
        scores = [score(one, output) for one, output in zip(recordings, outputs, strict=True)]
        return PooledResult(pooled(scores), sum(output.cpu_s for output in outputs), sum(one.seconds for one in recordings))

    def __str__(self) -> str:
        low, high = self.score.interval()
        return f"{self.score.wer:.2f} % ({low:.2f} to {high:.2f})"

    def difference_to(self, peer: PooledResult) -> str:
        """Word error rate minus the peer's, in percentage points, with its interval."""
        points, low, high = self.score.difference_to(peer.score)
        return f"{points:+.2f} points ({low:+.2f} to {high:+.2f})"
