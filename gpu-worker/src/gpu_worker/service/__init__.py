"""The persistent worker service: the engine behind HTTP, for whoever has a GPU box or a laptop."""
