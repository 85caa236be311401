"""Messages of an MQTT broker, kept by it until they are acknowledged. Needs paho-mqtt."""

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
MOST_TOGETHER = 200  # messages that are stored together
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^\s:@/\[\]]+)(?::(?P<port>\d{1,5}))?")
_KEEPALIVE_SECONDS = 60
_BREATH_SECONDS = 0.005  # without a message, and those that came are stored
_LONGEST_WAIT_SECONDS = 60.0  # between two attempts to reach the broker
_REFUSED_FOR_GOOD = ("Unsupported protocol version", "Client identifier not valid", "Bad user name or password",
                     "Not authorized")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """Address of a broker and how to connect to it; `ca` is a file of certificates in place of the system's."""

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
    """A message that was not acknowledged yet; `is_done` says that it may be."""

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
        It is none, no topic is given or one is wrong, or the certificates cannot be read.
    """
    found = _ADDRESS.fullmatch(text)
    tls = tls or ca is not None
    port = int(found["port"] or (TLS_PORT if tls else PORT)) if found else 0
    if not found or not _is_name(found["host"]) or not 0 < port < 65536:
        raise InputError(f"`mqtt` {text!r:.60}: give HOST or HOST:PORT; who logs in is not part of it")
    if not topics:
        raise InputError("`mqtt`: give a `topic`, such as plant/readings/+")
    for topic in topics:
        if not topic or not re.fullmatch(r"(?:(?:\+|[^+#\0/]*)/)*(?:#|\+|[^+#\0/]*)", topic):
            raise InputError(f"`topic` {topic!r:.60}: no topic; + stands for one level, a last # for all below")
    if ca is not None:
        with files.reading(ca):
            files.checked(ca)
    return BrokerAddress(
        host=found["host"].strip("[]"), port=port, topics=tuple(topics), user=user, password=password, tls=tls, ca=ca
    )


def _is_name(host: str) -> bool:
    """Return whether a host can be looked up; else Python's encoding of it fails when it is connected to."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


class Broker:
    """A connection to a broker, taken up again whenever it is lost, in a session that the broker keeps meanwhile.

    One thread does all: `receive` waits for messages, and between two calls nothing is lost, since the broker sends no
    more than some messages that were not acknowledged.

    Parameters
    ----------
    address : of the broker.
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
        # Of an address that was used before the last one, nobody knows: it may have named the same broker.
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
        self.trouble = ""  # why the broker is not reached
        self._refusal: InputError | None = None

    def receive(self, seconds: float) -> None:
        """Take what arrives within so many seconds into `pending`, or connect again where the connection is lost.

        Raises
        ------
        InputError
            The broker refuses us, or a topic, or its certificate is not trusted.
        """
        until = time.monotonic() + seconds
        self._connect()
        begun = len(self.pending)
        while self._client.socket() is not None:
            count = len(self.pending)
            left = max(until - time.monotonic(), 0.0)
            self._client.loop(timeout=min(left, _BREATH_SECONDS) if count > begun else left)
            if self._refusal is not None:
                raise self._refusal
            is_over = len(self.pending) == count and (count > begun or time.monotonic() >= until)
            if is_over or len(self.pending) >= MOST_TOGETHER:
                return
        time.sleep(max(0.0, until - time.monotonic()))

    def acknowledge(self) -> None:
        """Acknowledge the messages that are done, in their order, up to the first that is not."""
        while self.pending and self.pending[0].is_done:
            message = self.pending.popleft()
            if message.quality:
                self._client.ack(message.number, message.quality)

    def close(self) -> None:
        """Take leave; the broker keeps what comes from now on for the next time."""
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
                "of who signed it by `ca`, and the host's name as it stands there"
            ) from error
        except (OSError, socket.gaierror) as error:
            self._lost(error.strerror or str(error))

    def _lost(self, why: str) -> None:
        """Try again after twice as long each time."""
        self.pending.clear()  # it will send again what was not acknowledged
        self.is_ready = False
        self._next = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, _LONGEST_WAIT_SECONDS)
        self.trouble = printable(why)

    def _on_connect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            said = reason.getName()
            if not self._began and said in _REFUSED_FOR_GOOD:
                self._refusal = InputError(f"`mqtt` {self.address}: refuses us ({said}); check user and password")
            return  # the broker hangs up, which `_on_disconnect` hears
        if flags.session_present and set(self._topics) == set(self.address.topics):
            self._ready()  # subscribing again would bring all retained messages again
            return
        known = {topic for topics in self._known.values() for topic in topics}  # an address may name the same broker
        if old := sorted(known - set(self.address.topics)):
            self._remember((*self.address.topics, *old))  # should we be killed before all is done
            client.unsubscribe(old)
        client.subscribe([(topic, 1) for topic in self.address.topics])

    def _on_subscribe(self, client: "Client", data: Any, number: int, reasons: Any, properties: Any) -> None:
        for topic, reason in zip(self.address.topics, reasons, strict=False):
            if reason.is_failure:
                self._refusal = InputError(
                    f"`topic` {topic}: the broker {self.address} refuses it ({reason.getName()})"
                )
                return
        self._topics = self.address.topics
        self._remember(self._topics)
        self._ready()

    def _remember(self, topics: Sequence[str]) -> None:
        with suppress(OSError):  # a full disk; it matters to another choice of topics alone, and to retained messages
            others = {at: known for at, known in self._known.items() if at != str(self.address)}
            known = {**others, str(self.address): list(topics)}  # the last at the end
            files.write_json(self._file, {"name": self._name, "topics": known})

    def _ready(self) -> None:
        self.is_ready = self._began = True
        self.trouble, self._delay = "", 1.0

    def _on_disconnect(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self._refusal is None:
            said = reason.getName()
            self._lost("connection lost" if said == "Unspecified error" or not reason.is_failure else said)

    def _on_message(self, client: "Client", data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(a topic that is not in UTF-8)"
        self.pending.append(
            BrokerMessage(topic=printable(topic), payload=message.payload, number=message.mid, quality=message.qos)
        )

    def _session(self) -> tuple[str, dict[str, list[str]]]:
        """Return the name of our session, a new one where there is none, and its topics by address, oldest first."""
        if not self._file.exists():
            name = f"corrotwin-{uuid.uuid4().hex[:12]}"  # 23 characters at most, as MQTT 3.1.1 grants all
            files.write_json(self._file, {"name": name, "topics": {}})
            return name, {}
        content = files.read_json(self._file, inside=self._file.parent)
        try:
            return str(content["name"]), {str(at): list(map(str, topics)) for at, topics in content["topics"].items()}
        except (AttributeError, LookupError, TypeError) as error:
            raise InputError(
                f"{self._file}: damaged; delete it, and what waits at the broker is not received"
            ) from error


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except ssl.SSLError as error:
        raise InputError(f"`ca` {ca}: no certificates ({error.reason}); give them in PEM") from error
