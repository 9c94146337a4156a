"""Data that calibrates, compares and runs models: one sample at a time, however many there are."""

from ._check import DataCheck, FirstLayer, InputFacts, suspicions
from ._collectors import METHODS, RangeCollector, range_collector
from ._data import DataSource, open_data
from ._evidence import LEAST_FOURTH, LEAST_SQUARES, MINMAX, TIGHT, Evidence
from ._histogram import Histogram
from ._images import IMAGE_SUFFIXES, ImagePreprocessing
from ._least_error import least_squares_range
from ._peek import SampleFor, no_sample, peek
from ._rounding import GridOf, Rounding
from ._split import Split, split
from ._thresholds import entropy_range, percentile_range

__all__ = [
    "IMAGE_SUFFIXES",
    "LEAST_FOURTH",
    "LEAST_SQUARES",
    "METHODS",
    "MINMAX",
    "TIGHT",
    "DataCheck",
    "DataSource",
    "Evidence",
    "FirstLayer",
    "GridOf",
    "Histogram",
    "ImagePreprocessing",
    "InputFacts",
    "RangeCollector",
    "Rounding",
    "SampleFor",
    "Split",
    "entropy_range",
    "least_squares_range",
    "no_sample",
    "open_data",
    "peek",
    "percentile_range",
    "range_collector",
    "split",
    "suspicions",
]
