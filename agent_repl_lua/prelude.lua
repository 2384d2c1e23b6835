-- What written code runs in: a closed environment, with limits that no code can catch or wait out.
--
-- A hook counts instructions in every coroutine. Once a limit is met it fires at each further instruction, and whatever
-- could catch an error (pcall, xpcall, coroutines) raises again, so that only the host hears of it. Functions in C, which no
-- hook interrupts, are charged for what they will do before they do it, or replaced. __gc, which runs without hooks, is refused.
local sibling, fetch, names, tick, most, seconds = ...
local pcall, error, type, next, select, rawget, rawset = pcall, error, type, next, select, rawget, rawset
local setmetatable, getmetatable, rawlen, tonumber, load = setmetatable, getmetatable, rawlen, tonumber, load
local sethook, info, metatable, clock = debug.sethook, debug.getinfo, debug.getmetatable, os.clock
local pack, unpack, sort, concat, min = table.pack, table.unpack, table.sort, table.concat, math.min
local byte, char, sub, rep, cfind = string.byte, string.char, string.sub, string.rep, string.find
local cmatch, cgmatch, cgsub = string.match, string.gmatch, string.gsub
local create, resume, close = coroutine.create, coroutine.resume, coroutine.close
local running, yield = coroutine.running, coroutine.yield

local STEP <const>, SPARE <const>, CHEAP <const> = 1000, 1 << 16, 1000000
local null = setmetatable({}, {
  __name = "null",
  __metatable = false,
  __index = function(_, key) error("a null has no " .. tostring(key), 2) end,
  __newindex = function() error("a null cannot be changed", 2) end,
  __tostring = function() return "null" end,
})
local kinds, origins = setmetatable({}, {__mode = "k"}), setmetatable({}, {__mode = "k"})
kinds[null] = "null"
local box = {null = null, kinds = kinds, origins = origins, touched = {}, env = {}}
local used, fired, began, ticked = 0, 0, clock(), clock()
local hook

-- Limits.

local function die(why)
  box.why = box.why or why
  sethook(hook, "", 1)
  error(box.why, 0)
end

local function charge(steps)
  used = used + steps
  if box.why or used > most then die("more than " .. most .. " instructions") end
end

-- What the host does needs memory where a failure could not be caught: some is set free for it. It works on the main
-- coroutine alone, so that others ask for it by yielding to the one that resumed them (see `stepped`).
local ASK = {}
local function host(f, ...)
  if select(2, running()) == false then return yield(ASK, f, ...) end
  local spare = rep("\0", SPARE)
  spare = nil
  return f(...)
end

hook = function()
  fired = fired + 1
  charge(STEP)
  if fired % 4 == 0 then
    local now = clock()
    if now - began > seconds then die("more than " .. seconds .. " seconds") end
    if now - ticked > 0.1 then
      ticked = now
      if tick() then die("interrupted") end
    end
  end
end

local function passed(ok, ...)
  if box.why then die(box.why) end
  if not ok and (...) == "not enough memory" then die("more memory than it may have") end
  if not ok and type((...)) == "userdata" then die("interrupted") end  -- an exception that came between two lines of ours
  return ok, ...
end

local function returned(ok, ...)
  if ok then return ... end
  error((...), 0)
end

-- What code is given: plain tables, with nothing in them that is not meant for it.

local env = box.env
for name in ("assert ipairs rawequal rawlen select tonumber tostring type _VERSION"):gmatch("%S+") do env[name] = _G[name] end
for _, name in next, {"math", "utf8", "table", "coroutine"} do
  env[name] = {}
  for key, value in next, _G[name] do env[name][key] = value end
end
env.string, env.null = string, null
string.dump = nil

function env.pcall(...) return passed(pcall(...)) end

-- A handler of xpcall's would run inside the hook that raised, where no hook fires: it is called when the error is caught.
local function handled(handler, ok, ...)
  if ok then return true, ... end
  local answer = pack(passed(pcall(handler, ...)))
  return false, unpack(answer, 2, answer.n)
end
function env.xpcall(f, handler, ...) return handled(handler, passed(pcall(f, ...))) end

function env.error(value, level)
  level = level or 1
  local at = type(value) == "string" and level > 0 and info(level + 1, "Sl")
  if at and at.currentline > 0 then value = at.short_src .. ":" .. at.currentline .. ": " .. value end
  box.raised = value
  error(value, 0)
end

function env.assert(ok, ...)
  if ok then return ok, ... end
  box.raised = select("#", ...) > 0 and (...) or "assertion failed!"
  error(box.raised, 0)
end

