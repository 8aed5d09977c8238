"""`work`: the worker of a stage in AWS."""
