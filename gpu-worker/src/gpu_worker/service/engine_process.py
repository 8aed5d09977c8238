"""The model in a process of its own: what ends it ends neither the service nor the queue, and no answer waits for it.

JSON lines in: `{jobs: [{seq, path, result, model, wishes}]}`. JSON lines out: `{ready, model, on_gpu}` once; then of each
job `{seq, progress}`, `{seq, segments}` as parts of it are heard, and `{seq, seconds}` or `{seq, error, code}`;
`{idle, memory_mb}` at the end of each line that came in. Logs go to stderr.

Short files go through the model together. Longer ones are cut at silences into parts of some minutes, one in memory at a
time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

import structlog

from gpu_worker import logs
from gpu_worker.engine import Engine, Engines, ModelNotLoaded, Transcription, Wishes
from gpu_worker.file_audio import Cutter
from gpu_worker.media import SAMPLE_RATE, Decoder, MediaError
from gpu_worker.memory import peak_mb
from gpu_worker.segments import Segment
from gpu_worker.service.jobs import SMALL_BYTES
from gpu_worker.service.join import Heard, paragraphs, placed
from gpu_worker.settings import EngineSettings
from gpu_worker.temporary import use_own_folder

log = structlog.get_logger()

SHORT_SECONDS: Final = 360.0
"""Longest audio that is heard in one piece."""
DECODING: Final = 0.05
"""Share of a job's progress that reading the file is."""

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Order:
    """One job, as it comes in."""

    seq: int
    path: Path
    result: Path
    model: str
    wishes: Wishes


def _order(raw: dict[str, Any]) -> Order:
    return Order(raw["seq"], Path(raw["path"]), Path(raw["result"]), raw["model"], Wishes(**raw["wishes"]))


def _plain(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Segments as JSON; what is only there in some cases is left out in the others."""
    return [
        {
            **{name: value for name, value in asdict(segment).items() if name != "voice"},
            "words": [
                {name: value for name, value in asdict(word).items() if name != "interpolated" or value}
                for word in segment.words
            ],
        }
        for segment in segments
    ]


class EngineProcess:
    """The child's side."""

    def __init__(self, settings: EngineSettings, say: Say) -> None:
        self._say = say
        self._decoder = Decoder()
        self._decoder.start()
        self._engines = Engines(settings)
        self._engines.own.check()
        say({"ready": True, "model": self._engines.own.model_name, "on_gpu": self._engines.own.on_gpu})

    def work(self, orders: Sequence[Order]) -> None:
        """Takes these to their ends; they have the same model and wishes."""
        try:
            engine = self._engines.named(orders[0].model)
        except ModelNotLoaded as error:
            for order in orders:
                self._say({"seq": order.seq, "error": str(error), "code": "model-not-loaded"})
            return
        short: list[tuple[Order, Any]] = []
        for order in orders:
            try:
                audio = self._decoder.decode(order.path, SHORT_SECONDS) if order.path.stat().st_size <= SMALL_BYTES else None
            except MediaError:
                audio = None  # too long for one piece, or no audio: cutting it tells
            if audio is None:
                self._long(engine, order)
            else:
                self._say({"seq": order.seq, "progress": DECODING})
                short.append((order, audio))
        if short:
            self._together(engine, short)

    def _together(self, engine: Engine, short: Sequence[tuple[Order, Any]]) -> None:
        tell = [self._between(order, 0.0, 1.0, len(audio)) for order, audio in short]
        found = engine.transcribe(
            [audio for _, audio in short],
            short[0][0].wishes,
            self._alive,
            lambda index, seconds: tell[index](index, seconds),
        )
        for (order, _), transcription in zip(short, found, strict=True):
            self._finish(engine, order, [list(transcription.segments)], transcription, transcription.duration_seconds)

    def _long(self, engine: Engine, order: Order) -> None:
        wishes = order.wishes
        parts: list[list[Segment]] = []
        before: Heard | None = None
        seconds, read, heard = 0.0, 0.0, 0.0
        try:
            with tempfile.TemporaryDirectory() as folder:
                for said in Cutter().run(order.path, Path(folder), compress=False):
                    if "at" in said:
                        read = float(said["at"])
                    elif "part" in said:
                        cut = said["part"]
                        path = Path(folder) / cut["file"]
                        audio = self._decoder.decode(path, 2 * SHORT_SECONDS)
                        path.unlink()
                        [found] = engine.transcribe(
                            [audio], wishes, self._alive, self._between(order, heard, read, len(audio))
                        )
                        heard = read
                        if found.segments:
                            wishes = replace(wishes, language=found.language)
                        part = Heard(found, cut["start"], cut["overlap_s"])
                        if before is not None:
                            parts.append(self._placed(order, before, part))
                        before = part
                    else:
                        seconds = float(said["seconds"])
        except MediaError as error:
            self._say({"seq": order.seq, "error": f"unsupported-media: {error}", "code": "unsupported-media"})
            return
        if before is not None:
            parts.append(self._placed(order, before, None))
        last = before.found if before is not None else Transcription(wishes.language or "en", seconds, ())
        self._finish(engine, order, parts, last, seconds, is_told=True)

    def _between(self, order: Order, begin: float, end: float, samples: int) -> Callable[[int, float], None]:
        """Tells progress while one part is heard: shares of the file before it and behind it."""

        def heard_to(_index: int, seconds: float) -> None:
            share = min(1.0, seconds * SAMPLE_RATE / max(1, samples))
            self._say({"seq": order.seq, "progress": DECODING + (1 - DECODING) * (begin + (end - begin) * share)})

        return heard_to

    def _placed(self, order: Order, part: Heard, following: Heard | None) -> list[Segment]:
        segments = placed(part, following)
        self._say({"seq": order.seq, "segments": [segment.text for segment in segments]})
        return segments

    def _finish(
        self,
        engine: Engine,
        order: Order,
        parts: Sequence[list[Segment]],
        said: Transcription,
        seconds: float,
        is_told: bool = False,
    ) -> None:
        """The result is whole in its place before anybody is told; `is_told`: its segments have been on the way."""
        segments = [
            {"id": number, **segment} for number, segment in enumerate(_plain([one for part in parts for one in part]))
        ]
        result = {
            "language": said.language,
            "duration_seconds": round(seconds, 3),
            "model": engine.model_name,
            "text": paragraphs(parts),
            "segments": segments,
        }
        new = order.result.with_suffix(f".{os.getpid()}.new")
        with new.open("w") as file:
            json.dump(result, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.replace(order.result)
        if not is_told:
            self._say({"seq": order.seq, "segments": [segment["text"] for segment in segments]})
        self._say({"seq": order.seq, "seconds": round(seconds, 3)})

    def _alive(self) -> None:
        self._say({"alive": True})

    def close(self) -> None:
        """Ends the decoder."""
        self._decoder.close()


def serve(requests: IO[bytes], answers: IO[bytes]) -> int:
    """Loads the model and works until there are no more requests; answers the exit status."""

    def say(line: dict[str, Any]) -> None:
        answers.write(json.dumps(line).encode() + b"\n")
        answers.flush()

    use_own_folder()
    try:
        process = EngineProcess(EngineSettings(), say)
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        say({"not_ready": str(error)})
        return 1
    for line in requests:
        process.work([_order(raw) for raw in json.loads(line)["jobs"]])
        say({"idle": True, "memory_mb": round(peak_mb())})
    process.close()
    return 0


if __name__ == "__main__":
    logs.configure()
    raise SystemExit(serve(sys.stdin.buffer, sys.stdout.buffer))
