"""A model that cannot judge, from run.json to the console, the page and the pictures."""

from __future__ import annotations

import numpy as np
import pytest

import analyze_results
from tests.analyze.world import World, write_run
from tracin.model_check import ModelCheck, count_answers
from tracin.results import schema
from tracin.results.run_info import read_run_info


def test_every_verdict_is_withheld_and_the_scores_are_shown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    given = world.train_labels
    answers = count_answers(given, np.zeros_like(given), world.names)
    check = ModelCheck(answers, answers, ("The classes seem to stand in another order.",))
    write_run(world, model_check=check)
    assert read_run_info(world.results_dir).model_check == check
    assert analyze_results.main(["--results_dir", str(world.results_dir)]) == 0
    output = capsys.readouterr()
    assert output.err == f"Warning: {check.headline}\n"
    console = output.out
    page = (world.results_dir / schema.REPORT).read_text(encoding="utf-8")
    body = page[page.index("<main") : page.index("</main>")]
    for said in (console, body):
        assert check.headline in said
        assert check.causes[0] in said
        for verdict in (
            "EXCELLENT",
            "GOOD",
            "FAIR",
            "NEEDS ATTENTION",
            "look wrong",
            "looks wrong",
        ):
            assert verdict not in said
    assert "Health score: withheld" in console
    assert body.count(check.headline) == 2  # the banner, and first of the findings
    assert "No list of suspicious labels" in body
    for name in (schema.DASHBOARD, "cat_summary.png"):
        assert (world.results_dir / name).stat().st_size > 10_000
    assert any((world.results_dir / schema.TOP_INFLUENCES).rglob("rank_01_*"))
