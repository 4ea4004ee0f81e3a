"""The page's table of audits: see `audits.py`."""

from pathlib import Path

from targets import Row

AUDITS = Path(__file__).resolve().parent / "results" / "audits.json"
ABOUT = """## Audits

By `python bench/audits.py`: the mechanisms of each private model's ledger, run on made-up patients
put in or left out by coins, `private` settings. The least epsilon that an attacker who sees every
release proves, all runs of a row together at a doubt of 5 %; it must not pass the claim. Faults are
planted in `autoregressive`; each must pass it. A lower bound convicts and never acquits. Left out:
choices by the exponential mechanism, which have no canary.

| | claimed | runs | canaries | least epsilon proven | audit s | target | |
|---|---|---|---|---|---|---|---|
"""


def audits(rows: list[Row]) -> str:
    """Models first, then faults."""
    lines = []
    for row in sorted(rows, key=lambda r: r["kind"] == "fault"):
        fault = row["kind"] == "fault"
        met = row["most"] > row["claimed"] if fault else row["most"] <= row["claimed"]
        name = f"fault: {row['name']}" if fault else f"**medsynai {row['name']}**"
        left = f" (left out: {row['left_out']})" if row["left_out"] else ""
        lines.append(
            f"| {name}{left} | {row['claimed']:g} | {row['runs']} | {row['canaries']} |"
            f" {row['most']:.2f} | {row['audit_s']:.0f} | {'>' if fault else '<='} 1 |"
            f" {'met' if met else '**missed**'} |\n"
        )
    return "".join([ABOUT, *lines, "\n"])
