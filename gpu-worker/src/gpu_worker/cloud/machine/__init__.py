"""The machine that the worker runs on: its supervisor, its end, and what a new process learns from the last one."""
