"""The persistent worker service: the engine behind HTTP, for a machine with a GPU or a laptop."""
