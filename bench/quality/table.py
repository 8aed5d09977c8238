"""`python -m quality.table --model NAME=FOLDER …`: prints all rows as JSON lines, for `npm run bench -- quality`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import structlog

from quality import accuracy, languages, robustness
from quality.corpora import Missing
from quality.rows import Row, Subject

MEASUREMENTS: Final[dict[str, Callable[[Subject], Iterator[Row]]]] = {
    "whole": accuracy.whole,
    "chunks": accuracy.chunks,
    "shifts": accuracy.shifts,
    "loss": accuracy.loss,
    "planted": accuracy.planted,
    "independence": robustness.independence,
    "silence": robustness.silence,
    "short": robustness.short,
    "times": robustness.times,
    "languages": languages.batches,
    "turns": languages.turns,
}
MULTILINGUAL: Final = frozenset({"languages", "turns"})


def main() -> None:
    """Reads the command line, measures, and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", required=True, help="NAME=FOLDER")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=sorted(MEASUREMENTS), help="measurement (repeatable; default: all)")
    args = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        for model in args.model:
            name, _, folder = model.partition("=")
            subject = Subject(name, Path(folder), args.quick)
            for title in args.only or MEASUREMENTS:
                if title in MULTILINGUAL and not subject.is_multilingual:
                    continue
                started = time.monotonic()
                for row in MEASUREMENTS[title](subject):
                    print(json.dumps(asdict(row)), flush=True)
                print(f"{name} {title}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    except Missing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
