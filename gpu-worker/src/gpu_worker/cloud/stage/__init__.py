"""The stage's tables, queues, bucket and runs, as the worker uses them."""
