"""Detection of formats by content."""

import io
from pathlib import Path

import pytest
from mutated_files import write_audio

from gpu_worker.speech.media import detect, starts_stream


def demuxer_of(head: bytes) -> str | None:
    found = detect(io.BytesIO(head))
    return None if found is None else found.demuxer


def test_the_content_determines_the_demuxer() -> None:
    heads = (b"\x1a\x45\xdf\xa3", b"OggS", b"fLaC", b"ID3\x04", b"\xff\xfb\x90\x00", b"ffconcat", b"<html>", b"", bytes(100))
    assert [demuxer_of(head) for head in heads] == ["matroska", "ogg", "flac", "mp3", "mp3", None, None, None, None]


@pytest.mark.promise("media.hostile")
@pytest.mark.parametrize(
    "text",
    ["ffconcat version 1.0\nfile x\n", "#EXTM3U\nx\n", "v=0\nc=IN IP4 127.0.0.1\n", "<MPD></MPD>", "{\\rtf1", "PK\x03\x04"],
)
def test_texts_and_archives_are_no_media_also_behind_zeros_and_tags(text: str) -> None:
    assert demuxer_of(text.encode()) is None
    assert demuxer_of(bytes(512) + text.encode()) is None
    assert demuxer_of(b"ID3\x04\x00\x00\x00\x00\x00\x00" + text.encode()) == "mp3"


def test_text_in_utf_16_is_no_mp3_and_a_piece_of_a_stream_no_mp3_of_free_format() -> None:
    assert demuxer_of("Hello there, this is a text.".encode("utf-16")) is None
    assert not starts_stream(bytes.fromhex("fffd02e9") + bytes(range(256)) * 40)


@pytest.mark.promise("media.formats")
def test_a_tag_or_the_rest_of_a_frame_may_come_first(tmp_path: Path) -> None:
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
    wav, mp3 = (
        write_audio(tmp_path / name, 2.0, name, codec, 44_100).read_bytes()
        for name, codec in (("wav", "pcm_s16le"), ("mp3", "libmp3lame"))
    )
    found = detect(io.BytesIO(tag + wav))
    assert found is not None and (found.demuxer, found.offset) == ("wav", len(tag))
    assert demuxer_of(tag + mp3[mp3.index(b"\xff\xfb") :]) == "mp3"
    assert demuxer_of(mp3[-9000:]) == "mp3" and not starts_stream(b"\x00" + mp3[-9000:])


def test_only_the_start_of_a_stream_can_be_decoded_by_itself() -> None:
    ogg = b"OggS\x00"
    heads = (
        b"\x1a\x45\xdf\xa3",
        ogg + b"\x02",
        ogg + b"\x00",
        b"\x1f\x43\xb6\x75",
        b"\x00\x00\x00\x10moof",
        b"\x00\x00\x00\x10mdat",
        b"\x00\x00\x00\x10ftyp",
        b"\xff\xfb\x90\x00" + bytes(1000),
    )
    assert [starts_stream(head) for head in heads] == [True, True, False, False, False, False, True, False]
