"""The media decoder's child process."""

import sys

from gpu_worker.speech.media.decoder import serve

if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
