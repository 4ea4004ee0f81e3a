"""A drawn folder is replaced, and nothing else ever is."""

import pytest

from medsynai.errors import FolderError
from medsynai.flow.placing import MARK, check, placed


def drawn(target, texts, overwrite=False):
    with placed(target, overwrite) as place:
        (place / "deep").mkdir(parents=True)
        for name, text in texts.items():
            (place / name).write_text(text)


def test_a_drawn_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "new" / "out"
    drawn(target, {"a.csv": "1", "deep/b.csv": "2"})
    with pytest.raises(FolderError, match="add --overwrite"):
        drawn(target, {"a.csv": "3"})
    (target / "deep" / "b.csv").unlink()  # a file that is gone is no loss
    drawn(target, {"c.csv": "3"}, overwrite=True)
    assert {p.name for p in target.rglob("*")} == {"c.csv", "deep", MARK}
    with pytest.raises(FolderError, match="could not be written"):
        drawn(target, {"none/d.csv": "4"}, overwrite=True)
    assert (target / "c.csv").read_text() == "3"
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def altered(target):
    (target / "a.csv").write_text("2")


def added(target):
    (target / "deep" / "notes.txt").write_text("mine")


def linked(target):
    (target / "link").symlink_to(target / "a.csv")


def unmarked(target):
    (target / MARK).unlink()


@pytest.mark.parametrize("change", [altered, added, linked, unmarked])
def test_what_was_not_drawn_is_never_lost(change, tmp_path):
    target = tmp_path / "out"
    drawn(target, {"a.csv": "1"})
    check(target, overwrite=True)
    change(target)
    names = sorted(target.rglob("*"))
    with pytest.raises(FolderError, match=r"not as it was drawn|not drawn by"):
        drawn(target, {"a.csv": "1"}, overwrite=True)
    assert sorted(target.rglob("*")) == names


def test_an_empty_folder_is_taken_and_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").mkdir()
    drawn(tmp_path / "out", {"a.csv": "1"}, overwrite=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FolderError, match="is a file"):
        drawn(tmp_path / "file", {"a.csv": "1"}, overwrite=True)
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with pytest.raises(FolderError, match="is a link"):
        check(tmp_path / "link", overwrite=True)
