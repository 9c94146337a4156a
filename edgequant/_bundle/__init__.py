"""A bundle: a model with all that is needed to run it on a board and to prove that it runs there as it did here."""

from ._archive import read_head
from ._bundle import Bundle, open_bundle, summary_of
from ._errors import BundleError, DamagedBundleError
from ._manifest import FileEntry, Golden, Manifest, ModelEntry, Output, RunnerEntry, ServiceEntry, TensorFile, Wheel
from ._service import Service
from ._write import BundleSummary, write_bundle

__all__ = [
    "Bundle",
    "BundleError",
    "BundleSummary",
    "DamagedBundleError",
    "FileEntry",
    "Golden",
    "Manifest",
    "ModelEntry",
    "Output",
    "RunnerEntry",
    "Service",
    "ServiceEntry",
    "TensorFile",
    "Wheel",
    "open_bundle",
    "read_head",
    "summary_of",
    "write_bundle",
]
