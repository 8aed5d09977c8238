"""The process that runs the model, and the thread that gives it jobs."""
