"""One request to the API on its way to its answer, as faults see it and change it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from airflow_provider_jsms.sandbox import api, transports
from airflow_provider_jsms.sandbox.holds import Hold
from airflow_provider_jsms.sandbox.records import RecordedRequest, legible, without_secrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import Send

    from airflow_provider_jsms.sandbox.answers import Answer
    from airflow_provider_jsms.sandbox.state import Sandbox


class Exchange:
    """One request, which is recorded, meets its fault if one waits for it, and is answered."""

    def __init__(self, sandbox: Sandbox, request: Request, send: Send) -> None:
        self.path: str = request.scope["path"]
        self._sandbox = sandbox
        self._request = request
        self._send = send
        self._call = api.call_name(request.method, self.path)
        self._recorded = self._add_record()

    async def run(self) -> Answer | None:
        """Return the answer, None if there is none left to send."""
        with self._sandbox.lock:
            fault = self._sandbox.faults.take(self._call)
        answer = await (fault.act(self) if fault else self.handle())
        if answer is not None:
            self.record(answer)
        return answer

    async def read(self) -> None:
        """Read the body, if that was not done yet."""
        self._recorded.body = legible(await self._request.body())

    async def handle(self) -> Answer:
        """Read and handle the request; return the answer that a sound service would give."""
        await self.read()
        request = self._request
        return api.answer(
            self._sandbox,
            api.ApiRequest(
                method=request.method,
                path=self.path,
                address=request.client.host if request.client else "",
                authorization=request.headers.get("authorization"),
                content_type=request.headers.get("content-type"),
                body=await request.body(),
            ),
        )

    def record(self, answer: Answer) -> None:
        """Remember what the client is told, whether or not it gets all of it."""
        self._recorded.status, self._recorded.code = answer.status, answer.code

    def write(self, data: bytes) -> None:
        """Send bytes as they are; only :meth:`close` may follow."""
        transports.transport_of(self._request.scope).write(data)

    async def close(self) -> None:
        """Close the connection to the client once everything is sent."""
        await transports.close_connection(self._request.scope, self._request.receive)

    async def pause(self, seconds: float) -> bool:
        """Wait, also if the client leaves; False if the sandbox was reset or stopped meanwhile."""
        ending = self._ending()
        await asyncio.wait({ending}, timeout=seconds)
        is_over = ending.done()
        ending.cancel()
        return not is_over

    async def linger(self, pieces: AsyncIterator[bytes] | None = None) -> None:
        """Keep the connection until the client leaves or the sandbox is reset or stopped.

        :param pieces: what is sent meanwhile, bytes as they are.
        """
        scope, receive = self._request.scope, self._request.receive
        tasks = [self._ending(), asyncio.ensure_future(transports.wait_for_end(receive))]
        if pieces:
            tasks.append(asyncio.ensure_future(transports.pour(pieces, scope)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        # What the client has not taken yet must not keep the connection.
        await transports.abort_connection(scope, receive)

    async def hold(self, moment: str) -> bool:
        """Wait until the call is released; False if the sandbox was reset instead."""
        with self._sandbox.lock:
            hold = Hold(self._recorded, moment, self._sandbox.clock.now())
            self._sandbox.holds.add(hold)
        return await asyncio.wrap_future(hold.ended)

    async def answer_and_hold(self, answer: Answer, moment: str) -> None:
        """Send the whole answer, then keep the connection open until the call is released."""
        self.record(answer)
        headers = {**answer.headers, "Connection": "close"}
        response = Response(answer.body, answer.status, headers)
        await transports.send_all(response, self._request.scope, self._send)
        await self.hold(moment)
        await transports.send_end(self._send)

    def _ending(self) -> asyncio.Future[None]:
        with self._sandbox.lock:
            return asyncio.wrap_future(self._sandbox.endings.new())

    def _add_record(self) -> RecordedRequest:
        with self._sandbox.lock:
            recorded = RecordedRequest(
                number=len(self._sandbox.recorded) + 1,
                at=self._sandbox.clock.now(),
                call=self._call,
                method=self._request.method,
                path=self.path,
                headers=without_secrets(self._request.headers),
            )
            self._sandbox.recorded.append(recorded)
        return recorded
