-- Calls one path with the keys of a file in turn, as a client of the API would, and reports as one line of JSON.
-- Arguments: keys file, path.
local keys, at, before, after = {}, 0, "", ""

function init(args)
  for key in io.lines(args[1]) do keys[#keys + 1] = key end
  local whole = wrk.format("GET", args[2], { ["Host"] = wrk.host, ["X-API-Key"] = "@" })
  local from = whole:find("@", 1, true)
  before, after = whole:sub(1, from - 1), whole:sub(from + 1)
end

function request()
  at = at % #keys + 1
  return before .. keys[at] .. after
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"socketErrors":%d,"denied":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
