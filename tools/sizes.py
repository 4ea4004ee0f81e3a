"""House sizes (CONTRIBUTING): file <= 400 lines, function <= 60, class <= 150, parameters <= 7.

An exception is a line in quality.toml with a reason. Exits 1 and names every breach.
"""

import ast
import sys
import tomllib
from pathlib import Path

FILE, FUNCTION, CLASS, PARAMETERS = 400, 60, 150, 7
ROOT = Path(__file__).resolve().parent.parent


def breaches(path: Path) -> list[str]:
    """Every size breach in one file, as 'path::name what'."""
    text = path.read_text()
    name = path.relative_to(ROOT).as_posix()
    found = []
    if text.count("\n") > FILE:
        found.append(f"{name} file of {text.count(chr(10))} lines (limit {FILE})")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        length = (node.end_lineno or 0) - node.lineno + 1
        limit = CLASS if isinstance(node, ast.ClassDef) else FUNCTION
        if length > limit:
            found.append(f"{name}::{node.name} {length} lines (limit {limit})")
        if not isinstance(node, ast.ClassDef):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            count = sum(a.arg not in ("self", "cls") for a in arguments)
            if count > PARAMETERS:
                found.append(f"{name}::{node.name} {count} parameters (limit {PARAMETERS})")
    return found


def main() -> int:
    """Print every breach that quality.toml does not excuse."""
    excused = tomllib.loads((ROOT / "quality.toml").read_text()).get("excused", {})
    files = [p for d in ("bench", "src", "tools") for p in sorted((ROOT / d).rglob("*.py"))]
    found = [b for p in files for b in breaches(p)]
    bad = [b for b in found if b.split(" ", 1)[0] not in excused]
    print("\n".join(bad) or f"sizes: {len(found)} excused, none over the limit otherwise")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
