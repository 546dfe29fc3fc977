"""Start the sandbox from the shell."""

from __future__ import annotations

import sys

try:
    from airflow_provider_jsms.sandbox.command_line import main
except ModuleNotFoundError as missing:
    if missing.name not in {"starlette", "uvicorn", "h11"}:
        raise
    sys.exit(f"The sandbox needs {missing.name}: pip install 'airflow-provider-jsms[sandbox]'")

if __name__ == "__main__":
    sys.exit(main())
