"""Decoding of untrusted media: forced demuxers, limits, and a decoder that crashes or hangs."""

import base64
import os
import wave
from pathlib import Path

import numpy as np
import pytest
from mutated_files import write_audio

from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder, MediaError, peaks_of
from gpu_worker.speech.media.decoding import Found, decoded
from noise import record_noise


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


KINDS = [
    ("webm", "webm", "libopus", 48_000),
    ("ogg", "ogg", "libopus", 48_000),
    ("wav", "wav", "pcm_s16le", 16_000),
    ("flac", "flac", "flac", 44_100),
    ("mp3", "mp3", "libmp3lame", 44_100),
    ("m4a", "mp4", "aac", 44_100),
]


@pytest.mark.parametrize(("name", "container", "codec", "rate"), KINDS)
def test_every_supported_format_decodes_to_16_khz_whatever_the_files_name(
    decoder, tmp_path, name, container, codec, rate
) -> None:
    audio = decoder.decode(write_audio(tmp_path / f"{name}.bin", 2.0, container, codec, rate), DecodeOptions(60)).audio
    assert audio.dtype == np.float32
    assert abs(len(audio) / SAMPLE_RATE - 2.0) < 0.1
    assert 0.1 < np.abs(audio).max() <= 1.0


@pytest.mark.promise("media.hostile")
def test_text_that_names_another_file_does_not_open_it(decoder, tmp_path) -> None:
    write_audio(tmp_path / "neighbour.webm", 1.0)
    for text in (
        "ffconcat version 1.0\nfile neighbour.webm\n",
        "#EXTM3U\nneighbour.webm\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ):
        (tmp_path / "chunk.webm").write_text(text)
        with pytest.raises(MediaError, match="not a supported audio file"):
            decoder.decode(tmp_path / "chunk.webm", DecodeOptions(60))


@pytest.mark.parametrize(
    "junk",
    [b"", b"\x1a\x45\xdf\xa3" + b"junk" * 100, b"OggS" + bytes(200), b"RIFF\x00\x00\x00\x00WAVE", b"ID3" + bytes(300)],
)
def test_damaged_and_empty_files_are_refused_and_the_next_one_decodes(decoder, tmp_path, junk) -> None:
    (tmp_path / "junk").write_bytes(junk)
    with pytest.raises(MediaError):
        decoder.decode(tmp_path / "junk", DecodeOptions(60))
    assert len(decoder.decode(write_audio(tmp_path / "good", 1.0), DecodeOptions(60)).audio) > 0


@pytest.mark.promise("media.hostile")
def test_decoding_of_a_small_file_with_long_audio_stops_at_the_limit(decoder, tmp_path) -> None:
    with pytest.raises(MediaError, match="longer than 5 s"):
        decoder.decode(write_audio(tmp_path / "long", 20.0), DecodeOptions(5))


def write_wav(path: Path, seconds: float, rate: int) -> Path:
    """A silent WAV file with any sample rate, 8 bits per sample."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(b"\x80" * int(seconds * rate))
    return path


@pytest.mark.promise("doors.sample-rates")
@pytest.mark.parametrize("rate", [1, 2, 3_999, 384_001, 2_000_000])
def test_sample_rates_outside_the_supported_range_are_refused(decoder, tmp_path, rate) -> None:
    seconds = min(600.0, 100_000 / rate)
    with pytest.raises(MediaError, match=f"{rate} Hz"):
        decoder.decode(write_wav(tmp_path / "odd.wav", seconds, rate), DecodeOptions(700))
    with pytest.raises(MediaError, match=f"{rate} Hz"):
        list(decoded(tmp_path / "odd.wav", DecodeOptions(), Found()))


@pytest.mark.promise("doors.sample-rates")
@pytest.mark.parametrize("rate", [4_000, 8_000, 96_000, 384_000])
def test_sample_rates_within_the_supported_range_are_decoded(decoder, tmp_path, rate) -> None:
    audio = decoder.decode(write_wav(tmp_path / "good.wav", 1.0, rate), DecodeOptions(60)).audio
    assert abs(len(audio) / SAMPLE_RATE - 1.0) < 0.1


@pytest.mark.promise("media.hostile")
def test_a_file_on_which_the_decoder_hangs_times_out_and_the_next_one_decodes(tmp_path) -> None:
    os.mkfifo(tmp_path / "hang")
    hasty = Decoder(timeout_s=1.0)
    with pytest.raises(MediaError, match="decoder failed"):
        hasty.decode(tmp_path / "hang", DecodeOptions(60))
    assert len(hasty.decode(write_audio(tmp_path / "good", 1.0), DecodeOptions(60)).audio) > 0
    hasty.close()


def test_a_dead_decoder_is_restarted(decoder, tmp_path) -> None:
    good = write_audio(tmp_path / "good", 1.0)
    decoder.decode(good, DecodeOptions(60))
    decoder._child.kill()
    decoder._child.wait()
    assert len(decoder.decode(good, DecodeOptions(60)).audio) > 0


STREAMS = [
    ("webm", "libopus", {"live": "1"}, 2_000),
    ("ogg", "libopus", {}, 65_000),
    ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}, 65_000),
]
"""Container, codec, options, and the largest number of bytes without a complete packet."""


@pytest.mark.promise("chunk.stream-pieces", "speech.lead-in")
@pytest.mark.parametrize(("container", "codec", "options", "longest"), STREAMS, ids=[name for name, *_ in STREAMS])
@pytest.mark.parametrize("seed", range(6))
def test_pieces_of_a_stream_cut_at_any_byte_decode_without_loss_or_duplication(
    decoder, tmp_path, container, codec, options, longest, seed
) -> None:
    """Decodes noise that never repeats, so that a lost or doubled packet is detected."""
    random = np.random.default_rng(seed)
    whole = tmp_path / "whole"
    data = record_noise(whole, container, codec, options, 6, random)
    expected = decoder.decode(whole, DecodeOptions(60)).audio
    starts = [0, *sorted(int(at) for at in random.integers(len(data) // 8, len(data), 4)), len(data)]
    pieces = []
    for start, end in zip(starts, starts[1:], strict=False):
        (tmp_path / "so-far").write_bytes(data[:end])
        try:
            found = decoder.decode(tmp_path / "so-far", DecodeOptions(60, is_recording=True), start, 0.5)
            own, before = found.audio, found.before
            if start > len(data) // 4:  # the lead-in equals the end of the pieces so far
                so_far = np.concatenate(pieces)[-len(before) :]
                assert len(before) == SAMPLE_RATE // 2
                assert np.abs(before[400:-400] - so_far[400:-400]).mean() < 0.1
            pieces.append(own)
        except MediaError:
            assert end - start < longest  # it contains no complete packet; its audio comes with the next piece
    decoded_audio = np.concatenate(pieces)
    assert len(decoded_audio) == pytest.approx(len(expected), abs=SAMPLE_RATE // 100)
    for at in range(SAMPLE_RATE, len(expected) - SAMPLE_RATE, SAMPLE_RATE // 2):  # every half second is in its place
        assert np.abs(decoded_audio[at : at + 400] - expected[at : at + 400]).mean() < 0.1


@pytest.mark.promise("transcript.player")
def test_a_waveform_has_the_loudest_sample_of_each_tenth_of_a_second() -> None:
    audio = np.zeros(SAMPLE_RATE // 10 * 2 + 5, dtype=np.float32)
    audio[7], audio[SAMPLE_RATE // 10], audio[-1] = -0.5, 1.0, 0.1
    assert list(base64.b64decode(peaks_of(audio))) == [128, 255, 26]
