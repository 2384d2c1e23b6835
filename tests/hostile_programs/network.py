"""The network and other wires: sockets of every family, listening, System V and POSIX memory."""

from .table import ABSTRACT, DGRAM, QUEUE, SEGMENT, SEM, SHM, SIX, SYS_MQ_OPEN, TAG, TCP, UDP, UNIX, _c, attack


@attack("tcp", "network")
def connects(self):
    """A connection, as every client makes one."""
    import socket

    with socket.create_connection(("127.0.0.1", TCP), timeout=2) as wire:
        wire.sendall(TAG.encode())


@attack("tcp", "network")
def sends_while_it_connects(self):
    """Fast open: sendto connects, and nothing called connect."""
    import socket

    wire = socket.socket()
    wire.sendto(TAG.encode(), 0x20000000, ("127.0.0.1", TCP))
    wire.close()


@attack("tcp", "network")
def connects_by_another_protocol(self):
    """Multipath TCP is not the TCP that some rules know."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as wire:
        wire.settimeout(2)
        wire.connect(("127.0.0.1", TCP))
        wire.sendall(TAG.encode())


@attack("tcp", "network")
def connects_over_six(self):
    """IPv6."""
    import socket

    with socket.create_connection(("::1", SIX), timeout=2) as wire:
        wire.sendall(TAG.encode())


@attack("tcp", "network")
def connects_in_c(self):
    """The C library's own calls: nothing of Python's socket module is touched."""
    import os
    import struct

    wire = _c("socket", 2, 1, 0)
    _c("connect", wire, struct.pack("=HHI8x", 2, (TCP >> 8) | ((TCP & 255) << 8), 0x0100007F), 16)
    os.write(wire, TAG.encode())


@attack("tcp", "network")
def lets_an_event_loop_connect(self):
    """asyncio: a loop makes a socket pair and an epoll of its own."""
    import asyncio

    async def send():
        _, writer = await asyncio.open_connection("127.0.0.1", TCP)
        writer.write(TAG.encode())
        await writer.drain()
        writer.close()

    asyncio.run(send())


@attack("udp", "network")
def sends_a_datagram(self):
    """UDP needs no connection."""
    import socket

    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(TAG.encode(), ("127.0.0.1", UDP))


@attack("udp", "network")
def hides_it_in_a_question_for_a_name(self):
    """A question to a name server, whose name is the message."""
    import socket

    labels = b"".join(bytes([len(part)]) + part.encode() for part in (TAG, "example", "invalid"))
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(question, ("127.0.0.1", UDP))


@attack("names", "done")
def asks_for_a_name(self):
    """getaddrinfo, here only of this machine's own name for itself: a socket to it must still be had."""
    import socket

    found = socket.getaddrinfo("localhost", TCP, socket.AF_INET, socket.SOCK_STREAM)
    socket.socket(*found[0][:3]).connect(found[0][4])
    return TAG


@attack("unix sockets", "network")
def connects_to_a_path(self):
    """A socket that is a file."""
    import socket

    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(UNIX)
        wire.sendall(TAG.encode())


@attack("unix sockets", "network")
def connects_to_an_abstract_name(self):
    """A socket without a file, which rules about files do not see."""
    import socket

    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect("\0" + ABSTRACT)
        wire.sendall(TAG.encode())


@attack("unix sockets", "network")
def sends_to_a_path(self):
    """A datagram to a socket that is a file."""
    import socket

    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(TAG.encode(), DGRAM)


@attack("unix sockets", "network")
def passes_a_descriptor(self):
    """An open file is handed to another process."""
    import array
    import os
    import socket

    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(UNIX)
        held = array.array("i", [os.open(self.path, os.O_RDONLY)])
        wire.sendmsg([TAG.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, held)])


@attack("listening", "done")
def listens(self):
    """A door for others: here it knocks itself."""
    import socket

    door = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(door.getsockname(), timeout=2)
    return TAG


@attack("listening", "done")
def listens_in_a_directory(self):
    """A door that is a file."""
    import os
    import socket
    import tempfile

    name = tempfile.mktemp()
    door = socket.socket(socket.AF_UNIX)
    door.bind(name)
    door.listen()
    os.unlink(name)
    return TAG


@attack("raw sockets", "done", "root")
def makes_packets(self):
    """A packet of its own making, to this machine."""
    import socket

    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.sendto(b"\x08\x00\xf7\xff\x00\x00\x00\x00", ("127.0.0.1", 0))
    return TAG


@attack("raw sockets", "done", "root")
def hears_every_packet(self):
    """A socket that sees what passes; here it is only opened."""
    import socket

    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).close()
    return TAG


@attack("raw sockets", "done")
def asks_the_kernel_for_its_interfaces(self):
    """Netlink: the addresses of this machine."""
    import socket
    import struct

    wire = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    wire.sendto(struct.pack("=IHHIIB3x", 20, 18, 0x301, 1, 0, 0), (0, 0))
    wire.recv(65536)
    return TAG


@attack("raw sockets", "done")
def talks_to_the_machine_around(self):
    """vsock, the wire between a virtual machine and its host; here the socket alone."""
    import socket

    socket.socket(40, socket.SOCK_STREAM).close()
    return TAG


# ── memory and queues that processes share ──


@attack("shared memory", "ipc")
def changes_a_shared_segment(self):
    """System V memory that another process uses."""
    import ctypes

    place = _c("shmat", _c("shmget", SHM, 0, 0), None, 0)
    ctypes.memmove(place, b"TAKEN", 5)


@attack("shared memory", "ipc")
def sends_into_a_queue(self):
    """A System V queue that another process reads."""
    import struct

    _c("msgsnd", _c("msgget", QUEUE, 0), struct.pack("l", 1) + TAG.encode(), len(TAG), 0)


@attack("shared memory", "ipc")
def takes_a_semaphore(self):
    """Others wait for it for ever."""
    import struct

    _c("semop", _c("semget", SEM, 1, 0), struct.pack("Hhh", 0, -1, 0x800), 1)


@attack("shared memory", "ipc")
def changes_a_posix_segment(self):
    """Memory that is a file in /dev/shm."""
    from multiprocessing import resource_tracker, shared_memory

    resource_tracker.register = lambda *about: None
    held = shared_memory.SharedMemory(SEGMENT)
    held.buf[:5] = b"TAKEN"
    held.close()


@attack("shared memory", "done")
def opens_a_message_queue(self):
    """A POSIX queue, gone again at once."""
    import ctypes

    name = f"zq7-{TAG}".encode()
    _c("syscall", SYS_MQ_OPEN, name, 0o102, 0o600, None)
    ctypes.CDLL("librt.so.1").mq_unlink(b"/" + name)
    return TAG
