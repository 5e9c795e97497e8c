"""What --what_if reads of a results folder goes together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.analyze.world import make_world, write_run
from tracin.errors import TracInError
from tracin.what_if.inputs import read_question_inputs


def test_a_class_that_the_run_does_not_know_is_named(tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=20, n_test=6, names=("cat", "dog"), images=False)
    write_run(dataclasses.replace(world, names=("cat", "cow")))
    with pytest.raises(TracInError, match=r"names the class dog, which is not among .*run\.json"):
        read_question_inputs(world.results_dir, None)
