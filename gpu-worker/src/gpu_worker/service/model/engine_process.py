"""Runs the model in its own process, so that a crash of the model ends neither the service nor the queue.

Requests and responses are those of lines.py: Ready once, or NotReady; per job Progress, Transcribed for each part,
and Completed or Failed; Alive during work; Idle after each request, or FullDisk. Logs go to stderr.

Short files are transcribed together. Longer ones are cut at pauses into parts of some minutes; one part is in memory at a
time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

import structlog

from gpu_worker import logs
from gpu_worker.memory import peak_mb
from gpu_worker.service.model import lines
from gpu_worker.service.model.join import TranscribedPart, paragraphs, take_segments
from gpu_worker.service.model.known_voices import InvalidReference, known_voices
from gpu_worker.service.model.speakers import FileSpeakers
from gpu_worker.service.queue.disk_full import DiskFull, as_disk_full
from gpu_worker.service.queue.durable import sync_folder
from gpu_worker.service.queue.jobs import SMALL_BYTES
from gpu_worker.service.queue.known_speakers import read_known_speakers
from gpu_worker.service.queue.results import Result, StoredSpan, spans_of, speaker_label, stored
from gpu_worker.speech.engine import Clip, Engine, Engines, ModelNotLoaded, UnsupportedLanguage, most_spoken
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder, MediaError
from gpu_worker.speech.media.decoder import Decoded
from gpu_worker.speech.media.file_audio import Cutter, Part, ReadSoFar, WholeFile
from gpu_worker.speech.media.file_audio import Order as CutOrder
from gpu_worker.speech.segments import Segment
from gpu_worker.speech.settings import EngineSettings
from gpu_worker.speech.speakers import Limits, SpeakerModel, SpeakersUnavailable, speaker_catalogue
from gpu_worker.temporary import use_own_folder

log = structlog.get_logger()

SHORT_SECONDS: Final = 360.0
"""Longest audio that is transcribed without cutting it."""
DECODE_SHARE: Final = 0.05
"""Share of a job's progress that is reading the file."""

Send = Callable[[lines.Line], None]


