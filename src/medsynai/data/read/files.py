"""Opening a file: that it is there, that it is a file, and that gzip data are whole."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from medsynai.errors import ReadError

GZIP = b"\x1f\x8b"


def check_file(path: Path) -> Path:
    """The path, if a file that is not empty is there.

    Raises:
        ReadError: nothing there, a folder, an empty file, or no permission.
    """
    try:
        if path.is_dir():
            raise ReadError(
                f"{path} is a folder in which no cohort, images, signals or codes are seen; give "
                "the file inside it, or say in a cohort.toml what its tables hold (docs/cohorts.md)"
            )
        if not path.exists():
            raise ReadError(f"{path}: no such file")
        if path.stat().st_size == 0:
            raise ReadError(f"{path} is empty")
        with path.open("rb"):
            return path
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error.strerror or 'input error'}") from None


def is_gzip(path: Path) -> bool:
    """Whether the content is gzip data, whatever the file's name says."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked if they are gzip data.

    Raises:
        ReadError: gzip data that are damaged or cut short.
    """
    packed = is_gzip(path)
    try:
        with path.open("rb") as file:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ReadError(f"{path} is damaged or incomplete gzip data; copy it again") from None
