"""The data folder that the tests clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clean.photos import FILES


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"pixels of {name}".encode())
    return folder
