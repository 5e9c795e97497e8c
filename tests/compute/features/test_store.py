"""Kept features: found again for the same thing only, whatever happened in between."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tracin.compute.features import store
from tracin.compute.features.backbone import Forward
from tracin.compute.features.file_states import FileState, file_states
from tracin.compute.features.pooled import PassSettings, PooledFeatures, pooled_features
from tracin.compute.features.store import STORE_FILE, FeatureStore, feature_key, weights_hash
from tracin.compute.model.network import Backbone
from tracin.errors import TracInError
from tracin.hashing import HASH_BYTES
from tracin.images import Crop, Normalization, Preprocessing, find_images

SETTINGS = PassSettings(batch_size=4, preprocessing=Preprocessing(Crop(40, 32)))


@pytest.fixture
def backbone() -> nn.Module:
    class Backbone(nn.Module):
        """Stands for ResNet50: cheap, and it has weights to hash."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2048, 3)

    return Backbone()


def states(count: int) -> list[FileState]:
    return [FileState(f"/data/{number}.jpg", 100 + number, 5) for number in range(count)]


def hashes(count: int) -> torch.Tensor:
    """A hash of the file and one of the picture for each image."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, 2, HASH_BYTES)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def keep(
    store: FeatureStore, key: str, images: list[FileState], values: torch.Tensor
) -> torch.Tensor:
    """Save the features with hashes; return these."""
    store.save(key, images, values, hashes(len(images)))
    return hashes(len(images))


def found_in(store: FeatureStore, key: str, wanted: list[FileState]) -> list[bool]:
    """Which are kept."""
    values, into = torch.zeros(len(wanted), 2048), torch.zeros_like(hashes(len(wanted)))
    return [bool(found) for found in store.load(key, wanted, values, into)]


def load(folder: Path, key: str, wanted: list[FileState]) -> tuple[list[bool], torch.Tensor]:
    values, into = torch.zeros(len(wanted), 2048), torch.zeros_like(hashes(len(wanted)))
    with FeatureStore(folder) as store:
        return store.load(key, wanted, values, into).tolist(), values


def test_what_is_saved_is_found_bit_for_bit(tmp_path: Path) -> None:
    values = torch.randn(3, 2048)
    with FeatureStore(tmp_path) as store:
        kept = keep(store, "a", states(3), values)
        again, into = torch.zeros(3, 2048), torch.zeros_like(kept)
        assert store.load("a", states(3), again, into).all()
    assert torch.equal(into, kept)
    found, loaded = load(tmp_path, "a", states(4)[::-1])
    assert found == [False, True, True, True]
    assert torch.equal(loaded[1:].flip(0), values)
    with FeatureStore(tmp_path) as store:
        assert (store.count("a", states(4)), store.count("b", states(4))) == (3, 0)


def test_nothing_is_mixed_up(tmp_path: Path) -> None:
    with FeatureStore(tmp_path) as store:
        keep(store, "a", states(3), torch.ones(3, 2048))
        first, second, third = states(3)
        changed = [replace(first, size=1), replace(second, changed=6), replace(third, path="/x")]
        assert not any(found_in(store, "a", changed))
        assert not any(found_in(store, "b", states(3)))
        keep(store, "a", [changed[0]], torch.full((1, 2048), 2.0))
    assert load(tmp_path, "a", [first])[0] == [False]  # its file's newer state replaced it
    found, values = load(tmp_path, "a", [changed[0]])
    assert found == [True]
    assert (values[0] == 2).all()


def test_key_depends_on_weights_preprocessing_and_precision(backbone: nn.Module) -> None:
    weights = weights_hash(backbone)
    usual = Preprocessing()
    ways = [Preprocessing(crop) for crop in (Crop(256, 225), Crop(257, 224))]
    ways.append(Preprocessing(Crop(resize_mode="square")))
    ways.append(Preprocessing(normalization=Normalization(std=(1.0, 1.0, 1.0))))
    keys = {feature_key(weights, way, "float32") for way in (usual, *ways)}
    keys.add(feature_key(weights, usual, "bfloat16"))
    again = feature_key(weights_hash(backbone), usual, "float32")
    with torch.no_grad():
        next(backbone.parameters())[0, 0, 0, 0] += 1e-6
    keys.add(feature_key(weights_hash(backbone), usual, "float32"))
    assert len(keys) == 7
    assert again in keys


def test_key_depends_on_architecture_and_interpolation(backbone: nn.Module) -> None:
    """What was kept before there were others is found again: the key of layout 2 is written out."""
    weights, usual = weights_hash(backbone), Preprocessing()
    assert weights_hash(Backbone(backbone, "resnet50", 2048)) == weights
    assert weights_hash(Backbone(backbone, "resnet18", 2048)) != weights
    bicubic = Preprocessing(Crop(interpolation="bicubic"))
    assert feature_key(weights, bicubic, "float32") != feature_key(weights, usual, "float32")
    facts = {
        "crop": {"resize_size": 256, "crop_size": 224, "resize_mode": "shorter"},
        "normalization": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    } | {"layout": 2, "weights": weights, "precision": "float32"}
    former = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    assert feature_key(weights, usual, "float32") == former


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from tracin.compute.features.store import FeatureStore\n"
        "from tracin.compute.features.file_states import FileState\n"
        "folder, first = Path(sys.argv[1]), int(sys.argv[2])\n"
        "with FeatureStore(folder) as store:\n"
        "    for n in range(first, first + 40):\n"
        "        value = torch.full((1, 2048), float(n))\n"
        "        hashes = torch.zeros(1, 2, 16, dtype=torch.uint8)\n"
        "        store.save('a', [FileState(f'/data/{n}.jpg', 100 + n, 5)], value, hashes)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), first])
        for first in ("0", "40")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    found, values = load(tmp_path, "a", states(80))
    assert all(found)
    assert values[:, 0].tolist() == list(range(80))


def test_killed_while_writing_keeps_whole_batches(tmp_path: Path) -> None:
    code = (
        "import os, sys, torch\n"
        "from pathlib import Path\n"
        "from tracin.compute.features.store import FeatureStore\n"
        "from tracin.compute.features.file_states import FileState\n"
        "store = FeatureStore(Path(sys.argv[1]))\n"
        "n = 0\n"
        "while True:\n"
        "    batch = [FileState(f'/data/{i}.jpg', 100 + i, 5) for i in range(n, n + 5)]\n"
        "    hashes = torch.zeros(5, 2, 16, dtype=torch.uint8)\n"
        "    store.save('a', batch, torch.full((5, 2048), float(n)), hashes)\n"
        "    n += 5\n"
        "    print(n, flush=True)\n"
    )
    for stop_after in (1, 4, 9):
        folder = tmp_path / str(stop_after)
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(stop_after):
            confirmed = int(writer.stdout.readline())
        writer.kill()
        writer.wait()
        writer.stdout.close()
        with sqlite3.connect(folder / STORE_FILE) as database:
            count = database.execute("SELECT COUNT(*) FROM images").fetchone()[0]
        database.close()
        assert count >= confirmed
        assert count % 5 == 0
        found, values = load(folder, "a", states(count))
        assert all(found)
        assert (values[:, 0] % 5 == 0).all()


def test_each_machine_writes_a_file_of_its_own(tmp_path: Path) -> None:
    """A run on several machines reads its own machine's file only, a run on one reads them all."""
    values = torch.randn(5, 2048)
    for machine, rows in ((0, [0, 1]), (1, [2]), (2, [3, 4])):
        with FeatureStore(tmp_path, machine=machine, machines=3) as store:
            batch = [states(5)[row] for row in rows]
            keep(store, "a", batch, values[rows])
            assert store.count("a", states(5)) == len(rows)
            assert np.flatnonzero(found_in(store, "a", states(5))).tolist() == rows
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["features.machine1.sqlite", "features.machine2.sqlite", STORE_FILE]

    with FeatureStore(tmp_path) as store:
        assert store.count("a", [*states(5), FileState("/data/other.jpg", 1, 1)]) == 5
    found_list, loaded = load(tmp_path, "a", states(5))
    assert all(found_list)
    assert torch.equal(loaded, values)

    before = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    with FeatureStore(tmp_path) as store:  # the image changed: what machine 1 kept is no longer it
        changed = replace(states(5)[2], changed=6)
        assert store.count("a", [changed]) == 0
        keep(store, "a", [changed], torch.ones(1, 2048))
        assert store.count("a", [changed]) == 1
    assert load(tmp_path, "a", [changed])[0] == [True]
    assert before["features.machine1.sqlite"] == (
        (tmp_path / "features.machine1.sqlite").stat().st_size
    )


