"""Errors name the files of the user, and say what the working files are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ._errors import ConverterError


@contextmanager
def named_for_the_user(names: Mapping[Path, str]) -> Iterator[None]:
    """Let the errors of the block say these names where they mean the files."""
    try:
        yield
    except ConverterError as error:
        text = str(error)
        for path, name in names.items():
            text = text.replace(str(path), name).replace(path.name, name)
        if text == str(error):
            raise
        raise type(error)(f"T{text[1:]}" if text.startswith("the ") else text) from error
