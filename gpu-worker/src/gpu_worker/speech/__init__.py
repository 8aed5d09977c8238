"""Audio to text: the engine, its models, media, and the joining of texts. Imports neither the cloud nor the service."""