def test_an_image_kept_by_two_machines_counts_once(tmp_path: Path) -> None:
    for machine in (0, 1):
        with FeatureStore(tmp_path, machine=machine, machines=2) as store:
            keep(store, "a", states(3), torch.ones(3, 2048))
    with FeatureStore(tmp_path) as store:
        assert store.count("a", states(4)) == 3


def test_damaged_or_unwritable_store(tmp_path: Path) -> None:
    (tmp_path / STORE_FILE).write_bytes(b"no database " * 100)
    with pytest.raises(TracInError, match=r"cannot be used .*--cache_dir"):
        FeatureStore(tmp_path)
    with pytest.raises(TracInError, match="cannot be used"):
        FeatureStore(tmp_path / STORE_FILE / "below a file")


def test_the_store_that_is_damaged_is_named(tmp_path: Path) -> None:
    with FeatureStore(tmp_path) as store:
        keep(store, "a", states(2), torch.ones(2, 2048))
    damaged = tmp_path / "features.machine1.sqlite"
    damaged.write_bytes(b"no database " * 100)
    with pytest.raises(TracInError, match=r"features.machine1.sqlite cannot be used"):
        FeatureStore(tmp_path)
    damaged.unlink()
    assert load(tmp_path, "a", states(2))[0] == [True, True]


