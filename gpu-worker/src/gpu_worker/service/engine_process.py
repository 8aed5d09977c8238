"""Runs the model in its own process, so that a crash of the model ends neither the service nor the queue.

Protocol: JSON lines. Requests: `{jobs: [{seq, path, result, model, options}]}`. Responses: `{ready, model, languages,
on_gpu}` once, or `{not_ready}`; per job `{seq, progress}`, `{seq, segments}` for each transcribed part, and `{seq, seconds}`
or `{seq, error, code}`; `{alive}` during work; `{idle, memory_mb}` after each request, or `{disk_full}`. Logs go to stderr.

Short files are transcribed together. Longer ones are cut at pauses into parts of some minutes; one part is in memory at a
time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

import structlog

from gpu_worker import logs
from gpu_worker.engine import Clip, Engine, Engines, ModelNotLoaded, Options, UnsupportedLanguage, most_spoken
from gpu_worker.file_audio import Cutter
from gpu_worker.media import SAMPLE_RATE, Decoder, MediaError
from gpu_worker.memory import peak_mb
from gpu_worker.segments import Segment
from gpu_worker.service.disk_full import DiskFull, as_disk_full
from gpu_worker.service.jobs import SMALL_BYTES
from gpu_worker.service.join import TranscribedPart, paragraphs, take_segments
from gpu_worker.settings import EngineSettings
from gpu_worker.temporary import use_own_folder

log = structlog.get_logger()

SHORT_SECONDS: Final = 360.0
"""Longest audio that is transcribed without cutting it."""
DECODE_SHARE: Final = 0.05
"""Share of a job's progress that is reading the file."""

Send = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Order:
    """One job of a request."""

    seq: int
    path: Path
    result: Path
    model: str
    options: Options


def _order(raw: dict[str, Any]) -> Order:
    return Order(raw["seq"], Path(raw["path"]), Path(raw["result"]), raw["model"], Options(**raw["options"]))


