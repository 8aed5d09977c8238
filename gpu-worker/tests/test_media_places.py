"""Audio in its place: the container's clock, gaps, damage, channels and tracks. The audio is beeps at known times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gpu_worker.service.queue.results import spans_of
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder, MediaError
from gpu_worker.speech.media.clock import Span, Times, Track
from gpu_worker.speech.media.decoding import Found, _recorded_at, decoded
from gpu_worker.speech.media.file_audio import Cutter, Order, Part, WholeFile, _within
from service_process import service

RATE = 48_000
PACKET = 960
NEAR = 0.06
"""Seconds by which a beep may be off: an AAC frame and the resolution of the measurement."""


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    one = Decoder()
    yield one
    one.close()


def beeps(seconds: float, at: Sequence[float], hz: float = 440) -> np.ndarray:
    """Beeps of 0.3 s, float32 [n_samples] at 48 kHz."""
    time = np.arange(int(seconds * RATE)) / RATE
    sounding = np.any([(time >= start) & (time < start + 0.3) for start in at] or [time < 0], axis=0)
    return (0.3 * sounding * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def beeps_in(audio: np.ndarray, hz: float = 440) -> list[float]:
    """Where beeps of this pitch begin, in seconds."""
    step = SAMPLE_RATE // 100
    blocks = audio[: len(audio) // step * step].reshape(-1, step)
    wave = np.exp(-2j * np.pi * hz * np.arange(step) / SAMPLE_RATE)
    loud = np.concatenate(([False], np.abs(blocks @ wave) / step > 0.03))
    return [float(block) / 100 for block in np.flatnonzero(~loud[:-1] & loud[1:])]


def write(
    path: Path,
    tracks: Sequence[np.ndarray],
    container: str = "matroska",
    codec: str = "libopus",
    *,
    layout: str = "mono",
    start_s: float = 0.0,
    without: Sequence[tuple[float, float]] = (),
    only_track: int | None = None,
    with_video: bool = False,
    languages: Sequence[str] = (),
    metadata: dict[str, str] | None = None,
) -> Path:
    """Writes tracks, float32 [n_samples] or [n_samples, n_channels] at 48 kHz, without the packets in some seconds."""
    with av.open(str(path), "w", format=container) as file:
        file.metadata.update(metadata or {})
        streams = [file.add_stream(codec, rate=RATE, layout=layout) for _ in tracks]
        for stream, language in zip(streams, languages, strict=False):
            stream.metadata["language"] = language
        video = file.add_stream("mpeg4", rate=10) if with_video else None
        if video is not None:
            video.width = video.height = 64
        packets = []
        file.start_encoding()
        if video is not None:
            for _ in range(10):
                packets += video.encode(av.VideoFrame(64, 64, "yuv420p"))
            packets += video.encode(None)
        for track, stream in zip(tracks, streams, strict=True):
            size = stream.codec_context.frame_size or PACKET
            resampler = av.AudioResampler(stream.codec_context.format.name, layout, RATE, size)
            whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(track.reshape(1, -1)), format="flt", layout=layout)
            whole.sample_rate, whole.pts = RATE, round(start_s * RATE)
            for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
                packets += [packet for packet in stream.encode(frame) if packet.size]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            concerned = only_track is None or packet.stream_index == only_track
            if not (concerned and any(start <= float(packet.pts * packet.time_base) < end for start, end in without)):
                file.mux(packet)
    return path


def audio_of(decoder: Decoder, path: Path, **options: bool) -> np.ndarray:
    return decoder.decode(path, DecodeOptions(600, **options)).audio


@pytest.mark.promise("media.clock")
@pytest.mark.parametrize(("container", "codec"), [("matroska", "libopus"), ("mp4", "aac"), ("mpegts", "aac")])
def test_audio_that_starts_after_the_video_is_late(decoder: Decoder, tmp_path: Path, container: str, codec: str) -> None:
    path = write(tmp_path / "late", [beeps(3, [1])], container, codec, start_s=4, with_video=True)
    for is_recording in (False, True):
        assert beeps_in(audio_of(decoder, path, is_recording=is_recording)) == pytest.approx([5], abs=NEAR)


@pytest.mark.promise("media.clock")
def test_a_late_start_without_video_counts_in_files_and_not_in_chunks(decoder: Decoder, tmp_path: Path) -> None:
    path = write(tmp_path / "late", [beeps(3, [1])], start_s=4)
    assert beeps_in(audio_of(decoder, path)) == pytest.approx([5], abs=NEAR)
    assert beeps_in(audio_of(decoder, path, is_recording=True)) == pytest.approx([1], abs=NEAR)


@pytest.mark.promise("media.clock")
def test_a_stream_that_was_joined_in_its_middle_begins_with_its_first_audio(decoder: Decoder, tmp_path: Path) -> None:
    path = write(tmp_path / "joined", [beeps(3, [1])], start_s=3600)
    assert beeps_in(audio_of(decoder, path)) == pytest.approx([1], abs=NEAR)


@pytest.mark.promise("media.clock")
@pytest.mark.parametrize(
    ("container", "codec"), [("webm", "libopus"), ("ogg", "libopus"), ("mp4", "aac"), ("mpegts", "aac")]
)
def test_missing_packets_are_silence_and_later_audio_keeps_its_time(
    decoder: Decoder, tmp_path: Path, container: str, codec: str
) -> None:
    path = write(tmp_path / "holes", [beeps(10, [1, 4, 8])], container, codec, without=[(2, 2.2), (3, 6)])
    audio = audio_of(decoder, path)
    first, *_, last = beeps_in(audio)
    assert (first, last) == (pytest.approx(1, abs=NEAR), pytest.approx(8, abs=NEAR if container != "mpegts" else 2 * NEAR))
    assert len(audio) / SAMPLE_RATE == pytest.approx(10, abs=0.15)


def frames(times: Sequence[float]) -> Iterator[av.AudioFrame]:
    for time in times:
        frame = av.AudioFrame.from_ndarray(np.ones((1, PACKET), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, 1000), round(time * 1000)
        yield frame


def placed(times: Sequence[float], max_seconds: float = 600) -> float:
    """Seconds of audio that frames of 20 ms with these times become."""
    track = Track(0.0, Times(), max_seconds, separate=False)
    samples = [len(made) for frame in frames(times) for made in track.add(frame)]
    return (sum(samples) + sum(map(len, track.end()))) / SAMPLE_RATE


@pytest.mark.promise("media.clock")
def test_uneven_times_add_nothing_and_nothing_is_dropped_where_the_clock_goes_back() -> None:
    even = [n * 0.02 for n in range(500)]
    random = np.random.default_rng(1)
    assert placed(even) == pytest.approx(10, abs=0.01)
    assert placed([time + random.uniform(0, 0.06) for time in even]) == pytest.approx(10, abs=0.01)
    assert placed([*even, *even]) == pytest.approx(20, abs=0.01)  # recordings that were joined
    assert placed([*even, *(time + 13 for time in even)]) == pytest.approx(23, abs=0.01)
    assert placed([*even, *(time + 9e9 for time in even)]) == pytest.approx(20, abs=0.01)


@pytest.mark.promise("media.clock")
def test_one_wrong_time_is_no_gap_and_a_long_gap_that_is_confirmed_is() -> None:
    even = [n * 0.02 for n in range(500)]
    assert placed([*even[:250], even[250] + 20_000, *even[251:]], 86_400) == pytest.approx(10, abs=0.03)
    assert placed([*even[:250], *(time + 300 for time in even[250:])], 86_400) == pytest.approx(310, abs=0.01)
    late = [time + (1.2 if n % 50 == 49 else 0) for n, time in enumerate(even)]
    assert placed(late) == pytest.approx(11.2, abs=0.05)  # at most once the largest delay


@pytest.mark.promise("media.damage")
def test_damaged_audio_is_silent_and_listed_with_its_position(decoder: Decoder, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal(10 * RATE).astype(np.float32) * 0.001  # so that no packet is tiny
    path = write(tmp_path / "audio.mka", [beeps(10, [1, 8]) + noise], codec="flac")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as file:
        damaged = [packet.pos for packet in file.demux(audio=0) if packet.pts and 3 <= packet.pts * packet.time_base < 5]
    for position in damaged:
        data[position + 4 : position + 40] = bytes(36)
    path.write_bytes(data)
    found = decoder.decode(path, DecodeOptions(600))
    (span,) = found.damaged
    assert (span.start, span.end) == (pytest.approx(3, abs=0.2), pytest.approx(5, abs=0.2))
    assert beeps_in(found.audio) == pytest.approx([1, 8], abs=NEAR)


def without_meaning(data: bytes, positions: Sequence[tuple[int, int]], seed: int) -> bytes:
    """The file with random bytes in the payload of some packets."""
    damaged, random = bytearray(data), np.random.default_rng(seed)
    for position, size in positions:
        damaged[position : position + size] = random.bytes(size)
    return bytes(damaged)


@pytest.mark.promise("media.damage")
@pytest.mark.parametrize(
    ("container", "codec"),
    [("mpegts", "ac3"), ("avi", "ac3"), ("mp4", "alac"), ("caf", "alac"), ("mp4", "aac"), ("flac", "flac")],
)
def test_a_packet_of_random_bytes_costs_only_itself(decoder: Decoder, tmp_path: Path, container: str, codec: str) -> None:
    noise = np.random.default_rng(1).standard_normal(8 * RATE).astype(np.float32) * 0.003
    path = write(tmp_path / "audio", [beeps(8, [1, 6]) + noise], container, codec)
    with av.open(str(path)) as file:
        middle = [
            packet
            for packet in file.demux(audio=0)
            if packet.pts and 3 <= packet.pts * packet.time_base < 3.1 and packet.pos
        ]
    data = path.read_bytes()
    for seed in range(8):
        path.write_bytes(
            without_meaning(data, [(packet.pos + 16, min(packet.size, 160) - 24) for packet in middle[:1]], seed)
        )
        assert beeps_in(audio_of(decoder, path)) == pytest.approx([1, 6], abs=2 * NEAR)


@pytest.mark.promise("media.damage")
def test_damage_at_the_end_and_lost_frames_of_flac_are_listed_also_by_the_service(decoder: Decoder, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal(10 * RATE).astype(np.float32) * 0.003
    for container in ("matroska", "flac"):
        path = write(tmp_path / "audio", [beeps(10, [1, 9]) + noise], container, "flac")
        with av.open(str(path)) as file:
            packets = [packet for packet in file.demux(audio=0) if packet.pts is not None and packet.pos]
        begin, end = (4.0, 11.0) if container == "matroska" else (4.0, 6.0)
        lost = [packet for packet in packets if begin <= float(packet.pts * packet.time_base) < end]
        header = 4 if container == "matroska" else 0
        path.write_bytes(without_meaning(path.read_bytes(), [(packet.pos + header, packet.size) for packet in lost], 3))
        found = decoder.decode(path, DecodeOptions(600))
        assert len(found.audio) / SAMPLE_RATE == pytest.approx(10, abs=0.2), container
        assert [(span.start, span.end) for span in found.damaged] == [pytest.approx((4, min(end, 10)), abs=0.3)], container
    assert beeps_in(found.audio)[-1] == pytest.approx(9, abs=NEAR)
    (tmp_path / "service").mkdir()
    with service(tmp_path / "service") as running:
        assert running.send(path.read_bytes(), job_id="damaged").status_code == 200
        assert running.ended("damaged")["status"] == "completed"
        (span,) = running.call("GET", "/transcript/damaged").json()["damaged"]
    assert (span["start"], span["end"]) == pytest.approx((4, 6), abs=0.3)


def test_damage_of_several_tracks_is_united() -> None:
    tracks = [Track(0.0, Times(), 60, separate=False) for _ in range(3)]
    for track, spans in zip(
        tracks, ([Span(2, 6), Span(9, 10)], [Span(5.3, 5.6)], [Span(1, 3), Span(20, 20.1)]), strict=True
    ):
        track.lost += spans
    assert Found(tracks=tracks).damaged == [Span(1, 6), Span(9, 10)]


@pytest.mark.promise("transcript.no-signal")
@pytest.mark.parametrize(
    ("container", "codec"), [("webm", "libopus"), ("mp4", "aac"), ("wav", "pcm_s16le"), ("flac", "flac")]
)
def test_a_muted_microphone_is_detected_and_a_very_quiet_one_is_not(
    decoder: Decoder, tmp_path: Path, container: str, codec: str
) -> None:
    """The quiet one delivers noise with a peak of -75 dB of full scale."""
    noise = np.random.default_rng(7).standard_normal(26 * RATE).clip(-4, 4) / 4
    quiet = (noise * 10 ** (-75 / 20)).astype(np.float32)
    muted = (quiet + beeps(26, [1, 20])).astype(np.float32)
    muted[4 * RATE : 12 * RATE] = muted[14 * RATE : 18 * RATE] = 0
    for tracks, options, spans in (
        ([muted], {}, [(4, 12)]),
        ([quiet], {}, []),
        ([np.zeros(26 * RATE, dtype=np.float32)], {}, [(0, 26)]),
        ([np.stack((muted, np.zeros_like(muted)), axis=1)], {"separate": True}, [(4, 12)]),
    ):
        layout = "mono" if tracks[0].ndim == 1 else "stereo"
        found = decoder.decode(
            write(tmp_path / "chunk", tracks, container, codec, layout=layout),
            DecodeOptions(600, is_recording=True, **options),
        )
        assert [(span.start, span.end) for span in found.no_signal] == [pytest.approx(span, abs=NEAR) for span in spans]


@pytest.mark.promise("transcript.no-signal")
def test_a_gap_in_the_clock_is_no_missing_signal_and_a_short_one_does_not_divide_it(
    decoder: Decoder, tmp_path: Path
) -> None:
    silence = np.zeros(20 * RATE, dtype=np.float32)
    for gap, spans in (((6, 13), [(0, 6), (13, 20)]), ((6, 6.5), [(0, 20)])):
        path = write(tmp_path / "chunk", [silence], without=[gap])
        found = decoder.decode(path, DecodeOptions(600, is_recording=True))
        assert [(span.start, span.end) for span in found.no_signal] == [pytest.approx(span, abs=NEAR) for span in spans]


@pytest.mark.promise("media.channels")
@pytest.mark.parametrize("separate", [False, True])
def test_a_track_that_pauses_for_long_moves_nothing(decoder: Decoder, tmp_path: Path, separate: bool) -> None:
    path = write(tmp_path / "sparse", [beeps(130, [3, 100, 120]), beeps(130, [5, 110])], without=[])
    sparse = write(tmp_path / "gap", [beeps(130, [3, 100, 120]), beeps(130, [5, 110])], without=[(10, 90)], only_track=1)
    for file in (path, sparse):
        audio = audio_of(decoder, file, separate=separate)
        assert audio.shape[-1] / SAMPLE_RATE == pytest.approx(130, abs=0.2)
        tracks = audio if separate else [audio]
        expected = [[3, 100, 120], [5, 110]] if separate else [[3, 5, 100, 110, 120]]
        assert [beeps_in(track) for track in tracks] == [pytest.approx(times, abs=NEAR) for times in expected]


@pytest.mark.promise("media.clock")
@pytest.mark.parametrize(("container", "codec"), [("mpegts", "aac"), ("mpeg", "mp2"), ("ogg", "libopus")])
def test_joined_recordings_follow_each_other_whatever_their_clocks(
    decoder: Decoder, tmp_path: Path, container: str, codec: str
) -> None:
    parts = [write(tmp_path / "part", [beeps(5, [1])], container, codec, start_s=start).read_bytes() for start in (0, 7200)]
    for order in ((0, 1), (1, 0), (0, 0)):
        (tmp_path / "joined").write_bytes(b"".join(parts[n] for n in order))
        assert beeps_in(audio_of(decoder, tmp_path / "joined")) == pytest.approx([1, 6], abs=0.2)


@pytest.mark.promise("media.channels")
def test_a_track_without_a_decoder_does_not_matter(decoder: Decoder, tmp_path: Path) -> None:
    data = write(tmp_path / "two", [beeps(4, [1]), beeps(4, [3])], "matroska", "libopus").read_bytes()
    last = data.rindex(b"A_OPUS")
    (tmp_path / "two").write_bytes(data[:last] + b"A_XPUS" + data[last + 6 :])
    assert beeps_in(audio_of(decoder, tmp_path / "two")) == pytest.approx([1], abs=NEAR)


@pytest.mark.promise("media.channels")
def test_channels_that_cancel_each_other_are_decoded(decoder: Decoder, tmp_path: Path) -> None:
    one = beeps(4, [1, 3])
    opposite = write(tmp_path / "opposite", [np.stack([one, -0.98 * one], axis=1)], codec="pcm_s16le", layout="stereo")
    assert beeps_in(audio_of(decoder, opposite)) == pytest.approx([1, 3], abs=NEAR)
    left = np.stack([beeps(4, [1]), beeps(4, [3])], axis=1)
    apart = write(tmp_path / "left", [left], codec="pcm_s16le", layout="stereo")
    assert beeps_in(audio_of(decoder, apart)) == pytest.approx([1, 3], abs=NEAR)


@pytest.mark.promise("media.channels")
def test_all_tracks_of_one_language_are_decoded(decoder: Decoder, tmp_path: Path) -> None:
    one, two, silent = beeps(4, [1]), beeps(4, [3]), beeps(4, [])
    assert beeps_in(audio_of(decoder, write(tmp_path / "a", [silent, one, two]))) == pytest.approx([1, 3], abs=NEAR)
    dubbed = write(tmp_path / "b", [one, two], languages=["eng", "ger"])
    assert beeps_in(audio_of(decoder, dubbed)) == pytest.approx([1], abs=NEAR)
    half_known = write(tmp_path / "c", [one, two], languages=["und", "eng"])
    assert beeps_in(audio_of(decoder, half_known)) == pytest.approx([1, 3], abs=NEAR)


@pytest.mark.promise("media.channels")
def test_a_track_that_ends_early_does_not_hold_up_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "short", [beeps(120, [1, 119]), beeps(5, [3])])
    blocks = [samples for samples, _ in decoded(path, DecodeOptions(), Found())]
    assert beeps_in(np.concatenate(blocks) / 32768) == pytest.approx([1, 3, 119], abs=NEAR)
    assert max(map(len, blocks)) <= 32 * SAMPLE_RATE


@pytest.mark.promise("media.channels")
def test_channels_or_tracks_can_be_separate(decoder: Decoder, tmp_path: Path) -> None:
    one, two = beeps(4, [1]), beeps(4, [3])
    stereo = write(tmp_path / "stereo", [np.stack([one, two], axis=1)], codec="pcm_s16le", layout="stereo")
    for path in (stereo, write(tmp_path / "tracks", [one, two])):
        assert [beeps_in(channel) for channel in audio_of(decoder, path, separate=True)] == [
            pytest.approx([1], abs=NEAR),
            pytest.approx([3], abs=NEAR),
        ]
    assert audio_of(decoder, write(tmp_path / "mono", [one]), separate=True).shape[0] == 1
    many = write(tmp_path / "many", [np.repeat(one[:, None], 16, axis=1)], "wav", "pcm_s16le", layout="16 channels")
    assert beeps_in(audio_of(decoder, many)) == pytest.approx([1], abs=NEAR)
    with pytest.raises(MediaError, match="at most 8 channels"):
        audio_of(decoder, many, separate=True)


@pytest.mark.promise("media.channels")
def test_a_rate_or_a_number_of_channels_that_changes_is_followed(decoder: Decoder, tmp_path: Path) -> None:
    parts = []
    for rate, layout in ((44_100, "stereo"), (22_050, "mono"), (44_100, "mono")):
        with av.open(str(tmp_path / "part"), "w", format="mp3") as file:
            stream = file.add_stream("libmp3lame", rate=rate, layout=layout)
            resampler = av.AudioResampler("s16p", layout, rate, 1152)
            whole = av.AudioFrame.from_ndarray(beeps(3, [1])[None], format="flt", layout="mono")
            whole.sample_rate = RATE
            for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
                file.mux(stream.encode(frame))
        parts.append((tmp_path / "part").read_bytes())
    for start in (b"", bytes(512)):
        (tmp_path / "joined").write_bytes(start + b"".join(parts))
        assert beeps_in(audio_of(decoder, tmp_path / "joined")) == pytest.approx([1, 4, 7], abs=0.2)
    assert audio_of(decoder, tmp_path / "joined", separate=True).shape[0] == 2


@pytest.mark.promise("media.damage")
def test_a_title_in_another_character_set_does_not_matter(decoder: Decoder, tmp_path: Path) -> None:
    wav = write(tmp_path / "plain", [beeps(2, [1])], "wav", "pcm_s16le").read_bytes()
    title = b"LIST\x10\0\0\0INFOINAM\x04\0\0\0\xe9t\xe9\0"
    data = wav.index(b"data")
    (tmp_path / "titled").write_bytes(wav[:data] + title + wav[data:])
    assert beeps_in(audio_of(decoder, tmp_path / "titled")) == pytest.approx([1], abs=NEAR)


@pytest.mark.promise("media.clock", "media.damage")
def test_a_cut_file_has_the_time_of_its_recording_and_the_damage_of_each_part(tmp_path: Path) -> None:
    stamp = "2026-03-01T09:30:00.000000Z"
    path = write(tmp_path / "file", [beeps(12, [1])], "mp4", "aac", metadata={"creation_time": stamp})
    (tmp_path / "out").mkdir()
    assert _recorded_at({"date": "2024-05-06", "creation_time": "12:34:56"}) == "2024-05-06T12:34:56"
    part, whole = (event for event in Cutter().run(Order(path, tmp_path / "out")) if isinstance(event, Part | WholeFile))
    assert isinstance(whole, WholeFile) and whole.recorded_at == stamp
    assert isinstance(part, Part) and part.damaged == ()


def test_damage_is_told_in_seconds_of_each_part_and_by_the_service_in_those_of_the_file() -> None:
    assert spans_of([Span(1, 2.5)], 100.0) == [{"start": 101.0, "end": 102.5}]
    assert spans_of([Span(0, 1), Span(1, 3)], 100.0, since=102.0) == [{"start": 102.0, "end": 103.0}]  # in the overlap
    spans = [Span(1, 2), Span(9, 12), Span(30, 31)]
    assert _within(spans, 0, 10) == (Span(1, 2), Span(9, 10))
    assert _within(spans, 10, 20) == (Span(0, 2),)
