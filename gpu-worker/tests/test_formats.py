"""The subtitle examples of the TypeScript writers, read by an independent parser."""

import html
import json
import re

import pytest
import webvtt

from conftest import PROJECT

EXAMPLES = PROJECT / "test" / "fixtures" / "formats"
NAMES = ("transcript", "subtitles")


def spoken(name: str) -> str:
    segments = json.loads((EXAMPLES / f"{name}.json").read_text())["segments"]
    return "".join("".join(segment["text"].replace("-->", "->").split()) for segment in segments)


@pytest.mark.promise("transcript.formats")
@pytest.mark.parametrize("name", NAMES)
def test_srt_has_all_words_and_names_speakers(name: str) -> None:
    cues = webvtt.from_srt(str(EXAMPLES / f"{name}.srt"))
    text = "".join("".join(re.sub(r"^S\d: ", "", cue.raw_text).split()) for cue in cues)
    assert text == spoken(name)
    assert [cue.start_in_seconds for cue in cues] == sorted(cue.start_in_seconds for cue in cues)


@pytest.mark.promise("transcript.formats")
@pytest.mark.parametrize("name", NAMES)
def test_vtt_has_all_words_with_markup_escaped(name: str) -> None:
    cues = webvtt.read(str(EXAMPLES / f"{name}.vtt"))
    text = "".join("".join(html.unescape(re.sub(r"^<v S\d>", "", cue.raw_text)).split()) for cue in cues)
    assert text == spoken(name)


@pytest.mark.promise("transcript.subtitles")
def test_no_cue_has_more_than_two_lines_of_42_characters() -> None:
    for name in NAMES:
        for cue in webvtt.from_srt(str(EXAMPLES / f"{name}.srt")):
            assert len(cue.lines) <= 2
            assert max(map(len, cue.lines)) <= 42
