"""Tables in blocks: the same as in one, whatever the block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tracin.errors import TracInError
from tracin.results import schema, table_text

ROWS = 11


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame = pd.DataFrame(
        {
            "test_idx": np.arange(ROWS),
            "test_path": [f"test/NA/{row % 4}.jpg" for row in range(ROWS)],
            "predicted_class": ["=cmd", "01", "nan"] * 3 + ["", "x"][1:] * 2,
            "probability": np.float32(1) / np.arange(1, ROWS + 1, dtype=np.float32),
        }
    )
    schema.write_table(tmp_path, schema.PREDICTIONS, frame)
    return tmp_path


@pytest.mark.parametrize("rows", [1, 4, 11, 100])
def test_blocks_change_nothing(rows: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_text, "ROWS_PER_BLOCK", rows)
    table = schema.read_table(folder, schema.PREDICTIONS)
    assert table["test_idx"].tolist() == list(range(ROWS))
    assert table.index.tolist() == list(range(ROWS))
    assert table["predicted_class"].tolist() == ["=cmd", "01", "nan"] * 3 + ["x", "x"]
    expected = [np.float32(1) / np.float32(n) for n in range(1, ROWS + 1)]
    np.testing.assert_array_equal(table["probability"], np.array(expected, np.float32))
    assert table["probability"].dtype == np.float32


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_what_is_kept_of_each_block(
    rows: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_text, "ROWS_PER_BLOCK", rows)
    numbers: list[int] = []

    def reduced(block: pd.DataFrame) -> pd.DataFrame:
        numbers.extend(block.index)
        return block[block["test_idx"] % 5 == 3]

    table = schema.read_table(folder, schema.PREDICTIONS, reduced)
    assert numbers == list(range(ROWS))
    assert table["test_idx"].tolist() == [3, 8]


def test_a_bad_cell_is_named_by_its_row_in_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_text, "ROWS_PER_BLOCK", 4)
    path = folder / schema.PREDICTIONS
    lines = path.read_text().splitlines()
    lines[10] = lines[10].rpartition(",")[0] + ",much"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(TracInError, match="row 10, column probability: there is 'much' where"):
        schema.read_table(folder, schema.PREDICTIONS)


def test_a_header_alone_is_a_table_without_rows(folder: Path) -> None:
    path = folder / schema.PREDICTIONS
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert len(schema.read_table(folder, schema.PREDICTIONS)) == 0
