"""Make the demo table, src/medsynai/data/support2.csv.gz, from the SurvSet package.

SurvSet (pip install SurvSet) carries SUPPORT2 with its columns renamed `num_*` and `fac_*`, the
outcome as `time` and `event`, and missing levels spelt "missing". This puts the published names
and empty fields back; values are as published. The same input gives the same bytes.
"""

import gzip
import io
from pathlib import Path

import pandas as pd

OUT = Path(__file__).resolve().parent.parent / "src" / "medsynai" / "data" / "support2.csv.gz"
RENAMED = {"pid": "sno", "event": "death", "time": "d.time", "num_num_co": "num.co"}
TWICE = "fac_num_co"  # the number of comorbidities again, as levels


def published(frame: pd.DataFrame) -> pd.DataFrame:
    """SurvSet's frame with the published names; rows numbered from 1 as at the source."""
    frame = frame.drop(columns=TWICE)
    for name in frame.select_dtypes("category"):
        levels = frame[name].astype(object)
        frame[name] = levels.where(levels != "missing", None)
    frame["pid"] = frame["pid"] + 1
    return frame.rename(
        columns={c: RENAMED.get(c, c.removeprefix("num_").removeprefix("fac_")) for c in frame}
    )


def packed(frame: pd.DataFrame) -> bytes:
    """The table as gzip-compressed CSV without a time stamp."""
    text = frame.to_csv(index=False, lineterminator="\n").encode()
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, out, mtime=0) as file:
        file.write(text)
    return out.getvalue()


def main() -> None:
    """Write the demo table."""
    from SurvSet.data import SurvLoader

    frame = published(SurvLoader().load_dataset("support2")["df"])
    content = packed(frame)
    OUT.write_bytes(content)
    print(f"{OUT.name}: {len(frame):,} rows, {len(frame.columns)} columns, {len(content):,} bytes")


if __name__ == "__main__":
    main()
