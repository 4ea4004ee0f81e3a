"""Small images in a grid, each a PNG inside of the page: no outside request, no script."""

import struct
import zlib
from base64 import b64encode
from typing import Any

import numpy as np

from medsynai.report.markup import Markup, joined, tag

LEAST = 56  # screen pixels of a side: small images are enlarged


def mosaic(exhibit: dict[str, Any]) -> Markup:
    """A line of images for each row of an "images" exhibit, its label in front."""
    return joined([_line(row["label"], row["images"]) for row in exhibit["rows"]])


def _line(label: str, images: list[Any]) -> Markup:
    drawn = [_image(np.array(x, dtype=np.uint8), label) for x in images]
    name = tag("strong", label) if label else None
    return joined([name, tag("div", *drawn, class_="mosaic")])


def _image(pixels: np.ndarray, label: str) -> Markup:
    data = b64encode(png(pixels)).decode()
    height, width = pixels.shape[:2]
    times = max(1, -(-LEAST // max(height, width)))
    return tag(
        "img",
        src=f"data:image/png;base64,{data}",
        alt=f"image {label}".strip(),
        width=str(width * times),
        height=str(height * times),
    )


def png(pixels: np.ndarray) -> bytes:
    """(height, width) or (height, width, 3) bytes as a PNG (ISO/IEC 15948).

    >>> png(np.zeros((2, 2), np.uint8))[1:4]
    b'PNG'
    """
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    lines = b"".join(b"\0" + line.tobytes() for line in np.ascontiguousarray(pixels))
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
