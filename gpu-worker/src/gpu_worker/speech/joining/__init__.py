"""Joins texts that share audio; same rules as core/transcripts. Both pass test/fixtures/contracts/boundaries.json."""
