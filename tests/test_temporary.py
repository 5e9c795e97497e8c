"""Temporary files belong to whoever writes them, and to nobody once that process is dead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tracin.temporary import remove_abandoned, replacing, unfinished_folder

ROOT = Path(__file__).parent.parent


def others_remove(folder: Path, name: str) -> None:
    """Let another process take away what is abandoned."""
    code = (
        "from pathlib import Path; from tracin.temporary import *\n"
        f"folder = Path({str(folder)!r}); remove_abandoned(folder, {{{name!r}}}.__contains__)\n"
        "with unfinished_folder(folder): pass"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as temporary, unfinished_folder(tmp_path) as folder:
        temporary.write_text("on its way")
        others_remove(tmp_path, "file")
        assert temporary.read_text() == "on its way"
        assert folder.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from tracin.temporary import *\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "with replacing(folder / 'file'), unfinished_folder(folder): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert len(list(tmp_path.iterdir())) == 3
    (tmp_path / ".mine.part").touch()
    (tmp_path / ".other.12.part").touch()
    remove_abandoned(tmp_path, {"file"}.__contains__)
    with unfinished_folder(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.part", ".other.12.part"]


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    for name in ("n" * 255, "é" * 127):
        with replacing(tmp_path / name) as temporary:
            temporary.write_text("x")
        assert (tmp_path / name).read_text() == "x"
