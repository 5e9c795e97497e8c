"""The matrix as text: exact in float32, whatever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tracin.errors import TracInError
from tracin.results.matrix import MatrixWriter, read_blocks, read_class_means, read_shape


@pytest.fixture
def matrix() -> np.ndarray:
    random = np.random.default_rng(0)
    values = random.standard_normal((150, 11)) * 10.0 ** random.integers(-40, 30, (150, 11))
    values[3, :4] = [0.0, -0.0, 1e-45, np.finfo(np.float32).max]
    return values.astype(np.float32)


def write(path: Path, matrix: np.ndarray, rows: int = 64) -> None:
    with MatrixWriter(path, range(matrix.shape[1])) as writer:
        for start in range(0, len(matrix), rows):
            writer.write(matrix[start : start + rows])


@pytest.mark.parametrize("rows", [1, 7, 64, 65, 150])
def test_round_trip_is_exact(rows: int, matrix: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write(path, matrix, rows)
    assert read_shape(path) == matrix.shape
    for block_rows in (1, 7, 150, None):
        np.testing.assert_array_equal(np.concatenate(list(read_blocks(path, block_rows))), matrix)


def test_pandas_reads_the_matrix_and_nothing_else(matrix: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write(path, matrix)
    frame = pd.read_csv(path)
    assert list(frame.columns) == [str(column) for column in range(11)]
    np.testing.assert_array_equal(frame.to_numpy(np.float32), matrix)
    text = path.read_bytes()
    assert b"\r" not in text
    assert text.endswith(b"\n")
    values = text.split(b"\n", 1)[1].replace(b"\n", b",").split(b",")[:-1]
    shortest = [len(str(value)) for value in matrix.ravel()]
    assert sum(map(len, values)) <= sum(shortest) * 1.01


def test_other_programs_files_are_read(matrix: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    pd.DataFrame(matrix.astype(float)).to_csv(path, index=False)
    np.testing.assert_array_equal(np.concatenate(list(read_blocks(path))), matrix)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read_shape(path) == matrix.shape


def test_writer_refuses(matrix: np.ndarray, tmp_path: Path) -> None:
    with MatrixWriter(tmp_path / "m.csv", range(11)) as writer:
        with pytest.raises(ValueError, match="float32"):
            writer.write(matrix[:, :5])
        with pytest.raises(ValueError, match="float32"):
            writer.write(matrix.astype(np.float64))
        matrix[2, 2] = np.nan
        with pytest.raises(TracInError, match="NaN or infinite"):
            writer.write(matrix)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("0,1\n", "a header but no rows"),
        ("0,1\n1,2\n3\n", "line 3, column 1: not a finite number"),
        ("0,1\n1,inf\n", "line 2, column 1: not a finite number"),
        ("0,1\n1,2,3\n", "is not a matrix of numbers"),
        ("0,1\n1,cat\n", "is not a matrix of numbers .*cat"),
    ],
)
def test_broken_files_say_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(TracInError, match=message) as caught:
        list(read_blocks(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda frame, path: frame.to_csv(path), "index column too many.* no name.*index=False"),
        (
            lambda frame, path: frame.to_csv(path, index_label="train"),
            "index column too many.* called 'train'",
        ),
        (lambda frame, path: frame.to_csv(path, header=False, index=False), "has no header"),
        (lambda frame, path: np.savetxt(path, frame, delimiter=","), "has no header"),
        (
            lambda frame, path: np.savetxt(path, frame, delimiter=",", header="0,1,2"),
            "begins with '# 0'",
        ),
        (lambda frame, path: frame.to_csv(path, sep=";", index=False), "begins with '0;1;2'"),
        (
            lambda frame, path: frame.set_axis(["a", "b", "c"], axis=1).to_csv(path, index=False),
            "begins with 'a'",
        ),
    ],
)
def test_another_programs_file_in_another_form_is_refused_with_the_reason(
    write: Callable[[pd.DataFrame, Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    write(pd.DataFrame(np.random.default_rng(0).normal(size=(4, 3))), path)
    for read in (read_shape, lambda each: list(read_blocks(each))):
        with pytest.raises(TracInError, match=rf"m\.csv is no matrix of scores.*{message}"):
            read(path)


def test_quotes_and_a_mark_before_the_header_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b'\xef\xbb\xbf"0","1"\r\n1,2\r\n')
    assert read_shape(path) == (1, 2)
    assert np.concatenate(list(read_blocks(path))).tolist() == [[1, 2]]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=r"Run TracIn_Resnet50\.py first"):
        read_shape(tmp_path / "m.csv")


CLASSES = ('a "quoted", dog', "NA", "cat\nand dog", "0")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_class_means_are_exact_in_the_order_asked_for(
    order: tuple[int, ...], matrix: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "means.csv"
    with MatrixWriter(path, CLASSES) as writer:
        writer.write(matrix[:, :4])
    means = read_class_means(path, [CLASSES[column] for column in order], len(matrix))
    assert means.dtype == np.float32
    np.testing.assert_array_equal(means, matrix[:, list(order)])


def test_means_of_one_class(matrix: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "means.csv"
    with MatrixWriter(path, ["x,y"]) as writer:
        writer.write(matrix[:, :1])
    np.testing.assert_array_equal(read_class_means(path, ["x,y"], len(matrix)), matrix[:, :1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"means\.csv is empty"),
        ("\n", r"means\.csv is empty"),
        ('"cat,dog\n1,2\n', r"The header of .*means\.csv cannot be read \("),
        ("cat\n1\n2\n", r"means\.csv has no column for class dog: it comes from another run"),
        ("cat,dog,cow\n1,2,3\n1,2,3\n", r"has a column cow, and no test image is of that class"),
        ("cat,dog,cat\n1,2,3\n1,2,3\n", r"has two columns cat: .* or was damaged"),
        ("dog,cat\n", "a header but no rows"),
        ("dog,cat\n1,2\n", "has 1 row, but the run has 2 training images: .* cut off"),
        ("dog,cat\n1,2\n1,2\n1,2\n", "has 3 rows, but the run has 2 training images"),
        ("dog,cat\n1,2\n1\n", "line 3, column cat: not a finite number.* for every class"),
        ("dog,cat\n-inf,2\n1,2\n", "line 2, column dog: not a finite number"),
        (
            "dog,cat\n1,2,3\n1,2,3\n",
            "not a matrix of numbers.*header must be the names of the classes",
        ),
        ("dog,cat\n1,x\n1,2\n", "is not a matrix of numbers .*x"),
    ],
)
def test_broken_class_means_say_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "means.csv"
    path.write_text(text)
    with pytest.raises(TracInError, match=message) as caught:
        read_class_means(path, ["cat", "dog"], 2)
    assert str(path) in str(caught.value)
    assert str(caught.value).lower().endswith("run tracin_resnet50.py again.")


def test_a_header_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "means.csv"
    path.write_bytes(b"\xff\xfe,cat\n1,2\n")
    with pytest.raises(TracInError, match=r"The header of .* cannot be read"):
        read_class_means(path, ["cat", "dog"], 1)
