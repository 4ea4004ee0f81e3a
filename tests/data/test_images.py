"""Images in and out: exact round trips, what must not pass, and messages that name the file."""

import shutil
import struct
from pathlib import Path
from zlib import compress, crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynai.data.imagefiles import read_images, recognise, write_images
from medsynai.data.images import ImageLayout, ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.errors import FolderError, ReadError
from medsynai.seeds import Seeds

Image = pytest.importorskip("PIL.Image")
pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")
SHARED = Path(__file__).parents[3] / "shared" / "data"
NAME = "Mustermann^Erika"


def random(*shape: int, dtype: str = "uint8", top: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(0, top, shape).astype(dtype)


def pictures(folder: Path, pixels: np.ndarray, table: str = "") -> Path:
    folder.mkdir(parents=True)
    for k, one in enumerate(pixels):
        Image.fromarray(one).save(folder / f"p{k}.png")
    if table:
        (folder / "labels.csv").write_text(table)
    return folder


def dicom(path: Path, pixels: np.ndarray, **tags) -> Path:
    """A real-looking file: a named patient, also in a private sequence."""
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = pydicom.uid.generate_uid()
    ds.PatientName, ds.PatientID, ds.Modality = NAME, "MRN-4711", "CT"
    block = ds.private_block(0x0011, "clinic", create=True)
    inner = pydicom.Dataset()
    inner.PatientName = NAME
    block.add_new(1, "SQ", [inner])
    ds.Rows, ds.Columns, ds.SamplesPerPixel = *pixels.shape, 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(ds, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def again(loaded, target: Path):
    write_images(loaded.images, loaded.source, target, Seeds(1))
    back = read_images(target)
    assert np.array_equal(back.images.pixels, loaded.images.pixels)
    assert np.array_equal(back.images.labels, loaded.images.labels)
    assert back.images.classes == loaded.images.classes
    assert back.source == loaded.source
    return back


@given(st.integers(-3000, 3000), st.integers(1, 6000), st.integers(0, 99))
def test_stored_numbers_come_back_whole(low, width, seed):
    pixels = np.random.default_rng(seed).integers(low, low + width, 500).astype(np.int16)
    scale = PixelScale.of(pixels)
    there = scale.forward(pixels)
    assert there.min() >= -1 and there.max() <= 1
    assert np.array_equal(scale.back(there), pixels)  # half a step at most, so none at all
    wild = scale.back(np.array([-9.0, np.inf, 1.5]))
    assert wild.tolist() == [scale.low, scale.high, scale.high]


def test_no_patients_brightest_pixel_is_written_down():
    pixels = np.array([-1000, 1234, 2000], np.int16)
    scale = PixelScale.of(pixels)
    more = PixelScale.of(np.append(pixels, np.int16(2001)))
    assert scale == more and (scale.low, scale.high) == (-1024, 2048)


@pytest.mark.parametrize("parts", [True, False])
def test_npz_comes_back_with_its_parts_labels_and_patients(tmp_path, parts):
    pixels, labels = random(12, 8, 8, 3), np.arange(12, dtype=np.uint8) % 3
    if parts:  # MedMNIST: (n, 1) labels
        cut = {"train": slice(0, 8), "val": slice(8, 10), "test": slice(10, 12)}
        arrays = {f"{k}_images": pixels[s] for k, s in cut.items()}
        arrays |= {f"{k}_labels": labels[s, None] for k, s in cut.items()}
    else:
        named = np.array(["red", "white", "plate"])
        arrays = {"images": pixels, "labels": labels, "slide": labels // 2, "class_names": named}
    path = tmp_path / "in.npz"
    np.savez(path, **arrays)
    loaded = read_images(path)
    assert loaded.images.pixels.shape == (12, 3, 8, 8)
    back = again(loaded, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as out:
        assert {k: (v.shape, v.dtype) for k, v in arrays.items() if v.dtype.kind != "U"} == {
            k: (out[k].shape, out[k].dtype.newbyteorder("=") if k != "slide" else labels.dtype)
            for k in out.files
            if k != "class_names"
        }
    if parts:
        assert back.held.tolist() == [False] * 10 + [True] * 2
    else:
        assert loaded.images.patients.tolist() == (labels // 2).tolist()


@pytest.mark.parametrize("shape", [(5, 7, 9), (5, 7, 9, 3), (5, 4, 7, 9)])
def test_an_array_comes_back_as_it_was(tmp_path, shape):
    pixels = random(*shape, dtype="uint16", top=4096)
    np.save(tmp_path / "in.npy", pixels)
    again(read_images(tmp_path / "in.npy"), tmp_path / "out.npy")
    assert np.array_equal(np.load(tmp_path / "out.npy"), pixels)


@pytest.mark.parametrize("kind", ["grey", "rgb", "wide"])
def test_pictures_come_back_with_their_labels(tmp_path, kind):
    shape = (4, 6, 5, 3) if kind == "rgb" else (4, 6, 5)
    pixels = random(*shape, dtype="uint16" if kind == "wide" else "uint8", top=250)
    table = "file,finding,patient_id,ward\n" + "".join(
        f"p{k}.png,{'ill' if k % 2 else 'well'},{k // 2},W\n" for k in range(4)
    )
    loaded = read_images(pictures(tmp_path / "in", pixels, table))
    assert loaded.images.classes == ("ill", "well")
    assert loaded.images.patients.tolist() == [0, 0, 1, 1]
    assert any("ward" in note for note in loaded.notes)
    again(loaded, tmp_path / "out")
    text = (tmp_path / "out" / "labels.csv").read_text()
    assert text.startswith("file,finding,patient_id\n1.png,well,synthetic-1\n")


def test_a_folder_a_class_is_a_label(tmp_path):
    for name in ("cyst", "tumour"):
        pictures(tmp_path / "in" / name, random(3, 6, 6))
    loaded = read_images(tmp_path / "in")
    assert loaded.images.classes == ("cyst", "tumour")
    again(loaded, tmp_path / "out")
    assert len(list((tmp_path / "out" / "cyst").iterdir())) == 3


def test_a_picture_beside_the_folders_of_classes_is_named_and_changes_no_label(tmp_path):
    """One stray picture made every image of the class `all`, and nobody was told."""
    for label in ("ill", "well"):
        pictures(tmp_path / "in" / label, random(4, 6, 5))
    Image.fromarray(random(6, 5)).save(tmp_path / "in" / "montage.png")
    with pytest.raises(ReadError, match=r"1 of 9 files .*montage\.png lies in none of the folders"):
        read_images(tmp_path / "in")
    loaded = read_images(tmp_path / "in", skip_bad=True)
    assert loaded.images.classes == ("ill", "well") and len(loaded.images) == 8
    assert loaded.notes[-1].endswith("left out: 1")
    again(loaded, tmp_path / "out")


def test_parts_of_a_set_are_not_taken_for_classes(tmp_path):
    """Folders `train` and `test` were the classes, and those inside them were passed over."""
    for part in ("Train", "test"):
        for label in ("ill", "well"):
            pictures(tmp_path / "in" / part / label, random(2, 6, 5))
    with pytest.raises(ReadError, match=r"\(Train, test\) are parts of a set .* such as .*/Train,"):
        read_images(tmp_path / "in")
    assert read_images(tmp_path / "in" / "Train").images.classes == ("ill", "well")


def test_files_that_do_not_fit_are_named_or_skipped_and_counted(tmp_path):
    table = "path,label\n" + "".join(f"p{k}.png,a\n" for k in range(6)) + "small.png,a\nbad.png,a\n"
    folder = pictures(tmp_path / "in", random(6, 8, 8), table)
    Image.fromarray(random(4, 4)).save(folder / "small.png")
    whole = (folder / "p0.png").read_bytes()
    (folder / "bad.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(random(8, 8)).save(folder / "unlisted.png")
    with pytest.raises(ReadError, match="3 of 9 files") as error:
        read_images(folder)
    for said in ("small.png is 4 x 4", "bad.png is damaged", "unlisted.png is not listed"):
        assert said in str(error.value)
    loaded = read_images(folder, skip_bad=True)
    assert len(loaded.images) == 6 and loaded.notes[-1].endswith("left out: 3")
    assert ("small.png", "is 4 x 4, 1 channels; most are 8 x 8, 1 channels") in loaded.lost
    assert [name for name, _ in loaded.lost] == ["bad.png", "unlisted.png", "small.png"]


def test_ct_keeps_its_units_and_its_slices_their_order(tmp_path):
    volume = random(5, 6, 7, dtype="int16", top=3000) - np.int16(1000)
    uid = pydicom.uid.generate_uid()
    for z in range(5):
        dicom(
            tmp_path / "in" / f"{'caebd'[z]}.dcm",  # names say nothing of the order
            volume[z],
            SeriesInstanceUID=uid,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, 2.5 * z],
            PixelSpacing=[0.7, 0.7],
            RescaleSlope=1,
            RescaleIntercept=-24,
        )
    loaded = read_images(tmp_path / "in")
    assert np.array_equal(loaded.images.pixels[0, 0], volume)
    assert loaded.source.intercept == -24
    again(loaded, tmp_path / "out")
    one = pydicom.dcmread(sorted((tmp_path / "out").rglob("*.dcm"))[1])
    assert one.RescaleIntercept == -24 and one.ImagePositionPatient[2] == 2.5
    (tmp_path / "in" / "b.dcm").unlink()
    with pytest.raises(ReadError, match="slices missing"):
        read_images(tmp_path / "in")


def test_written_dicom_says_that_it_is_synthetic_and_names_nobody(tmp_path):
    dicom(tmp_path / "in" / "a.dcm", random(8, 8))
    loaded = read_images(tmp_path / "in")
    again(loaded, tmp_path / "out")
    path = next((tmp_path / "out").iterdir())
    for secret in (b"Mustermann", b"MRN-4711", b"clinic"):
        assert secret in (tmp_path / "in" / "a.dcm").read_bytes()
        assert secret not in path.read_bytes()
    data = pydicom.dcmread(path)
    assert data.SyntheticData == "YES" and data.ConversionType == "SYN"
    assert "DERIVED" in data.ImageType and data.DerivationDescription
    real = pydicom.dcmread(tmp_path / "in" / "a.dcm")
    assert data.SOPInstanceUID != real.SOPInstanceUID
    assert not [e for e in data.iterall() if e.tag.is_private]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"BurnedInAnnotation": "YES"}, "c.dcm has annotation burned into"),
        ({"PixelData": b"\0\0"}, "c.dcm has pixels that do not fit"),
        ({"ImageOrientationPatient": None}, "c.dcm does not say where and how it lies"),
    ],
)
def test_the_slice_that_spoils_a_series_is_named(tmp_path, tags, said):
    """The series' first file was named, which nothing is wrong with."""
    uid = pydicom.uid.generate_uid()
    for z, name in enumerate("abcd"):
        place = {
            "SeriesInstanceUID": uid,
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, 2.0 * z],
        }
        dicom(tmp_path / f"{name}.dcm", random(6, 5), **(place | tags if name == "c" else place))
    if "ImageOrientationPatient" in tags:
        found = pydicom.dcmread(tmp_path / "c.dcm")
        del found.ImageOrientationPatient
        found.save_as(tmp_path / "c.dcm")
    with pytest.raises(ReadError, match=rf"a\.dcm is of a series of which {said}"):
        read_images(tmp_path)


