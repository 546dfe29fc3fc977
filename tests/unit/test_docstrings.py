"""Every public name says what it is, and every argument what it may be."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import airflow_provider_jsms

MODULES = [
    import_module(found.name)
    for found in walk_packages(airflow_provider_jsms.__path__, "airflow_provider_jsms.")
    if not found.name.endswith("__main__")
]
# What a DAG uses by name, and so finds in an editor or by help().
FOR_DAGS: dict[str, type] = {
    name: getattr(module, name)
    for module in MODULES
    if module.__name__.endswith(".jsms")
    for name in module.__all__
}


def own(module: Any) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def documented(public: type) -> set[str]:
    """Return the arguments that a docstring describes, itself or by naming another class."""
    text = inspect.cleandoc(public.__doc__ or "")
    own = set(re.findall(r"^:param (\w+):", text, re.MULTILINE))
    for names in re.findall(r"((?:``\w+``(?:, | and )?)+)\s+are\s+those\s+of", text):
        own.update(re.findall(r"\w+(?=``)", names))
    others = re.findall(r"other arguments and errors are\s+those\s+of\s+:class:`(\w+)`", text)
    return own.union(*(documented(FOR_DAGS[name]) for name in others))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_and_all_that_is_public_in_it_is_described(module: Any) -> None:
    assert module.__doc__
    undescribed = []
    for name, value in own(module):
        members = vars(value).items() if inspect.isclass(value) else ()
        parts = [(name, value), *((f"{name}.{part}", its) for part, its in members)]
        undescribed += [
            part
            for part, its in parts
            if not part.rpartition(".")[2].startswith("_")
            and (inspect.isclass(its) or inspect.isfunction(its) or isinstance(its, property))
            and not inspect.getdoc(its)
        ]
    assert undescribed == []


@pytest.mark.parametrize("public", FOR_DAGS.values(), ids=FOR_DAGS)
def test_every_argument_of_what_a_dag_uses_is_described(public: type) -> None:
    arguments = {
        name
        for base in public.__mro__
        if base.__module__.startswith("airflow_provider_jsms") and "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    assert arguments - documented(public) - {"self", "kwargs", "args"} == set()


def test_what_is_described_is_what_there_is() -> None:
    others = {"JsmsHook", "JsmsNotifier", "JsmsScheduleSensor", "JsmsScheduleTrigger"}
    assert others <= set(FOR_DAGS)
    assert sum(name.endswith("Operator") for name in FOR_DAGS) == 9
