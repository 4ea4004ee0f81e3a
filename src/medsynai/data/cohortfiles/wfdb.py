"""WFDB records: a header of text and interleaved samples (formats 8 to 32 bits), and back.

Source: header(5) and signal(5) of the WFDB manual. A record's patient is the folder that it lies in
below the one that is read, else the record. Annotations are not carried.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynai.data.cohort import Clock, Cohort, Signal
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.data.integrity import Problem, refuse_broken
from medsynai.errors import ReadError

SPEC = re.compile(
    r"(?P<file>\S+)\s+(?P<format>\d+)(?P<rest>[x:+]\S*)?(?:\s+(?P<gain>[-\d.eE+]+)"
    r"(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>\S+))?)?(?:\s+(?P<bits>\d+))?(?:\s+(?P<zero>-?\d+))?"
    r"(?:\s+(?P<first>-?\d+))?(?:\s+(?P<sum>-?\d+))?(?:\s+(?P<block>\d+))?(?:\s+(?P<name>.+))?"
)
WIDTHS = {"80": 8, "212": 12, "16": 16, "24": 24, "32": 32}
FORMATS = {bits: name for name, bits in WIDTHS.items()}
GAIN = 200.0  # steps a millivolt where a header says none


@dataclass(frozen=True)
class Channel:
    """One signal line of a header."""

    file: str
    bits: int
    gain: float
    baseline: int
    unit: str
    checksum: int | None
    name: str


def recognise(path: Path) -> bool:
    """Whether a file is a header, or a folder holds some."""
    if path.is_dir():
        return next(path.rglob("*.hea"), None) is not None
    return path.suffix == ".hea"


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A record, or a folder of them, as a cohort of signals.

    Raises:
        ReadError: a header that cannot be read, a form of record that is not, samples cut short.
    """
    root = path if path.is_dir() else path.parent
    headers = sorted(root.rglob("*.hea")) if path.is_dir() else [path]
    signals, wrong = [], 0
    for header in headers:
        try:
            signal, bad = read_record(header, root)
        except ValueError:  # a number that is none; its text is not shown
            raise ReadError(f"{header} has a number that cannot be read") from None
        signals.append(signal)
        wrong += bad
    known = {".hea", ".dat", ".xyz", *(Path(s).suffix for s in _files(headers))}
    others = [p for p in root.rglob("*") if p.is_file() and p.suffix not in known]
    beside = len(others) if path.is_dir() else 0
    notes = (f"not carried: {beside:,} files that are no records (annotations)",) if beside else ()
    channels = sum(len(s.channels) for s in signals)
    said = "channels differ from their checksum: copy the files again; they are kept"
    problem = Problem("damaged samples", wrong, channels, said)
    cohort = Cohort.of(signals=tuple(signals), clock=Clock.SECONDS)
    form = {"single": path.name} if path.is_file() else {}
    return LoadedCohort.of(cohort, Layout("wfdb", (), Clock.SECONDS, form), notes, (problem,))


def _files(headers: list[Path]) -> set[str]:
    return {line.split()[0] for h in headers for line in _lines(h)[0][1:]}


def _lines(header: Path) -> tuple[list[str], list[str]]:
    """A header's lines, and its comments."""
    try:
        lines = header.read_text(encoding="utf-8", errors="strict").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ReadError(f"{header} is not a readable header") from None
    told = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    said = [line.lstrip()[1:].strip() for line in lines if line.lstrip().startswith("#")]
    return told, said


def read_record(header: Path, root: Path) -> tuple[Signal, int]:
    """One record, and how many of its channels differ from their checksum.

    Raises:
        ReadError: see `read`.
    """
    lines, comments = _lines(header)
    first = lines[0].split() if lines else []
    if len(first) < 2 or not first[1].isdigit():
        raise ReadError(f"{header} does not begin with a record's name and number of signals")
    if "/" in first[0]:
        raise ReadError(f"{header} has several segments, which are not read; merge them first")
    rate = float(re.split(r"[/(]", first[2])[0]) if len(first) > 2 else 250.0
    count, length = int(first[1]), int(first[3]) if len(first) > 3 else 0
    channels = [_channel(line, header) for line in lines[1 : count + 1]]
    if len(channels) < count:
        raise ReadError(f"{header} names {count} signals and describes {len(channels)}")
    steps = np.empty((length, 0), np.int64)
    for file in dict.fromkeys(c.file for c in channels):
        own = [c for c in channels if c.file == file]
        block = _samples(header.parent / file, own, length)
        steps = block if not steps.size else np.hstack([steps, block])
    wrong = sum(
        c.checksum is not None and int(steps[:, i].sum() - c.checksum) % 65536 != 0
        for i, c in enumerate(channels)
    )
    gains = np.array([c.gain for c in channels])
    offsets = np.array([c.baseline for c in channels])
    lost = steps == np.array([-(1 << (c.bits - 1)) for c in channels])
    values = np.where(lost, np.nan, (steps - offsets) / gains)
    folder = header.parent.relative_to(root).as_posix()
    signal = Signal(
        header.stem if folder == "." else folder,
        header.stem,
        values,
        rate,
        tuple(c.name for c in channels),
        tuple(c.unit for c in channels),
        tuple(map(float, gains)),
        tuple(map(int, offsets)),
        tuple(c.bits for c in channels),
        tuple(comments),
    )
    return signal, wrong


