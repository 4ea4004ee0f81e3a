"""What is public of images: a person's word for it, under a budget, in place of a look at them."""

from dataclasses import dataclass
from pathlib import Path

from medsynai import store
from medsynai.data.imagefiles.apart import Form
from medsynai.data.images import ImageLayout, ImageSource
from medsynai.errors import PlanError, SchemaError

ORIGINS = ("standard", "dictionary", "declared")
EXAMPLE = """size = [28, 28]  # height and width, or depth, height and width
channels = 1  # 3: colour
classes = ["normal", "pneumonia"]  # whether or not anybody is in them
origin = "declared"  # or standard, dictionary: how this is known, not from the images"""
FOLDER = {"path": "file", "label": "label", "patient": "patient"}  # columns of its labels.csv


@dataclass(frozen=True)
class ImageContract:
    """Facts about images of 8 bits that hold whoever is in the data.

    Attributes:
        size: (height, width) or (depth, height, width).
        channels: 1 grey, 3 colour.
        classes: names, in the order of the labels that are written.
        origin: standard, dictionary or declared: how this is known.
    """

    size: tuple[int, ...]
    classes: tuple[str, ...]
    channels: int = 1
    origin: str = ""

    def __post_init__(self) -> None:
        if len(self.size) not in (2, 3) or min(self.size) < 1 or self.channels not in (1, 3):
            raise SchemaError("contract of images: size has 2 or 3 sides, channels are 1 or 3")
        if not self.classes or len({*self.classes}) < len(self.classes):
            raise SchemaError("contract of images: name each class once, and at least one")
        if self.origin not in ORIGINS:
            raise SchemaError(
                f"contract of images: origin is one of {', '.join(ORIGINS)}: how its facts are "
                "known without looking at the images"
            )

    @property
    def words(self) -> dict[str, str]:
        """What it says, for a report."""
        return {
            "Size": " x ".join(map(str, self.size)),
            "Channels": str(self.channels),
            "Stored as": "whole numbers of 8 bits",
            "Classes": ", ".join(self.classes),
            "Known from": self.origin,
        }

    @property
    def known(self) -> Form:
        """The same, for a reader."""
        return Form(self.size, self.channels, self.classes)

    def source(self, layout: ImageLayout) -> ImageSource:
        """Files of this layout that tell nothing but the contract.

        Raises:
            PlanError: a layout that says more than pixels and labels.
        """
        count, last = len(self.classes), 0 if self.channels == 1 else len(self.size) + 1
        if layout is ImageLayout.ARRAY:
            return ImageSource(layout, "uint8", facts={"last": last})
        if layout is ImageLayout.FOLDER:
            if len(self.size) > 2:
                raise PlanError("the contract speaks of volumes, and these files are pictures")
            ending = {"ending": ".png"}
            return ImageSource(
                layout, "uint8", columns=FOLDER, label_file="labels.csv", facts=ending
            )
        if layout is not ImageLayout.NPZ:
            raise PlanError(
                f"images as {layout.value} say more of a patient than their pixels; a budget is "
                "for npz, npy and pictures of 8 bits"
            )
        facts = {
            **{"parts": [], "shares": [1.0], "labels": "int64", "column": False},
            **{"patients": "patients", "names": True, "values": list(range(count)), "last": last},
        }
        return ImageSource(layout, "uint8", facts=facts)


def read_contract(path: str | None) -> ImageContract:
    """The contract in a file.

    Raises:
        SchemaError: there is none, or it does not say what it must.
    """
    if path is None:
        raise SchemaError(
            "differential privacy needs a contract that says what images there can be, as what "
            f"is read off them tells of patients: --schema contract.toml, for example\n{EXAMPLE}"
        )
    try:
        text = Path(path).read_text(encoding="utf-8")
        return store.from_toml(ImageContract, text, path)
    except (OSError, UnicodeDecodeError):
        raise SchemaError(f"{path} cannot be read as a contract") from None
    except PlanError as error:
        raise SchemaError(f"{path} is no contract of images: {error}") from None
