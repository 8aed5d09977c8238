"""Word errors of the default model on real speech, whole and in chunks, compared with faster-whisper; and planted faults."""

from __future__ import annotations

from unittest import mock

import pytest
from quality import faults, ours
from quality.corpora import Recording
from quality.peers import Peer
from quality.scoring import Score, score

from gpu_worker.speech.engine import Engine
from gpu_worker.speech.engine.clip_decoder import ClipDecoder
from gpu_worker.speech.models import find_model

WHOLE_POINTS = 0.7
CHUNK_POINTS = 1.2
"""Points of word error rate above faster-whisper's; one word in two minutes is 0.3 to 0.4, and words differ by CPU."""
LOST_WORDS = 3
"""Words above faster-whisper's number that may be neither in the text nor listed."""


@pytest.fixture(scope="module")
def peer(recording: Recording) -> Score:
    return score(recording, Peer(find_model("tiny.en").folder).run("sequential", recording.audio))


@pytest.fixture(scope="module")
def clips(recording: Recording):
    return ours.clips_of(recording.audio, ours.chunk_starts(recording.seconds, 30, 0), 30, 3)


@pytest.fixture(scope="module")
def transcriptions(tiny: Engine, clips):
    return tiny.transcribe(clips)


@pytest.mark.promise("speech.words")
def test_a_whole_recording_has_its_words(tiny: Engine, recording: Recording, peer: Score) -> None:
    result = score(recording, ours.whole(tiny, recording.audio))
    assert result.wer <= peer.wer + WHOLE_POINTS
    assert result.lost <= peer.lost + LOST_WORDS


@pytest.mark.promise("speech.words")
def test_chunks_of_30_s_have_the_words_of_the_recording(recording: Recording, peer: Score, clips, transcriptions) -> None:
    result = score(recording, ours.join(clips, transcriptions, 0, 0))
    assert result.wer <= peer.wer + CHUNK_POINTS
    assert result.lost <= peer.lost + LOST_WORDS


@pytest.mark.promise("speech.independence")
def test_chunks_have_the_same_text_alone_and_together(tiny: Engine, clips, transcriptions) -> None:
    alone = [tiny.transcribe([clip])[0] for clip in reversed(clips)][::-1]
    assert [one.text for one in alone] == [one.text for one in transcriptions]


@pytest.mark.promise("speech.words")
def test_a_planted_loss_of_a_word_at_a_boundary_is_detected(
    recording: Recording, peer: Score, clips, transcriptions
) -> None:
    dropping = [faults.without_boundary_word(one) for one in transcriptions]
    result = score(recording, ours.join(clips, dropping, 0, 0))
    assert result.lost > peer.lost + LOST_WORDS


@pytest.mark.promise("speech.loss")
def test_speech_after_an_early_stop_is_decoded_again_or_listed(tiny: Engine, recording: Recording, peer: Score) -> None:
    stopping = faults.planted(tiny, faults.StopsEarly)
    result = score(recording, ours.whole(stopping, recording.audio))
    without = _without_second_decodes(stopping, recording)
    assert result.wordless_s < 1
    assert without.lost > peer.lost + LOST_WORDS  # the fault loses words, and the score shows it
    assert result.lost < without.lost / 4


def _without_second_decodes(engine: Engine, recording: Recording) -> Score:
    """The score without decoding halves of windows and holes again."""
    with mock.patch.multiple(ClipDecoder, _holes=lambda *_: [], _halves=lambda *_: []):
        return score(recording, ours.whole(engine, recording.audio))