class EngineProcess:
    """The child: loads the model and processes jobs."""

    def __init__(self, settings: EngineSettings, send: Send) -> None:
        self._send = send
        self._decoder = Decoder()
        self._decoder.start()
        self._engines = Engines(settings)
        self._engines.own.check()
        self._speaker_model_name = settings.speaker_model or speaker_catalogue().default
        self._speaker_model: SpeakerModel | None = None
        own = self._engines.own
        send(lines.Ready(own.model_name, own.on_gpu))

    def work(self, orders: Sequence[lines.Order]) -> None:
        """Processes jobs of one model until each has ended."""
        try:
            engine = self._engines.named(orders[0].model)
        except ModelNotLoaded as error:
            for order in orders:
                self._send(lines.Failed(order.seq, str(error), "model-not-loaded"))
            return
        short: list[tuple[lines.Order, Decoded, FileSpeakers | None]] = []
        for order in orders:
            try:
                engine.model.check_language(order.options.language)
                speakers = self._speakers(order)
            except UnsupportedLanguage as error:
                self._send(lines.Failed(order.seq, str(error), "invalid-language"))
                continue
            except SpeakersUnavailable as error:
                self._send(lines.Failed(order.seq, str(error), "speakers-unavailable"))
                continue
            except InvalidReference as error:
                self._send(lines.Failed(order.seq, str(error), lines.INVALID_REFERENCE))
                continue
            try:
                is_small = order.path.stat().st_size <= SMALL_BYTES
                decoded = self._decoder.decode(order.path, self._decoding(order, SHORT_SECONDS)) if is_small else None
            except MediaError:
                decoded = None  # too long, or not audio: cutting it shows which
            if decoded is None:
                self._long(engine, order, speakers)
            else:
                self._send(lines.Progress(order.seq, DECODE_SHARE))
                short.append((order, decoded, speakers))
        if short:
            self._together(engine, short)

    def _speakers(self, order: lines.Order) -> FileSpeakers | None:
        """Collects the speakers of a job; None if they are not requested. Raises SpeakersUnavailable, InvalidReference."""
        if not order.options.diarize:
            return None
        self._speaker_model = self._speaker_model or SpeakerModel.load(self._speaker_model_name)
        least, most = order.options.min_speakers, order.options.max_speakers
        limits = Limits(int(least or 1), None if most is None else int(most))
        known = known_voices(self._decoder, self._speaker_model, read_known_speakers(order.path))
        return FileSpeakers(self._speaker_model, limits, self._send_alive, known)

    @staticmethod
    def _decoding(order: lines.Order, max_seconds: float) -> DecodeOptions:
        return DecodeOptions(max_seconds, separate=order.options.separate)

    def _together(self, engine: Engine, short: Sequence[tuple[lines.Order, Decoded, FileSpeakers | None]]) -> None:
        reporters = [self._progress_reporter(order, 0.0, 1.0, decoded.audio.shape[-1]) for order, decoded, _ in short]
        transcribed = engine.transcribe(
            [Clip(decoded.audio, order.options) for order, decoded, _ in short],
            self._send_alive,
            lambda index, seconds: reporters[index](index, seconds),
        )
        for (order, decoded, speakers), transcription in zip(short, transcribed, strict=True):
            damaged = spans_of(decoded.damaged)
            found = transcription if speakers is None else speakers.add(decoded.audio, transcription)
            parts = [list(found.segments)] if speakers is None else speakers.named([found.segments])
            self._finish(engine, order, parts, found.duration_seconds, damaged, speakers)

    def _long(self, engine: Engine, order: lines.Order, speakers: FileSpeakers | None) -> None:
        likely: str | None = None
        parts: list[list[Segment]] = []
        damaged: list[StoredSpan] = []
        before: TranscribedPart | None = None
        seconds, read, transcribed = 0.0, 0.0, 0.0
        try:
            with tempfile.TemporaryDirectory() as folder:
                for event in Cutter().run(CutOrder(order.path, Path(folder), separate=order.options.separate)):
                    match event:
                        case ReadSoFar(at):
                            read = at
                        case Part():
                            damaged += spans_of(event.damaged, event.start, event.start + event.overlap_s)
                            path = Path(folder) / event.file
                            audio = self._decoder.decode(path, self._decoding(order, 2 * SHORT_SECONDS)).audio
                            path.unlink()
                            clip = Clip(audio, order.options, likely_language=likely)
                            [found] = engine.transcribe(
                                [clip], self._send_alive, self._progress_reporter(order, transcribed, read, audio.shape[-1])
                            )
                            transcribed = read
                            likely = likely or found.confident_language
                            if speakers is not None:
                                found = speakers.add(audio, found)
                            part = TranscribedPart(found, event.start, event.overlap_s)
                            if before is not None:
                                parts.append(self._finish_part(order, before, part))
                            before = part
                        case WholeFile():
                            seconds = event.seconds
        except MediaError as error:
            self._send(lines.Failed(order.seq, f"unsupported-media: {error}", "unsupported-media"))
            return
        if before is not None:
            parts.append(self._finish_part(order, before, None))
        if speakers is not None:
            parts = speakers.named(parts)
        self._finish(engine, order, parts, seconds, damaged, speakers, segments_sent=True)

    def _progress_reporter(self, order: lines.Order, begin: float, end: float, samples: int) -> Callable[[int, float], None]:
        """A callback that reports progress within one part, which covers `begin` to `end` of the file."""

        def report(_index: int, seconds: float) -> None:
            share = min(1.0, seconds * SAMPLE_RATE / max(1, samples))
            self._send(lines.Progress(order.seq, DECODE_SHARE + (1 - DECODE_SHARE) * (begin + (end - begin) * share)))

        return report

    def _finish_part(self, order: lines.Order, part: TranscribedPart, following: TranscribedPart | None) -> list[Segment]:
        segments = take_segments(part, following)
        self._send(lines.Transcribed(order.seq, tuple(segment.text for segment in segments)))
        return segments

    def _finish(
        self,
        engine: Engine,
        order: lines.Order,
        parts: Sequence[list[Segment]],
        seconds: float,
        damaged: list[StoredSpan],
        speakers: FileSpeakers | None,
        segments_sent: bool = False,
    ) -> None:
        """Writes the complete result, then reports the end. `segments_sent`: whether the segments were already reported."""
        segments = [segment for part in parts for segment in part]
        result: Result = {
            "language": most_spoken(segments),
            "duration_seconds": round(seconds, 3),
            "model": engine.model_name,
            "text": paragraphs(parts),
            "segments": stored(segments),
        }
        if damaged:
            result["damaged"] = damaged
        if speakers is not None and speakers.names:
            result["speaker_names"] = {speaker_label(number): name for number, name in speakers.names.items()}
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
        sync_folder(order.result.parent)
        if not segments_sent:
            self._send(lines.Transcribed(order.seq, tuple(segment.text for segment in segments)))
        self._send(lines.Completed(order.seq, round(seconds, 3)))

    def _send_alive(self) -> None:
        self._send(lines.Alive())

    def close(self) -> None:
        """Ends the media decoder."""
        self._decoder.close()


def serve(requests: IO[bytes], responses: IO[bytes]) -> int:
    """Loads the model and serves requests until the input ends. Returns the exit status."""

    def send(line: lines.Line) -> None:
        responses.write(lines.RESPONSE.dump_json(line) + b"\n")
        responses.flush()

    use_own_folder()
    try:
        process = EngineProcess(EngineSettings(), send)
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        send(lines.NotReady(str(error)))
        return 1
    for line in requests:
        try:
            process.work(lines.REQUEST.validate_json(line))
        except DiskFull:
            send(lines.FullDisk())
            return 1
        send(lines.Idle(round(peak_mb())))
    process.close()
    return 0


if __name__ == "__main__":
    logs.configure()
    raise SystemExit(serve(sys.stdin.buffer, sys.stdout.buffer))
