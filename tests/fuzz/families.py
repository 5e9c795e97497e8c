"""All families of cases by name."""

from __future__ import annotations

from tests.fuzz.case import Family
from tests.fuzz.checkpoint_family import checkpoint_case, store_case
from tests.fuzz.flags_family import flags_case
from tests.fuzz.folders_family import decisions_case, images_case, prepare_case
from tests.fuzz.lists_family import lists_case
from tests.fuzz.tables_family import json_case, results_case

FAMILIES: dict[str, Family] = {
    "results": results_case,
    "json": json_case,
    "checkpoints": checkpoint_case,
    "store": store_case,
    "images": images_case,
    "decisions": decisions_case,
    "lists": lists_case,
    "prepare": prepare_case,
    "flags": flags_case,
}