def test_monochrome1_is_turned(tmp_path):
    pixels = random(8, 8)
    dicom(tmp_path / "in" / "a.dcm", pixels, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_images(tmp_path / "in").images.pixels[0, 0], 255 - pixels)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned into"),
        ({"Modality": "US"}, "does not say whether annotation"),
        ({"Modality": "US", "BurnedInAnnotation": ""}, "does not say whether annotation"),
        ({"Modality": ""}, "does not say whether annotation"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "captured screens"),  # a CT's dose report
        ({"NumberOfFrames": 2}, "several frames"),
        ({"PhotometricInterpretation": "YBR_FULL"}, "colours"),
        ({"PixelData": b"\0\0"}, "do not fit its header"),
    ],
)
def test_dicom_that_cannot_be_used_is_named(tmp_path, tags, said):
    dicom(tmp_path / "in" / "a.dcm", random(8, 8), **tags)
    with pytest.raises(ReadError, match=said) as error:
        read_images(tmp_path / "in")
    assert "a.dcm" in str(error.value) and NAME not in str(error.value)


@pytest.mark.parametrize("slope", [None, 0.5])
def test_nifti_keeps_its_affine_and_its_stored_numbers(tmp_path, slope):
    affine = np.array([[0, -2, 0, 30], [1.5, 0, 0, -40], [0, 0, 3, -16], [0, 0, 0, 1]], float)
    stored = random(6, 5, 4, dtype="int16", top=900)
    file = nibabel.Nifti1Image(stored, affine)  # stored as they are, whatever the slope
    file.header.set_data_dtype(np.int16)
    if slope is not None:
        file.header.set_slope_inter(slope, -7)
    (tmp_path / "in").mkdir()
    nibabel.save(file, tmp_path / "in" / "v.nii.gz")
    loaded = read_images(tmp_path / "in")
    assert loaded.images.space == (5, 6, 4)  # right, anterior, superior
    again(loaded, tmp_path / "out")
    back = nibabel.load(tmp_path / "out" / "1.nii.gz")
    assert np.allclose(back.affine, affine)
    assert np.array_equal(np.asarray(back.dataobj.get_unscaled()), stored)
    assert np.allclose(back.get_fdata(), stored * (slope or 1) - (7 if slope else 0))
    assert b"synthetic" in back.header["descrip"].item()


