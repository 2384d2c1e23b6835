"""Methods in Lua: what code cannot reach, limits that it cannot catch, values both ways, and the life of a method."""

from __future__ import annotations

import _thread
import builtins
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from kit import Person, asked, session
from lupa import lua54

import agent_repl as ar
from agent_repl import (
    Agent,
    AgentError,
    ExecutorError,
    InvalidCode,
    ScriptedProvider,
    Verdict,
    control,
    explore,
    open_session,
)
from agent_repl.session import use
from agent_repl.signature.options import signer
from agent_repl_code.lua import legible, touched, unseen, used, words
from agent_repl_lua import runtime
from agent_repl_lua.runtime import LuaError, LuaLimit, lua, unfit
from agent_repl_ui.editing import edited
from agent_repl_ui.render import as_text, highlighted


class Thing:
    """An object whose methods are in Lua."""


def thing(**state: Any) -> Any:
    made = Thing()
    vars(made).update(state)
    return made


def call(body: str, *args: Any, on: Any = None, parameters: str = "self, a, b, c", **methods: Any) -> Any:
    """What a function with this body answers."""
    return lua(on or thing(), "f", args, f"function f({parameters})\n{body}\nend", **methods)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that are reached soon."""
    monkeypatch.setattr(runtime, "INSTRUCTIONS", 3_000_000)
    monkeypatch.setattr(runtime, "SECONDS", 30)
    monkeypatch.setattr(runtime, "MEMORY", 8 << 20)


def plain(code: str) -> Any:
    """What the same code does where nothing is closed."""
    return lua54.LuaRuntime().execute(code)


# ── what code cannot reach: what is there in a plain runtime is nil here ──

REACHED = [
    "os.execute",
    "os.remove",
    "os.getenv",
    "os.exit",
    "io.open",
    "io.popen",
    "load",
    "loadfile",
    "dofile",
    "require",
    "package.loadlib",
    "package.loaded.os",
    "debug.getregistry",
    "debug.sethook",
    "debug.getupvalue",
    "collectgarbage",
    "string.dump",
    "('').dump",
    "print",
    "_G",
    "python.eval",
    "python.builtins.open",
    "python.as_attrgetter",
    "getmetatable('').__index",
    "_ENV.os",
]


@pytest.mark.parametrize("path", REACHED)
def test_what_a_plain_runtime_gives_is_not_there(path: str) -> None:
    assert plain(f"return type({path})") in ("function", "table", "userdata")
    found = call(f"local ok, found = pcall(function() return {path} end)\nreturn ok and type(found) or 'nil'")
    assert found == "nil"


WALK = """
local seen, found = {}, {}
local function go(value, path)
  if seen[value] or type(value) == "nil" then return end
  if type(value) == "userdata" or type(value) == "thread" then found[#found + 1] = path end
  if type(value) ~= "table" then return end
  seen[value] = true
  for k, v in next, value do go(k, path .. ".key"); go(v, path .. "." .. tostring(k)) end
  go(getmetatable(value), path .. ".meta")
end
go(_ENV, "env")
"""


def test_nothing_of_the_host_is_among_all_that_can_be_reached() -> None:
    assert call(WALK + 'go(self, "self"); return #found', on=thing(rows=[{"a": 1}]), other=lambda: 1) == 0
    assert plain(WALK + "return #found") > 5


def test_what_a_method_of_the_host_raises_never_comes_into_the_hands_of_lua() -> None:
    def boom() -> None:
        raise ValueError("secret")

    with pytest.raises(ValueError, match="secret"):
        call("local ok, e = pcall(self.boom, self)\nreturn type(e)", boom=boom)
    held: Any = lua54.LuaRuntime().eval("function(boom) local ok, e = pcall(boom); return e end")
    assert held(boom).__traceback__.tb_frame.f_globals  # a plain runtime hands the exception over, and all behind it


def test_what_lua_itself_raises_in_another_method_can_be_caught() -> None:
    def boom() -> Any:
        return call("error('no rows')")

    assert call("local ok, e = pcall(self.boom, self)\nreturn ok, e:match('no rows')", boom=boom) == (False, "no rows")
    with pytest.raises(LuaError, match="no rows") as raised:
        call("return self:boom()", boom=boom)
    assert raised.value.on_purpose


@pytest.mark.parametrize("name", ["__class__", "__dict__", "_private", "__init__"])
def test_self_is_a_table_of_state_and_no_object(name: str) -> None:
    assert call("return self[a]", name) is None
    with pytest.raises(LuaError, match="cannot be set"):
        call("self[a] = 1", name)


@pytest.mark.parametrize(
    "code",
    [
        "setmetatable(self, {})",
        "getmetatable(self).__index = 1",
        "self.other = 1",
        "self[1] = 2",
        "null.x = 1",
        "null.x()",
    ],
)
def test_what_is_not_for_it_to_change_stays(code: str) -> None:
    with pytest.raises(LuaError):
        call(code, other=lambda: 1)


def test_a_precompiled_chunk_is_refused() -> None:
    chunk = bytes(lua54.LuaRuntime(encoding=None).eval(b"string.dump(function() end)")).decode("latin-1")
    with pytest.raises(LuaError):
        lua(thing(), "f", (), chunk)


def test_nothing_stays_from_one_call_to_the_next() -> None:
    count = "count = (count or 0) + 1; string.upper = nil; return count"
    assert [call(count), call(count), call("return ('a'):upper()")] == [1, 1, "A"]


# ── limits: each mechanism once ──

LOOPS = {
    "a loop": "while true do end",
    "a goto": "::again:: goto again",
    "an endless for": "for i = 1, math.huge do end",
    "a tail call": "local function g() return g() end g()",
    "pcall around a loop": "while true do pcall(function() while true do end end) end",
    "pcall in pcall": "while true do pcall(pcall, pcall, function() while true do end end) end",
    "a handler that goes on": "local function spin() while true do end end while true do xpcall(spin, spin) end",
    "an error with a tostring": "error(setmetatable({}, {__tostring = function() while true do end end, __name = 'x'}))"
    " while true do end",
    "a coroutine": "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "wrap in pcall": "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "coroutines too short to be counted": "while true do coroutine.wrap(function() for i = 1, 50 do end end)() end",
    "a coroutine that yields": "local co = coroutine.wrap(function() while true do coroutine.yield() end end)"
    " while true do co() end",
    "a coroutine in a coroutine": "local function deep(n) return coroutine.wrap(function()"
    " if n > 0 then deep(n - 1)() end while true do end end) end while true do pcall(deep(20)) end",
    "close of a coroutine": "local meta = {__close = function() while true do end end} while true do"
    " local co = coroutine.create(function() local x <close> = setmetatable({}, meta) coroutine.yield() end)"
    " coroutine.resume(co) coroutine.close(co) end",
    "close": "local meta = {} meta.__close = function() local y <close> = setmetatable({}, meta) while true do end end"
    " local x <close> = setmetatable({}, meta) while true do end",
    "close in a loop": "local meta = {__close = function() while true do end end}"
    " while true do pcall(function() local x <close> = setmetatable({}, meta) error() end) end",
    "the fourth value of a for": "local meta = {__close = function() while true do end end}"
    " for i in function() return 1 end, nil, nil, setmetatable({}, meta) do while true do end end",
    "an order that never ends": "table.sort({3, 2, 1}, function() while true do end end)",
    "gsub's function": "('a'):gsub('a', function() while true do end end)",
    "an index": "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
    "pairs": "for _ in pairs(setmetatable({}, {__pairs = function() while true do end end})) do end",
    "rep of nothing": "return #(''):rep(1 << 62)",
    "rep of much": "while true do pcall(string.rep, 'xxxxxxxxxx', 1 << 60) end",
    "rep between": "while true do pcall(string.rep, '', 1 << 60, 'x') end",
    "find": "return (('a'):rep(30000) .. 'b'):find('.-.-.-.-.-.-c')",
    "match": "return ('a'):rep(30000):match('(.-)(.-)(.-)(.-)(.-)x')",
    "gsub": "return (('a'):rep(30000)):gsub('a*a*a*a*b', '')",
    "gmatch": "for x in ('a'):rep(30000):gmatch('a*a*a*a*b') do end",
    "balance": "return ('('):rep(300000):find('%b()')",
    "back references": "return ('a'):rep(30000):find('(.*)%1b')",
    "plain find": "local s = ('a'):rep(2000000) while true do s:find(('a'):rep(500000) .. 'b', 1, true) end",
    "move": "table.move({}, 1, 1 << 62, 2)",
    "a table's length that lies": "table.insert(setmetatable({}, {__len = function() return 1 << 62 end}), 1, 1)",
    "concat of a length that lies": "return table.concat(setmetatable({}, {__len = function() return 1 << 40 end,"
    " __index = function() return '' end}))",
    "a gc": "setmetatable({}, {__gc = function() while true do end end}) for i = 1, 1e9 do local t = {} end",
    "rawset and next": "while true do pcall(next, {}, 1) end",
    "tables without end": "local t = {} while true do t[#t + 1] = {} end",
    "tables in pcall": "local t = {} local function grow() while true do t[#t + 1] = ('x'):rep(999) .. #t end end"
    " while true do pcall(grow) end",
    "a text that doubles": "local s = 'x' while true do s = s .. s end",
    "a text that doubles in pcall": "local s = 'x' while true do pcall(function() s = s .. s end) end",
    "memory in a coroutine": "local t = {} while true do coroutine.resume(coroutine.create(function()"
    " while true do t[#t + 1] = ('x'):rep(9999) .. #t end end)) end",
    "coroutines without end": "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
    "recursion": "local function g() return 1 + g() end return g()",
    "recursion in C": "local function g(s) return s:gsub('.', g) end return g('a')",
    "recursion in pcall": "local function g() return pcall(g) and pcall(g) end while true do g() end",
    "unpack of much": "return table.unpack({}, 1, 1e8)",
    "a loop in the chunk": "end while true do end do",
}
CLOSED_OTHERWISE = {  # refused before they begin
    "rep of nothing": "",
    "a gc": "__gc",
    "a table's length that lies": "__len",
    "concat of a length that lies": "__len",
    "recursion in C": "stack overflow",
    "unpack of much": "too many results",
    "an error with a tostring": "raised a table",
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_limit_ends_it_whatever_it_catches(name: str, small: None) -> None:
    if name == "rep of nothing":
        assert call(LOOPS[name]) == 0
        return
    with pytest.raises(LuaError, match=CLOSED_OTHERWISE.get(name, "it was stopped: more")) as raised:
        call(LOOPS[name])
    assert name in CLOSED_OTHERWISE or type(raised.value) is LuaLimit


SWALLOWED = """
local count = 0
debug.sethook(function() error("limit") end, "", 1000)
local done = {pcall(function()
  %s
end)}
debug.sethook()
return count
"""


@pytest.mark.parametrize(
    "code",
    [
        "for i = 1, 50 do pcall(function() while true do end end); count = count + 1 end",
        "local function long() for j = 1, 1e5 do end; count = count + 1 end"
        " for i = 1, 50 do coroutine.resume(coroutine.create(long)) end",
        "for i = 1, 50 do pcall(coroutine.wrap(function() for j = 1, 1e5 do end; count = count + 1 end)) end",
        "setmetatable({}, {__gc = function() for i = 1, 1e5 do end; count = count + 1 end}); collectgarbage()",
        "(''):rep(1e6); table.move({}, 1, 1e6, 2); count = count + 1",
    ],
)
def test_a_hook_alone_would_be_swallowed(code: str) -> None:
    """The controls: what a plain runtime with the usual hook lets pass."""
    assert plain(SWALLOWED % code) > 0


def test_what_comes_after_a_limit_does_not_run(small: None) -> None:
    it = thing(n=0)
    with pytest.raises(LuaLimit):
        call("pcall(function() while true do end end); self.n = 1", on=it)
    assert vars(it) == {"n": 0}


def test_an_interrupt_is_no_error_that_lua_can_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call("while true do pcall(self.other, self) end", other=interrupted)


def test_ctrl_c_ends_code_that_catches_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "INSTRUCTIONS", 10**15)
    it = thing(n=0)
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call("self.n = 1; while true do pcall(function() while true do end end) end", on=it)
    timer.join()
    assert it.n == 0


def test_an_exception_that_comes_between_two_lines_of_ours_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def came(call: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(runtime._Call, "_tick", came)
    monkeypatch.setattr(runtime, "INSTRUCTIONS", 10**15)
    it = thing(n=0)
    with pytest.raises(KeyboardInterrupt):
        call("self.n = 1; while true do end", on=it)
    assert it.n == 0


BOMBS = {
    "local t = {} t.t = t return t": "nested more than",
    "local t = {} for i = 1, 60 do t = {t, t} end return t": "it was stopped|nested",
    "local t = {} for i = 1, 300 do t = {t} end return t": "nested more than",
    "local s, t = ('x'):rep(1 << 20), {} for i = 1, 999 do t[i] = s end return t": "of answers",
    "return f": "a function cannot leave Lua",
    "return coroutine.create(f)": "cannot leave Lua",
    "return {1, nil, 3}": "holes",
    "return list{a = 1}": "holes",
    "return self": "self cannot leave Lua",
    "return {[{}] = 1}": "unhashable|no text",
}


@pytest.mark.parametrize("code", BOMBS)
def test_what_cannot_leave_lua_says_so(code: str, small: None) -> None:
    with pytest.raises((LuaError, TypeError), match=BOMBS[code]):
        call(code)


# ── the pattern functions that are done step by step answer as those of C do ──

PIECES = [
    "a",
    "b",
    ".",
    "%a",
    "%d",
    "[ab]",
    "[^a]",
    "(",
    ")",
    "()",
    "*",
    "+",
    "-",
    "?",
    "^",
    "$",
    "%b()",
    "%f[%w]",
    "x",
]
BOTH = """
return function(box, how, s, p, by)
  local function told(lib)
    if how == "gmatch" then
      local all = {}
      for one, two in lib.gmatch(s, p) do all[#all + 1] = tostring(one) .. "/" .. tostring(two) end
      return table.concat(all, ",")
    end
    local found = how == "gsub" and table.pack(lib.gsub(s, p, by)) or table.pack(lib[how](s, p))
    for n = 1, found.n do found[n] = tostring(found[n]) end
    return table.concat(found, ",")
  end
  local original = {find = string.find, match = string.match, gmatch = string.gmatch, gsub = string.gsub}
  local ok, theirs = pcall(told, original)
  if not ok then return true end
  local ours = {pcall(told, box(s).env.string)}
  return ours[1] and ours[2] == theirs, theirs, tostring(ours[2]), p, s
end
"""


@hypothesis(max_examples=150)
@given(
    st.sampled_from(["find", "match", "gmatch", "gsub"]),
    st.text("aab()x1 ", max_size=8),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join),
    st.sampled_from(["<%0>", "%1", "-"]),
)
def test_a_pattern_means_what_it_means_in_c(how: str, text: str, pattern: str, by: str) -> None:
    slow = runtime.PRELUDE.replace("CHEAP <const> = 1000, 1 << 16, 1000000", "CHEAP <const> = 1000, 1 << 16, -1")
    slow = slow.replace(" and many > 0 and not last", "")
    assert slow.count("if cost > CHEAP then return false") == 1
    made: Any = lua54.LuaRuntime()
    both = made.execute(BOTH)
    prelude = made.eval("load")(slow)
    answer = both(lambda s: prelude(None, None, None, lambda: False, 10**9, 60), how, text, pattern, by)
    assert answer is True or answer[0], answer


# ── values ──

KEYS = st.text(max_size=5) | st.integers(-5, 5)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
SCALARS |= st.text(max_size=8) | st.binary(max_size=4).filter(lambda b: b"\xff" in b)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@hypothesis(max_examples=60)
@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    back = call("return a", value)
    assert back == value
    assert repr(back) == repr(value) or isinstance(value, dict | list)  # 1 is not 1.0, nor True


@hypothesis(max_examples=40)
@given(st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES, max_size=3))
def test_state_that_is_only_read_stays_the_very_same(state: dict[str, Any]) -> None:
    it = thing(**state)
    before = {name: id(value) for name, value in state.items()}
    call("local n = 0 for _, v in pairs(self) do n = n + 1 end return n", on=it)
    assert {name: id(value) for name, value in vars(it).items()} == before


CONVERTED = [
    ("return {}", []),
    ("return dict{}", {}),
    ("return list{}", []),
    ("return {1, 2}", [1, 2]),
    ("return {[2020] = 3}", {2020: 3}),
    ("return dict{[1] = 'a'}", {1: "a"}),
    ("return {a = {b = null}}", {"a": {"b": None}}),
    ("return {null, null}", [None, None]),
    ("return nil", None),
    ("return", None),
    ("return 1, 'a'", (1, "a")),
    ("return 7 // 2, 7 / 2, 2^53", (3, 3.5, 2.0**53)),
    ("return '\\xff'", b"\xff"),
    ("return true and {b = 1, a = 2}", {"a": 2, "b": 1}),
    ("return a == nil, #b, b[2] == null", (True, 3, True)),
]


@pytest.mark.parametrize(("code", "answer"), CONVERTED)
def test_what_a_table_becomes(code: str, answer: Any) -> None:
    found = call(code, None, [1, None, 3])
    assert repr(found) == repr(answer) or (found == answer and list(found) == sorted(found))


class Odd:
    pass


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, Odd(), {1, 2}, {(1, 2): 3}, object, lambda: 1, 1j, "\ud800"])
def test_a_value_that_lua_cannot_have_is_named(value: Any) -> None:
    assert "cannot be given to Lua" in unfit([{"x": value}])
    with pytest.raises(TypeError, match="cannot be given to Lua"):
        call("return 1", value)
    with pytest.raises(LuaError, match=r"self\.odd: .* cannot be given to Lua"):
        call("return self.odd", on=thing(odd=value))
    assert call("return self.fine", on=thing(odd=value, fine=1)) == 1


def test_a_null_is_never_taken_for_a_number() -> None:
    with pytest.raises(LuaError, match="a null value"):
        call("return a[1].age + 1", [{"age": None}])


def test_state_is_changed_where_it_is() -> None:
    rows = [{"n": 1}, {"n": 2}]
    first = rows[0]
    it = thing(rows=rows, count=1, gone=5, kept=(1, 2), raw=b"x")
    call(
        "table.insert(self.rows, {n = 3}); self.rows[1].n = 9; self.count = self.count + 1; self.gone = nil;"
        "self.new = {1}; local _ = self.kept[1], self.raw",
        on=it,
    )
    assert it.rows is rows
    assert rows == [{"n": 9}, {"n": 2}, {"n": 3}]
    assert rows[0] is first
    assert (it.count, it.gone, it.new, it.kept, it.raw) == (2, None, [1], (1, 2), b"x")


def test_a_list_that_is_moved_about_keeps_its_objects() -> None:
    one, two = {"n": 1}, {"n": 2}
    it = thing(rows=[one, two])
    call("table.insert(self.rows, 1, table.remove(self.rows))", on=it)
    assert it.rows[0] is two
    assert it.rows[1] is one


def test_what_cannot_be_written_leaves_all_state_as_it_was() -> None:
    it = thing(rows=[1], n=1)
    with pytest.raises(LuaError, match="a function cannot leave Lua"):
        call("self.n = 2; table.insert(self.rows, 2); self.bad = f", on=it)
    assert vars(it) == {"rows": [1], "n": 1}


def test_another_method_sees_what_was_changed_and_its_changes_are_seen() -> None:
    it = thing(rows=[1], n=1)

    def other(by: int) -> int:
        assert it.n == 2
        it.n += by
        call("table.insert(self.rows, 7)", on=it)
        return by

    answer = call(
        "local rows = self.rows; self.n = 2; local x = self:other(5); return x, self.n, #rows", on=it, other=other
    )
    assert answer == (5, 7, 2)
    assert it.rows == [1, 7]


IN_COROUTINES = [
    ("return coroutine.wrap(function() return self.x end)()", 2),
    ("return coroutine.wrap(function() self.x = self.x + 1; return self:other(1) + self.x end)()", 13),
    (
        "local co = coroutine.wrap(function() local d = coroutine.wrap(function() return self:other(3) end)"
        " coroutine.yield(d()) return self.x end) return co(), co()",
        (12, 2),
    ),
    (
        "local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return co(), co(), co()",
        (1, 2, 3),
    ),
]


@pytest.mark.parametrize(("code", "answer"), IN_COROUTINES)
def test_state_and_methods_are_there_in_coroutines_too(code: str, answer: Any) -> None:
    assert call(code, on=thing(x=2), other=lambda n: n + 9) == answer


def test_what_a_method_raises_in_a_coroutine_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        call("return pcall(coroutine.wrap(function() return self:other() end))", other=lambda: 1 / 0)


def test_pairs_goes_in_the_order_of_keys() -> None:
    keys = ["b", "a", "z", "m", 3, 1, True]
    told = call("local t = {} for k in pairs(a) do t[#t + 1] = k end return t", dict.fromkeys(keys, 1))
    assert told == [1, 3, "a", "b", "m", "z"]  # True is 1 in Python


# ── what the text does with self ──

USES = [
    ("self.count = self.count + 1", ({"count"}, {"count"}, set(), False)),
    ("self.a, b = 1, 2", ({"a"}, {"a"}, set(), False)),
    ("f(self.a, self.b)", ({"a", "b"}, set(), set(), False)),
    ("return {self.a, b = 1}", ({"a"}, {"a"}, set(), False)),
    ("return self:other(1) + self:more()", (set(), set(), {"other", "more"}, False)),
    ("-- self[x]\nreturn 'self[y]' .. [[self]] .. self.a", ({"a"}, set(), set(), False)),
    ("return self[k]", (set(), set(), set(), True)),
    ("local me = self", (set(), set(), set(), True)),
    ("for k in pairs(self) do end", (set(), set(), set(), True)),
    ("if self.a == nil then end", ({"a"}, set(), set(), False)),
    ("self.rows[1] = 2", ({"rows"}, set(), set(), False)),
    ("it.self.a = 1", (set(), set(), set(), False)),
]


@pytest.mark.parametrize(("code", "does"), USES)
def test_what_a_text_does_with_self_is_read_from_it(code: str, does: tuple[Any, ...]) -> None:
    found = used(f"function f(self, a)\n{code}\nend")
    assert (set(found.reads), set(found.binds), set(found.calls), found.dynamic) == does


def test_constants_are_what_a_text_may_compare_with() -> None:
    found = words("function f(self, u) local t = {km = 1, ['mi'] = 2} if u:lower() == 'M' then end return t[u] end")
    assert {("", "==", "km"), ("", "==", "mi"), (".lower()", "==", "m")} <= found
    assert ("", "==", "t") not in found


APART = [
    ("if u:lower():find('km') then return 1 end", "5 KM", "5 mi"),
    ("if u:match('^%s*(.-)%s*$') == 'km' then return 1 end", " km ", "kmx"),
    ("if u:sub(1, 1) == 'k' then return 1 end", "kb", "mb"),
    ("local t = {km = 1, ['mi'] = 2} return t[u]", "km", "mi"),
    ("return ({[ [[km]] ] = 1})[u]", "km", "mi"),
    ("if u then return 1 end", True, False),
]


@pytest.mark.parametrize(("code", "one", "other"), APART)
def test_values_that_a_text_may_tell_apart_are_of_two_kinds(code: str, one: Any, other: Any) -> None:
    say = signer(words(f"function f(self, u)\n{code}\nend"))
    assert say(one) != say(other)


# ── the life of a method ──

ADD = """
-- Adds n to the count.
function add(self, n)
  self.count = self.count + n
  return self.count
end
"""
TWICE = "function twice(self, n) return self:add(n) + self:add(n) end"


def reply(source: str) -> str:
    return f"```lua\n{source.strip()}\n```"


def opened(home: Path, *replies: Any, **settings: Any) -> Any:
    return session(home, *[reply(r) if isinstance(r, str) else r for r in replies], executor="lua", **settings)


def saying(home: Path, answer: Any, **settings: Any) -> Any:
    """A session whose model answers with this text, or with what this function makes of the prompt."""
    provider = ScriptedProvider(answer if callable(answer) else lambda prompt: answer)
    return open_session(home / ".agent_repl", provider=provider, review="auto", executor="lua", **settings)


def test_a_method_is_asked_for_in_lua_and_remembered(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    counter = home.agent("a counter", count=1)
    assert (counter.add(2), counter.add(n=4), counter.count) == (3, 7, 7)
    assert asked(home) == 1
    prompt = home.provider.prompts[0]
    assert "Lua 5.4" in prompt.system
    assert "python" not in (prompt.system + prompt.user).replace("as Python comes", "")
    assert counter.add.__doc__ == "Adds n to the count."


def test_the_review_shows_lua_and_an_edit_is_made_in_it(tmp_path: Path) -> None:
    person = Person(Verdict("edit", source=ADD.replace("+ n", "+ 10 * n")))
    home = opened(tmp_path, ADD, review=person)
    assert home.agent("a counter", count=1).add(2) == 21
    shown = as_text(person.seen[0], colour=True)
    assert "import" not in shown
    assert "\x1b[35mfunction\x1b[39;49;00m" in shown  # a keyword of Lua's
    assert "line 3: state sets self.count" in shown
    assert "no files, no network, no Python" in shown
    assert person.seen[0].check("function add(self n) end").startswith("line 1: line 1: ')' expected near 'n'")
    assert person.seen[0].check(ADD) == ""


def test_a_reply_that_does_not_compile_is_sent_back_with_its_line(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD.replace("return", "retrun"), ADD)
    assert home.agent("a counter", count=1).add(2) == 3
    told = home.provider.prompts[1].user
    assert "line 4: " in told
    assert "retrun self.count" in told
    assert "```lua" in told


REFUSED = {
    "def add(self, n):\n    return n": ("prose", "holds no code"),
    "```python\ndef add(self, n):\n    return n\n```": ("language", "not Lua"),
    "I cannot.": ("prose", "holds no code"),
    "": ("prose", "was empty"),
    "function sum(self, n) return n end": ("name", "The code defines sum"),
    "function add(self, n) return n end\nfunction add(self, n) return n end": ("name", "twice"),
    "function add(n) return n end": ("self", "The first parameter must be self"),
    "function add(self) return 1 end": ("binds", "does not take that"),
    "function add(self, n) return 1 end": ("baked", "ignores its parameter n"),
    "local n = 1\nfunction add(self, n, m)\n  -- n\n  return m or 'n' end": ("baked", "ignores its parameter n"),
    "function add(self, n) return self.rows[n] end": ("attributes", "There is no self.rows"),
    "function add(self, n) return self:_help(n) end": ("attributes", "local function _help"),
    "function add(self, n) return self:count(n) end": ("attributes", "a value, not a method"),
    "function add(self, n) return os.time() + n end": ("names", "There is no `os` here"),
    "function add(self, n) print(n) return n end": ("names", "There is no `print` here"),
    "function add(self, n) self.add = n end": ("methods", "add"),
    "function add(self, class) return class end": ("binds", "another name"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_rule_that_is_broken_is_said_in_lua(text: str, tmp_path: Path) -> None:
    home = saying(tmp_path, text, generation_retries=1)
    rule, words = REFUSED[text]
    with pytest.raises(InvalidCode, match=words) as raised:
        home.agent("a counter", count=1).add(2)
    assert raised.value.rule == rule
    assert "import" not in raised.value.code or rule == "methods"


MEANT = [
    "local function add(self, n) return n end",
    "function Counter:add(n) return n end",
    "function M.add(self, n) return n end",
    "local function help(x) return x end\nfunction add(self, n) return help(n) end",
    "function add(self, ...) return (...) end",
    "<think>function add(n) end</think>\nfunction add(self, n) return n end",
    "Here:\n```lua\nfunction add(self, n) return n end\n```\nUse:\n```lua\nprint(add(2))\n```",
]


@pytest.mark.parametrize("text", MEANT)
def test_what_a_model_means_is_not_sent_back(text: str, tmp_path: Path) -> None:
    home = saying(tmp_path, text)
    assert home.agent("a counter", count=1).add(2) == 2


def test_python_around_the_lua_of_a_reply_is_never_kept(tmp_path: Path) -> None:
    unit = "import os\nfrom agent_repl_lua import lua\ndef add(self, n):\n    os.abort()\n"
    unit += '    return lua(self, "add", (n,), '
    home = saying(tmp_path, unit + repr("function add(self, n) return n end") + ")")
    counter = home.agent("a counter", count=1)
    assert counter.add(2) == 2
    assert "os" not in control.versions(counter.add)[0].source.replace("positional", "")


def test_another_kind_of_call_is_no_hit(tmp_path: Path) -> None:
    to = "function to(self, v, unit) if unit == 'F' then return v * 9 / 5 + 32 end return v end"
    home = opened(tmp_path, to, to.replace("return v end", "return v + 273.15 end"))
    heat = home.agent("temperatures")
    assert heat.to(100, "F") == 212
    assert heat.to(50, "F") == 122
    assert asked(home) == 1
    assert heat.to(0, "K") == 273.15
    assert asked(home) == 2
    assert "```lua\nfunction to(" in home.provider.prompts[1].user


def test_state_that_the_code_does_not_read_is_no_miss(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    counter = home.agent("a counter", count=1)
    counter.add(1)
    counter.other = "text"
    counter.add(1)
    assert asked(home) == 1
    assert type(counter)._agent_repl_identity_.needs("add").reads == ("count",)


def test_a_call_that_raises_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    fails = "function fails(self, n) self:add(n); table.insert(self.log, n); self:add(1); error('on purpose') end"
    home = opened(tmp_path, ADD, fails)
    counter = home.agent("a counter", count=1, log=[0])
    log = counter.log
    counter.add(1)
    with pytest.raises(LuaError, match="on purpose"):
        counter.fails(5)
    assert (counter.count, counter.log, counter.log is log) == (2, [0], True)
    assert asked(home) == 2  # what raises on purpose is not repaired


def test_what_fails_by_mistake_is_repaired(tmp_path: Path) -> None:
    home = opened(
        tmp_path, "function first(self, rows) return rows[0].n end", "function first(self, rows) return rows[1].n end"
    )
    assert home.agent("rows").first([{"n": 3}]) == 3
    told = home.provider.prompts[1].user
    assert "attempt to index a nil value" in told
    assert "return lua(" not in told


def test_lines_of_python_that_hold_lua_are_no_lines_of_the_code(tmp_path: Path) -> None:
    whole = "from agent_repl_lua import lua\n\n\nclass Both:\n"
    whole += '    def one(self):\n        return lua(self, "one", (), r"""\nreturn 1\n""", b=lambda *a: self.b(*a))\n'
    whole += "    def two(self):\n        return 2\n"
    assert [line for line in range(1, 12) if unseen(whole, line)] == [5, 6, 7, 8, 9]
    assert not unseen(whole.replace("from agent_repl_lua import lua", "def lua(*a): ..."), 6)


def test_a_method_calls_others_and_one_that_is_not_written_is_written(tmp_path: Path) -> None:
    home = opened(tmp_path, TWICE, ADD)
    counter = home.agent("a counter", count=1)
    assert (counter.twice(5), counter.count, asked(home)) == (17, 11, 2)
    assert "```lua\nfunction twice(self, n)" in home.provider.prompts[1].system
    recursive = opened(
        tmp_path / "more",
        "function fib(self, n) if n < 2 then return n end return self:fib(n - 1) + self:fib(n - 2) end",
    )
    assert recursive.agent("numbers").fib(10) == 55
    assert asked(recursive) == 1


def test_an_exploration_is_refused_before_anything_is_paid(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    with pytest.raises(AgentError, match="explore looks at data in Python"):
        explore(home.agent("a counter", count=1), "trend", 3)
    assert asked(home) == 0


@pytest.mark.parametrize("place", ["inline", "process", "sandbox"][: 3 if sys.platform == "linux" else 2])
def test_what_lua_raises_on_purpose_is_repaired_nowhere(tmp_path: Path, place: str) -> None:
    opened(tmp_path, "function check(self, n) if n < 0 then error('n is negative') end return n end").agent("a").check(
        1
    )
    home = session(tmp_path, "def check(self, n):\n    return 5", executor=place, repairs=2)
    with pytest.raises(RuntimeError, match="n is negative"):
        home.agent("a").check(-1)
    assert asked(home) == 0


def test_an_emitted_class_in_lua_is_not_adopted_and_says_so(tmp_path: Path) -> None:
    counter = opened(tmp_path, ADD).agent("a counter", count=1)
    counter.add(1)
    ar.emit(counter, tmp_path / "counter.py")
    home = opened(tmp_path / "other")
    with pytest.raises(ar.ModuleError, match="methods of Counter are in Lua, in a file beside it"):
        ar.adopt(tmp_path / "counter.py", session=home, count=1)
    assert home.store.agents() == {}


@pytest.mark.parametrize("place", ["inline", "process", "sandbox"][: 3 if sys.platform == "linux" else 2])
def test_what_was_accepted_as_lua_runs_wherever_code_runs(tmp_path: Path, place: str) -> None:
    opened(tmp_path, TWICE, ADD).agent("a counter", count=1).twice(1)
    home = session(tmp_path, executor=place, repairs=0)
    counter = home.agent("a counter", count=1)
    assert (counter.twice(5), counter.add(2), counter.count) == (17, 13, 13)
    assert asked(home) == 0


def test_a_loop_without_end_is_an_executor_error_and_state_is_back(tmp_path: Path, small: None) -> None:
    home = opened(tmp_path, "function spin(self) self.count = 5; while true do pcall(error) end end")
    counter = home.agent("a counter", count=1)
    with pytest.raises(ExecutorError, match="spin: it was stopped: more than"):
        counter.spin()
    assert counter.count == 1
    outcome = home.call(counter, "spin")
    assert (outcome.error_type, asked(home)) == ("execution", 1)


@pytest.mark.parametrize(("state", "args"), [({"df": Odd()}, ()), ({}, (2**64,)), ({}, ({1, 2},))])
def test_what_lua_cannot_have_is_said_before_a_model_is_paid(state: Any, args: Any, tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    with pytest.raises(ExecutorError, match=r"cannot run where executor=lua: .* cannot be given to Lua"):
        home.agent("a thing", **state).total(*args)
    assert asked(home) == 0


def test_an_object_that_is_wrapped_and_an_ordinary_class_are_not_for_lua(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    with pytest.raises(ExecutorError, match="wraps an object"):
        home.agent("a thing", wraps=Odd()).total()
    use(home)

    @ar.agentic
    class Robot:
        """A robot."""

    with pytest.raises(ExecutorError, match="methods of ordinary classes are Python"):
        ar.describe(Robot, "double: doubles n")
    assert asked(home) == 0


def test_a_restart_asks_for_nothing_and_versions_diff_undo_are_in_lua(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    counter = home.agent("a counter", count=1)
    counter.add(2)
    control.edit(counter.add, ADD.replace("+ n", "- n"))
    assert counter.add(1) == 2
    assert "-  self.count = self.count + n" in control.diff(counter.add)
    assert ar.source(counter.add) == ADD.strip("\n").replace("+ n", "- n") + "\n"
    again = opened(tmp_path)
    later = again.agent("a counter", count=1)
    assert (later.add(2), asked(again)) == (-1, 0)
    control.undo(later.add)
    assert later.add(2) == 1
    assert [v.author for v in control.versions(later.add)] == ["model", "person"]


def test_a_kept_example_blocks_a_change_that_breaks_it(tmp_path: Path) -> None:
    home = opened(tmp_path, "function double(self, n) return n * 2 end", review="auto")
    it = home.agent("numbers")
    it.double(4)
    control.keep(it.double)
    with pytest.raises(ar.Rejected, match="it would break a check"):
        control.define(it, "double", "function double(self, n) return n * 3 end")
    assert it.double(4) == 8


def test_a_pinned_method_is_in_the_class_file_and_can_be_edited_there(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD)
    counter = home.agent("a counter", count=1)
    counter.add(2)
    file = ar.pin(counter.add)
    text = file.read_text()
    assert "self.count = self.count + n\n" in text
    assert counter.add(1) == 4
    again = opened(tmp_path)
    assert again.agent("a counter", count=1).add(2) == 3
    done = subprocess.run(
        [sys.executable, "-c", f"exec(open({str(file)!r}).read())\nc = {file.stem.title()}(count=2)\nprint(c.add(5))"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.stdout == "7\n", done.stderr
    person = Person("accept")
    edited = opened(tmp_path, review=person)
    other = edited.agent("a counter", count=1)
    file.write_text(text.replace("+ n\n", "+ 2 * n\n"))
    edited.sync()
    assert other.add(2) == 5
    assert "+ 2 * n" in person.seen[0].code.source
    told = Person()
    broken = opened(tmp_path, review=told)
    broken.agent("a counter", count=1)
    file.write_text(text.replace("+ n\n", "+ * n\n"))
    broken.sync()
    assert "unexpected symbol" in told.events[-1].text


def test_it_leaves_as_a_lua_file_and_a_thin_class(tmp_path: Path) -> None:
    home = opened(tmp_path, TWICE, ADD)
    counter = home.agent("a counter", count=1)
    counter.twice(5)
    counter.add(1)
    ar.emit(counter, tmp_path / "out" / "counter.py")
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == ["counter.lua", "counter.py", "counter_lua.py", "test_counter.py"]
    text = (tmp_path / "out" / "counter.py").read_text()
    assert len(text.splitlines()) < 50
    assert "lupa==" in text
    code = "import runpy; C = runpy.run_path('counter.py')['Counter']; c = C(count=4); print(c.twice(3), c.count)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path / "out", capture_output=True, text=True, check=False
    )
    assert done.stdout == "17 10\n", done.stderr
    alone = plain(
        f"local methods = dofile({str(tmp_path / 'out' / 'counter.lua')!r})\n"
        "local it = setmetatable({count = 4}, {__index = methods})\nreturn it:twice(3)"
    )
    assert alone == 17
    with pytest.raises(ar.ModuleError, match="not as a package"):
        ar.emit(counter, tmp_path / "package", package=True)


def test_what_was_accepted_as_python_does_not_run_where_only_lua_does(tmp_path: Path) -> None:
    python = session(tmp_path, "def add(self, n):\n    self.count += n\n    return self.count")
    python.agent("a counter", count=1).add(2)
    home = opened(tmp_path, ADD)
    counter = home.agent("a counter", count=1)
    with pytest.raises(ExecutorError, match="add is written in Python, and here only Lua runs"):
        counter.add(2)
    assert counter.count == 1
    control.forget(counter.add)
    assert counter.add(2) == 3
    back = session(tmp_path)
    assert back.agent("a counter", count=1).add(2) == 3  # Lua runs wherever lupa is


def test_where_lupa_is_missing_the_line_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "lupa":
            raise ImportError("No module named 'lupa'")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ExecutorError, match=r'pip install "ipython-agent-repl\[lua\]"'):
        opened(tmp_path)


def test_a_shaped_specification_is_written_in_lua(tmp_path: Path) -> None:
    spec = "method: add(n) -> the new count\ndoes: adds n\nsteps: 1. add\nedge cases: none"

    def answer(prompt: Any) -> str:
        return spec if "Write no code" in prompt.user else reply(ADD)

    home = saying(tmp_path, answer, shape="always")
    assert home.agent("a counter", count=1).add(2) == 3
    assert "Lua 5.4" in home.provider.prompts[0].system


def test_words_are_made_a_method_in_lua(tmp_path: Path) -> None:
    spec = "method: double(n) -> a number\ndoes: doubles n\nsteps: 1. add\nedge cases: none"
    double = "-- Doubles n.\nfunction double(self, n) return n * 2 end"

    def answer(prompt: Any) -> str:
        return spec if "Write no code" in prompt.user else reply(double)

    numbers = saying(tmp_path, answer).agent("numbers")
    said = control.write(numbers, "double", "doubles n", [((2,), {}, "4")])
    assert "it answers every example" in said
    assert numbers.double(4) == 8
    assert control.source(numbers.double) == double + "\n"


def test_a_persons_editor_is_given_a_lua_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; p = sys.argv[1]; open(p, 'a').write('-- ' + p.rpartition('.')[2])"
    monkeypatch.setenv("VISUAL", f"{sys.executable} -c {shlex.quote(script)}")
    assert edited(ADD).endswith("-- lua")
    assert edited("def add(self): ...\n").endswith("-- py")
    assert ">function<" in highlighted(ADD, "html")


def test_effects_are_by_the_lines_of_the_lua(tmp_path: Path) -> None:
    home = opened(tmp_path, ADD, TWICE)
    counter = home.agent("a counter", count=1)
    counter.add(1)
    counter.twice(1)
    source = control.versions(counter.twice)[0].source
    assert [(e.kind, e.line, e.detail) for e in touched(source, ())] == [("calls", 1, "self:add(...)")]
    assert legible(source) == TWICE + "\n"
    assert isinstance(counter, Agent)
