# The Worker on this machine, without an account: workerd is the runtime that Cloudflare runs.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "site", worker = .site),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "*:8080", http = (), service = "site")],
);

const site :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  bindings = [
    (name = "TOLLGATE_URL", text = "http://127.0.0.1:3402"),
    (name = "TOLLGATE_GATEWAY_TOKEN", text = "tgg_replace_me"),
    (name = "API_ORIGIN", text = "http://127.0.0.1:9000"),
    (name = "DECISIONS", text = "ask"),
    (name = "WHEN_SILENT", text = "closed"),
  ],
);