def test_what_holds_no_images_is_left_to_others(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    np.savez(tmp_path / "codes.npz", indices=[0], indptr=[0, 1], shape=[1, 1])
    assert recognise(tmp_path / "a.csv") is None and recognise(tmp_path / "codes.npz") is None
    assert recognise(tmp_path) is None
    with pytest.raises(ReadError, match="no images"):
        read_images(tmp_path)


def test_nothing_is_written_over(tmp_path):
    loaded = read_images(pictures(tmp_path / "in", random(2, 4, 4)))
    with pytest.raises(FolderError):
        write_images(loaded.images, loaded.source, tmp_path / "in", Seeds(0))
    assert not [p for p in tmp_path.iterdir() if "part" in p.name]


def test_rows_keep_labels_and_patients():
    images = ImageSet.of(
        random(4, 1, 3, 3), np.array([0, 1, 1, 0]), ("a", "b"), np.array([7, 7, 8, 9])
    )
    part = images.rows(np.array([2, 0]))
    assert part.labels.tolist() == [1, 0] and part.patients.tolist() == [1, 0]
    assert images.counts.tolist() == [2, 2]


def test_compressed_dicom_without_its_decoder_says_what_to_install(tmp_path):
    dicom(tmp_path / "in" / "a.dcm", random(8, 8))
    dicom(tmp_path / "in" / "b.dcm", random(8, 8))
    packed = pydicom.dcmread(tmp_path / "in" / "b.dcm")
    packed.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    packed.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
    packed["PixelData"].VR = "OB"
    packed.save_as(tmp_path / "in" / "b.dcm")
    said = r"b\.dcm is compressed \(JPEG-LS Lossless.*\) and its decoder is missing: pip install"
    with pytest.raises(ReadError, match=said):
        read_images(tmp_path / "in")
    assert len(read_images(tmp_path / "in", skip_bad=True).images) == 1


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
@pytest.mark.parametrize("name", ["CT_small", "MR_small", "highdicom_dx_image"])
def test_real_dicom_comes_back(tmp_path, name):
    (tmp_path / "in").mkdir()
    shutil.copy(SHARED / "dicom" / f"{name}.dcm", tmp_path / "in")
    loaded = read_images(tmp_path / "in")
    assert loaded.source.layout is ImageLayout.DICOM
    again(loaded, tmp_path / "out")


def test_a_picture_that_says_it_is_huge_is_named(tmp_path):
    folder = pictures(tmp_path / "in", random(3, 6, 5))
    (folder / "bomb.png").write_bytes(huge(20_000))
    with pytest.raises(ReadError, match=r"bomb.png says that it is larger"):
        read_images(folder)
    assert read_images(folder, skip_bad=True).notes[-1].endswith("left out: 1")


def huge(
    width: int, height: int = 0, bits: int = 8, colour: int = 0, data: bytes = compress(b"")
) -> bytes:
    """A PNG of some bytes that says it has so many pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height or width, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", data) + part(b"IEND", b"")


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_damaged_volume_is_named_whatever_its_reader_raises(tmp_path, ending):
    """A broken stream of gzip is an error of zlib's, which is no OSError."""
    for name in ("a", "b"):
        volume = nibabel.Nifti1Image(random(5, 4, 3), np.eye(4))
        nibabel.save(volume, tmp_path / f"{name}{ending}")
    whole = (tmp_path / f"b{ending}").read_bytes()
    broken = whole[:10] + b"\x07" * 200 if ending == ".nii.gz" else whole[:200]
    (tmp_path / f"b{ending}").write_bytes(broken)
    with pytest.raises(ReadError, match=f"b{ending} is damaged"):
        read_images(tmp_path)
    assert len(read_images(tmp_path, skip_bad=True).images) == 1


@pytest.mark.parametrize("tag", ["PhotometricInterpretation", "BitsStored", "PixelSpacing", "Rows"])
def test_a_damaged_dicom_header_is_named(tmp_path, tag):
    for name in ("a", "b"):
        dicom(tmp_path / f"{name}.dcm", random(5, 4), PixelSpacing=[0.5, 0.5])
    if tag == "PixelSpacing":  # a byte of a number went over
        whole = (tmp_path / "b.dcm").read_bytes()
        (tmp_path / "b.dcm").write_bytes(whole.replace(b"0.5", b"0.#"))
    else:
        found = pydicom.dcmread(tmp_path / "b.dcm")
        delattr(found, tag)
        found.save_as(tmp_path / "b.dcm")
    with pytest.raises(ReadError, match=r"b\.dcm (is damaged|has pixels)"):
        read_images(tmp_path)
    assert len(read_images(tmp_path, skip_bad=True).images) == 1


def test_a_list_of_labels_that_says_nothing_is_not_passed_over(tmp_path):
    """Every image was of the class `all` then, and nobody was told."""
    lines = "file;label\n" + "".join(f"p{k}.png;ill\n" for k in range(3))
    folder = pictures(tmp_path / "in", random(3, 6, 5), lines)
    with pytest.raises(ReadError, match=r"labels.csv names no column of files .* commas"):
        read_images(folder)
    (folder / "labels.csv").write_text(lines.replace(";", ",") + "\n\n")  # lines of nothing
    assert read_images(folder).images.classes == ("ill",)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"labels": np.array(1)}, "`labels` is one value"),
        ({"labels": np.arange(6) % 2, "class_names": np.array("a")}, "`class_names` is one value"),
        ({"labels": np.arange(6) % 2, "class_names": np.array(["a", "a"])}, "two labels the same"),
        ({"labels": np.r_[np.zeros(4), np.nan, np.nan]}, "2 images have no label"),
        ({"patients": np.zeros((6, 2))}, "must say of each image whose it is"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, arrays, said):
    np.savez(tmp_path / "x.npz", images=random(6, 5, 4), **arrays)
    with pytest.raises(ReadError, match=said):
        read_images(tmp_path / "x.npz")


