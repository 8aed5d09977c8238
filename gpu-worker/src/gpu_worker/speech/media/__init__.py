"""Media: formats, decoding, and cutting of files."""

from gpu_worker.speech.media.clock import Span
from gpu_worker.speech.media.decoder import Decoder, DecoderUnavailable
from gpu_worker.speech.media.decoding import DecodeOptions, MediaError, peaks_of
from gpu_worker.speech.media.formats import HEAD_BYTES, detect, starts_stream
from gpu_worker.speech.media.mixing import SAMPLE_RATE, Samples
from gpu_worker.speech.media.streams import continued, header_of

__all__ = [
    "HEAD_BYTES",
    "SAMPLE_RATE",
    "Decoder",
    "DecoderUnavailable",
    "MediaError",
    "DecodeOptions",
    "Samples",
    "Span",
    "continued",
    "detect",
    "header_of",
    "peaks_of",
    "starts_stream",
]
