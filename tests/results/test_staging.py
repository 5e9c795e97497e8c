"""Files are replaced whole, one run's at a time; only what is known to be ours is deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tracin.results import schema, staging


def test_replacing_writes_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), staging.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with staging.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [child.name for child in tmp_path.iterdir()] == ["file.txt"]


def test_a_run_replaces_all_files_of_the_former_or_none(tmp_path: Path) -> None:
    for name in schema.COMPUTE_FILES:
        (tmp_path / name).write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(KeyboardInterrupt), staging.staged(tmp_path) as folder:
        (folder / schema.RUN_INFO).write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / schema.RUN_INFO).read_text() == "old"
    with staging.staged(tmp_path) as folder:
        (folder / schema.RUN_INFO).write_text("new")
    assert sorted(child.name for child in tmp_path.iterdir()) == ["mine.txt", schema.RUN_INFO]
    assert (tmp_path / schema.RUN_INFO).read_text() == "new"


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tracin.results import staging\n"
        f"with staging.staged(Path({str(tmp_path)!r})) as folder:\n"
        "    (folder / 'run.json').write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert [child.name[:12] for child in tmp_path.iterdir()] == [".unfinished-"]
    with staging.staged(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_only_recorded_pictures_are_deleted(tmp_path: Path) -> None:
    ours = [tmp_path / "dashboard.png", tmp_path / "top" / "cat" / "1.jpg"]
    mine = tmp_path / "top" / "mine.jpg"
    outside = tmp_path.parent / "outside.png"
    for path in (*ours, mine, outside):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    staging.record_analysis(tmp_path, ours)
    record = tmp_path / schema.ANALYSIS_FILES
    record.write_text(json.dumps([*json.loads(record.read_text()), "../outside.png"]))
    staging.remove_analysis(tmp_path)
    assert not any(path.exists() for path in (*ours, record, tmp_path / "top" / "cat"))
    assert mine.exists()
    assert outside.exists()
    staging.remove_analysis(tmp_path)  # nothing recorded: nothing happens
