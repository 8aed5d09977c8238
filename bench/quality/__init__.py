"""Measures the engine on real speech and compares it with faster-whisper: `python -m quality --help`."""
