"""Which Ray cluster may be joined, and whether one that was is still there."""

import socket
import threading
import time
from pathlib import Path

import pytest

from corrotwin.twin.core.cluster import joining
from corrotwin.twin.core.errors import InputError, WorkError

# What Ray 2.60 says on stderr, but for its middles.
NO_TOKEN = """\
[W 638 638] gcs_client.cc:210: Failed to get cluster ID from GCS server: Unauthenticated: RPC error: InvalidAuthToken
ConnectionError: Failed to connect to Ray cluster at 192.0.2.2:6379
"""
VERSIONS = """\
RuntimeError: Version mismatch: The cluster was started with:
    Ray: 2.40.0
    Python: 3.11.7
This process on node 192.0.2.2 was started with:
    Ray: 2.60.0
    Python: 3.11.9

"""
NO_NODE = """\
RuntimeError: No node info found matching attributes: '' when trying to resolve node to connect to.

The above exception was the direct cause of the following exception:

ConnectionError: Failed to connect to Ray cluster at 192.0.2.2:6379
"""
NO_SOCKET = """\
[C 93 93] raylet_ipc_client.cc:85: Failed to connect to socket at address:/tmp/ray/session_2026/sockets/raylet
*** StackTrace Information ***
python(_start+0x21) [0x561d13a0a081] _start
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            NO_TOKEN,
            "the cluster requires a token: set RAY_AUTH_MODE=token and copy ~/.ray/auth_token here from its head",
        ),
        (
            VERSIONS,
            "the cluster has Ray 2.40.0 and Python 3.11.7, this machine Ray 2.60.0 and Python 3.11.9; install the same "
            "on both",
        ),
        (NO_NODE, "this machine is not a node of the cluster; first run: ray start --address first:6379"),
        (NO_SOCKET, "this machine is not a node of the cluster; first run: ray start --address first:6379"),
        ("Traceback\nConnectionError: none\n", "no Ray cluster answers there (ConnectionError: none)"),
        ("[C 93] bad\n*** StackTrace Information ***\n_start\n", "no Ray cluster answers there ([C 93] bad)"),
        ("", "no Ray cluster answers there (Ray ended without a message)"),
    ],
)
def test_why_a_cluster_cannot_be_joined_is_one_line(said: str, line: str) -> None:
    assert joining.reason(said, "first:6379") == line


@pytest.mark.parametrize(
    ("address", "variable", "line"),
    [
        ("127.0.0.1:1", "", r"`address` 127\.0\.0\.1:1: no Ray cluster answers there \(ConnectionRefusedError: "),
        ("auto", "127.0.0.1:1", r"`address` auto \(RAY_ADDRESS 127\.0\.0\.1:1\): no Ray cluster answers there"),
        ("nowhere", "", r"`address` nowhere: no .* \(ValueError: 'nowhere' is neither auto nor host:port\)"),
        ("auto", "local", r"`address` auto \(RAY_ADDRESS local\): no .* 'local' is neither auto nor host:port\)"),
        (
            "auto",
            "http://first:8265",
            r"`address` auto \(RAY_ADDRESS http://first:8265\): is an address for submitting",
        ),
        (
            "ray://first:10001",
            "",
            r"`address` ray://first:10001: Ray Client addresses are not supported; run the command on",
        ),
    ],
)
def test_a_wrong_address_is_known_before_ray_is_asked(
    address: str, variable: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", variable)
    monkeypatch.setattr(joining.subprocess, "run", pytest.fail)
    with pytest.raises(InputError, match=f"^{line}"):
        joining.require_cluster(address)


@pytest.fixture
def port() -> socket.socket:
    """A port that accepts connections and says nothing."""
    return socket.create_server(("127.0.0.1", 0))


def place(port: socket.socket) -> str:
    return "{}:{}".format(*port.getsockname())


def test_a_port_that_is_not_rays_is_given_up(port: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "ANSWER_SECONDS", 0.5)
    with port, pytest.raises(InputError, match=f"^`address` {place(port)}: no Ray cluster answers there within 0.5 s$"):
        joining.require_cluster(place(port))


def closed(port: socket.socket) -> str:
    """Where the port was."""
    where = place(port)
    port.close()
    return where


def test_a_head_that_comes_back_is_waited_for(port: socket.socket) -> None:
    where = closed(port)
    back = []

    def open_again() -> None:
        time.sleep(0.2)
        back.append(socket.create_server(("127.0.0.1", int(where.rpartition(":")[2]))))

    with socket.create_server(("127.0.0.1", 0)) as node:
        threading.Thread(target=open_again).start()
        joining.Joined(address="auto", head=where, node=place(node)).wait_for_head()
    back[0].close()


def test_a_head_that_stays_away_is_an_error(port: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "PATIENCE_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as node:
        cluster = joining.Joined(address="auto", head=closed(port), node=place(node))
        assert not cluster.has_ended()
        with pytest.raises(
            WorkError, match=f"^the head of the Ray cluster, {cluster.head}, has not answered for 0 s; "
        ):
            cluster.wait_for_head()


def test_a_node_that_ended_with_its_head_is_not_waited_for(port: socket.socket) -> None:
    where = closed(port)
    cluster = joining.Joined(address="auto", head=where, node=where)
    assert cluster.has_ended()
    with pytest.raises(WorkError, match=r"^Ray has ended on this machine"):
        cluster.wait_for_head()


def test_a_file_of_the_folder_where_a_command_is_typed_is_not_taken_for_ray(
    port: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ray.py").write_text("def init(*_, **__): pass")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(joining, "ANSWER_SECONDS", 2.0)
    with port, pytest.raises(InputError, match="no Ray cluster answers there"):
        joining.require_cluster(place(port))
