"""Which training images made a ResNet50 right or wrong: TracIn influence, as pictures and lists.

From Python: ``from tracin import compute, analyze``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tracin.in_python import front
from tracin.version import __version__ as __version__

if TYPE_CHECKING:
    from tracin.in_python.front import analyze as analyze
    from tracin.in_python.front import compute as compute


def _make_callable(name: str, function: Callable[..., Any]) -> None:
    """Let the package ``name``, a folder of the house, be called as ``function``.

    A function of that name would be lost as soon as Python loads the folder.
    """

    class CallablePackage(ModuleType):
        __signature__ = inspect.signature(function)

        def __call__(self, *given: Any, **named: Any) -> Any:
            return function(*given, **named)

    package = import_module(name)
    package.__class__ = CallablePackage
    package.__doc__ = function.__doc__


_make_callable("tracin.compute", front.compute)
_make_callable("tracin.analyze", front.analyze)