def test_a_damaged_npz_is_called_damaged_and_no_table(tmp_path):
    np.savez(tmp_path / "x.npz", images=random(6, 5, 4))
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[:200])
    assert recognise(tmp_path / "x.npz") is ImageLayout.NPZ
    with pytest.raises(ReadError, match=r"x\.npz is damaged"):
        read_images(tmp_path / "x.npz")


def test_frames_keep_their_time(tmp_path):
    volume = nibabel.Nifti1Image(random(5, 4, 3, 2).astype(np.int16), np.eye(4))
    volume.header.set_zooms((1, 1, 1, 2.5))
    (tmp_path / "in").mkdir()
    nibabel.save(volume, tmp_path / "in" / "a.nii")
    loaded = read_images(tmp_path / "in")
    write_images(loaded.images, loaded.source, tmp_path / "out", Seeds(0))
    written = nibabel.load(tmp_path / "out" / "1.nii")
    assert written.header.get_zooms() == (1, 1, 1, 2.5)


def series(folder: Path, volume: np.ndarray, **tags) -> Path:
    """A folder of the slices of one series."""
    uid = pydicom.uid.generate_uid()
    for z, one in enumerate(volume):
        where = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [0, 0, z]}
        dicom(folder / f"{z}.dcm", one, SeriesInstanceUID=uid, **where | tags)
    return folder