def test_full_disk_is_explained_and_loses_nothing(tmp_path: Path) -> None:
    with FeatureStore(tmp_path) as store:
        keep(store, "a", states(2), torch.ones(2, 2048))
        store._databases[tmp_path / STORE_FILE].execute(
            "PRAGMA max_page_count = 6"
        )  # as if the disk were full there
        many = [FileState(f"/more/{number}", 1, 1) for number in range(50)]
        with pytest.raises(TracInError, match=r"full.*--no_cache"):
            keep(store, "a", many, torch.ones(50, 2048))
    assert load(tmp_path, "a", states(2))[0] == [True, True]


def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the images that go through the backbone, from now on."""
    seen: list[int] = []
    original = store.FeatureStore.save

    def counting(
        store: FeatureStore,
        key: str,
        batch: list[FileState],
        values: torch.Tensor,
        hashes: torch.Tensor,
    ) -> None:
        seen.append(len(batch))
        original(store, key, batch, values, hashes)

    monkeypatch.setattr(store.FeatureStore, "save", counting)
    return seen


def test_only_what_changed_is_computed(
    model: nn.Module, image_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a real ResNet50: equal bit for bit to a run without a store, whatever was kept."""
    shutil.copytree(image_tree, tmp_path / "data")
    resnet = copy.deepcopy(model)
    resnet.fc = nn.Identity()
    table, _ = find_images(tmp_path / "data")
    seen = passes(monkeypatch)

    def forward() -> Forward:
        return Forward(resnet, torch.device("cpu"), "float32")

    def run(crop: Crop = SETTINGS.preprocessing.crop, rows: int = 60) -> PooledFeatures:
        seen.clear()
        with FeatureStore(tmp_path / "kept") as store:
            chosen = table.take(np.arange(rows))
            return pooled_features(
                forward(), chosen, replace(SETTINGS, preprocessing=Preprocessing(crop)), store
            )

    without = pooled_features(forward(), table, SETTINGS)
    first = run(rows=17)
    assert (sum(seen), first.kept) == (17, 0)
    larger = run()
    assert (sum(seen), larger.kept) == (43, 17)
    assert torch.equal(larger.values, without.values)
    again = run()
    assert (sum(seen), again.kept) == (0, 60)
    assert torch.equal(again.values, without.values)

    os.utime(tmp_path / "data" / table.paths[3])  # touched
    assert (run().kept, sum(seen)) == (59, 1)
    assert (run(Crop(48, 32)).kept, sum(seen)) == (0, 60)
    assert run().kept == 60
    with torch.no_grad():
        resnet.get_parameter("layer4.2.conv3.weight")[0, 0] += 1e-3
    assert (run().kept, sum(seen)) == (0, 60)


