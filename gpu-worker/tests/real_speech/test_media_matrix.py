"""A sample of `npm run proof -- media-matrix`, and speakers who have a channel each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media_matrix import MAX_MEDIAN_SECONDS, run, variants
from quality.corpora import SAMPLE_RATE, Audio
from quality.scoring import normal

from gpu_worker.speech.engine import Clip, Engine

SAMPLE = variants()[3::7]


@pytest.mark.promise("media.formats", "media.clock")
def test_a_sentence_is_recognized_at_its_times_in_every_format(tiny: Engine, tmp_path: Path) -> None:
    figures = run(tiny, tmp_path, SAMPLE)
    assert len(figures) > 10
    assert [one for one in figures if not one.is_right or one.off_s > MAX_MEDIAN_SECONDS] == []


@pytest.mark.promise("media.channels")
def test_two_people_who_speak_at_the_same_time_are_transcribed_each_on_a_channel(
    tiny: Engine, speech: dict[str, Audio]
) -> None:
    (alone,) = tiny.transcribe([Clip(speech["english"])])
    other = np.roll(np.pad(speech["english"], (0, SAMPLE_RATE)), SAMPLE_RATE // 2)
    both = np.stack([np.pad(speech["english"], (0, SAMPLE_RATE)), other])
    (made,) = tiny.transcribe([Clip(both)])
    for channel in (1, 2):
        own = " ".join(segment.text for segment in made.segments if segment.channel == channel)
        assert normal(own) == normal(alone.text)
    assert [segment.start for segment in made.segments] == sorted(segment.start for segment in made.segments)
    assert {segment.channel for segment in made.segments} == {1, 2}
