# SPDX-License-Identifier: Apache-2.0
"""A gRPC client made of bare HTTP/2, which can say what no honest client would."""

import contextlib
import copy
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

import peers
from peers import pb2
from servers import LIVENESS, Server

INVOKE = f"/{peers.PACKAGE}.PluginService/InvokeHook"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def connect(server: Server) -> socket.socket:
    """A bare connection to the server."""
    if server.uds:
        bare = socket.socket(socket.AF_UNIX)
        bare.settimeout(LIVENESS)
        bare.connect(server.uds)
        return bare
    bare = socket.create_connection(("127.0.0.1", server.port), LIVENESS)
    bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bare


def read_to_end(bare: socket.socket, timeout: float = LIVENESS) -> bytes:
    """All bytes until the peer closes; fails when it does not."""
    end, received = time.monotonic() + timeout, bytearray()
    while True:
        bare.settimeout(max(0.01, end - time.monotonic()))
        try:
            chunk = bare.recv(1 << 16)
        except TimeoutError:
            raise AssertionError(f"the server keeps the connection open; it sent {bytes(received)!r}") from None
        except OSError:
            return bytes(received)
        if not chunk:
            return bytes(received)
        received += chunk


def message(payload: bytes, flag: int = 0, length: int | None = None) -> bytes:
    """A message with its prefix, which may lie about the length."""
    return struct.pack(">BI", flag, len(payload) if length is None else length) + payload


def invoke(plugin: str = "Echo", **arguments) -> bytes:
    """A good InvokeHook request, encoded."""
    request = pb2.InvokeHookRequest(hook_type="tool_pre_invoke", plugin_name=plugin)
    request.payload.update({"name": "search", "args": arguments})
    return request.SerializeToString()


def request_headers(path: str = INVOKE, **changes) -> list[tuple[str, str]]:
    """The headers of a call. A change to None leaves a header out; `_` stands for `-`, a leading one for `:`."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    for name, value in changes.items():
        headers[(":" + name[1:] if name.startswith("_") else name).replace("_", "-")] = value
    return [(name, value) for name, value in headers.items() if value is not None]


@dataclass
class Answer:
    """What came back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None

    @property
    def http_status(self) -> int:
        return int(self.headers[":status"])

    @property
    def status(self) -> int | None:
        """The gRPC status, wherever it stands."""
        value = self.trailers.get("grpc-status", self.headers.get("grpc-status"))
        return None if value is None else int(value)

    @property
    def status_message(self) -> str:
        return unquote(self.trailers.get("grpc-message", self.headers.get("grpc-message", "")))

    @property
    def response(self) -> pb2.InvokeHookResponse:
        """The one message of a call that succeeded."""
        assert self.status == 0, (self.status, self.status_message, self.reset)
        flag, length = struct.unpack(">BI", self.data[:5])
        assert flag == 0 and length == len(self.data) - 5
        return pb2.InvokeHookResponse.FromString(bytes(self.data[5:]))


