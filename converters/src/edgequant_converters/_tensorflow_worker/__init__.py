"""TensorFlow and Keras in a process of their own: `python -m edgequant_converters._tensorflow_worker`.

Keras fixes its back end at import, and TensorFlow can crash and keeps its memory, so neither is ever imported into the
user's process. `__main__` says what it is asked, `edgequant_runtime.isolation` how.
"""
