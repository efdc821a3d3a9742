"""A telephone exchange without telephones: calls are threads, speech is text, callers follow a script.

It keeps the shape of Amazon Chime SDK's PSTN audio service: a function is invoked for every event of a call and
returns the actions to perform, and UpdateSipMediaApplicationCall interrupts a call from outside.
"""

from __future__ import annotations

import json
import queue
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Invokes the router with an event and gives its answer.
Router = Callable[[dict[str, Any]], dict[str, Any]]
MUSIC_SECONDS = 2.0


class HungUpError(Exception):
    """The caller has hung up."""


class Call:
    """One call. `script` is what the caller does at each prompt: digits, words, or `hangup`.

    `played` is all that the caller has heard, `music_repeats` how often the music was played to its end.
    """

    def __init__(self, number: str, script: list[str], at: str, agent_is_busy: bool) -> None:
        self.id = str(uuid.uuid4())
        self.number = number
        self.at = at
        self.played: list[str] = []
        self.music_repeats = 0
        self.bridged_to: str | None = None
        self.updates: queue.Queue[dict[str, Any]] = queue.Queue()
        self._script = list(script)
        self._agent_is_busy = agent_is_busy
        self._attributes: dict[str, Any] = {}

    def run(self, router: Router) -> None:
        """From the first ring to the last word."""
        event = self._event("NEW_INBOUND_CALL")
        try:
            while True:
                answer = router(event)
                self._attributes = answer.get("TransactionAttributes", {})
                (action,) = answer["Actions"]
                if action["Type"] == "Hangup":
                    break
                event = self._perform(action)
        except HungUpError:
            pass
        router(self._event("HANGUP"))

    def _event(self, kind: str, **data: Any) -> dict[str, Any]:
        details = {
            "TransactionId": self.id,
            "TransactionAttributes": self._attributes,
            "Participants": [{"ParticipantTag": "LEG-A", "From": self.number, "StartTime": self.at}],
        }
        return {"SchemaVersion": "1.0", "InvocationEventType": kind, "CallDetails": details, "ActionData": data}

    def _perform(self, action: dict[str, Any]) -> dict[str, Any]:
        given = action["Parameters"]
        match action["Type"]:
            case "Speak":
                self.played.append(given["Text"])
            case "SpeakAndGetDigits":
                self.played.append(given["SpeechParameters"]["Text"])
                return self._event("ACTION_SUCCESSFUL", ReceivedDigits=self._next())
            case "RecordAudio":
                return self._event("ACTION_SUCCESSFUL", Transcript=self._next())
            case "CallAndBridge" if self._agent_is_busy:
                return self._event("ACTION_FAILED", ErrorType="AgentBusy", ErrorMessage="486 Busy Here")
            case "CallAndBridge":
                self.bridged_to = given["Endpoints"][0]["Uri"]
            case "PlayAudio":
                return self._music(given["Repeat"])
            case unknown:
                return self._event("ACTION_FAILED", ErrorType="InvalidAction", ErrorMessage=unknown)
        return self._event("ACTION_SUCCESSFUL")

    def _music(self, repeat: int) -> dict[str, Any]:
        """Until the call is updated; a caller whose next act it is hangs up meanwhile."""
        self.played.append("(music)")
        if self._script[:1] == ["hangup"]:
            raise HungUpError
        for _ in range(repeat):
            try:
                return self._event("CALL_UPDATE_REQUESTED", **self.updates.get(timeout=MUSIC_SECONDS))
            except queue.Empty:
                self.music_repeats += 1
        return self._event("ACTION_SUCCESSFUL")

    def _next(self) -> str:
        said = self._script.pop(0) if self._script else "hangup"
        if said == "hangup":
            raise HungUpError
        return said


class Exchange:
    """Places calls, and answers UpdateSipMediaApplicationCall on a port of loopback."""

    def __init__(self, port: int, router: Router) -> None:
        self._router = router
        self._calls: dict[str, Call] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def call(self, number: str, *script: str, at: str = "2026-03-12T10:00:00Z", agent_is_busy: bool = False) -> Call:
        """Make a call and stay until it is over."""
        call = Call(number, list(script), at, agent_is_busy)
        self._calls[call.id] = call
        call.run(self._router)
        return call

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        calls = self._calls

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """`/sip-media-applications/ID/calls/TRANSACTION`."""
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                call = calls.get(self.path.rpartition("/")[2])
                if call is None:
                    self._answer(404, {"Code": "NotFound", "Message": "there is no such call"})
                    return
                call.updates.put(given.get("Arguments", {}))
                self._answer(202, {"SipMediaApplicationCall": {"TransactionId": call.id}})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if status == 404:
                    self.send_header("x-amzn-ErrorType", "NotFoundException")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Be silent: the driver says what happens."""

        return Handler
