"""DICOM files of synthetic images: marked as such, with an invented patient and fresh UIDs.

Sources: PS3.3 C.7.6.1 (derived images), C.8.6.1 (secondary capture, conversion type SYN),
C.12.1.1 (SyntheticData, contributing equipment).
"""

from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles.gather import BY_FOLDER
from medsynai.data.imagefiles.labels import write_labels
from medsynai.data.images import ImageSet, ImageSource
from medsynai.errors import MissingExtra
from medsynai.seeds import Seeds

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STORAGE = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
SAID = "Drawn by a generative model; shows no patient. Not for diagnosis."
EMPTY: tuple[str, ...] = ("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "SeriesNumber")
EMPTY += ("ReferringPhysicianName", "PatientBirthDate", "PatientSex")
OF_CT: tuple[str, ...] = ("KVP", "AcquisitionNumber")
OF_MR: tuple[str, ...] = ("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime")
OF_MR += ("EchoTrainLength",)


def write(images: ImageSet, source: ImageSource, target: Path, seeds: Seeds) -> None:
    """One file an image, or a folder of slices a volume; labels as the source had them."""
    from pydicom.uid import generate_uid

    rng = seeds.of("uids").numpy()

    def fresh() -> str:
        return str(generate_uid(entropy_srcs=[rng.bytes(16).hex()]))

    studies = {int(p): fresh() for p in np.unique(images.patients)}
    width, names = len(str(len(images))), []
    told = [images.classes[j] for j in images.labels]
    for k, pixels in enumerate(images.pixels):
        patient, series, frame = int(images.patients[k]), fresh(), fresh()
        flat = pixels[0] if source.facts["volume"] else [pixels]
        own = f"{k + 1:0{width}}"
        if source.label_file == BY_FOLDER:
            own = f"{told[k]}/{own}"
        for z, one in enumerate(flat):
            name = f"{own}/{z + 1:04}.dcm" if source.facts["volume"] else f"{own}.dcm"
            data = _data_set(one if one.ndim == 3 else one[None], source, fresh())
            data.PatientID = f"SYNTHETIC-{patient + 1}"
            data.PatientName = f"Synthetic^{patient + 1}"
            data.StudyInstanceUID, data.SeriesInstanceUID = studies[patient], series
            data.InstanceNumber = z + 1
            if source.facts["volume"]:  # no two volumes lie in one space
                data.FrameOfReferenceUID = frame
                _place(data, source, z)
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            data.save_as(target / name, enforce_file_format=True)
        names.append(f"{own}/0001.dcm" if source.facts["volume"] else name)
    if source.columns:
        write_labels(target / source.label_file, source.columns, names, told, images.patients)


def _data_set(pixels: np.ndarray, source: ImageSource, uid: str) -> Any:
    """Everything but who, when and where."""
    try:
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import UID, ExplicitVRLittleEndian
    except ImportError:
        raise MissingExtra("writing DICOM files", "pydicom", "images") from None

    facts, data, meta = source.facts, Dataset(), FileMetaDataset()
    kind = _storage(source)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(kind), UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta = meta
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = kind, uid
    data.ImageType = ["DERIVED", "SECONDARY", *(["AXIAL"] if kind == STORAGE["CT"] else [])]
    data.ImageType += ["OTHER"] if kind == STORAGE["MR"] else []
    data.Modality = facts["modality"]
    data.SyntheticData = "YES"
    data.BurnedInAnnotation = "NO"
    data.PatientIdentityRemoved = "YES"
    data.DeidentificationMethod = "Synthetic: no patient is shown"
    data.DerivationDescription = SAID
    data.Manufacturer, data.ManufacturerModelName = "medsynai", "synthetic"
    data.ContributingEquipmentSequence = [_equipment(Dataset)]
    data.ConversionType = "SYN"
    own = OF_CT if kind == STORAGE["CT"] else OF_MR if kind == STORAGE["MR"] else ()
    for name in (*EMPTY, *own):
        setattr(data, name, None)
    if kind == STORAGE["MR"]:  # RM: research mode; no sequence was played
        data.ScanningSequence, data.SequenceVariant = "RM", "NONE"
    if kind == SECONDARY_CAPTURE:
        data.PatientOrientation = None
    _rows(data, pixels, source)
    return data


def _storage(source: ImageSource) -> str:
    """Volumes of a CT or an MR that say what these must (16 bits, spacing) are stored as such."""
    facts = source.facts
    able = facts["volume"] and "spacing" in facts and np.dtype(source.dtype).itemsize == 2
    return STORAGE.get(facts["modality"], SECONDARY_CAPTURE) if able else SECONDARY_CAPTURE


def _equipment(dataset: Any) -> Any:
    from pydicom.sr.coding import Code

    item, purpose = dataset(), dataset()
    code = Code("109102", "DCM", "Processing Equipment")
    purpose.CodeValue, purpose.CodingSchemeDesignator = code.value, code.scheme_designator
    purpose.CodeMeaning = code.meaning
    item.PurposeOfReferenceCodeSequence = [purpose]
    item.Manufacturer, item.ContributionDescription = "medsynai", SAID
    return item


def _rows(data: Any, pixels: np.ndarray, source: ImageSource) -> None:
    """The pixels, (channels, H, W), and all tags that say how to read them."""
    facts, dtype = source.facts, np.dtype(source.dtype)
    low, high = ends(facts["bits"], dtype.kind == "i")
    stored = np.clip(pixels, low, high).astype(dtype)  # the model's range is one of round numbers
    data.Rows, data.Columns = stored.shape[1:]
    data.SamplesPerPixel = len(stored)
    data.PhotometricInterpretation = "RGB" if len(stored) == 3 else "MONOCHROME2"
    if len(stored) == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = 8 * stored.dtype.itemsize
    data.BitsStored, data.HighBit = facts["bits"], facts["bits"] - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    flat = stored[0] if len(stored) == 1 else np.moveaxis(stored, 0, -1)
    data.PixelData = np.ascontiguousarray(flat.astype(stored.dtype.newbyteorder("<"))).tobytes()
    if len(stored) == 1:
        data.RescaleSlope, data.RescaleIntercept = source.slope, source.intercept
        data.RescaleType = facts["rescale_type"]
    if "spacing" in facts:
        data.PixelSpacing = facts["spacing"]
    if "center" in facts and "width" in facts:
        data.WindowCenter, data.WindowWidth = facts["center"], facts["width"]


def _place(data: Any, source: ImageSource, z: int) -> None:
    """Where a slice lies: along the normal of the slices, from the origin."""
    turn = np.array(source.facts["orientation"])
    normal = np.cross(turn[:3], turn[3:])
    data.ImageOrientationPatient = [float(x) for x in turn]
    data.ImagePositionPatient = [round(float(x), 6) for x in normal * (z * source.facts["gap"])]
    data.SliceThickness = source.facts["gap"]
    data.PatientPosition = data.PositionReferenceIndicator = None


def ends(bits: int, signed: bool) -> tuple[int, int]:
    """The least and the greatest number of so many bits."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
