"""Files of codes: what is read is given back, and what cannot be read is said."""

import numpy as np
import pytest
import scipy.sparse as sp

from medsynai.data.codefiles import Declared, read_codes, recognise, write_codes
from medsynai.data.codes import CodeMatrix, Layout
from medsynai.data.vocabulary import learn_vocabulary
from medsynai.errors import FolderError, ReadError

LONG = (
    "subject_id,hadm_id,seq_num,icd9_code\n1,10,1,00845\n1,10,2,250.1\n2,20,1,00845\n2,21,1,V27\n"
)
DENSE = "patient_id,250,V27,003\nA,1,0,2\nB,0,0,0\nC,0,1,1\n"


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def parts(folder, **changed):
    whole = {
        "indices": np.array([0, 2, 1], np.int16),
        "indptr": np.array([0, 2, 2, 3], np.int32),
        "shape": np.array([3, 3]),
        "codes": np.array(["250", "003", "V27"]),
    } | changed
    path = folder / "codes.npz"
    np.savez(path, **{k: v for k, v in whole.items() if v is not None})
    return path


def same(one: CodeMatrix, two: CodeMatrix) -> bool:
    """Whether two matrices have the same rows, whatever the order of their codes."""
    place = [two.codes.index(c) for c in one.codes]
    return one.counts.shape == two.counts.shape and not (one.counts != two.counts[:, place]).nnz


def keys(loaded, n):
    return {k: np.array([f"K{i}" for i in range(n)], dtype=object) for k in loaded.keys}


def given_back(loaded, path):
    write_codes(loaded.matrix, keys(loaded, len(loaded.matrix)), loaded.source, path)
    return read_codes(path, Declared({}) if loaded.source.layout is Layout.DENSE else None)


def test_a_long_file_keeps_zeros_and_dots_and_comes_back(tmp_path):
    path = written(tmp_path, "long.csv", LONG)
    assert recognise(path) is Layout.LONG
    loaded = read_codes(path)
    assert loaded.matrix.codes == ("00845", "250.1", "V27")
    assert loaded.matrix.counts.toarray().tolist() == [[1, 1, 0], [1, 0, 1]]
    assert len(loaded.keys["visit"]) == 3
    again = given_back(loaded, tmp_path / "again.csv")
    assert same(loaded.matrix, again.matrix)
    text = (tmp_path / "again.csv").read_text().splitlines()
    assert text[:3] == ["subject_id,hadm_id,seq_num,icd9_code", "K0,K0,1,00845", "K0,K0,2,250.1"]


def test_a_dense_file_is_a_table_until_it_is_declared(tmp_path):
    path = written(tmp_path, "dense.csv", DENSE)
    assert recognise(path) is None
    loaded = read_codes(path, Declared({}))
    assert loaded.matrix.counts.toarray().tolist() == [[1, 0, 2], [0, 0, 0], [0, 1, 1]]
    assert not loaded.matrix.binary and loaded.source.empty
    assert same(loaded.matrix, given_back(loaded, tmp_path / "again.csv").matrix)
    assert (tmp_path / "again.csv").read_text().splitlines()[1] == "K0,1,0,2"


def test_parts_of_a_sparse_matrix_come_back_in_their_types(tmp_path):
    path = parts(tmp_path, patients=np.array([7, 7, 9]))
    loaded = read_codes(path)
    assert recognise(path) is Layout.SPARSE
    assert loaded.matrix.patients.tolist() == [0, 0, 1]
    again = given_back(loaded, tmp_path / "again.npz")
    assert same(loaded.matrix, again.matrix)
    with np.load(path) as old, np.load(tmp_path / "again.npz") as new:
        assert set(new.files) == set(old.files)
        assert new["indices"].dtype == old["indices"].dtype


def test_scipys_own_file_keeps_its_width_when_codes_are_withheld(tmp_path):
    matrix = sp.csr_array(np.array([[1, 0, 0, 3]] * 4 + [[0, 1, 0, 0]]))
    sp.save_npz(tmp_path / "plain.npz", matrix)
    loaded = read_codes(tmp_path / "plain.npz")
    assert not loaded.source.named
    less = learn_vocabulary(loaded.matrix, roll_up=False).apply(loaded.matrix)
    assert less.codes == ("0", "3")
    write_codes(less, {}, loaded.source, tmp_path / "again.npz")
    assert sp.load_npz(tmp_path / "again.npz").toarray()[:, [1, 2]].sum() == 0
    assert sp.load_npz(tmp_path / "again.npz").shape == (5, 4)


