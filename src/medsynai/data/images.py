"""Images of one size: what each shows, whose it is, and what its numbers mean."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from medsynai.errors import SchemaError


@dataclass(frozen=True)
class ImageSet:
    """Pictures or volumes of one size, in the numbers that the files store.

    Attributes:
        pixels: (n, channels, *space) of the stored type; space is (height, width), or
            (depth, height, width) of a volume.
        labels: (n,) the place of each image's class in `classes`; zeros where there are none.
        classes: names of the classes, at least one.
        patients: (n,) whose image it is, as numbers from 0; the unit of privacy is the patient.

    >>> two = ImageSet.of(np.zeros((2, 1, 4, 4), np.uint8))
    >>> len(two), two.channels, two.space, two.classes
    (2, 1, (4, 4), ('all',))
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    patients: np.ndarray
    origin: Literal["real", "synthetic"] = "real"

    def __post_init__(self) -> None:
        n = len(self.pixels)
        if self.pixels.ndim not in (4, 5) or len(self.labels) != n or len(self.patients) != n:
            raise SchemaError("images need a label and a patient each, and two or three dimensions")
        if n and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise SchemaError("an image's label is none of the classes")

    @staticmethod
    def of(
        pixels: np.ndarray,
        labels: np.ndarray | None = None,
        classes: tuple[str, ...] = ("all",),
        patients: np.ndarray | None = None,
    ) -> "ImageSet":
        """Without `patients` every image is a patient of its own."""
        n = len(pixels)
        own = np.arange(n) if patients is None else np.unique(patients, return_inverse=True)[1]
        which = np.zeros(n, np.int64) if labels is None else np.asarray(labels, np.int64)
        return ImageSet(pixels, which, classes, own)

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def channels(self) -> int:
        """Numbers a pixel: 1 grey, 3 RGB."""
        return int(self.pixels.shape[1])

    @property
    def space(self) -> tuple[int, ...]:
        """(height, width) or (depth, height, width)."""
        return tuple(int(x) for x in self.pixels.shape[2:])

    @property
    def counts(self) -> np.ndarray:
        """(classes,) how many images each class has."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def rows(self, index: np.ndarray) -> "ImageSet":
        """The images at these positions (integers or a mask)."""
        return replace(
            self,
            pixels=self.pixels[index],
            labels=self.labels[index],
            patients=self.patients[index],
        )


class ImageLayout(StrEnum):
    """How files hold images."""

    NPZ = "npz"  # arrays by name: MedMNIST's, or images and labels
    ARRAY = "array"  # one .npy
    FOLDER = "folder"  # PNG or JPEG, with a CSV of labels or a folder a class
    DICOM = "dicom"  # single images, or series that are volumes
    NIFTI = "nifti"  # a volume a file


@dataclass(frozen=True)
class ImageSource:
    """What the files looked like. Public: it may be printed, hashed and saved; no pixel is in it.

    Attributes:
        dtype: NumPy's name of the stored type.
        slope, intercept: a stored number v means slope * v + intercept (Hounsfield units of a CT).
        columns: what the label file's columns are called: "path", "label", "patient".
        label_file: its name; "" where there is none.
        facts: what a layout needs besides to write the same again, by name; texts and numbers.
        affine: rows of a volume's 4 x 4 affine, voxels to mm, in the order of the file's axes.
    """

    layout: ImageLayout
    dtype: str
    slope: float = 1.0
    intercept: float = 0.0
    columns: dict[str, str] = field(default_factory=dict)
    label_file: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    affine: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class LoadedImages:
    """Images as they were read.

    Attributes:
        images: all of them.
        source: what the files looked like, for the writer.
        held: (n,) True for images of a part that the file itself calls test; None without parts.
        notes: what a person should know about the reading; no file is named.
        lost: each file that was left out and why, for the owner of the data alone: a name may be a
            patient's.
    """

    images: ImageSet
    source: ImageSource
    held: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
