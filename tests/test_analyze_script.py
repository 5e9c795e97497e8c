"""analyze_results.py as a user runs it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import analyze_results
from tests.analyze.world import World, make_world, without_matrix
from tracin import __version__
from tracin.analyze.run import AnalyzeConfig

ROOT = Path(__file__).parent.parent
SCRIPT = str(ROOT / "analyze_results.py")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, n_train=40, n_test=8, names=("cat", "dog"))


def test_a_run_reports_what_it_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze_results.main(["--results_dir", str(world.results_dir)]) == 0
    output = capsys.readouterr()
    assert re.search(r"^Health score: \d+\.\d% \([A-Z ]+\)$", output.out, re.MULTILINE)
    assert "\nKey findings\n" in output.out
    for name in ("analysis_dashboard.png", "cat_summary.png", "dog_summary.png"):
        assert str(world.results_dir / name) in output.out
        assert (world.results_dir / name).exists()
    assert output.err == ""  # no progress bar where stderr is no terminal


def test_a_scores_file_alone_is_analysed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/influence_scores.csv").write_text("0,1\n0.5,-1\n0.25,0.5\n-3,0\n")
    assert analyze_results.main([]) == 0
    output = capsys.readouterr().out
    health = "Health score: 0.0% (too few to judge), the share of test images helped on average"
    assert health in output
    assert output.count("there is no ") >= 3
    assert Path("results/all_test_images_summary.png").exists()


def test_a_run_without_a_matrix_is_analysed(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = without_matrix(world, tmp_path / "tables")
    assert analyze_results.main(["--results_dir", str(tables)]) == 0
    output = capsys.readouterr()
    assert re.search(r"^Health score: \d+\.\d% \([A-Z ]+\)$", output.out, re.MULTILINE)
    assert "Left out" not in output.out
    assert "influence_scores" not in output.out + (tables / "report.html").read_text("utf-8")
    assert output.err == ""


def test_errors_are_one_sentence_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze_results.main(["--results_dir", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"analyze_results.py: {tmp_path / 'influence_scores.csv'} is not")
    assert output.err.count("\n") == 1


def test_ctrl_c_is_one_line(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: AnalyzeConfig) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tracin.analyze.run.run", interrupt)
    assert analyze_results.main(["--results_dir", str(world.results_dir)]) == 130
    assert capsys.readouterr().err.strip().startswith("Interrupted")


def test_defaults_are_the_products() -> None:
    arguments = analyze_results.build_parser().parse_args([])
    assert arguments.results_dir == Path("results")
    assert arguments.data_dir is None
    assert (arguments.top_k, arguments.rank_by) == (10, "normalized")


@pytest.mark.parametrize("flags", [["--top_k", "0"], ["--rank_by", "best"], ["--top_k", "x"]])
def test_senseless_flags_are_refused(flags: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        analyze_results.main(flags)
    assert stop.value.code == 2


def test_help_opens_with_examples_and_is_instant() -> None:
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True
    )
    assert time.perf_counter() - started < 3
    assert run.stdout.count("\n  python analyze_results.py") >= 3
    for group in ("what to look at:", "how images are ranked:"):
        assert group in run.stdout
    version = subprocess.run(
        [sys.executable, SCRIPT, "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout == f"tracin {__version__}\n"


def test_as_a_process_without_torch_and_without_utf8(world: World) -> None:
    code = (
        "import sys, analyze_results\n"
        f"status = analyze_results.main(['--results_dir', {str(world.results_dir)!r}])\n"
        "assert 'torch' not in sys.modules\n"
        # seaborn loads pyplot; no figure is kept there, and no window system was asked for.
        "pyplot = sys.modules['matplotlib.pyplot']\n"
        "assert pyplot.get_fignums() == [] and pyplot.get_backend().lower() == 'agg'\n"
        "sys.exit(status)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii", "PATH": "", "HOME": str(world.results_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "Health score: " in run.stdout


def test_the_script_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys, analyze_results; analyze_results.build_parser()\n"
        "assert not {'torch', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
