"""Chunkscribe's transcription worker."""
