"""The whole demo as a newcomer runs it: both scripts, in an empty folder."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tracin.demo import count_found
from tracin.results import schema
from tracin.results.run_info import read_run_info
from tracin.results.staging import recorded_files

ROOT = Path(__file__).parent.parent


def run_script(folder: Path, name: str, *flags: str) -> str:
    command = [sys.executable, str(ROOT / name), *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_demo_from_nothing_to_the_dashboard(tmp_path: Path) -> None:
    """It reads over 90 % of the digits and finds at least 85 % of the planted wrong labels."""
    output = run_script(tmp_path, "TracIn_Resnet50.py", "--demo")
    folder = tmp_path / "results"
    found, planted = count_found(folder, tmp_path / "data/demo/planted_labels.csv")
    assert planted == 72
    assert found >= 0.85 * planted
    assert f"{found} of them ({found / planted:.0%}) stand among the 72 most" in output
    info = read_run_info(folder)
    assert info.test_accuracy > 0.9
    assert (info.train_images, info.test_images, len(info.checkpoints)) == (1438, 359, 3)

    output = run_script(tmp_path, "analyze_results.py")
    assert re.search(r"^Health score: [\d.]+% \([A-Z ]+\)$", output, re.MULTILINE)
    for name in (schema.DASHBOARD, schema.MAP_PICTURE, schema.REPORT, "nine_summary.png"):
        assert (folder / name).stat().st_size > 10_000
    assert len(list((folder / schema.TOP_INFLUENCES / "nine/positive").iterdir())) == 10

    drawn = {each.path for each in recorded_files(folder, schema.ANALYSIS_FILES)}

    again = run_script(tmp_path, "TracIn_Resnet50.py", "--demo", "--method", "gauss_newton")
    assert again.count("already there") == 2
    assert "5,391 already kept" in again
    assert read_run_info(folder).method == schema.GAUSS_NEWTON
    assert not any((folder / name).exists() for name in drawn)  # it showed other scores
    # A second time all pictures would take a tenth of this test.
    asked = schema.read_table(folder, schema.INFLUENCE_SUMMARY)["test_path"][0]
    assert "Gauss–Newton" in run_script(tmp_path, "analyze_results.py", "--explain", asked)

    _run_notebook(tmp_path)


def _run_notebook(folder: Path) -> None:
    """The notebook of the docs from top to bottom, on the demo that stands in ``folder``."""
    notebook = nbformat.read(ROOT / "docs/from_python.ipynb", as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [each["data"]["image/png"] for each in shown if "image/png" in each.get("data", {})]
    dashboard = (folder / "results/notebook" / schema.DASHBOARD).read_bytes()
    assert base64.b64decode(pictures[0]) == dashboard
    said = "".join(each["text"] for each in shown if each["output_type"] == "stream")
    found = re.search(r"(\d+) of (\d+) suspects are among the 72 planted labels", said)
    assert found and int(found[1]) >= 0.75 * int(found[2]) and int(found[1]) >= 50
