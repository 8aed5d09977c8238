"""`python -m quality.hour --model en=FOLDER --model other=FOLDER`: one hour of human speech in 30 s chunks, as JSON.

Every prompt of Debian's packages is used at most once: the English ones, and as many of each other language as fill the hour.
Prints `{"<language>": {"seconds", "prompts": [{"text", "start_s", "end_s"}], "results": [chunk results]}}`, for
`npm run bench -- subtitles`. Prompts of other languages than English have no text.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from gpu_worker.speech.engine import Options

from quality.corpora import FOREIGN, Missing, Recording, decode, foreign_files, human_prompts, put_together
from quality.ours import chunk_results, load

SECONDS: Final = 3600.0
SEED: Final = 41


def recordings() -> Iterator[tuple[str, Recording]]:
    """Each recording and its language. Raises Missing."""
    random = np.random.default_rng(SEED)
    prompts = human_prompts()
    english = put_together((prompts[index] for index in random.permutation(len(prompts))), SECONDS, random)
    yield "en", english
    others = (SECONDS - english.seconds) / len(FOREIGN)
    for code in FOREIGN:
        files = foreign_files(code)
        pieces = (("", decode(files[index])) for index in random.permutation(len(files)))
        yield code, put_together(pieces, others, random)


def main() -> None:
    """Reads the command line, transcribes and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", required=True, help="en=FOLDER or other=FOLDER")
    models = dict(model.split("=", 1) for model in parser.parse_args().model)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    engines = {name: load(Path(folder)) for name, folder in models.items()}
    found = {}
    try:
        for code, recording in recordings():
            engine = engines["en" if code == "en" else "other"]
            results = chunk_results(engine, recording.audio, Options(language=code))
            prompts = [asdict(prompt) for prompt in recording.prompts]
            found[code] = {"seconds": recording.seconds, "prompts": prompts, "results": results}
    except Missing as missing:
        sys.exit(str(missing))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
