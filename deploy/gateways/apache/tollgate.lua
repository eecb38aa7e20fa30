-- Asks Tollgate about each call and gives its answer to the client, or lets the call through to the API.
-- mod_lua runs it, once loaded per thread; a thread that asks waits, at most half a second for each step.

local http = require("socket.http")
local ltn12 = require("ltn12")

local QUESTION = "http://127.0.0.1:3402/entitlements"
local TOKEN_FILE = "/etc/apache2/tollgate.token"
local KEPT_SECONDS = 60 -- no answer is used for longer, not even while Tollgate is away
local KEPT_MAX = 2000 -- decisions in each thread, twice
http.TIMEOUT = 0.5

local IDENTITY = {
  ["x-customer-id"] = true, ["x-plan"] = true, ["x-feature"] = true, ["x-entitlement-access"] = true,
  ["x-decision-id"] = true,
}
local NOT_PASSED_ON = {
  ["connection"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true, ["content-length"] = true,
  ["content-type"] = true, ["date"] = true, ["x-accel-expires"] = true,
}
local SILENT = '{"type":"about:blank","title":"The check could not be made","status":503,'
  .. '"detail":"Nothing is wrong with the key or the plan. Try again shortly.","code":"unverifiable","retryable":true}'

local file = assert(io.open(TOKEN_FILE))
local token = file:read("*l")
file:close()

-- The Authorization header where it holds a key of Tollgate's; any other belongs to the API behind.
local function bearer(authorization)
  local start = authorization:lower()
  if start:find("^bearer +tg_live_") or start:find("^bearer +tg_test_") then return authorization end
  return ""
end

-- The question, with what a kept answer is found by: with credential, method or path left out of it, one call's
-- answer would open another. SHA-1 is the best that mod_lua brings; it stays in memory. httpd has joined repeated
-- headers with a comma: two keys do not look like one.
local function read(r)
  local key = r.headers_in["X-API-Key"] or ""
  local authorization = bearer(r.headers_in["Authorization"] or "")
  return {
    id = r:sha1(key .. "\n" .. authorization) .. r.method .. r.unparsed_uri:match("^[^?]*"),
    headers = {
      ["X-Gateway-Token"] = token,
      ["X-Forwarded-Method"] = r.method,
      ["X-Forwarded-Uri"] = r.unparsed_uri,
      ["X-API-Key"] = key,
      ["Authorization"] = authorization,
    },
  }
end

-- Tollgate's answer; nil where there is none, or something on the way answered in its place.
local function ask(call)
  local body = {}
  local _, status, headers = http.request({
    url = QUESTION, headers = call.headers, sink = ltn12.sink.table(body), redirect = false,
  })
  if type(headers) ~= "table" or not headers["x-entitlement-status"] then return nil end
  return { status = status, headers = headers, body = table.concat(body) }
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

local function ask_or_recall(call)
  local now = os.time()
  local kept = recall(call.id)
  if kept and now < kept.fresh_until then return kept.answer end
  local answer = ask(call)
  if not answer then return kept and now < kept.use_until and kept.answer or nil end
  local seconds = tonumber(answer.headers["x-accel-expires"]) or 0
  keep(call.id, seconds > 0 and { answer = answer, fresh_until = now + seconds, use_until = now + KEPT_SECONDS } or nil)
  return answer
end

-- Whatever the client says it is, under any spelling that some API might read as the same name.
local function forget_identity(r)
  for name in pairs(r:headers_in_table()) do
    local known = name:lower():gsub("_", "-")
    if IDENTITY[known] or known == "x-gateway-token" then r.headers_in[name] = nil end
  end
end

local function let_through(r, answer)
  for name in pairs(IDENTITY) do
    local value = answer.headers[name] or ""
    if value ~= "" then r.headers_in[name] = value end
  end
  r.err_headers_out["RateLimit"] = answer.headers["ratelimit"]
  r.err_headers_out["RateLimit-Policy"] = answer.headers["ratelimit-policy"]
  return apache2.DECLINED
end

local function refuse(r, status, headers, body)
  r.status = status
  r.content_type = "application/problem+json"
  for name, value in pairs(headers) do
    if not NOT_PASSED_ON[name] then r.err_headers_out[name] = value end
  end
  r:write(body)
  return apache2.DONE
end

local function checker(decide, lets_silence_through)
  return function(r)
    local call = read(r)
    forget_identity(r)
    local answer = decide(call)
    if answer and answer.status == 200 then return let_through(r, answer) end
    if answer then return refuse(r, answer.status, answer.headers, answer.body) end
    if lets_silence_through then return apache2.DECLINED end
    return refuse(r, 503, { ["retry-after"] = "5", ["cache-control"] = "no-store" }, SILENT)
  end
end

check = checker(ask, false)
check_cached = checker(ask_or_recall, false)
check_fail_open = checker(ask, true)
check_cached_fail_open = checker(ask_or_recall, true)
