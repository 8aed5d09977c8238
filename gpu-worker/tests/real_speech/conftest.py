"""Published models and real speech for this level. Both are installed once, before any xdist worker starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from quality import ours
from quality.corpora import ENGLISH, SAMPLE_RATE, SOUNDS, Audio, Recording, decode, human, sample

from gpu_worker.speech.engine import Engine
from gpu_worker.speech.models import ModelUnavailable, find_model

PACKAGE = "asterisk-core-sounds-en-g722"
SPEECH = Path(__file__).parents[3] / "test" / "fixtures" / "speech"
HUMAN_SECONDS = 120
HUMAN_SEED = 5
_missing = pytest.StashKey[str]()


def _install_prompts() -> str:
    """Installs Debian's package of human prompts; returns why that failed, or an empty string."""
    if (SOUNDS / ENGLISH).is_dir():
        return ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"human speech is not tested: apt-get install -y {PACKAGE}"
    quietly = {"check": True, "capture_output": True, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    try:
        subprocess.run(["apt-get", "update", "-qq"], **quietly)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE], **quietly)
    except subprocess.CalledProcessError as error:
        return f"human speech is not tested, {PACKAGE} cannot be installed: {error.stderr.decode().strip()[-200:]}"
    return ""


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    config.stash[_missing] = _install_prompts()
    try:
        find_model("tiny.en")
        find_model("base", for_tests=True)
    except ModelUnavailable as error:
        pytest.exit(f"real speech needs published models: {error}", returncode=1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash.get(_missing, ""):
        terminalreporter.write_line(config.stash[_missing])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "corpus" in metafunc.fixturenames:
        metafunc.parametrize("corpus", ["sample", *(["human"] if (SOUNDS / ENGLISH).is_dir() else [])], scope="session")


@pytest.fixture(scope="session")
def recording(corpus: str) -> Recording:
    """Two minutes of speech with known words: the product's sample (three of flite's voices), or human prompts."""
    return sample() if corpus == "sample" else human(HUMAN_SECONDS, HUMAN_SEED)


@pytest.fixture(scope="session")
def tiny() -> Engine:
    """The default model; English-only."""
    return ours.load(find_model("tiny.en").folder)


@pytest.fixture(scope="session")
def base() -> Engine:
    """A multilingual model."""
    return ours.load(find_model("base", for_tests=True).folder)


@pytest.fixture(scope="session")
def speech() -> dict[str, Audio]:
    """The recordings of test/fixtures/speech by name, and silence."""
    found = {file.stem: decode(file) for file in SPEECH.iterdir() if file.suffix in (".opus", ".flac")}
    return {**found, "silence": np.zeros(35 * SAMPLE_RATE, np.float32)}