def test_a_folder_for_each_patient_is_no_class(tmp_path):
    """As archives export them; every patient was a class then, and refused as too small."""
    for k in range(4):
        volume = random(3, 6, 7, dtype="int16", top=900)
        series(tmp_path / "in" / f"patient{k}", volume, PatientID=f"MRN-{k}")
    loaded = read_images(tmp_path / "in")
    assert loaded.images.classes == ("all",) and len(np.unique(loaded.images.patients)) == 4
    again(loaded, tmp_path / "out")


def test_a_folder_a_class_comes_back_of_dicom_too(tmp_path):
    """Labels were read and not written."""
    for k in range(6):
        label = "cyst" if k < 3 else "tumour"
        dicom(tmp_path / "in" / label / f"{k}.dcm", random(6, 7), PatientID=f"MRN-{k}")
    loaded = read_images(tmp_path / "in")
    assert loaded.images.classes == ("cyst", "tumour")
    again(loaded, tmp_path / "out")
    assert len(list((tmp_path / "out" / "tumour").iterdir())) == 3


def test_a_list_of_labels_may_name_the_folder_of_a_series(tmp_path):
    for k in range(3):
        series(tmp_path / "in" / f"scan{k}", random(3, 6, 7, dtype="int16", top=900))
    lines = "series,finding\nscan0,ill\nscan1,well\nscan2,ill\nscan9,ill\n"
    (tmp_path / "in" / "labels.csv").write_text(lines)
    loaded = read_images(tmp_path / "in")
    assert [loaded.images.classes[k] for k in loaded.images.labels] == ["ill", "well", "ill"]
    assert "labels.csv: lines that name no file here: 1" in loaded.notes
    write_images(loaded.images, loaded.source, tmp_path / "out", Seeds(1))
    assert read_images(tmp_path / "out").images.labels.tolist() == [0, 1, 0]


