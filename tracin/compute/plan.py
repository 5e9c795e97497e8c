"""What a run is about to do, and whether the disk can hold it: said before the first pass."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tracin.compute.config import RunConfig
from tracin.compute.features.file_states import file_states
from tracin.compute.features.loading import Loaded
from tracin.compute.features.store import STORE_FILES, FeatureStore, feature_key
from tracin.compute.run_images import RunImages
from tracin.compute.settle import Settled
from tracin.errors import TracInError
from tracin.machine.processes import Processes
from tracin.results.class_means import class_means_file
from tracin.results.schema import CLASS_INFLUENCE
from tracin.wording import count

BYTES_PER_SCORE = 14.4
"""An estimate of a float32 score's text with its comma: eight or nine digits, point, exponent, and
a sign before half of them. 2.5 % above the file of the demo. It depends on the scores' size: 10 for
scores above 10, 15.6, the most, for scores of 1e-5."""

BYTES_PER_MEAN = 4
"""Of a class mean that stands in an array: a float32."""

BYTES_PER_TABLE_ROW = 250
"""Of an image in all tables that have a row per image. The demo's, with short paths, takes 136 for
a training and 165 for a test image."""
BYTES_PER_EXPLANATION = 150
"""Of a row of top_influences.csv. The demo's, with short paths, takes 131."""
BYTES_BESIDE_FEATURE = 200
"""Of the path and the key that are kept with a float32 feature."""
RESERVE = 64_000_000
"""Bytes that stay free: a file system filled to its last byte fails in unexpected places."""


@dataclass(frozen=True)
class RunPlan:
    """The work and the space of one run."""

    train_images: int
    test_images: int
    kept: int
    """Forward passes that are saved because the features were kept."""
    passes: int
    """Forward passes in all: images times checkpoints."""
    matrix_bytes: int
    """Of influence_scores.csv; 0 where none is written."""
    table_bytes: int
    """Of the tables, and of the class means where they stand in the matrix's place."""
    feature_bytes: int
    """That the store will grow by; 0 where nothing is kept."""
    free_bytes: int

    @property
    def to_do(self) -> int:
        """Forward passes that remain."""
        return self.passes - self.kept

    @property
    def bytes_to_write(self) -> int:
        """All files together."""
        return self.matrix_bytes + self.table_bytes + self.feature_bytes

    def describe(self) -> str:
        """The plan in lines for the user."""
        matrix = _size(self.matrix_bytes) if self.matrix_bytes else "none"
        return (
            f"Plan: {self.train_images:,} training × {count(self.test_images, 'test image')}\n"
            f"  forward passes  {self.to_do:,} to do, {self.kept:,} already kept\n"
            f"  to write        {_size(self.bytes_to_write)} (matrix {matrix}, tables "
            f"{_size(self.table_bytes)}, kept features {_size(self.feature_bytes)}), "
            f"{_size(self.free_bytes)} free"
        )

    def check_disk(self, folder: Path) -> None:
        """Refuse a run that the disk of ``folder`` cannot hold.

        Raises:
            TracInError: it cannot.
        """
        if self.bytes_to_write + RESERVE > self.free_bytes:
            raise TracInError(
                f"{folder} has {_size(self.free_bytes)} free, and this run writes about "
                f"{_size(self.bytes_to_write)}. Free some space, choose another --output_dir, or "
                "score fewer images (--train_subset, --test_subset)."
            )


def make_plan(
    config: RunConfig,
    settled: Settled,
    images: RunImages,
    load: Callable[[Path], Loaded],
    processes: Processes,
) -> RunPlan:
    """The plan of the run that ``config`` asks for, with these images.

    Args:
        config: what is asked for.
        settled: the checkpoints and how images are shown to them.
        images: of the run.
        load: reads a checkpoint.
        processes: of the run. What other machines have kept is not counted.

    Raises:
        TracInError: a checkpoint is not there or cannot be used, or the kept features are damaged.
    """
    train, test = images.train, images.test
    kept = _count_kept(config, settled, images, load, processes)
    passes = (len(train) + len(test)) * len(config.model_paths)
    matrix = expected_matrix_bytes(len(train), len(test)) if config.matrix else 0
    tables = expected_table_bytes(len(train), len(test), config.top_k)
    if not config.matrix:
        tables += expected_class_mean_bytes(len(train), len(set(test.labels.tolist())))
    return RunPlan(
        train_images=len(train),
        test_images=len(test),
        kept=kept,
        passes=passes,
        matrix_bytes=matrix,
        table_bytes=tables,
        # Of a cache elsewhere only the user knows which disk it is on.
        feature_bytes=(passes - kept) * (4 * settled.feature_width + BYTES_BESIDE_FEATURE)
        if config.use_cache and config.cache_dir is None
        else 0,
        free_bytes=free_bytes(config.output_dir),
    )


def _count_kept(
    config: RunConfig,
    settled: Settled,
    images: RunImages,
    load: Callable[[Path], Loaded],
    processes: Processes,
) -> int:
    """Forward passes that the kept features save."""
    # Without a store there is nothing to look up, and no need to read the checkpoints twice.
    if config.features_dir is None or not any(config.features_dir.glob(STORE_FILES)):
        return 0
    kept = 0
    with FeatureStore(config.features_dir, processes.machine, processes.machines) as store:
        states = file_states(images.train) + file_states(images.test)
        for path in settled.model_paths:
            weights = load(path).forward.weights
            key = feature_key(weights, settled.preprocessing, config.precision)
            kept += store.count(key, states)
    return kept


def expected_matrix_bytes(n_train: int, n_test: int) -> int:
    """Bytes of the matrix's file, estimated."""
    return len(",".join(map(str, range(n_test)))) + 1 + round(n_train * n_test * BYTES_PER_SCORE)


def expected_class_mean_bytes(n_train: int, n_classes: int) -> int:
    """Bytes of the means that stand in the matrix's place, of text estimated."""
    as_text = class_means_file(n_train, n_classes) == CLASS_INFLUENCE
    return round(n_train * n_classes * (BYTES_PER_SCORE if as_text else BYTES_PER_MEAN))


def expected_table_bytes(n_train: int, n_test: int, top_k: int) -> int:
    """Bytes of the tables, estimated."""
    explanations = n_test * 2 * min(top_k, n_train) * BYTES_PER_EXPLANATION
    return (n_train + n_test) * BYTES_PER_TABLE_ROW + explanations


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk where ``folder`` is or will be."""
    existing = next(parent for parent in (folder, *folder.resolve().parents) if parent.is_dir())
    return shutil.disk_usage(existing).free


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} B"
