"""Media: formats, decoding, and cutting of files."""

from gpu_worker.speech.media.decoder import Decoder, DecoderUnavailable
from gpu_worker.speech.media.decoding import SAMPLE_RATE, MediaError, Samples, peaks_of
from gpu_worker.speech.media.formats import sniff, starts_stream

__all__ = [
    "SAMPLE_RATE",
    "Decoder",
    "DecoderUnavailable",
    "MediaError",
    "Samples",
    "peaks_of",
    "sniff",
    "starts_stream",
]
