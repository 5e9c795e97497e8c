"""What the user reads after a run."""

from __future__ import annotations

from pathlib import Path

from tracin.results.run_info import RunInfo
from tracin.results.schema import (
    CLASS_INFLUENCE,
    CLASS_INFLUENCE_ARRAY,
    SUSPECTS,
    TEST_SUSPECTS,
    files_of_run,
)
from tracin.wording import count, duration, signed


def report(info: RunInfo, output_dir: Path) -> str:
    """What was done, in lines; the last ones name the files in ``output_dir``."""
    correct = round(info.test_accuracy * info.test_images)
    skipped = f", {count(len(info.skipped), 'unreadable image')} skipped" if info.skipped else ""
    verb = "looks" if info.suspects == 1 else "look"
    judged = info.model_check is None or info.model_check.can_judge
    suspects = (
        f"{count(info.suspects, 'training label')} {verb} wrong: see {output_dir / SUSPECTS}"
        if judged
        else "withheld: the model cannot judge the labels"
    )
    return (
        f"\nInfluence of {count(info.train_images, 'training image')} on "
        f"{count(info.test_images, 'test image')}{skipped}.\n"
        f"  model    {correct:,} of {count(info.test_images, 'test image')} right "
        f"({info.test_accuracy:.1%})\n"
        f"  scores   {signed(info.score_min)} to {signed(info.score_max)} (above zero: helped)\n"
        f"  suspects {suspects}\n{_test_suspects(info, output_dir)}"
        f"  time     {duration(info.seconds['total'])}, {duration(info.seconds['features'])} of it "
        f"passing images through the network, on {info.device}\n"
        f"  written  " + "\n           ".join(str(output_dir / name) for name in _files(info))
    )


def _files(info: RunInfo) -> tuple[str, ...]:
    as_array = CLASS_INFLUENCE_ARRAY in info.files
    means = CLASS_INFLUENCE_ARRAY if as_array else CLASS_INFLUENCE
    return files_of_run(info.matrix, class_means=means)


def _test_suspects(info: RunInfo, output_dir: Path) -> str:
    if not info.test_suspects:
        return ""
    verb = "looks" if info.test_suspects == 1 else "look"
    return (
        f"           {count(info.test_suspects, 'test label')} {verb} wrong: see "
        f"{output_dir / TEST_SUSPECTS}\n"
    )


def warning(info: RunInfo) -> str:
    """Why the model's verdicts are withheld or worth little, in lines; "" where neither holds."""
    check = info.model_check
    if check is None or check.can_judge:
        return f"Warning: {check.weakness}" if check and check.weakness else ""
    written = "The scores are written all the same."
    return "\n  ".join((f"Warning: {check.headline} {written}", *check.problems, *check.causes))
