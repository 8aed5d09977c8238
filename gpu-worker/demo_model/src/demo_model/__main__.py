"""`python -m demo_model synthesize | train | export | evaluate`: makes the demo model, step by step."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

GIVEN: Final = Path(".local/demo-model")


def _synthesize(options: argparse.Namespace) -> None:
    from demo_model import held_out, pool

    here: Path = options.folder
    made = held_out.make(here / "held-out", options.held_out, options.held_out // 5)
    print(f"{len(made)} held-out files in {here / 'held-out'}", flush=True)
    left_out = held_out.sentences_of(here / "held-out")
    pool.make(here / "pool", options.utterances, options.seed, options.processes, left_out)


def _train(options: argparse.Namespace) -> None:
    from demo_model.training import Plan, train

    plan = Plan(options.minutes, options.windows, rate=options.rate, unpadded=options.unpadded, processes=options.processes)
    train(plan, options.folder / "pool", options.checkpoint or options.folder / "checkpoint.npz", options.begin_with)


def _export(options: argparse.Namespace) -> None:
    from demo_model.export import export
    from demo_model.training import load

    out = options.to or options.folder / "model"
    export(load(options.checkpoint or options.folder / "checkpoint.npz"), out, options.quantization)
    print(f"written: {out}")


def _evaluate(options: argparse.Namespace) -> None:
    from demo_model.evaluation import evaluate, table

    print(table(evaluate(options.model or options.folder / "model", options.folder / "held-out")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo_model", description="Makes the demo model.")
    commands = parser.add_subparsers(required=True, metavar="command")

    synthesize = commands.add_parser("synthesize", help="make the speech to train with, and other speech to evaluate with")
    synthesize.add_argument("--utterances", type=int, default=25_000, help="sentences to train with (default: 25,000, 18 h)")
    synthesize.add_argument(
        "--held-out", type=int, default=80, help="sentences to evaluate with, by kind of voice; chunks: a fifth"
    )
    synthesize.add_argument("--seed", type=int, default=1, help="another one makes another pool beside the first")
    synthesize.set_defaults(run=_synthesize)

    train = commands.add_parser("train", help="train with it, on a GPU where there is one")
    train.add_argument("--minutes", type=float, default=120, help="how long (default: 120)")
    train.add_argument("--windows", type=int, default=64, help="windows of 7 s at once (default: 64; 16 on two processors)")
    train.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate (default: 0.0015)")
    train.add_argument("--unpadded", type=float, default=0.0, help="share of the time without padding to 30 s (default: 0)")
    train.add_argument("--begin-with", type=Path, help="a checkpoint to go on from")
    train.add_argument("--checkpoint", type=Path, help="where to write parameters (default: checkpoint.npz in the folder)")
    train.set_defaults(run=_train)

    export = commands.add_parser("export", help="write the model that faster-whisper loads")
    export.add_argument("--checkpoint", type=Path, help="parameters (default: checkpoint.npz in the folder)")
    export.add_argument("--quantization", default="int8", choices=["int8", "float32"])
    export.add_argument("--to", type=Path, help="where to (default: model in the folder)")
    export.set_defaults(run=_export)

    evaluate = commands.add_parser("evaluate", help="measure a model with the speech that no training has heard")
    evaluate.add_argument("--model", type=Path, help="its folder (default: model in the folder)")
    evaluate.set_defaults(run=_evaluate)

    for command in (synthesize, train):
        command.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="default: one a processor")
    for command in (synthesize, train, export, evaluate):
        command.add_argument("--folder", type=Path, default=GIVEN, help=f"where everything is kept (default: {GIVEN})")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Answers 0, or 1 with one line on stderr."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each processor has a process of its own
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
