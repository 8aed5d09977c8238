"""Cutting files into parts: where they are cut, that nothing is lost, and that hostile files are refused."""

import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest

from gpu_worker.speech.media import SAMPLE_RATE, MediaError, Samples
from gpu_worker.speech.media.file_audio import (
    LONGEST_PART_SECONDS,
    SHORTEST_PART_SECONDS,
    Cutter,
    Event,
    Order,
    Part,
    ReadSoFar,
    WholeFile,
    choose_cut,
    cut,
)

NOISE = np.random.default_rng(1)


def speech(seconds: float) -> Samples:
    """Noise as loud as speech, without pauses."""
    return (NOISE.standard_normal(int(seconds * SAMPLE_RATE)) * 3000).astype(np.int16)


def quiet(seconds: float) -> Samples:
    """Background noise of a room without speech."""
    return (NOISE.standard_normal(int(seconds * SAMPLE_RATE)) * 20).astype(np.int16)


def write(path: Path, samples: Samples, codec: str = "pcm_s16le") -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        for at in range(0, len(samples), SAMPLE_RATE):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, at : at + SAMPLE_RATE]), "s16", "mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def events_of(source: Path, folder: Path, compress: bool = False) -> list[Event]:
    out = folder / "out"
    out.mkdir()
    return list(Cutter().run(Order(source, out, compress)))


@pytest.mark.promise("files.way")
def test_a_file_is_cut_at_a_pause():
    before, pause = 300.0, 1.2
    buffer = np.concatenate([speech(before), quiet(pause), speech(LONGEST_PART_SECONDS - before - pause)])
    chosen = choose_cut(buffer)
    assert chosen.end == chosen.next_start
    assert before < chosen.end / SAMPLE_RATE < before + pause


def test_the_longest_pause_is_chosen():
    parts = [speech(250), quiet(0.6), speech(30), quiet(2.0), speech(20), quiet(0.9)]
    buffer = np.concatenate([*parts, speech(LONGEST_PART_SECONDS)])[: LONGEST_PART_SECONDS * SAMPLE_RATE]
    assert 280.6 < choose_cut(buffer).end / SAMPLE_RATE < 282.6


@pytest.mark.promise("files.no-word-lost")
def test_without_a_pause_parts_overlap_so_that_each_word_is_whole_in_one_of_them():
    chosen = choose_cut(speech(LONGEST_PART_SECONDS))
    assert chosen.end - chosen.next_start == 2 * SAMPLE_RATE
    assert SHORTEST_PART_SECONDS * SAMPLE_RATE <= chosen.next_start < chosen.end <= LONGEST_PART_SECONDS * SAMPLE_RATE


@pytest.mark.promise("files.no-word-lost")
@pytest.mark.parametrize("with_pauses", [True, False])
def test_all_samples_are_in_the_parts_with_correct_times(with_pauses: bool):
    pause = quiet(1.0) if with_pauses else speech(1.0)
    whole = np.concatenate([piece for _ in range(15) for piece in (speech(59.0), pause)])
    parts = list(cut(iter(np.array_split(whole, 777))))
    assert len(parts) > 2
    position = 0
    for samples, start, overlap in parts:
        begin = round(start * SAMPLE_RATE)
        assert begin == position - round(overlap * SAMPLE_RATE)
        assert (overlap == 0) == (with_pauses or position == 0)
        np.testing.assert_array_equal(samples, whole[begin : begin + samples.size])
        assert samples.size <= LONGEST_PART_SECONDS * SAMPLE_RATE
        position = begin + samples.size
    assert position == len(whole)


def test_the_parts_are_lossless_flac_and_the_compressed_copy_is_small(tmp_path: Path):
    whole = np.concatenate([speech(300), quiet(1.0), speech(100)])
    events = events_of(write(tmp_path / "audio.wav", whole), tmp_path, compress=True)
    parts = [event for event in events if isinstance(event, Part)]
    decoded_audio = []
    for part in parts:
        with av.open(str(tmp_path / "out" / part.file)) as file:
            decoded_audio += [frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)]
    np.testing.assert_array_equal(np.concatenate(decoded_audio), whole)
    assert events[-1] == WholeFile(401.0, "source.ogg", None)
    assert (tmp_path / "out" / "source.ogg").stat().st_size < whole.nbytes / 6
    shares = [event.at for event in events if isinstance(event, ReadSoFar)]
    assert shares == sorted(shares)


@pytest.mark.promise("files.hostile")
@pytest.mark.parametrize(
    "content",
    [
        b"no audio at all",
        b"ffconcat version 1.0\nfile '../secret.wav'\n",
        b"#EXTM3U\nhttp://127.0.0.1:9/\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        b"",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\x1a\x45\xdf\xa3" + bytes(100),
    ],
)
def test_a_file_that_is_not_audio_is_refused(tmp_path: Path, content: bytes):
    write(tmp_path / "secret.wav", speech(1))
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "audio"
    source.write_bytes(content)
    with pytest.raises(MediaError):
        events_of(source, tmp_path)


@pytest.mark.promise("files.hostile")
def test_ten_hours_in_a_few_megabytes_take_no_more_memory_than_one_part():
    minute = np.zeros(SAMPLE_RATE * 60, dtype=np.int16)
    tracemalloc.start()
    seconds = sum(samples.size / SAMPLE_RATE - overlap for samples, _, overlap in cut(minute for _ in range(600)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds == 36_000
    one_part = 2 * LONGEST_PART_SECONDS * SAMPLE_RATE
    assert peak < 5 * one_part


def test_audio_longer_than_a_day_is_refused():
    day = (np.zeros(SAMPLE_RATE * 600, dtype=np.int16) for _ in range(6 * 24 + 2))
    with pytest.raises(MediaError, match="longer than 24 h"):
        for _ in cut(day):
            pass
