"""A JSMS that runs on this machine: nothing it is told is ever sent to anybody.

It answers the six schedule calls and the balance call as they are documented. What no document
tells is a switch, its clock can be moved, faults can be set on every call, and it remembers every
request and every message. It shares nothing with the provider but the table of return codes, so a
test of the provider against it proves something.

From the shell: ``python -m airflow_provider_jsms.sandbox --port 8025``. From a test:
:class:`airflow_provider_jsms.sandbox.server.SandboxServer`, or
:class:`airflow_provider_jsms.sandbox.control.SandboxControl` for one that runs elsewhere. The
server needs the extra ``sandbox``: ``pip install 'airflow-provider-jsms[sandbox]'``.
"""
