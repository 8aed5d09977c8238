"""Media: formats, decoding, and cutting of files."""

from gpu_worker.speech.media.decoder import Decoder, DecoderUnavailable
from gpu_worker.speech.media.decoding import SAMPLE_RATE, MediaError, Samples, peaks_of
from gpu_worker.speech.media.formats import sniff, starts_stream
from gpu_worker.speech.media.streams import continued, header_of

__all__ = [
    "SAMPLE_RATE",
    "Decoder",
    "DecoderUnavailable",
    "MediaError",
    "Samples",
    "continued",
    "header_of",
    "peaks_of",
    "sniff",
    "starts_stream",
]
