-- Asks Tollgate about each call and gives its answer to the client, or lets the call through to the API.
-- Two actions: `tollgate` asks every time, `tollgate_cached` keeps decisions in memory for as long as Tollgate allows.

local QUESTION = "http://127.0.0.1:3499/entitlements" -- the frontend tollgate_loop
local TOKEN_FILE = "/etc/haproxy/tollgate.token"
local WITHIN_MS = 1000 -- the loop answers sooner, whatever happens
local KEPT_SECONDS = 60 -- no answer is used for longer, not even while Tollgate is away
local KEPT_MAX = 50000 -- decisions, twice

local IDENTITY = { "x-customer-id", "x-plan", "x-feature", "x-entitlement-access", "x-decision-id" }
local NOT_PASSED_ON = {
  ["connection"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true, ["content-length"] = true,
  ["date"] = true, ["x-accel-expires"] = true,
}

local file = assert(io.open(TOKEN_FILE))
local token = file:read("l")
file:close()

-- Every copy the client sent: two keys must not look like one.
local function all(headers, name)
  local values = {}
  for i = 0, #(headers[name] or {}) do values[#values + 1] = headers[name] and headers[name][i] end
  return table.concat(values, ", ")
end

-- The Authorization header where it holds a key of Tollgate's; any other belongs to the API behind.
local function bearer(headers)
  local authorization = all(headers, "authorization")
  local start = authorization:lower()
  if start:find("^bearer +tg_live_") or start:find("^bearer +tg_test_") then return authorization end
  return ""
end

-- The question, with what a kept answer is found by: with credential, method or path left out of it, one call's
-- answer would open another.
local function read(txn)
  local headers = txn.http:req_get_headers()
  local key, authorization = all(headers, "x-api-key"), bearer(headers)
  local method, target = txn.sf:method(), txn.sf:pathq()
  return {
    id = txn.c:sha2(key .. "\n" .. authorization, 256) .. method .. target:match("^[^?]*"),
    headers = {
      ["x-gateway-token"] = { token },
      ["x-forwarded-method"] = { method },
      ["x-forwarded-uri"] = { target },
      ["x-api-key"] = { key },
      ["authorization"] = { authorization },
    },
  }
end

-- Tollgate's answer; nil where there is none, or something on the way answered in its place.
local function ask(call)
  local answer = core.httpclient():get({ url = QUESTION, headers = call.headers, timeout = WITHIN_MS })
  if answer and answer.headers and answer.headers["x-entitlement-status"] then return answer end
  return nil
end

-- Two tables, of which the older one is dropped when the younger one is full: bounded, and what is used stays.
local younger, older, count = {}, {}, 0
local function keep(id, kept)
  if count >= KEPT_MAX then younger, older, count = {}, younger, 0 end
  if not younger[id] then count = count + 1 end
  younger[id] = kept
end
local function recall(id)
  if not younger[id] and older[id] then keep(id, older[id]) end
  return younger[id]
end

-- While one call asks again, the others are served the answer before.
local function ask_or_recall(call)
  local now = core.now().sec
  local kept = recall(call.id)
  if kept and now >= kept.use_until then kept = nil end
  if kept and (now < kept.fresh_until or now < kept.asked_again_until) then return kept.answer end
  -- A moment, not a flag: whoever asks may be gone before there is an answer.
  if kept then kept.asked_again_until = now + 2 end
  local answer = ask(call)
  if not answer then return kept and kept.answer end
  local seconds = tonumber((answer.headers["x-accel-expires"] or {})[0]) or 0
  keep(call.id, seconds > 0 and {
    answer = answer, fresh_until = now + seconds, use_until = now + KEPT_SECONDS, asked_again_until = 0,
  } or nil)
  return answer
end

local function let_through(txn, answer)
  for _, name in ipairs(IDENTITY) do
    local value = answer and answer.headers[name] and answer.headers[name][0] or ""
    if value ~= "" then txn.http:req_set_header(name, value) end
  end
  if not answer then return end
  for _, name in ipairs({ "ratelimit", "ratelimit-policy" }) do
    local value = answer.headers[name]
    if value then txn:set_var("txn.tollgate_" .. name:gsub("-", "_"), value[0]) end
  end
end

local function refuse(txn, answer)
  local reply = txn:reply({ status = answer.status, reason = answer.reason, body = answer.body })
  for name, values in pairs(answer.headers) do
    if not NOT_PASSED_ON[name] then
      for _, value in pairs(values) do reply:add_header(name, value) end
    end
  end
  txn:done(reply)
end

local function action(decide)
  return function(txn)
    local call = read(txn)
    -- Whatever the client says it is.
    for _, name in ipairs(IDENTITY) do txn.http:req_del_header(name) end
    txn.http:req_del_header("x-gateway-token")
    local answer = decide(call)
    if not answer then
      txn:set_var("txn.tollgate_silent", true)
    elseif answer.status == 200 then
      let_through(txn, answer)
    else
      refuse(txn, answer)
    end
  end
end

core.register_action("tollgate", { "http-req" }, action(ask))
core.register_action("tollgate_cached", { "http-req" }, action(ask_or_recall))
