"""Receive messages from an MQTT broker, which keeps them until they are acknowledged. Needs paho-mqtt."""

import re
import socket
import ssl
import time
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable

if TYPE_CHECKING:
    from paho.mqtt.client import Client

PORT, TLS_PORT = 1883, 8883
MOST_TOGETHER = 200  # messages stored together
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^\s:@/\[\]]+)(?::(?P<port>\d{1,5}))?")
_KEEPALIVE_SECONDS = 60
_BREATH_SECONDS = 0.005  # without a message before the received ones are stored
_LONGEST_WAIT_SECONDS = 60.0  # between two attempts to reach the broker
_REFUSED_FOR_GOOD = ("Unsupported protocol version", "Client identifier not valid", "Bad user name or password",
                     "Not authorized")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """Address of a broker and how to connect; `ca` is a file of certificates used instead of the system's."""

    host: str
    port: int
    topics: tuple[str, ...]
    user: str = ""
    password: str = ""
    tls: bool = False
    ca: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(kw_only=True, eq=False)
class BrokerMessage:
    """A message that has not been acknowledged yet; it may be once `is_done` is True."""

    topic: str
    payload: bytes
    number: int
    quality: int
    is_done: bool = False


def address_of(
    text: str, topics: Sequence[str], *, user: str = "", password: str = "", tls: bool = False, ca: Path | None = None
) -> BrokerAddress:
    """Return the address of a broker from HOST or HOST:PORT.

    Raises
    ------
    InputError
        The text is no address, no topic is given or one is wrong, or the certificates cannot be read.
    """
    match = _ADDRESS.fullmatch(text)
    tls = tls or ca is not None
    port = int(match["port"] or (TLS_PORT if tls else PORT)) if match else 0
    if not match or not _is_name(match["host"]) or not 0 < port < 65536:
        raise InputError(f"`mqtt` {text!r:.60}: give HOST or HOST:PORT, without a user or password")
    if not topics:
        raise InputError("`mqtt`: give a `topic`, such as plant/readings/+")
    for topic in topics:
        if not topic or not re.fullmatch(r"(?:(?:\+|[^+#\0/]*)/)*(?:#|\+|[^+#\0/]*)", topic):
            raise InputError(f"`topic` {topic!r:.60}: not a topic; + stands for one level, # at the end for all below")
    if ca is not None:
        with files.reading(ca):
            files.checked(ca)
    return BrokerAddress(
        host=match["host"].strip("[]"), port=port, topics=tuple(topics), user=user, password=password, tls=tls, ca=ca
    )


