"""npz files of codes: CSR parts with the codes' names, or as scipy.sparse writes them.

Parts are `indices`, `indptr`, `shape` and `codes`, and where there are any `data` (how often) and
`patients` (whose row it is). Nothing in them is unpickled.
"""

from pathlib import Path
from typing import IO

import numpy as np
import scipy.sparse as sp

from medsynai.data.codes import CodeMatrix, CodeSource, Layout, LoadedCodes
from medsynai.data.npz import BROKEN, read_arrays
from medsynai.errors import ReadError

PARTS = ("indices", "indptr", "shape")
Parts = dict[str, np.ndarray]


def is_codes(path: Path) -> bool:
    """Whether an npz holds a sparse matrix."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return set(PARTS) <= set(file.files) or {"row", "col", "shape"} <= set(file.files)
    except BROKEN:
        return False


def read(path: Path, columns: dict[str, str]) -> LoadedCodes:
    """A sparse matrix of codes.

    Raises:
        ReadError: a damaged file, parts that do not fit each other, negative or broken counts.
    """
    parts = _load(path)
    named = "codes" in parts
    matrix = _matrix(parts, path) if "format" not in parts else _scipy(path)
    if matrix.shape[0] < 1:
        raise ReadError(f"{path} has no rows")
    if len(matrix.data) and (matrix.data.min() < 0 or (matrix.data != matrix.data.round()).any()):
        raise ReadError(f"{path}: counts of codes must be whole numbers of 0 or more")
    width = matrix.shape[1]
    codes = tuple(map(str, parts["codes"])) if named else tuple(map(str, range(width)))
    if len(codes) != width or len(set(codes)) < width:
        raise ReadError(f"{path}: `codes` must name each of the {width} columns once")
    patients = parts.get("patients")
    if patients is not None and len(patients) != matrix.shape[0]:
        raise ReadError(f"{path}: `patients` must say for each row whose it is")
    own = None if patients is None else np.unique(patients, return_inverse=True)[1]
    types = {k: str(v.dtype) for k, v in parts.items() if k != "codes"}
    source = CodeSource(Layout.SPARSE, named=named, width=width, types=types)
    note = f"{matrix.shape[0]:,} rows of {width:,} codes in a sparse file"
    whose = "" if patients is None else f", of {own.max() + 1:,} patients"  # type: ignore[union-attr]
    return LoadedCodes(CodeMatrix.of(matrix, codes, own), source, notes=(note + whose,))


def _load(path: Path) -> Parts:
    parts = read_arrays(path, "; save the parts as plain arrays (codes as text)")
    if not set(PARTS) <= set(parts) and "row" not in parts:
        raise ReadError(
            f"{path} is no sparse matrix: it needs {', '.join(PARTS)} and codes, or what "
            "scipy.sparse.save_npz writes"
        )
    return parts


def _matrix(parts: Parts, path: Path) -> sp.csr_array:
    """CSR from its parts, which are checked: a wrong index would crash far from here."""
    indices, indptr = parts["indices"].ravel(), parts["indptr"].ravel().astype(np.int64)
    shape = tuple(int(x) for x in parts["shape"].ravel())
    data = parts["data"].ravel() if "data" in parts else np.ones(len(indices), np.int32)
    fits = (
        len(shape) == 2
        and len(indptr) == shape[0] + 1
        and len(data) == len(indices)
        and indptr[0] == 0
        and indptr[-1] == len(indices)
        and bool((np.diff(indptr) >= 0).all())
        and (not len(indices) or (indices.min() >= 0 and indices.max() < shape[1]))
    )
    if not fits:
        raise ReadError(f"{path}: indices, indptr and shape do not fit each other")
    return sp.csr_array((data, indices.astype(np.int32), indptr), shape=(shape[0], shape[1]))


def _scipy(path: Path) -> sp.csr_array:
    try:
        return sp.csr_array(sp.load_npz(path))
    except BROKEN:
        raise ReadError(f"{path} is not whole as scipy.sparse writes it") from None


def write(
    matrix: CodeMatrix, keys: dict[str, np.ndarray], source: CodeSource, file: IO[bytes]
) -> None:
    """The arrays that the source had, in its types where the numbers fit them."""
    if "format" in source.types:
        sp.save_npz(file, _at_places(matrix, source.width))  # of any format, CSR comes back
        return
    counts = matrix.counts if source.named else _at_places(matrix, source.width)
    arrays: Parts = {
        "indices": counts.indices,
        "indptr": counts.indptr,
        "shape": np.array(counts.shape),
        "data": counts.data,
        "patients": np.arange(1, len(matrix) + 1),
    }
    arrays = {k: _fitting(v, source.types[k]) for k, v in arrays.items() if k in source.types}
    if source.named:
        arrays["codes"] = np.array(matrix.codes)
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _at_places(matrix: CodeMatrix, width: int) -> sp.csr_array:
    """As wide as the source: a code without a name is its place, and withheld ones are empty."""
    places = np.array([int(c) for c in matrix.codes], dtype=np.int32)
    parts = (matrix.counts.data, places[matrix.counts.indices], matrix.counts.indptr)
    return sp.csr_array(parts, shape=(len(matrix), width))


def _fitting(values: np.ndarray, kind: str) -> np.ndarray:
    """In the source's type, or as they are where that is too small."""
    dtype = np.dtype(kind)
    if dtype.kind not in "iuf" or not len(values):
        return values if dtype.kind not in "iuf" else values.astype(dtype)
    return values.astype(dtype) if (values.astype(dtype) == values).all() else values