def test_states_of_missing_files(tmp_path: Path, image_tree: Path) -> None:
    table, _ = find_images(image_tree)
    moved = replace(table, data_dir=tmp_path)
    assert {state.size for state in file_states(moved)} == {-1}
    assert file_states(table)[0].size > 0


def test_another_file_as_large_and_as_old_is_noticed(
    model: nn.Module, image_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pictures exchange their names, and size and time stay as they were."""
    shutil.copytree(image_tree, tmp_path / "data")
    resnet = copy.deepcopy(model)
    resnet.fc = nn.Identity()
    table, _ = find_images(tmp_path / "data")
    table = table.take(np.arange(3))
    files = [tmp_path / "data" / path for path in table.paths]
    size = max(path.stat().st_size for path in files)
    for path in files:
        with path.open("ab") as file:  # what follows a JPEG's end is not looked at
            file.write(bytes(size - path.stat().st_size))
        os.utime(path, ns=(5, 5))

    def run() -> PooledFeatures:
        forward = Forward(resnet, torch.device("cpu"), "float32")
        with FeatureStore(tmp_path / "kept") as kept:
            return pooled_features(forward, table, SETTINGS, kept)

    before = run()
    files[0].rename(tmp_path / "aside")
    files[1].rename(files[0])
    (tmp_path / "aside").rename(files[1])
    after = run()
    assert after.kept == 1
    assert torch.equal(after.values[[1, 0, 2]], before.values)
    assert torch.equal(after.hashes[[1, 0, 2]], before.hashes)

    os.link(files[2], tmp_path / "linked")  # as --apply does: the same picture at a changed entry
    assert run().kept == 3
    monkeypatch.setattr(store, "content_hash", None)  # what was compared once is not read again
    assert run().kept == 3


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    values = torch.randn(3, 2048)
    with FeatureStore(tmp_path) as store:
        keep(store, "a", states(3), values)
    with sqlite3.connect(tmp_path / STORE_FILE) as database:
        query = "SELECT value FROM images WHERE path = '/data/1.jpg'"
        damaged = bytearray(database.execute(query).fetchone()[0])
        damaged[1000] ^= 4
        database.execute("UPDATE images SET value = ? WHERE path = '/data/1.jpg'", (damaged,))
    database.close()
    assert load(tmp_path, "a", states(3))[0] == [True, False, True]


@pytest.mark.parametrize("column", ["value", "hashes", "checksum"])
@pytest.mark.parametrize("damage", [None, "text", 3, b""])
def test_what_is_no_feature_is_computed_anew(column: str, damage: object, tmp_path: Path) -> None:
    values = torch.randn(3, 2048)
    with FeatureStore(tmp_path) as store:
        keep(store, "a", states(3), values)
    with sqlite3.connect(tmp_path / STORE_FILE) as database:
        query = f"UPDATE images SET {column} = ? WHERE path = '/data/1.jpg'"
        database.execute(query, (damage,))
    database.close()
    assert load(tmp_path, "a", states(3))[0] == [True, False, True]