def _channel(line: str, header: Path) -> Channel:
    match = SPEC.fullmatch(line.strip())
    if match is None:
        raise ReadError(f"{header} has a signal line that cannot be read")
    if match["format"] not in WIDTHS or match["rest"]:
        raise ReadError(
            f"{header}: format {match['format']}{match['rest'] or ''} is not read; formats: "
            f"{', '.join(WIDTHS)}, one sample a frame"
        )
    gain = float(match["gain"] or 0) or GAIN
    baseline = int(match["baseline"] or match["zero"] or 0)
    checksum = None if match["sum"] is None else int(match["sum"])
    bits, unit = WIDTHS[match["format"]], match["unit"] or "mV"
    return Channel(match["file"], bits, gain, baseline, unit, checksum, match["name"] or "")


def _samples(path: Path, channels: list[Channel], length: int) -> np.ndarray:
    """(time, channels) steps of a file.

    Raises:
        ReadError: a file that is absent, of mixed formats, or shorter than its header says.
    """
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError:
        raise ReadError(f"{path}: the samples that the header names are not there") from None
    if len({c.bits for c in channels}) > 1:
        raise ReadError(f"{path} mixes formats, which is not read")
    bits, width = channels[0].bits, len(channels)
    held = len(raw) * 8 // bits // width
    if length and held > length + 1:  # 12 bits may leave room for one more
        raise ReadError(
            f"{path} is longer than its header says: {held:,} samples a channel for {length:,}; "
            "write the number that is there into the header, or copy both again"
        )
    if held < length:
        raise ReadError(
            f"{path} is cut short: {held:,} of {length:,} samples a channel are there; copy it "
            "again, or write the number that is there into the header"
        )
    steps = _unpack(raw, bits)[: (length or held) * width]
    return steps.reshape(-1, width).astype(np.int64)


def _unpack(raw: np.ndarray, bits: int) -> np.ndarray:
    """Steps from bytes: two's complement, except for 8 bits, whose zero is 128."""
    if bits == 8:
        return raw.astype(np.int64) - 128
    if bits in (16, 32):
        size = bits // 8
        return raw[: len(raw) // size * size].view(f"<i{size}")
    if bits == 24:
        part = raw[: len(raw) // 3 * 3].reshape(-1, 3).astype(np.int64)
        steps = part[:, 0] | part[:, 1] << 8 | part[:, 2] << 16
        return steps - (steps >> 23 << 24)
    whole = np.append(raw, np.zeros(-len(raw) % 3, np.uint8)).reshape(-1, 3).astype(np.int64)
    low = whole[:, 0] | (whole[:, 1] & 15) << 8
    high = whole[:, 2] | (whole[:, 1] >> 4) << 8
    steps = np.column_stack([low, high]).ravel()[: len(raw) * 8 // 12]
    return steps - (steps >> 11 << 12)


def _pack(steps: np.ndarray, bits: int) -> bytes:
    """Bytes from steps; see `_unpack`."""
    if bits == 8:
        return (steps + 128).astype(np.uint8).tobytes()
    if bits in (16, 32):
        return steps.astype(f"<i{bits // 8}").tobytes()
    if bits == 24:
        parts = [(steps >> shift & 255).astype(np.uint8) for shift in (0, 8, 16)]
        return np.column_stack(parts).tobytes()
    pairs = np.append(steps, np.zeros(len(steps) % 2, np.int64)).reshape(-1, 2) & 4095
    middle = pairs[:, 0] >> 8 | pairs[:, 1] >> 8 << 4
    packed = np.column_stack([pairs[:, 0] & 255, middle, pairs[:, 1] & 255]).astype(np.uint8)
    return packed.tobytes()[: (len(steps) * 12 + 7) // 8]


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """A header and a file of samples a record, in the record's own format.

    Raises:
        SchemaError: keys that do not hold.
    """
    refuse_broken(cohort)
    root = path if path.is_dir() else path.parent
    notes, clipped = [], 0
    for signal in cohort.signals:
        own = signal.subject_id != signal.name
        folder = root / signal.subject_id if own else root
        folder.mkdir(parents=True, exist_ok=True)
        clipped += write_record(signal, folder)
    if len(cohort.events):
        notes.append(f"not written: {len(cohort.events):,} events")
    if clipped:
        notes.append(f"{clipped:,} samples lie beyond what the format holds; set to its end")
    return tuple(notes)


def write_record(signal: Signal, folder: Path) -> int:
    """One record; how many samples had to be cut to the format's range."""
    width = len(signal.channels)
    bits = max(signal.widths, default=16)
    top = (1 << (bits - 1)) - 1
    gains, offsets = signal.gains, signal.offsets
    if not gains:  # as fine as the format allows
        most = np.nanmax(np.abs(signal.samples), axis=0, initial=0.0)
        gains = tuple(float(f"{0.9 * top / m:.6g}") if m else GAIN for m in most)
        offsets = (0,) * width
    steps = np.rint(signal.samples * np.array(gains) + np.array(offsets))
    beyond = np.abs(steps) > top
    whole = np.where(np.isnan(steps), -top - 1, np.clip(steps, -top, top)).astype(np.int64)
    file = f"{signal.name}.dat"
    (folder / file).write_bytes(_pack(whole.ravel(), bits))
    units = signal.units or ("mV",) * width
    lines = [f"{signal.name} {width} {signal.rate:.15g} {len(whole)}"]
    for i in range(width):
        total = int(whole[:, i].sum()) & 65535
        checksum = total - 65536 if total > 32767 else total
        first = int(whole[0, i]) if len(whole) else 0
        scale = f"{gains[i]:.15g}({offsets[i]})/{units[i]}"
        tail = f"{bits} 0 {first} {checksum} 0 {signal.channels[i]}".rstrip()
        lines.append(f"{file} {FORMATS[bits]} {scale} {tail}")
    lines += [f"# {c}" if c else "#" for c in signal.comments]
    (folder / f"{signal.name}.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(beyond.sum())
