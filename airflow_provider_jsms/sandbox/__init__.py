"""A local JSMS for development and tests. It never sends a message.

It serves the six schedule calls and those for templates, signatures, balances, delivery reports and
replies with the documented codes, records every request and message, simulates faults, and has a
clock that you can move forward. Open questions of the API documentation that matter to a DAG are
switches. It shares only the tables of return codes and delivery statuses and the masking with the
provider (its pytest fixture uses more of it), so that testing the provider against it proves
something.

Start it with ``python -m airflow_provider_jsms.sandbox --port 8025``. From Python, use
:class:`airflow_provider_jsms.sandbox.server.SandboxServer` to run one in your process, and
:class:`airflow_provider_jsms.sandbox.control.SandboxControl` to control one that is already
running. The server needs the extra ``sandbox``: ``pip install 'airflow-provider-jsms[sandbox]'``.
"""

from __future__ import annotations

__all__: list[str] = []