def _plain(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Segments as JSON, without fields that are unset or not part of the service's result."""
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
    """The child: loads the model and processes jobs."""

    def __init__(self, settings: EngineSettings, send: Send) -> None:
        self._send = send
        self._decoder = Decoder()
        self._decoder.start()
        self._engines = Engines(settings)
        self._engines.own.check()
        own = self._engines.own
        send({"ready": True, "model": own.model_name, "languages": own.languages, "on_gpu": own.on_gpu})

    def work(self, orders: Sequence[Order]) -> None:
        """Processes jobs of one model until each has ended."""
        try:
            engine = self._engines.named(orders[0].model)
        except ModelNotLoaded as error:
            for order in orders:
                self._send({"seq": order.seq, "error": str(error), "code": "model-not-loaded"})
            return
        short: list[tuple[Order, Any]] = []
        for order in orders:
            try:
                engine.model.check_language(order.options.language)
            except UnsupportedLanguage as error:
                self._send({"seq": order.seq, "error": str(error), "code": "invalid-language"})
                continue
            try:
                audio = self._decoder.decode(order.path, SHORT_SECONDS) if order.path.stat().st_size <= SMALL_BYTES else None
            except MediaError:
                audio = None  # too long, or not audio: cutting it shows which
            if audio is None:
                self._long(engine, order)
            else:
                self._send({"seq": order.seq, "progress": DECODE_SHARE})
                short.append((order, audio))
        if short:
            self._together(engine, short)

    def _together(self, engine: Engine, short: Sequence[tuple[Order, Any]]) -> None:
        reporters = [self._progress_reporter(order, 0.0, 1.0, len(audio)) for order, audio in short]
        found = engine.transcribe(
            [Clip(audio, order.options) for order, audio in short],
            self._send_alive,
            lambda index, seconds: reporters[index](index, seconds),
        )
        for (order, _), transcription in zip(short, found, strict=True):
            self._finish(engine, order, [list(transcription.segments)], transcription.duration_seconds)

    def _long(self, engine: Engine, order: Order) -> None:
        likely: str | None = None
        parts: list[list[Segment]] = []
        before: TranscribedPart | None = None
        seconds, read, transcribed = 0.0, 0.0, 0.0
        try:
            with tempfile.TemporaryDirectory() as folder:
                for event in Cutter().run(order.path, Path(folder), compress=False):
                    if "at" in event:
                        read = float(event["at"])
                    elif "part" in event:
                        cut = event["part"]
                        path = Path(folder) / cut["file"]
                        audio = self._decoder.decode(path, 2 * SHORT_SECONDS)
                        path.unlink()
                        clip = Clip(audio, order.options, likely_language=likely)
                        [found] = engine.transcribe(
                            [clip], self._send_alive, self._progress_reporter(order, transcribed, read, len(audio))
                        )
                        transcribed = read
                        likely = likely or found.confident_language
                        part = TranscribedPart(found, cut["start"], cut["overlap_s"])
                        if before is not None:
                            parts.append(self._finish_part(order, before, part))
                        before = part
                    else:
                        seconds = float(event["seconds"])
        except MediaError as error:
            self._send({"seq": order.seq, "error": f"unsupported-media: {error}", "code": "unsupported-media"})
            return
        if before is not None:
            parts.append(self._finish_part(order, before, None))
        self._finish(engine, order, parts, seconds, segments_sent=True)

    def _progress_reporter(self, order: Order, begin: float, end: float, samples: int) -> Callable[[int, float], None]:
        """A callback that reports progress within one part, which covers `begin` to `end` of the file."""

        def report(_index: int, seconds: float) -> None:
            share = min(1.0, seconds * SAMPLE_RATE / max(1, samples))
            self._send({"seq": order.seq, "progress": DECODE_SHARE + (1 - DECODE_SHARE) * (begin + (end - begin) * share)})

        return report

    def _finish_part(self, order: Order, part: TranscribedPart, following: TranscribedPart | None) -> list[Segment]:
        segments = take_segments(part, following)
        self._send({"seq": order.seq, "segments": [segment.text for segment in segments]})
        return segments

    def _finish(
        self,
        engine: Engine,
        order: Order,
        parts: Sequence[list[Segment]],
        seconds: float,
        segments_sent: bool = False,
    ) -> None:
        """Writes the complete result, then reports the end. `segments_sent`: whether the segments were already reported."""
        segments = [
            {"id": number, **segment} for number, segment in enumerate(_plain([one for part in parts for one in part]))
        ]
        result = {
            "language": most_spoken([segment for part in parts for segment in part]),
            "duration_seconds": round(seconds, 3),
            "model": engine.model_name,
            "text": paragraphs(parts),
            "segments": segments,
        }
        new = order.result.with_suffix(f".{os.getpid()}.new")
        try:
            with as_disk_full(), new.open("w") as file:
                json.dump(result, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
        except DiskFull:
            new.unlink()
            raise
        new.replace(order.result)
        if not segments_sent:
            self._send({"seq": order.seq, "segments": [segment["text"] for segment in segments]})
        self._send({"seq": order.seq, "seconds": round(seconds, 3)})

    def _send_alive(self) -> None:
        self._send({"alive": True})

    def close(self) -> None:
        """Ends the media decoder."""
        self._decoder.close()


def serve(requests: IO[bytes], responses: IO[bytes]) -> int:
    """Loads the model and serves requests until the input ends. Returns the exit status."""

    def send(line: dict[str, Any]) -> None:
        responses.write(json.dumps(line).encode() + b"\n")
        responses.flush()

    use_own_folder()
    try:
        process = EngineProcess(EngineSettings(), send)
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        send({"not_ready": str(error)})
        return 1
    for line in requests:
        try:
            process.work([_order(raw) for raw in json.loads(line)["jobs"]])
        except DiskFull:
            send({"disk_full": True})
            return 1
        send({"idle": True, "memory_mb": round(peak_mb())})
    process.close()
    return 0


if __name__ == "__main__":
    logs.configure()
    raise SystemExit(serve(sys.stdin.buffer, sys.stdout.buffer))