TYPE_1 = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID")
TYPE_2 = ("SliceThickness", "PositionReferenceIndicator", "StudyDate", "StudyTime", "StudyID")
TYPE_2 += ("AccessionNumber", "ReferringPhysicianName", "PatientBirthDate", "PatientSex")
TYPE_2 += ("SeriesNumber",)
# PS3.3 A.3.3, A.4.3, A.8.1: what a plain image of the kind has to say, beside pixels
OF = {
    "CT": (("RescaleSlope", "RescaleIntercept", "RescaleType"), ("KVP", "AcquisitionNumber")),
    "MR": (
        ("ScanningSequence", "SequenceVariant"),
        (
            *("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime"),
            "EchoTrainLength",
        ),
    ),
}


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_written_volume_says_what_its_kind_has_to(tmp_path, modality):
    """An MR without a sequence was no MR image by the standard; all patients shared one space."""
    for k in range(2):
        volume = random(3, 6, 7, dtype="int16", top=900)
        tags = {"Modality": modality, "PixelSpacing": [0.5, 0.5], "PatientID": f"MRN-{k}"}
        series(tmp_path / "in" / str(k), volume, **tags)
    again(read_images(tmp_path / "in"), tmp_path / "out")
    written = [pydicom.dcmread(p) for p in sorted((tmp_path / "out").rglob("*.dcm"))]
    for one in written:
        assert modality in one.SOPClassUID.name and len(one.ImageType) > 2
        assert all(one.get(name) not in (None, "") for name in (*TYPE_1, *OF[modality][0]))
        assert all(name in one for name in (*TYPE_2, *OF[modality][1]))
        assert one.BitsAllocated == 16
    spaces = {one.PatientID: one.FrameOfReferenceUID for one in written}
    assert len({*spaces.values()}) == len(spaces) == 2


def test_a_volume_without_spacing_is_called_no_ct(tmp_path):
    series(tmp_path / "in", random(3, 6, 7, dtype="int16", top=900))
    again(read_images(tmp_path / "in"), tmp_path / "out")
    one = pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm")))
    assert "Secondary Capture" in one.SOPClassUID.name and "PatientOrientation" in one


def test_no_pixel_is_brighter_than_its_bits_hold(tmp_path):
    """A model's range ends at a round number: at 4096 of 12 bits, which readers take for 0."""
    pixels = random(8, 8, dtype="uint16", top=4096)
    pixels[0, 0] = 4095
    dicom(tmp_path / "in" / "a.dcm", pixels, BitsStored=12, HighBit=11)
    loaded = read_images(tmp_path / "in")
    brightest = PixelScale.of(loaded.images.pixels).back(np.ones((1, 1, 8, 8)))
    assert brightest.max() == 4096
    made = ImageSet.of(brightest)
    write_images(made, loaded.source, tmp_path / "out", Seeds(0))
    assert read_images(tmp_path / "out").images.pixels.max() == 4095


