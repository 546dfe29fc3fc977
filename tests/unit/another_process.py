"""Code of the provider in a process with another hash seed, which need not import Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

# Of Airflow the errors alone are used, and their bases make no difference here.
_WITHOUT_AIRFLOW: Final = """
import json, sys
from types import ModuleType
stand_in = ModuleType("airflow.providers.common.compat.sdk")
stand_in.__getattr__ = lambda name: type(name, (Exception,), {})
sys.modules[stand_in.__name__] = stand_in
"""


def run_in_another_process(code: str, given: str = "", *, seed: int = 20300701) -> str:
    """Run code that has ``json`` and ``sys``, and return what it prints.

    :param given: its standard input.
    :param seed: the hash seed of the process.
    """
    path = filter(None, sys.path)
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT_AIRFLOW + code],
        input=given,
        env=os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
