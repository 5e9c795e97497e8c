"""The run of ``--apply``: actions.csv → a cleaned data folder, and what was done in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracin.clean.actions import DELETE, KEEP, RELABEL, read_actions
from tracin.clean.folder import LOG, FileCounts, carry_out, check_target
from tracin.clean.plan import CARRIED_OVER, CleaningPlan, images_to_clean, plan_cleaning
from tracin.errors import TracInError
from tracin.folder_lock import owner_of
from tracin.image_folder import describe_left_out
from tracin.results.one_run import unchanged_run
from tracin.results.run_info import data_folder
from tracin.results.schema import RUN_INFO
from tracin.wording import count, for_the_shell


@dataclass(frozen=True)
class CleanConfig:
    """What the user asked for: the flags that go with --apply."""

    actions: Path
    cleaned_dir: Path
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says, else data/processed."""
    dry_run: bool = False
    """Check everything and say what would happen; write nothing."""


def apply_actions(config: CleanConfig) -> str:
    """Make the cleaned folder, unless it is a dry run; return what was done or would be, in words.

    Raises:
        TracInError: a row of the actions is wrong, or the cleaned folder cannot be used.
    """
    data_dir = _data_dir(config)
    images = images_to_clean(data_dir)
    actions = read_actions(config.actions, (*images.train, *images.test), images.class_names)
    plan = plan_cleaning(data_dir, images, actions)
    check_target(data_dir, config.cleaned_dir)
    if config.dry_run:
        return "\n".join(_dry_run_lines(plan, config))
    files = carry_out(plan, config.cleaned_dir)
    return "\n".join(_report_lines(plan, files, config))


def _data_dir(config: CleanConfig) -> Path:
    """The folder of the images; read from ``run.json`` only while nobody replaces that."""
    with unchanged_run(config.results_dir):
        data_dir = data_folder(config.results_dir, config.data_dir)
        # Asked afterwards: a writer that came meanwhile may have taken the file away already.
        if config.data_dir is None and (writer := owner_of(config.results_dir)):
            raise TracInError(
                f"{config.results_dir} is in use by {writer}, and its {RUN_INFO} may change. Wait "
                "until that has ended, or name the folder of the images with --data_dir."
            )
    return data_dir


def _totals(plan: CleaningPlan) -> str:
    train, test = plan.counts(training=True), plan.counts(training=False)
    as_they_are = test[KEEP] + test[CARRIED_OVER]
    told = f"{_parts(train, train[KEEP], 'training image')}, {train[KEEP]:,} kept; "
    if not (test[RELABEL] or test[DELETE]):
        return f"{told}{count(as_they_are, 'test file')} carried over"
    return f"{told}{_parts(test, as_they_are, 'test file')}, {as_they_are:,} carried over"


def _parts(counts: Counter[str], unchanged: int, kind: str) -> str:
    """``12 test files: 1 relabelled, 2 left out``."""
    relabelled, deleted = counts[RELABEL], counts[DELETE]
    files = count(relabelled + deleted + unchanged, kind)
    return f"{files}: {relabelled:,} relabelled, {deleted:,} left out"


def _change_lines(plan: CleaningPlan) -> Iterator[str]:
    for step in plan.steps:
        if step.changes:
            note = f" ({step.note})" if step.note else ""
            yield f"  {step.action:8} {step.path}" + (
                f" -> {step.new_path}{note}" if step.new_path else ""
            )


def _left_out_lines(plan: CleaningPlan) -> Iterator[str]:
    if plan.left_out:
        yield f"  {describe_left_out(plan.left_out)}"


def _dry_run_lines(plan: CleaningPlan, config: CleanConfig) -> Iterator[str]:
    yield f"Dry run: nothing is written. From {plan.data_dir}, {config.cleaned_dir} would hold:"
    yield f"  {_totals(plan)}"
    yield from _left_out_lines(plan)
    yield from _change_lines(plan)


def _report_lines(plan: CleaningPlan, files: FileCounts, config: CleanConfig) -> Iterator[str]:
    yield f"Wrote the cleaned data to {config.cleaned_dir}; {plan.data_dir} is unchanged."
    yield f"  {_totals(plan)}"
    if files.linked or files.copied or files.removed:
        yield (
            f"  {count(files.linked, 'hard link')}, {files.copied:,} copied, "
            f"{files.unchanged:,} already there, {files.removed:,} of an earlier run removed"
        )
    else:
        yield "  Nothing to do: everything was already there."
    yield from _left_out_lines(plan)
    if files.stayed:
        more = f" and {len(files.stayed) - 1:,} more" if len(files.stayed) > 1 else ""
        yield (
            f"  Changed since an earlier run, so left there: {files.stayed[0]}{more}. Delete what "
            "is not to be trained on."
        )
    renamed = [step for step in plan.steps if step.note.startswith("renamed")]
    if renamed:
        yield f"  {count(len(renamed), 'image')} renamed, beginning with {renamed[0].new_path}"
    yield f"  What happened to each image: {config.cleaned_dir / LOG}"
    yield ""
    yield f"Next: train on it and score again with --data_dir {for_the_shell(config.cleaned_dir)}"
