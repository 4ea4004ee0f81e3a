"""The first moments of the command, before it can answer for itself."""

import subprocess
import sys

# Ctrl-C comes while the command's modules are looked for.
EARLY = """
import os, signal, sys

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, {handler})
sys.meta_path.insert(0, Press())
sys.argv = ["medsynai", "--help"]
from medsynai.__main__ import main
main()
"""


def start(handler: str) -> subprocess.CompletedProcess[str]:
    code = EARLY.format(handler=f"signal.{handler}")
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_ctrl_c_while_modules_load_ends_in_words() -> None:
    done = start("default_int_handler")
    assert (done.returncode, done.stderr) == (130, "Error: interrupted; nothing was left behind\n")


def test_who_ignores_ctrl_c_goes_on() -> None:
    done = start("SIG_IGN")
    assert done.returncode == 0 and "synthesize" in done.stdout
