"""Arrays of an npz, by name; nothing is ever unpickled."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from medsynai.errors import ReadError

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, TypeError)


def read_arrays(path: Path, more: str = "") -> dict[str, np.ndarray]:
    """Every array of the file.

    Args:
        path: an npz.
        more: said behind the error: what to do.

    Raises:
        ReadError: a damaged file, or Python objects in it.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except BROKEN:
        raise ReadError(
            f"{path} is damaged, or holds Python objects, which are never unpickled{more}"
        ) from None