function env.setmetatable(t, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then error("a metatable cannot have __gc here", 2) end
  return setmetatable(t, meta)
end

function env.getmetatable(t)
  if type(t) == "table" then return getmetatable(t) end
end

function env.dict(t) t = t or {}; kinds[t] = "dict"; return t end
function env.list(t) t = t or {}; kinds[t] = "list"; return t end

local co = env.coroutine
local function create_checked(f)
  charge(STEP)
  local made = create(f)
  sethook(made, hook, "", STEP)
  return made
end
co.create = create_checked

local function stepped(made, ok, ...)
  if ok and (...) == ASK then return stepped(made, resume(made, host(select(2, ...)))) end
  return passed(ok, ...)
end
function co.wrap(f)
  local made = create_checked(f)
  return function(...) return returned(stepped(made, resume(made, ...))) end
end
function co.resume(made, ...) return stepped(made, resume(made, ...)) end
function co.close(...) return passed(close(...)) end

for _, name in next, {"insert", "remove", "sort", "concat", "unpack"} do
  local original = table[name]
  env.table[name] = function(t, ...)
    local meta = type(t) == "table" and metatable(t)
    if meta and rawget(meta, "__len") ~= nil then error("table." .. name .. " takes no table with __len here", 2) end
    if type(t) == "table" and (name ~= "insert" or select("#", ...) > 1) then charge(rawlen(t)) end
    return original(t, ...)
  end
end
local move = table.move
function env.table.move(a, f, e, ...)
  if tonumber(e) and tonumber(f) and e >= f then charge(min(e - f < 0 and most or e - f, most) + 1) end
  return move(a, f, e, ...)
end

-- self: state comes when it is first asked for, methods are those that the text calls.

local self, methods = {}, {}
box.self, kinds[self] = self, "self"

local function field(_, key)
  if methods[key] or type(key) ~= "string" then return methods[key] end
  local ok, value = host(fetch, key)
  if not ok then error(value, 2) end
  box.touched[key] = true
  if value ~= nil then rawset(self, key, value) end
  return value
end

local function assign(_, key, value)
  if type(key) ~= "string" or methods[key] then error("self." .. tostring(key) .. " cannot be set", 2) end
  box.touched[key] = true
  rawset(self, key, value)
end

setmetatable(self, {__index = field, __newindex = assign, __metatable = false})

local function every(t)
  for key in cgmatch(t == self and host(names) or "", "[^\n]+") do local _ = t[key] end
end

function env.rawget(t, key) if t == self then return t[key] end return rawget(t, key) end
function env.rawset(t, key, value) if t == self then t[key] = value return t end return rawset(t, key, value) end
function env.next(t, ...) if select("#", ...) == 0 then every(t) end return next(t, ...) end

function box.method(name)
  methods[name] = function(me, ...)
    if me ~= self then error("call it with a colon: self:" .. name .. "(...)", 2) end
    local given, before = pack(...), clock()
    local how, answer = host(sibling, name, given)
    began = began + clock() - before  -- others have limits of their own
    for key, value in next, self do  -- it may have changed any of them; a table stays the one that code holds
      local fresh
      if type(value) == "table" then
        fresh = value
        if how ~= "same" and how ~= "stop" then _, fresh = host(fetch, key) end
        if type(fresh) == "table" and fresh ~= value then
          for k in next, value do value[k] = nil end
          for k, v in next, fresh do value[k] = v end
          kinds[value], origins[value], fresh = kinds[fresh], origins[fresh], value
        end
      end
      rawset(self, key, fresh)
    end
    if how == "stop" then die(answer) end
    if how == "error" then error(answer, 0) end
    return unpack(answer, 1, answer.n)
  end
end

-- pairs goes through a table in the order of its keys, so that the same call gives the same answer in every run.

local RANK = {number = 1, string = 2, boolean = 3}
local function before(a, b)
  local one, other = RANK[type(a)] or 4, RANK[type(b)] or 4
  if one ~= other or one > 2 then return one < other or (one == 3 and other == 3 and b and not a) end
  return a < b
end

function env.pairs(t)
  local meta = t ~= self and type(t) == "table" and metatable(t)
  if meta and rawget(meta, "__pairs") then return returned(true, rawget(meta, "__pairs")(t)) end
  every(t)
  local keys, count, sorted = {}, 0, true
  for key in next, t do
    count = count + 1
    keys[count] = key
    sorted = sorted and key == count
  end
  if not sorted then sort(keys, before) end
  local at = 0
  return function()
    while at < count do
      at = at + 1
      local value = rawget(t, keys[at])
      if value ~= nil then return keys[at], value end
    end
  end, t, nil
end

-- Strings: what C would do for too long is done here, step by step.

function string.rep(s, n, between)
  s, n = tostring(s), tonumber(n) or 0
  local one = #s + (between and #tostring(between) or 0)
  if one == 0 or n <= 0 then return "" end
  charge(min(n * 1.0 * one / 100, most) // 1 | 0)
  return rep(s, n, between)
end

local function cheap(s, p)
  if type(s) ~= "string" or type(p) ~= "string" then return true end  -- numbers, or an error of theirs
  local _, many = cgsub(p, "[*+?%-]", "")
  local _, more = cgsub(p, "%%[b%d]", "")
  many = many + more
  local last = many == 1 and more == 0 and cfind(p, "[*+?%-]%)?$")
  local cost = (#s + 1.0) * (#p + 1) * (last and 1 or (#s + 1.0) ^ many)
  if cost > CHEAP and many > 0 and not last then return false end
  charge(min(cost / 100, most) // 1 | 0)
  return true
end

local function class_end(p, i)
  local c = sub(p, i, i)
  if c == "%" then return i + 2 end
  if c ~= "[" then return i + 1 end
  i = i + (sub(p, i + 1, i + 1) == "^" and 2 or 1)
  repeat
    if i > #p then error("malformed pattern (missing ']')", 0) end
    i = i + (sub(p, i, i) == "%" and 2 or 1)
  until sub(p, i, i) == "]"
  return i + 1
end

local function set_of(text)
  return setmetatable({}, {__index = function(t, c)
    local found = c and cfind(char(c), "^" .. text .. "$") ~= nil
    if c then t[c] = found end
    return found
  end})
end

local function parsed(p)
  local items, i = {anchored = sub(p, 1, 1) == "^"}, 1
  i = items.anchored and 2 or 1
  while i <= #p do
    local two, c, item = sub(p, i, i + 1), sub(p, i, i), nil
    if two == "()" then item, i = {"place"}, i + 2
    elseif c == "(" then item, i = {"open"}, i + 1
    elseif c == ")" then item, i = {"close"}, i + 1
    elseif c == "$" and i == #p then item, i = {"end"}, i + 1
    elseif two == "%b" then item, i = {"balance", byte(p, i + 2, i + 3)}, i + 4
    elseif two == "%f" then
      local e = class_end(p, i + 2)
      item, i = {"frontier", set_of(sub(p, i + 2, e - 1))}, e
    elseif cfind(two, "^%%%d") then item, i = {"back", tonumber(sub(p, i + 1, i + 1))}, i + 2
    else
      local e = class_end(p, i)
      local q = cmatch(p, "^[*+?%-]", e) or ""
      item, i = {"one", set_of(sub(p, i, e - 1)), q}, e + #q
    end
    items[#items + 1] = item
  end
  return items
end

local go
local function held(m, i, k, capture)
  local at = #m.caught + 1
  m.caught[at] = capture
  local e = go(m, i, k)
  if not e then m.caught[at] = nil end
  return e
end

go = function(m, i, k)
  local item, s = m.items[k], m.s
  if not item then return i end
  local kind, set, q = item[1], item[2], item[3]
  if kind == "one" then
    if q == "" then return i <= #s and set[byte(s, i)] and go(m, i + 1, k + 1) or nil end
    if q == "?" then return i <= #s and set[byte(s, i)] and go(m, i + 1, k + 1) or go(m, i, k + 1) end
    if q == "-" then
      local e = go(m, i, k + 1)
      while not e and i <= #s and set[byte(s, i)] do i = i + 1; e = go(m, i, k + 1) end
      return e
    end
    local last = i
    while last <= #s and set[byte(s, last)] do last = last + 1 end
    for e = last, i + (q == "+" and 1 or 0), -1 do
      local found = go(m, e, k + 1)
      if found then return found end
    end
  elseif kind == "open" then return held(m, i, k + 1, {i})
  elseif kind == "place" then return held(m, i, k + 1, {i, i - 1, true})
  elseif kind == "end" then return i == #s + 1 and i or nil
  elseif kind == "close" then
    for n = #m.caught, 1, -1 do
      local capture = m.caught[n]
      if not capture[2] then
        capture[2] = i - 1
        local e = go(m, i, k + 1)
        if not e then capture[2] = nil end
        return e
      end
    end
    error("invalid pattern capture", 0)
  elseif kind == "frontier" then
    local was, is = i > 1 and byte(s, i - 1) or 0, i <= #s and byte(s, i) or 0
    return not set[was] and set[is] and go(m, i, k + 1) or nil
  elseif kind == "back" then
    local capture = m.caught[set]
    if not capture or not capture[2] then error("invalid capture index %" .. set, 0) end
    if capture[3] then return nil end
    local text = sub(s, capture[1], capture[2])
    charge(#text // 100)
    return sub(s, i, i + #text - 1) == text and go(m, i + #text, k + 1) or nil
  elseif kind == "balance" then
    if byte(s, i) ~= set then return nil end
    local depth, e = 1, i + 1
    while e <= #s do
      local c = byte(s, e)
      if c == q then depth = depth - 1 elseif c == set then depth = depth + 1 end
      if depth == 0 then return go(m, e + 1, k + 1) end
      e = e + 1
    end
  end
end

local function found(s, items, i)
  while i <= #s + 1 do
    local m = {s = s, items = items, caught = {}}
    local e = go(m, i, 1)
    if e then return i, e - 1, m.caught end
    if items.anchored then return nil end
    i = i + 1
  end
end

local function captures(s, i, e, caught, whole)
  if #caught == 0 and whole then return sub(s, i, e) end
  local texts = {}
  for n, capture in next, caught do texts[n] = capture[3] and capture[1] or sub(s, capture[1], capture[2]) end
  return unpack(texts, 1, #caught)
end

local function first(s, init)
  init = tonumber(init) or 1
  return init < 0 and math.max(#s + init + 1, 1) or math.max(init, 1)
end

function string.find(s, p, init, plain)
  if type(s) == "string" and type(p) == "string" and (plain or not cfind(p, "[%^$*+?.([%%-]")) then
    charge(min(#s * 1.0 * #p / 1000, most) // 1 | 0)
    return cfind(s, p, init, true)
  end
  if cheap(s, p) then return cfind(s, p, init) end
  local i, e, caught = found(s, parsed(p), first(s, init))
  if i then return i, e, captures(s, i, e, caught) end
  return nil
end

function string.match(s, p, init)
  if cheap(s, p) then return cmatch(s, p, init) end
  local i, e, caught = found(s, parsed(p), first(s, init))
  if i then return captures(s, i, e, caught, true) end
  return nil
end

function string.gmatch(s, p, init)
  if cheap(s, p) then return cgmatch(s, p, init) end
  local items, at, last = parsed((cgsub(p, "^%^", "%%^"))), first(s, init), nil
  return function()
    while at <= #s + 1 do
      local i, e, caught = found(s, items, at)
      if not i then at = #s + 2 return nil end
      at = e < i and i + 1 or e + 1
      if e ~= last then last = e return captures(s, i, e, caught, true) end
    end
  end
end

local function replaced(s, i, e, caught, by)
  local whole, one, value = sub(s, i, e), captures(s, i, e, caught, true), by
  if type(by) == "table" then value = by[one]
  elseif type(by) == "function" then value = by(captures(s, i, e, caught, true))
  else
    value = cgsub(tostring(by), "%%(.)", function(c)
      if c == "0" then return whole elseif c == "1" then return one elseif c == "%" then return "%" end
      local capture = caught[tonumber(c) or 0]
      if not capture then error("invalid use of '%' in replacement string", 0) end
      return capture[3] and capture[1] or sub(s, capture[1], capture[2])
    end)
  end
  if value and type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 0)
  end
  return value or whole
end

function string.gsub(s, p, by, limit)
  if cheap(s, p) then return cgsub(s, p, by, limit) end
  local items, parts, at, count, last = parsed(p), {}, 1, 0, nil
  while at <= #s + 1 and count < (limit or #s + 1) do
    local m = {s = s, items = items, caught = {}}
    local e = go(m, at, 1)
    if e and e ~= last then
      count = count + 1
      parts[#parts + 1] = replaced(s, at, e - 1, m.caught, by)
      at, last = e, e
    elseif at <= #s then
      parts[#parts + 1] = sub(s, at, at)
      at = at + 1
    else break end
    if items.anchored then break end
  end
  parts[#parts + 1] = sub(s, at)
  return concat(parts), count
end

-- Running.

function box.load(text, name)
  local ok, chunk, why = pcall(load, text, name, "t", env)
  return ok and chunk or nil, ok and why or chunk
end

function box.run(chunk, name, given)
  sethook(hook, "", STEP)
  local ok, why = pcall(chunk)
  local f = rawget(env, name)
  if ok and type(f) ~= "function" then ok, why = false, "there is no function " .. name end
  local answer = ok and pack(pcall(f, self, unpack(given, 1, given.n))) or {false, why}
  sethook()
  return answer
end

return box