def _is_name(host: str) -> bool:
    """Return whether Python can encode the name of a host; else connecting to it would raise UnicodeError."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


class Broker:
    """A connection to a broker, renewed whenever it is lost, in a session that the broker keeps meanwhile.

    Everything runs in one thread. `receive` waits for messages; none is lost between two calls, since the broker limits
    the number of unacknowledged messages that it sends.

    Parameters
    ----------
    address : address of the broker.
    state : folder for the name of the session and its topics.
    """

    def __init__(self, address: BrokerAddress, state: Path) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise InputError(
                "`mqtt`: needs paho-mqtt; pip install 'corrotwin[mqtt]' or pip install paho-mqtt"
            ) from error
        self.address, self.pending = address, deque[BrokerMessage]()
        self._file = state / "session.json"
        self._name, self._known = self._session()
        # If another address was used since, it may name the same broker, so that the topics are uncertain.
        is_last = next(reversed(self._known), "") == str(address)
        self._topics = tuple(self._known[str(address)]) if is_last else ()
        self._client: Client = Client(
            CallbackAPIVersion.VERSION2, client_id=self._name, clean_session=False, manual_ack=True
        )
        if address.user:
            self._client.username_pw_set(address.user, address.password)
        if address.tls:
            self._client.tls_set_context(_context(address.ca))
        self._client.on_connect, self._client.on_disconnect = self._on_connect, self._on_disconnect
        self._client.on_subscribe, self._client.on_message = self._on_subscribe, self._on_message
        self._began = self.is_ready = False
        self._delay, self._next = 1.0, 0.0
        self.trouble = ""  # why the broker cannot be reached
        self._refusal: InputError | None = None

    def receive(self, seconds: float) -> None:
        """Append messages that arrive within some seconds to `pending`; reconnect if the connection is lost.

        It returns early once no further message follows, or `MOST_TOGETHER` are pending.

        Raises
        ------
        InputError
            The broker refuses the connection or a topic, or its certificate is not trusted.
        """
        until = time.monotonic() + seconds
        self._connect()
        count_before = len(self.pending)
        while self._client.socket() is not None:
            count = len(self.pending)
            remaining = max(until - time.monotonic(), 0.0)
            self._client.loop(timeout=min(remaining, _BREATH_SECONDS) if count > count_before else remaining)
            if self._refusal is not None:
                raise self._refusal
            is_finished = len(self.pending) == count and (count > count_before or time.monotonic() >= until)
            if is_finished or len(self.pending) >= MOST_TOGETHER:
                return
        time.sleep(max(0.0, until - time.monotonic()))

    def acknowledge(self) -> None:
        """Acknowledge messages in order of arrival, up to the first that is not done."""
        while self.pending and self.pending[0].is_done:
            message = self.pending.popleft()
            if message.quality:
                self._client.ack(message.number, message.quality)

    def close(self) -> None:
        """Disconnect; the broker keeps later messages for the next session."""
        if self._client.socket() is not None:
            self._client.on_disconnect = None
            self._client.disconnect()
        if self._client.socket() is not None:
            self._client.loop(timeout=0.1)

    def _connect(self) -> None:
        if self._client.socket() is not None or time.monotonic() < self._next:
            return
        try:
            self._client.connect(self.address.host, self.address.port, keepalive=_KEEPALIVE_SECONDS)
        except ssl.SSLCertVerificationError as error:
            raise InputError(
                f"`mqtt` {self.address}: its certificate is not trusted ({error.verify_message}); give the certificate "
                "of its issuer as `ca`, and the host name as in the certificate"
            ) from error
        except (OSError, socket.gaierror) as error:
            self._lost(error.strerror or str(error))

    def _lost(self, why: str) -> None:
        """Record that the connection is lost; the delay before the next attempt doubles each time."""
        self.pending.clear()  # the broker sends unacknowledged messages again
        self.is_ready = False
        self._next = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, _LONGEST_WAIT_SECONDS)
        self.trouble = printable(why)

    def _on_connect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            reason_name = reason.getName()
            if not self._began and reason_name in _REFUSED_FOR_GOOD:
                self._refusal = InputError(
                    f"`mqtt` {self.address}: refuses the connection ({reason_name}); check user and password"
                )
            return  # the broker disconnects, which calls `_on_disconnect`
        if flags.session_present and set(self._topics) == set(self.address.topics):
            self._ready()  # another subscription would deliver all retained messages again
            return
        # Those of all addresses, since two addresses may name one broker.
        known_topics = {topic for topics in self._known.values() for topic in topics}
        if old_topics := sorted(known_topics - set(self.address.topics)):
            self._remember((*self.address.topics, *old_topics))  # in case the process is killed meanwhile
            client.unsubscribe(old_topics)
        client.subscribe([(topic, 1) for topic in self.address.topics])

    def _on_subscribe(self, client: "Client", data: Any, number: int, reasons: Any, properties: Any) -> None:
        for topic, reason in zip(self.address.topics, reasons, strict=False):
            if reason.is_failure:
                self._refusal = InputError(
                    f"`topic` {topic}: refused by the broker {self.address} ({reason.getName()})"
                )
                return
        self._topics = self.address.topics
        self._remember(self._topics)
        self._ready()

    def _remember(self, topics: Sequence[str]) -> None:
        with suppress(OSError):  # a full disk; only changed topics and retained messages depend on this file
            others = {at: known for at, known in self._known.items() if at != str(self.address)}
            by_address = {**others, str(self.address): list(topics)}  # the latest address is last
            files.write_json(self._file, {"name": self._name, "topics": by_address})

    def _ready(self) -> None:
        self.is_ready = self._began = True
        self.trouble, self._delay = "", 1.0

    def _on_disconnect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self._refusal is None:
            reason_name = reason.getName()
            self._lost(
                "connection lost" if reason_name == "Unspecified error" or not reason.is_failure else reason_name
            )

    def _on_message(self, client: "Client", data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(a topic that is not in UTF-8)"
        self.pending.append(
            BrokerMessage(topic=printable(topic), payload=message.payload, number=message.mid, quality=message.qos)
        )

    def _session(self) -> tuple[str, dict[str, list[str]]]:
        """Return the name of the session, new if there is none, and its topics by address, oldest first."""
        if not self._file.exists():
            name = f"corrotwin-{uuid.uuid4().hex[:12]}"  # at most 23 characters, which MQTT 3.1.1 guarantees
            files.write_json(self._file, {"name": name, "topics": {}})
            return name, {}
        content = files.read_json(self._file, inside=self._file.parent)
        try:
            return str(content["name"]), {
                str(address): list(map(str, topics)) for address, topics in content["topics"].items()
            }
        except (AttributeError, LookupError, TypeError) as error:
            raise InputError(
                f"{self._file}: damaged; delete it, but messages that wait at the broker will not be received"
            ) from error


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except ssl.SSLError as error:
        raise InputError(f"`ca` {ca}: no certificates ({error.reason}); give them in PEM format") from error
