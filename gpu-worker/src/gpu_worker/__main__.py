"""Command line of the worker: `gpu-worker work | serve | find-model`, or `python -m gpu_worker …`."""

from __future__ import annotations

import argparse
import json
import signal
import sys

from gpu_worker import logs


def find_model_command(arguments: argparse.Namespace) -> int:
    """Prints the folder of a model, or one line on stderr if it is unavailable. Returns the exit status."""
    from gpu_worker.speech.models import ModelUnavailable, find_model

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # also ends pip
    try:
        model = find_model(arguments.name, for_tests=arguments.for_tests)
    except ModelUnavailable as error:
        if arguments.json:
            sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        else:
            sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    as_json = {"folder": str(model.folder), "name": model.name, "languages": model.languages}
    sys.stdout.write((json.dumps(as_json) if arguments.json else as_json["folder"]) + "\n")
    return 0


def main() -> int:
    """Parses the command line and runs the command. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="gpu-worker", description="Chunkscribe's transcription worker")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("work", help="serve the queues of a stage (configuration from the environment)")
    service = commands.add_parser(
        "serve", help="serve files over HTTP, including OpenAI's API (settings also from the environment)"
    )
    service.add_argument("--model", help="published name or folder; default large-v3")
    service.add_argument("--host", help="address to listen on; default 127.0.0.1, any other needs SERVICE_TOKEN")
    service.add_argument("--port", type=int, help="default 8765")
    service.add_argument("--folder", help="folder of the queue and the results")
    find = commands.add_parser("find-model", help="print the folder of a model; verifies it, downloads it if needed")
    find.add_argument("name", help="published name such as tiny.en, owner/name on the model hub (Hugging Face), or a folder")
    find.add_argument("--json", action="store_true", help="print folder, name and languages, or the error, as JSON")
    find.add_argument("--for-tests", action="store_true", help="also find models that are only for tests and benchmarks")
    arguments = parser.parse_args()
    logs.configure()
    if arguments.command == "work":
        from gpu_worker.cloud.command import work

        return work()
    if arguments.command == "serve":
        from gpu_worker.service.command import serve

        return serve(arguments)
    return find_model_command(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
