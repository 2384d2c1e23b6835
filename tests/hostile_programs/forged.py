"""Forged messages: what a worker says to its host, said by written code, in the worker's own form.

What a program answers is its own, so a lie about that is no harm. Controls run in `trusting`: a process whose host
unpickles and does not ask which run a message belongs to. Where there is none ("none"), it is said why.
"""

from .table import MARK, SECRET, TAG, _packed, _say, attack

# ── answers that no call waits for ──


@attack("forged messages", "later", "trusting")
def answers_before_it_answers(self):
    """Its true answer comes when the host hears no more of this call."""
    turn = type(self)._agent_guest_.turn
    _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], _packed(4711)))
    return 1


@attack("forged messages", "later", "trusting")
def answers_three_calls_at_once(self):
    """One for this call, and two for those to come."""
    turn = type(self)._agent_guest_.turn
    for _ in range(3):
        _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], _packed([7, [1, 2]])))
    return 1


@attack("forged messages", "later", "trusting")
def fails_before_it_answers(self):
    """A forged error first."""
    told = {"d": ["kind", "ValueError", "base", "ValueError", "args", None, "text", "x", "lines", [], "where", ""]}
    told["d"] += ["about", None]
    _say(_packed([type(self)._agent_guest_.turn, "raise", None, told]))
    return 1


@attack("forged messages", "later", "trusting")
def answers_when_another_is_asked(self):
    """A thread that it leaves behind speaks when the next call has begun."""
    import threading
    import time

    turn = type(self)._agent_guest_.turn

    def speak():
        end = time.monotonic() + 3
        while time.monotonic() < end:
            _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], _packed(4711)))
            time.sleep(0.001)

    threading.Thread(target=speak, daemon=True).start()
    return 1


@attack("forged messages", "later", "trusting")
def answers_a_call_that_was_not_made(self):
    """Replies with words that it made up, and one to a question of ours."""
    _say(_packed(["0" * 64, "value", {"v": 0}, False, {"d": []}, []], _packed(4711)))
    _say(_packed(["", "value", {"v": 0}, False, {"d": ["total", {"v": 1}]}, []], _packed(4711), _packed(99)))
    return 1


@attack("forged messages", "later", "none")
def answers_when_its_time_is_over(self):
    """It goes on to speak for as long as it lives, which the deadline ends.

    No control: a host without a deadline hears its own answer in the end.
    """
    import threading
    import time

    turn = type(self)._agent_guest_.turn

    def speak():
        time.sleep(0.9)
        while True:
            _say(_packed([turn, "out", 1, ""]))

    threading.Thread(target=speak, daemon=True).start()
    while True:
        time.sleep(1)


# ── state and requests ──


@attack("forged messages", "later", "trusting")
def names_another_file_as_state(self):
    """What a person names is granted: a path that it sets itself must not be."""
    turn = type(self)._agent_guest_.turn
    _say(_packed([turn, "value", {"v": 0}, False, {"d": ["path", {"v": 1}]}, []], _packed(1), _packed(SECRET)))


@attack("forged messages", "later", "none")
def changes_state_and_falls(self):
    """State in a request, and then the end: nothing of it may stay.

    No control: the host takes back in `process` too what a call that ends its worker has changed.
    """
    import os

    changed = {"d": ["total", {"v": 1}, "more", {"v": 2}]}
    asked = [type(self)._agent_guest_.turn, "ask", "state", "nothing", {"v": 0}, changed, ["rows"]]
    _say(_packed(asked, _packed([[], {"d": []}]), _packed(99), _packed(98)))
    os._exit(0)


@attack("forged messages", "done", "none")
def asks_for_more_than_there_is(self):
    """Methods, state and abilities that no worker may ask for.

    No control: where nothing is refused there is no host that could be asked.
    """
    guest = type(self)._agent_guest_
    wanted = [("method", name) for name in ("__init__", "__reduce__", "getdoc", "llm", "_agent_repl_shop_", "path")]
    wanted += [("llm", name) for name in ("agent", "__init__", "_shop", "session")]
    wanted += [("state", name) for name in ("__dict__", "__class__", "_agent_repl_shop_")]
    wanted += [("exec", "print"), ("import", "os"), ("", "")]
    for what, name in wanted:
        _say(_packed([guest.turn, "ask", what, name, {"v": 0}, {"d": []}, []], _packed([[], {"d": []}])))
        if (told := guest.receive())[0] != "raise":
            return f"{TAG} {what} {name}: {told}"
    return 1


@attack("forged messages", "later", "none")
def sets_what_is_no_state(self):
    """Names that are the product's own, on an agent.

    No control: what stands under such a name is seen only by reading it, which no other program does.
    """
    for name in ("__class__", "__dict__", "_agent_repl_shop_", "llm", "getdoc", "x y"):
        turn = type(self)._agent_guest_.turn
        _say(_packed([turn, "value", {"v": 0}, False, {"d": [name, {"v": 1}]}, []], _packed(1), _packed(1)))


@attack("forged messages", "screen", "trusting")
def prints_what_print_would_not(self):
    """A line for the screen, past all that makes lines harmless."""
    _say(_packed([type(self)._agent_guest_.turn, "out", 1, f"\x1b[2J{MARK} accepted\n"]))
    return 1


