"""Models by name: found on this machine or downloaded, and verified before use."""

from gpu_worker.speech.models.find import Model, ModelUnavailable, find_model, resolved

__all__ = ["Model", "ModelUnavailable", "find_model", "resolved"]