class Connection:
    """One HTTP/2 connection. It keeps the protocol unless told otherwise through `send`."""

    def __init__(self, server: Server, settings: dict[int, int] | None = None, acknowledge: bool = True):
        self.socket = connect(server)
        configuration = h2.config.H2Configuration(
            client_side=True,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(configuration)
        # Windows wide open, so that only tests of flow control meet it.
        self.h2.local_settings = h2.settings.Settings(
            client=True,
            initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 24, **(settings or {})},
        )
        self.acknowledge = acknowledge
        self.answers: dict[int, Answer] = {}
        self.closed = False
        #: What the server's GOAWAY and RST_STREAM frames said, read past h2, which gives up on streams not its own.
        self.goaway: int | None = None
        self.resets: dict[int, int] = {}
        self._unscanned = bytearray()
        self.peer_settings: dict[int, int] = {}
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 30)
        self.flush()
        self.until(lambda: self.peer_settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends bytes past the protocol's state. That the peer has closed is for the reading side to tell."""
        view, end = memoryview(data), time.monotonic() + LIVENESS
        while view and not self.closed:
            # Reading while writing: a peer that answers each frame must not be blocked by our full socket.
            readable, writable, _ = select.select([self.socket], [self.socket], [], 1)
            if readable:
                self._receive()
            if writable and not self.closed:
                try:
                    view = view[self.socket.send(view[: 1 << 16]) :]
                except OSError:
                    self._drain()
            assert time.monotonic() < end, "the server neither reads nor closes"

    def flush(self) -> None:
        self.send(self.h2.data_to_send())

    def _drain(self) -> None:
        while not self.closed:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        self._unscanned += data
        at = 0
        while len(self._unscanned) - at >= 9:
            end = at + 9 + int.from_bytes(self._unscanned[at : at + 3], "big")
            if len(self._unscanned) < end:
                break
            self._take_frame(bytes(self._unscanned[at:end]))
            at = end
        del self._unscanned[:at]

    def _take_frame(self, frame: bytes) -> None:
        kind, stream, content = frame[3], int.from_bytes(frame[5:9], "big") & 0x7FFF_FFFF, frame[9:]
        if kind == 0x7:
            # Kept from h2, which would take no answers after it.
            self.goaway = int.from_bytes(content[4:8], "big")
            return
        if kind == 0x3:
            self.resets[stream] = int.from_bytes(content, "big")
        with contextlib.suppress(h2.exceptions.ProtocolError):
            for event in self.h2.receive_data(frame):
                self._take(event)

    def _take(self, event) -> None:
        answer = self.answers.setdefault(getattr(event, "stream_id", 0) or 0, Answer())
        match event:
            case h2.events.ResponseReceived():
                answer.headers = dict(event.headers)
            case h2.events.TrailersReceived():
                answer.trailers = dict(event.headers)
            case h2.events.DataReceived():
                answer.data += event.data
                if self.acknowledge:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamReset():
                # A server may refuse more of a request it has answered: NO_ERROR then undoes nothing.
                answer.reset, answer.ended = int(event.error_code), True
            case h2.events.StreamEnded():
                answer.ended = True
            case h2.events.RemoteSettingsChanged():
                self.peer_settings |= {int(code): change.new_value for code, change in event.changed_settings.items()}
                self.peer_settings.setdefault(-1, 1)

    def until(self, condition, timeout: float = LIVENESS) -> None:
        """Reads until the condition holds or the connection is closed; fails on neither."""
        end = time.monotonic() + timeout
        while not condition() and not self.closed:
            left = end - time.monotonic()
            assert left > 0, "the server does not answer"
            if select.select([self.socket], [], [], left)[0]:
                self._receive()
                with contextlib.suppress(h2.exceptions.ProtocolError):
                    self.flush()

    def adopt(self, stream: int) -> None:
        """Makes a stream known whose frames are sent past h2, so that its answer is understood."""
        self.flush()
        encoder = copy.deepcopy(self.h2.encoder)
        self.h2.send_headers(stream, request_headers(), end_stream=True)
        self.h2.data_to_send()
        # The server never sees that block: its table must not count on it.
        self.h2.encoder = encoder
        self.answers[stream] = Answer()

    def begin(self, path: str = INVOKE, *, end: bool = False, **headers) -> int:
        """Opens a stream with a call's headers."""
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, request_headers(path, **headers), end_stream=end)
        self.flush()
        return stream

    def data(self, stream: int, data: bytes, *, end: bool = False, padding: int | None = None) -> None:
        """Sends data as far as the windows allow, waiting for them."""
        view = memoryview(data)
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size) - (padding or 0) - 1
            if len(view) <= room:
                self.h2.send_data(stream, bytes(view), end_stream=end, pad_length=padding)
                self.flush()
                return
            if room > 0:
                self.h2.send_data(stream, bytes(view[:room]), pad_length=padding)
                view = view[room:]
                self.flush()
            else:
                answer = self.answers[stream]
                self.until(lambda: answer.ended or self.h2.local_flow_control_window(stream) > (padding or 0) + 1)
                if answer.ended or self.closed:
                    return

    def answer(self, stream: int, timeout: float = LIVENESS) -> Answer:
        """Waits for the end of a stream."""
        answer = self.answers[stream]
        self.until(lambda: answer.ended, timeout)
        assert answer.ended, f"the connection was closed instead (GOAWAY {self.goaway})"
        return answer

    def call(self, body: bytes | None = None, path: str = INVOKE, **headers) -> Answer:
        """One call, of Echo unless told otherwise."""
        stream = self.begin(path, **headers)
        self.data(stream, message(invoke()) if body is None else body, end=True)
        return self.answer(stream)