@attack("forged messages", "died", "none")
def raises_what_ends_the_host(self):
    """Errors of kinds that are no Exceptions, with a number that no error has.

    No control: a host that raises any kind by its name would end as `raises_the_end` shows.
    """
    for base in ("SystemExit", "KeyboardInterrupt", "BaseException", "GeneratorExit", "eval", "exit"):
        told = ["kind", base, "base", base, "args", None, "text", "7", "lines", [["x", -1]], "where", "", "about", None]
        _say(_packed([type(self)._agent_guest_.turn, "raise", -1, {"d": told}]))


# ── what the host would run ──


@attack("forged messages", "host", "trusting")
def answers_with_a_pickle_in_its_form(self):
    """The tag by which a trusting host unpickles."""
    data = f"cbuiltins\nexec\n(S\"__import__('os').environ['ZQ7_{TAG}'] = '1'\"\ntR.".encode()
    turn = type(self)._agent_guest_.turn
    _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], _packed({"pickle": 0}, data)))


@attack("forged messages", "host", "trusting")
def keeps_a_pickle_as_state(self):
    """The same, as a change of the state."""
    data = f"cbuiltins\nexec\n(S\"__import__('os').environ['ZQ7_{TAG}'] = '1'\"\ntR.".encode()
    changed = {"d": ["kept", {"v": 1}]}
    turn = type(self)._agent_guest_.turn
    _say(_packed([turn, "value", {"v": 0}, False, changed, []], _packed(1), _packed({"pickle": 0}, data)))


@attack("forged messages", "host", "trusting")
def fails_with_a_pickle(self):
    """The same, as what an error was made with."""
    data = f"cbuiltins\nexec\n(S\"__import__('os').environ['ZQ7_{TAG}'] = '1'\"\ntR.".encode()
    told = ["kind", "ValueError", "base", "ValueError", "args", {"v": 0}, "text", "x", "lines", [], "where", ""]
    turn = type(self)._agent_guest_.turn
    _say(_packed([turn, "raise", None, {"d": [*told, "about", None]}], _packed([{"pickle": 0}], data)))


@attack("forged messages", "host", "trusting")
def asks_with_a_pickle(self):
    """The same, as the arguments of a request."""
    data = f"cbuiltins\nexec\n(S\"__import__('os').environ['ZQ7_{TAG}'] = '1'\"\ntR.".encode()
    turn = type(self)._agent_guest_.turn
    _say(_packed([turn, "ask", "state", "path", {"v": 0}, {"d": []}, []], _packed({"pickle": 0}, data)))


# ── lengths and bombs; no controls: no other host reads them, and what reads them is broken in tests/test_codec.py ──


@attack("forged messages", "hung", "none")
def stops_in_the_middle(self):
    """Half of a message, and silence."""
    import time

    _say(_packed([type(self)._agent_guest_.turn, "value", "x" * 1000])[:500], more=500)
    time.sleep(100)


@attack("forged messages", "memory", "none")
def promises_half_a_gigabyte(self):
    """A length that is just allowed, and silence."""
    import time

    _say(b"x", more=(1 << 29) - 1)
    time.sleep(100)


@attack("forged messages", "memory", "none")
def promises_more_than_there_can_be(self):
    """Lengths of messages, of their words and of their parts that nobody can hold."""
    import struct

    turn = type(self)._agent_guest_.turn
    inner = struct.pack("<Q", 1 << 62) + b"[]"
    _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], inner))
    _say(b"x", more=(1 << 63) - 2)


@attack("forged messages", "memory", "none")
def answers_with_a_tuple_without_an_end(self):
    """A range is two numbers; a tuple of it is as long as they say."""
    turn = type(self)._agent_guest_.turn
    value = _packed({"t": {"r": [0, 10**8, 1]}})
    _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], value))


@attack("forged messages", "died", "none")
def answers_with_brackets(self):
    """Deeper than any stack."""
    import struct

    turn = type(self)._agent_guest_.turn
    text = b"[" * 900_000 + b"]" * 900_000
    value = struct.pack("<Q", len(text)) + text
    _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], value))


@attack("forged messages", "memory", "none")
def answers_with_a_table_that_grows(self):
    """Arrow, compressed: a few kilobytes that say of themselves that they are a gigabyte."""
    turn = type(self)._agent_guest_.turn
    try:
        import pyarrow

        data = pyarrow.py_buffer(bytes(1 << 26))
        column = pyarrow.Array.from_buffers(pyarrow.uint8(), 1 << 26, [None, data])
        sink = pyarrow.BufferOutputStream()
        schema = pyarrow.schema([(str(n), pyarrow.uint8()) for n in range(16)])
        about = pyarrow.ipc.IpcWriteOptions(compression="zstd")
        with pyarrow.ipc.new_stream(sink, schema, options=about) as stream:
            stream.write_batch(pyarrow.record_batch([column] * 16, schema=schema))
        table = sink.getvalue().to_pybytes()
    except ImportError:
        table = b"\xff\xff\xff\xff\x10\0\0\0" + b"\xff" * 64
    _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], _packed({"arrow": 0}, table)))


@attack("forged messages", "answer", "none")
def answers_with_tables_that_lie(self):
    """Arrays, columns and tables whose lengths are not those of their bytes."""
    turn = type(self)._agent_guest_.turn
    for tree in (
        {"nd": ["<f8", [1 << 40], 0]},
        {"nd": ["<U0", [1 << 40], 0]},
        {"series": [["list", {"r": [0, 10**8, 1]}], {"range": [0, 10**8, 1, None]}, None]},
        {"arrow": 0},
    ):
        _say(_packed([turn, "value", {"v": 0}, False, {"d": []}, []], _packed(tree, b"ARROW1\0\0" * 9)))
