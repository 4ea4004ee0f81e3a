"""How a delimited file is written, seen from its first part: encoding, delimiter, quotes, ends."""

import codecs
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from medsynai.data.read.files import is_gzip, open_bytes
from medsynai.data.source import Form, Format, Source
from medsynai.errors import ReadError

HEAD = 1 << 18
DELIMITERS = (",", ";", "\t", "|")
OTHERS = ("^", "~", ":", "#", " ")
NAMED = {"\t": "tab", " ": "blank"}
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


Field = tuple[str, bool]  # text, stood in quotes
Record = tuple[Field, ...]


def sniff(path: Path) -> Source:
    """Find out how a delimited file is written.

    Raises:
        ReadError: not a text file, no header, or a delimiter that is not supported.
    """
    with open_bytes(path) as file:
        head = file.read(HEAD)
        whole = not file.read(1)
    encoding, bom = find_encoding(head)
    text = decode(head, encoding, path).removeprefix("\ufeff")
    if not text.strip():
        raise ReadError(f"{path} is empty")
    records = {d: split_records(text, d, whole) for d in DELIMITERS}
    delimiter = choose_delimiter(records)
    rows = records[delimiter]
    if len(rows[0]) == 1:
        _refuse_hidden_delimiter(text, path)
    header = tuple(name for name, _ in rows[0])
    _refuse_headless(header, path)
    source = Source(
        Format.CSV,
        header,
        delimiter=delimiter,
        encoding=encoding,
        bom=bom,
        compressed=is_gzip(path),
        newline=find_newline(text),
        quoted_header=all(quoted for _, quoted in rows[0]),
    )
    return find_quotes(source, rows[1:])


def find_encoding(head: bytes) -> tuple[str, bool]:
    """Encoding by byte order mark, else UTF-8; and whether there was a mark.

    >>> find_encoding(codecs.BOM_UTF8 + b"a,b")
    ('utf-8', True)
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", True
    return "utf-8", head.startswith(codecs.BOM_UTF8)


def find_newline(text: str) -> str:
    r"""What ends the first line; line ends inside quotes say nothing about those between rows.

    >>> find_newline('"a\nb",c\r\n1,2\n')
    '\r\n'
    """
    end = re.search(r"\r?\n", re.sub(r'"[^"]*"', "", text))
    return end.group() if end else "\n"


def decode(head: bytes, encoding: str, path: Path) -> str:
    """The first part as text; bytes that are not UTF-8 are read as Windows-1252 for sniffing.

    Raises:
        ReadError: bytes that no text has.
    """
    try:
        # A character cut in two at the end of the first part is not an error.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        text = head.decode("cp1252", errors="replace")
    if len(CONTROL.findall(text)) > len(text) // 1000:
        raise ReadError(f"{path} is not a text file; expected comma-separated values")
    return text


def split_records(text: str, delimiter: str, whole: bool) -> list[Record]:
    """The fields of the first records, honouring quotes; empty lines are passed over."""
    mark = re.escape(delimiter)
    field = re.compile(rf'("(?:[^"]|"")*"[^{mark}\r\n]*|[^{mark}\r\n]*)({mark}|\r\n|\n|\r|\Z)')
    records: list[Record] = []
    row: list[Field] = []
    at = 0
    while at < len(text) and len(records) < 2000:
        match = field.match(text, at)
        if match is None:  # a quote that is not closed in this part
            break
        piece, end = match.groups()
        quoted = piece.startswith('"') and piece.endswith('"') and len(piece) > 1
        row.append((piece[1:-1].replace('""', '"') if quoted else piece, quoted))
        at = match.end()
        if end == delimiter and at < len(text):
            continue
        if end == delimiter:
            row.append(("", False))
        if len(row) > 1 or row[0] != ("", False):
            records.append(tuple(row))
        row = []
    return records if whole or len(records) < 2 else records[:-1]


def choose_delimiter(records: dict[str, list[Record]]) -> str:
    """The delimiter that splits most lines as it splits the header, and into most fields."""

    def merit(delimiter: str) -> tuple[bool, float, int]:
        widths = [len(r) for r in records[delimiter]]
        if not widths or widths[0] == 1:
            return False, 0.0, 1
        alike = sum(w == widths[0] for w in widths) / len(widths)
        return True, round(alike, 1), widths[0]

    return max(records, key=merit)


def _refuse_hidden_delimiter(text: str, path: Path) -> None:
    """One column, but lines that look split by something: say so rather than learn from it."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    if len(lines) < 2:
        return
    for mark in DELIMITERS + OTHERS:
        counts = Counter(re.sub(r'"[^"]*"', "", line).count(mark) for line in lines[1:])
        count, rows = counts.most_common(1)[0]
        if count == 0 or rows < 0.9 * (len(lines) - 1):
            continue
        name = NAMED.get(mark, mark)
        if mark in DELIMITERS:
            raise ReadError(
                f"{path}: the first line has one field, but the lines below it hold '{name}'; "
                "take lines above the column names away"
            )
        if lines[0].count(mark) == count and (mark != " " or count > 1):
            raise ReadError(
                f"{path} has one column only, and its lines look split by '{name}'; save it "
                "with commas, semicolons, tabs or | between the fields"
            )


def _refuse_headless(header: tuple[str, ...], path: Path) -> None:
    """Numbers in the place of names are data, unless they count upwards as a frame's may."""
    if not all(NUMBER.fullmatch(h.strip()) for h in header):
        return
    values = [float(h) for h in header]
    counting = all(v == int(v) for v in values) and values == sorted(set(values))
    if not counting or len(values) == 1:
        raise ReadError(f"{path}: the first line holds numbers, not column names; add a header")


def find_quotes(source: Source, rows: list[Record]) -> Source:
    """Note the columns whose fields stand in quotes wherever they are not empty."""
    if not any(quoted for row in rows for _, quoted in row):
        return source
    width = len(source.header)
    rows = [r for r in rows if len(r) == width]
    forms = {}
    for place, name in enumerate(source.names):
        seen = [row[place][1] for row in rows if row[place][0] not in ("", "NA")]
        if seen and all(seen):
            forms[name] = Form(quoted=True)
    return replace(source, forms=forms)