BROKEN = {
    "an index beyond the codes": {"indices": np.array([0, 9, 1])},
    "a negative index": {"indices": np.array([0, -1, 1])},
    "rows that go backwards": {"indptr": np.array([0, 3, 2, 3])},
    "too few rows": {"indptr": np.array([0, 2, 3])},
    "two codes of one name": {"codes": np.array(["250", "250", "V27"])},
    "too few names": {"codes": np.array(["250", "003"])},
    "half a code": {"data": np.array([1.0, 0.5, 1.0])},
    "less than nothing": {"data": np.array([1, -1, 1])},
    "patients of other rows": {"patients": np.array([1, 2])},
    "no shape": {"shape": None},
    "Python objects": {"codes": np.array(["250", 3, None], dtype=object)},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_npz_is_refused(fault, tmp_path):
    with pytest.raises(ReadError):
        read_codes(parts(tmp_path, **BROKEN[fault]))


def test_a_truncated_npz_is_refused(tmp_path):
    path = parts(tmp_path)
    path.write_bytes(path.read_bytes()[:-80])
    with pytest.raises(ReadError, match="damaged"):
        read_codes(path)


@pytest.mark.parametrize("cell", ["-1", "1.5", "x", "", "NA"])
def test_a_cell_that_is_no_count_is_refused_without_being_shown(cell, tmp_path):
    path = written(tmp_path, "dense.csv", DENSE.replace("A,1,0,2", f"A,1,0,{cell or ''}"))
    with pytest.raises(ReadError, match="'003'") as error:
        read_codes(path, Declared({}))
    assert f"{cell}'" not in str(error.value).replace("'003'", "")


def test_rows_without_a_patient_are_counted_and_refused(tmp_path):
    path = written(tmp_path, "long.csv", LONG + ",22,1,V27\n")
    with pytest.raises(ReadError, match="1 rows name no patient"):
        read_codes(path)


def test_a_declared_column_that_is_not_there_is_named(tmp_path):
    path = written(tmp_path, "long.csv", LONG)
    with pytest.raises(ReadError, match="'drug'"):
        read_codes(path, Declared({"patient": "subject_id", "code": "drug"}))


def test_another_ending_is_refused(tmp_path):
    loaded = read_codes(parts(tmp_path))
    with pytest.raises(FolderError, match=r"\.npz"):
        write_codes(loaded.matrix, {}, loaded.source, tmp_path / "codes.csv")


def coded(**patients_of: int) -> CodeMatrix:
    """A matrix in which each code has so many patients of its own."""
    names, rows = tuple(patients_of), sum(patients_of.values())
    counts = np.zeros((rows, len(names)), int)
    start = 0
    for place, n in enumerate(patients_of.values()):
        counts[start : start + n, place] = 1
        start += n
    return CodeMatrix.of(counts, names)


def test_rare_codes_are_rolled_up_by_patients_or_withheld():
    matrix = coded(**{"250.1": 2, "250.2": 1, "401.9": 5, "401.0": 2, "V27": 1, "486": 3})
    words = learn_vocabulary(matrix)
    assert words.codes == ("401.9", "486", "250")
    assert words.parents == {"250.1": "250", "250.2": "250"}
    assert words.withheld == 2
    assert words.apply(matrix).patients_of_codes().tolist() == [5, 3, 3]
    assert not any("V27" in note or "401.0" in note for note in words.notes)


def test_three_rows_of_one_patient_are_one_patient():
    matrix = coded(**{"250": 3, "401": 3})
    one = CodeMatrix.of(matrix.counts, matrix.codes, np.array([0, 0, 0, 1, 2, 3]))
    assert learn_vocabulary(one).codes == ("401",)


def test_drugs_are_not_rolled_up():
    words = learn_vocabulary(coded(aspirin=2, aspartame=1, heparin=3))
    assert words.codes == ("heparin",) and not words.parents
