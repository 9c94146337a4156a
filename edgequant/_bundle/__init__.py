"""A bundle: a model with all that is needed to run it on a board and to prove that it runs there as it did here."""

from ._manifest import Golden, Manifest, ModelEntry, Output, RunnerEntry, TensorFile, Wheel

__all__ = ["Golden", "Manifest", "ModelEntry", "Output", "RunnerEntry", "TensorFile", "Wheel"]
