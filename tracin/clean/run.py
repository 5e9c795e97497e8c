"""The run of ``--apply``: actions.csv → a cleaned data folder, and what was done in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracin.clean import folder
from tracin.clean.actions import DELETE, KEEP, RELABEL, read_actions
from tracin.results.run_info import data_folder
from tracin.wording import count


@dataclass(frozen=True)
class ActConfig:
    """What the user asked for: the flags that go with --apply."""

    actions: Path
    cleaned_dir: Path
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says, else data/processed."""
    dry_run: bool = False
    """Check everything and say what would happen; write nothing."""


def act(config: ActConfig) -> str:
    """What was done, or would be, in words.

    Raises:
        TracInError: a row of the actions is wrong, or the cleaned folder cannot be used.
    """
    data_dir = data_folder(config.results_dir, config.data_dir)
    train_paths = folder.training_images(data_dir)
    actions = read_actions(config.actions, train_paths, folder.class_names(train_paths))
    plan = folder.plan_cleaning(data_dir, train_paths, actions)
    folder.check_target(data_dir, config.cleaned_dir)
    if config.dry_run:
        return "\n".join(_would(plan, config))
    applied = folder.apply(plan, config.cleaned_dir)
    return "\n".join(_did(plan, applied, config))


def _figures(plan: folder.Plan) -> str:
    counts = plan.counts
    parts = (
        f"{counts[RELABEL]:,} relabelled",
        f"{counts[DELETE]:,} left out",
        f"{counts[KEEP]:,} kept",
    )
    return f"{count(sum(counts[verb] for verb in (RELABEL, DELETE, KEEP)), 'training image')}: " + (
        ", ".join(parts) + f"; {count(counts[folder.CARRIED_OVER], 'test file')} carried over"
    )


def _changes(plan: folder.Plan) -> Iterator[str]:
    for step in plan.steps:
        if step.changes:
            note = f" ({step.note})" if step.note else ""
            yield f"  {step.action:8} {step.path}" + (
                f" -> {step.new_path}{note}" if step.new_path else ""
            )


def _would(plan: folder.Plan, config: ActConfig) -> Iterator[str]:
    yield f"Dry run: nothing is written. {config.cleaned_dir} would hold, of {plan.data_dir}:"
    yield f"  {_figures(plan)}"
    yield from _changes(plan)


def _did(plan: folder.Plan, applied: folder.Applied, config: ActConfig) -> Iterator[str]:
    yield f"Cleaned {plan.data_dir}, which is as it was, into {config.cleaned_dir}"
    yield f"  {_figures(plan)}"
    if applied.linked or applied.copied or applied.removed:
        yield (
            f"  {count(applied.linked, 'hard link')}, {applied.copied:,} copied, "
            f"{applied.unchanged:,} there already, {applied.removed:,} of a former run removed"
        )
    else:
        yield "  Nothing to do: everything was there already."
    renamed = [step for step in plan.steps if step.note.startswith("renamed")]
    if renamed:
        yield f"  {count(len(renamed), 'image')} renamed, beginning with {renamed[0].new_path}"
    yield f"  what happened to each image: {config.cleaned_dir / folder.LOG}"
    yield ""
    yield f"Next: train on it and score again with --data_dir {config.cleaned_dir}"
