-- Cycles through a file of keys and reports as one line of JSON. Arguments: keys file, path of the call.
local keys, at, before, after = {}, 0, "", ""

function init(args)
  for key in io.lines(args[1]) do keys[#keys + 1] = key end
  local whole = wrk.format("GET", "/entitlements", {
    ["Host"] = wrk.host, ["X-Gateway-Token"] = os.getenv("BENCH_GATEWAY_TOKEN"),
    ["X-Forwarded-Method"] = "GET", ["X-Forwarded-Uri"] = args[2], ["X-API-Key"] = "@",
  })
  local from = whole:find("@", 1, true)
  before, after = whole:sub(1, from - 1), whole:sub(from + 1)
end

function request()
  at = at % #keys + 1
  return before .. keys[at] .. after
end

function done(summary, latency)
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"p999":%f,"socketErrors":%d,"denied":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, summary.errors.status))
end
