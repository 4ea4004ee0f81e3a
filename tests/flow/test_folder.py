import errno
import subprocess
import sys
import textwrap

import pytest

from medsynai.errors import FolderError
from medsynai.flow.folder import REPORT, SCORES, is_of_release, staged
from medsynai.flow.plan import Plan
from medsynai.flow.stages import risks


def write_release(folder, text="old"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCORES).write_text(text)
    (folder / REPORT).write_text(text)


def seen(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_the_whole_folder_appears_at_once(tmp_path):
    target = tmp_path / "new" / "release"
    with staged(target) as folder:
        write_release(folder, "new")
        assert not target.exists()
    assert seen(tmp_path) == [
        "new",
        "new/release",
        f"new/release/{REPORT}",
        f"new/release/{SCORES}",
    ]


def test_data_of_a_release_are_known(tmp_path):
    target = tmp_path / "release"
    with staged(target) as folder:
        write_release(folder, "new")
        (folder / "synthetic.csv").write_text("age\n1\n")
    assert is_of_release(target / "synthetic.csv") and is_of_release(str(target / "synthetic"))
    assert not is_of_release(target / SCORES) and not is_of_release(tmp_path / "synthetic.csv")
    assert not is_of_release(None) and not is_of_release("sqlite:///synthetic")
    said = " ".join(risks(Plan(str(target / "synthetic.csv"))))
    assert "synthetic" in said and "real" in said and not risks(Plan("ward.csv"))


@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt(), RuntimeError("x"), OSError(errno.ENOSPC, "No space left")]
)
def test_a_run_that_ends_badly_leaves_nothing(tmp_path, fault):
    target = tmp_path / "deep" / "release"
    expected = FolderError if isinstance(fault, OSError) else type(fault)
    with pytest.raises(expected), staged(target) as folder:
        (folder / "half").write_text("half")
        raise fault
    assert seen(tmp_path) == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_an_overwrite_that_ends_badly_keeps_the_old_release(tmp_path, fault):
    target = tmp_path / "release"
    write_release(target)
    before = seen(tmp_path)
    with pytest.raises(BaseException), staged(target, overwrite=True) as folder:  # noqa: B017
        write_release(folder, "new")
        raise fault
    assert seen(tmp_path) == before
    assert (target / SCORES).read_text() == "old"


def test_overwrite_replaces_the_whole_release(tmp_path):
    target = tmp_path / "release"
    write_release(target)
    (target / "model").mkdir()
    with staged(target, overwrite=True) as folder:
        write_release(folder, "new")
    assert seen(target) == [REPORT, SCORES]
    assert (target / SCORES).read_text() == "new"
    assert seen(tmp_path) == ["release", f"release/{REPORT}", f"release/{SCORES}"]


def test_a_failing_swap_puts_the_old_release_back(tmp_path, monkeypatch):
    from pathlib import Path

    target = tmp_path / "release"
    write_release(target)
    real, calls = Path.replace, []

    def replace(self, to):
        calls.append(to)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return real(self, to)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(FolderError), staged(target, overwrite=True) as folder:
        write_release(folder, "new")
    assert (target / SCORES).read_text() == "old"
    assert seen(tmp_path) == ["release", f"release/{REPORT}", f"release/{SCORES}"]


def test_what_exists_is_refused(tmp_path):
    target = tmp_path / "release"
    write_release(target)
    with pytest.raises(FolderError, match="--overwrite"), staged(target):
        pytest.fail("the block must not run")
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter1.txt").write_text("ten years of work")
    with pytest.raises(FolderError, match="not a release"), staged(thesis, overwrite=True):
        pytest.fail("the block must not run")
    with pytest.raises(FolderError, match="not a folder"), staged(thesis / "chapter1.txt", True):
        pytest.fail("the block must not run")
    assert (thesis / "chapter1.txt").read_text() == "ten years of work"


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path):
    """A real limit on what a process may write stands in for a full disk."""
    code = f"""
        import resource
        from pathlib import Path
        from medsynai.errors import FolderError
        from medsynai.flow.folder import staged
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            with staged(Path({str(tmp_path / "release")!r})) as folder:
                (folder / "synthetic.csv").write_text("x" * 100_000)
        except FolderError as error:
            print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "could not be written" in run.stdout
    assert seen(tmp_path) == []