def test_the_window_of_monochrome1_is_turned_with_it(tmp_path):
    """The window of a turned radiograph showed what lay on the other side of the scale."""
    window = {"WindowCenter": 1000, "WindowWidth": 400}
    bits = {"BitsStored": 12, "HighBit": 11, "PhotometricInterpretation": "MONOCHROME1"}
    pixels = random(8, 8, dtype="uint16", top=4096)
    dicom(tmp_path / "in" / "a.dcm", pixels, **window, **bits)
    loaded = read_images(tmp_path / "in")
    write_images(loaded.images, loaded.source, tmp_path / "out", Seeds(0))
    seen = []
    for path in (tmp_path / "in" / "a.dcm", tmp_path / "out" / "1.dcm"):
        one = pydicom.dcmread(path)
        shown = pydicom.pixels.apply_voi_lut(one.pixel_array, one)
        seen.append(shown if one.PhotometricInterpretation == "MONOCHROME2" else 4095 - shown)
    assert np.allclose(*seen)


def test_kinds_that_stand_beside_each_other_are_named(tmp_path):
    """Pictures beside DICOM files were passed over, and nobody was told."""
    folder = pictures(tmp_path / "in", random(3, 6, 5))
    for k in range(5):
        dicom(folder / f"{k}.dcm", random(6, 5))
    with pytest.raises(ReadError, match=r"DICOM files and, beside them, 3 PNG or .* as p0\.png"):
        read_images(folder)
    loaded = read_images(folder, skip_bad=True)
    assert len(loaded.images) == 5 and loaded.notes[-1].endswith("left out: 3")
    assert loaded.lost[0] == ("p0.png", "is PNG or JPEG, most are DICOM")


def test_a_stray_file_does_not_outweigh_the_set(tmp_path):
    """One DICOM file among pictures was the set, and with skip_bad all pictures were left out."""
    folder = pictures(tmp_path / "in", random(3, 6, 5))
    dicom(folder / "stray.dcm", random(6, 5))
    with pytest.raises(ReadError, match=r"PNG or JPEG files and, .* 1 DICOM files, .* stray\.dcm"):
        read_images(folder)
    loaded = read_images(folder, skip_bad=True)
    assert len(loaded.images) == 3 and loaded.lost == (("stray.dcm", loaded.lost[0][1]),)


def test_an_image_that_is_listed_twice_is_named(tmp_path):
    folder = pictures(
        tmp_path / "in", random(2, 6, 5), "file,label\np0.png,a\np1.png,a\np1.png,b\n"
    )
    with pytest.raises(ReadError, match=r"lists p1\.png twice"):
        read_images(folder)


def test_pictures_of_another_form_are_named(tmp_path):
    folder = pictures(tmp_path / "in", random(3, 6, 5))
    Image.fromarray(random(6, 5)).save(folder / "q.tif")
    deep = compress((b"\0" + bytes(6 * 5)) * 6)
    (folder / "r.png").write_bytes(huge(5, 6, 16, 2, deep))
    with pytest.raises(ReadError, match=r"2 of 5 files .*r\.png has 16 bits a colour") as error:
        read_images(folder)
    assert "q.tif is neither PNG nor JPEG" in str(error.value)
    assert len(read_images(folder, skip_bad=True).images) == 3


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda v: nibabel.Nifti1Image(v, None), "how it lies in the body"),
        (lambda v: nibabel.Nifti1Image(v * np.nan, np.eye(4)), "no finite number"),
        (lambda v: nibabel.Nifti1Image(v.astype(np.complex64), np.eye(4)), "one whole number or"),
    ],
)
def test_a_volume_that_cannot_be_used_is_named(tmp_path, made, said):
    """A reader makes axes up where a file has none; voxels of no number broke the fit."""
    for name in "abc":
        volume = random(5, 4, 3).astype(np.float32)
        one = made(volume) if name == "b" else nibabel.Nifti1Image(volume, np.eye(4))
        nibabel.save(one, tmp_path / f"{name}.nii.gz")
    with pytest.raises(ReadError, match=rf"1 of 3 files .* b\.nii\.gz .*{said}"):
        read_images(tmp_path)


def test_names_of_classes_without_labels_do_not_break_the_writing(tmp_path):
    np.savez(tmp_path / "x.npz", images=random(6, 5, 4), class_names=np.array(["a", "b"]))
    back = again(read_images(tmp_path / "x.npz"), tmp_path / "out.npz")
    assert back.images.classes == ("all",) and len(back.images) == 6  # nobody says which is which


def test_images_of_nobody_among_those_of_somebody_are_counted(tmp_path):
    lines = "file,patient\np0.png,A\np1.png,A\np2.png,\n"
    loaded = read_images(pictures(tmp_path / "in", random(3, 6, 5), lines))
    assert any("nothing says whose they are: 1;" in note for note in loaded.notes)
