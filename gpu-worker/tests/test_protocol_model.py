"""Builds the protocol model with little data: each step meets the assumptions of the next one and of the engine."""

import json
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ctranslate2 import StorageView
from ctranslate2.models import Whisper
from faster_whisper.feature_extractor import FeatureExtractor

from protocol_model import held_out, pool, voices
from protocol_model import vocabulary as v
from protocol_model.__main__ import main
from protocol_model.espeak import SAMPLE_RATE, Synthesizer
from protocol_model.export import export
from protocol_model.mel import mel_power
from protocol_model.network import first_parameters, loss
from protocol_model.training import save
from protocol_model.windows import Batch, Composer, empty_batch

SECONDS = 7
TOKENS = 48


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a little speech for training and evaluation."""
    folder = tmp_path_factory.mktemp("protocol-model")
    command = ["synthesize", "--folder", str(folder), "--utterances", "40", "--held-out", "2", "--processes", "2"]
    assert main(command) == 0
    return folder


@pytest.fixture(scope="module")
def batch(made):
    """Windows composed of that speech."""
    windows = empty_batch(24, SECONDS, TOKENS)
    Composer(pool.Pool(made / "pool"), SECONDS, TOKENS, seed=1).fill(windows)
    return windows


@pytest.mark.promise("protocol-model.making")
def test_words_are_at_the_times_where_they_are_spoken():
    speech = Synthesizer().say("start on the report".split(), voices.Speaker("gmw/en-US", 150, 50, 50, 0))
    starts, ends = zip(*speech.intervals, strict=True)
    assert starts == tuple(sorted(starts)) and all(start < end for start, end in speech.intervals)
    assert ends[-1] <= len(speech.audio) / SAMPLE_RATE <= ends[-1] + 0.05
    inside = np.concatenate([speech.audio[int(a * SAMPLE_RATE) : int(b * SAMPLE_RATE)] for a, b in speech.intervals])
    assert (inside**2).sum() > 0.9 * (speech.audio**2).sum()


@pytest.mark.promise("protocol-model.making")
def test_the_same_seed_gives_the_same_sentences_and_training_excludes_held_out_ones(made, tmp_path):
    again = held_out.make(tmp_path, utterances=2, chunks=0)
    kept = {one.name: one for one in held_out.read_index(made / "held-out")}
    assert [one.sentences for one in again[:2]] == [kept[one.name].sentences for one in again[:2]]
    assert again[0].duration_seconds == pytest.approx(kept[again[0].name].duration_seconds, abs=0.02)
    known = {v.WORD_ID[word]: word for word in v.WORDS}
    trained = pool.Pool(made / "pool")
    rng = np.random.default_rng(0)
    training_sentences = {" ".join(known[token] for token in trained.any(rng).words.tolist()) for _ in range(200)}
    assert len(training_sentences) > 20
    assert not training_sentences & held_out.sentences_of(made / "held-out")


@pytest.mark.promise("protocol-model.making")
def test_a_held_out_sentence_is_left_out_of_a_pool(tmp_path):
    first = v.sentence(random.Random(7 * 100_003))
    for name, left_out in (("with", set()), ("without", {" ".join(first)})):
        pool.make(tmp_path / name, 1, 7, 1, left_out)
    ids = [v.WORD_ID[word] for word in first]
    rng = np.random.default_rng(0)
    assert pool.Pool(tmp_path / "with").any(rng).words.tolist() == ids
    assert pool.Pool(tmp_path / "without").any(rng).words.tolist() != ids


@pytest.mark.promise("protocol-model.making")
def test_no_voice_of_the_evaluation_is_in_the_training():
    rng = random.Random(3)
    trainers = {voices.trainer(rng).voice for _ in range(3000)}
    unheard = {voices.unheard(rng).voice for _ in range(300)}
    variants = {name.partition("+")[2] for name in trainers}
    assert not variants & set(voices.UNHEARD_VARIANTS)
    assert not any(name.startswith(voices.UNHEARD_ACCENT) for name in trainers)
    assert {name.partition("+")[2] for name in unheard} == set(voices.UNHEARD_VARIANTS)


@pytest.mark.promise("protocol-model.making")
def test_mel_power_equals_the_engines():
    audio = np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32) * np.float32(0.1)
    engine = FeatureExtractor()(audio)
    log = np.log10(np.maximum(mel_power(audio), 1e-10)).T
    ours = (np.maximum(log, log.max() - 8) + 4) / 4
    np.testing.assert_allclose(ours, engine[:, : ours.shape[1]], atol=2e-3)


@pytest.mark.promise("protocol-model.making")
def test_targets_of_a_window_are_the_words_spoken_in_it(batch):
    silent = (batch.words == 0).all(1)
    assert not silent.all()
    for index in range(len(batch.tokens)):
        targets = batch.targets[index]
        words = targets[(targets >= v.FIRST_WORD) & (targets < v.END)]
        if silent[index]:
            assert v.NO_SPEECH in targets and len(words) == 0
            continue
        frames = batch.words[index]
        assert set(words - v.FIRST_WORD + 1) >= set(frames[frames > 0].tolist())
        begin = int(np.argmax(batch.tokens[index] == v.START))
        asked = targets[begin:]
        given = batch.tokens[index, begin + 1 :]
        answered = asked[: len(given)][given < v.FIRST_TIMESTAMP]
        assert (targets[:begin] == -1).all()
        assert len(answered) > 0
        spans = batch.spans[index]
        assert (spans[spans[:, 0] >= 0][:, 1] <= SECONDS * 50).all()


@pytest.mark.promise("protocol-model.making")
def test_training_reduces_the_loss(batch, made):
    few = Batch(*(jnp.asarray(array[:4]) for array in batch))
    p = {name: jnp.asarray(value) for name, value in first_parameters(len(pool.Pool(made / "pool").phonemes), 0).items()}
    step = jax.jit(jax.value_and_grad(loss, has_aux=True), static_argnums=2)
    losses = []
    for _ in range(12):
        (value, _), gradient = step(p, few, SECONDS * 100)
        losses.append(float(value))
        size = float(jnp.sqrt(sum((one**2).sum() for one in gradient.values())))
        p = {name: value - 0.3 / size * gradient[name] for name, value in p.items()}
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.promise("protocol-model.making")
def test_the_exported_model_computes_what_was_trained(tmp_path):
    from protocol_model.network import encode

    p = first_parameters(40, 5)
    export(p, tmp_path, quantization="float32")
    mel = np.random.default_rng(2).standard_normal((1, 3000, 80)).astype(np.float32)
    expected, _ = encode({name: jnp.asarray(value) for name, value in p.items()}, jnp.asarray(mel))
    model = Whisper(str(tmp_path), device="cpu", compute_type="float32")
    encoded = model.encode(StorageView.from_array(np.ascontiguousarray(mel.transpose(0, 2, 1))))
    np.testing.assert_allclose(np.array(encoded), np.asarray(expected), atol=2e-3)


@pytest.mark.promise("protocol-model.making")
def test_the_commands_make_a_model_that_the_engine_can_run(made, capsys):
    folder = ["--folder", str(made)]
    training = ["--minutes", "0.01", "--windows", "2", "--processes", "1", "--unpadded", "1"]
    save(made / "first.npz", first_parameters(len(pool.Pool(made / "pool").phonemes), 1))
    assert main(["train", *folder, *training, "--begin-with", str(made / "first.npz")]) == 0
    assert main(["export", *folder]) == 0
    assert json.loads((made / "model" / "preprocessor_config.json").read_text())["chunk_length"] == 6
    assert main(["evaluate", *folder]) == 0
    assert "| unheard-utterances | 2 |" in capsys.readouterr().out


@pytest.mark.promise("protocol-model.making")
def test_missing_input_is_reported_in_one_line(tmp_path, capsys):
    assert main(["train", "--folder", str(tmp_path)]) == 1
    assert "make one with: synthesize" in capsys.readouterr().err
