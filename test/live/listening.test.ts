import assert from "node:assert/strict";
import { test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";

test("it listens on a link-local address of an interface, and nowhere else", liveOptions("curl", "ss"), async () => {
  using namespace = new Namespace();
  namespace.addVeth("one", "two");
  namespace.run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0", "net.ipv6.conf.one.disable_ipv6=0");
  namespace.ip("address", "add", "fe80::9112/64", "dev", "one", "nodad");
  const listen = ["--web.listen-address", "[fe80::9112%one]:9112"];
  await using promtap = await RunningPromtap.start(namespace, ["-i", "lo", "--engine", "ring", ...listen]);
  assert.equal(
    namespace.run("curl", "-sS", "--max-time", "20", "--globoff", "http://[fe80::9112%25one]:9112/-/healthy"),
    "Healthy\n",
  );
  assert.match(namespace.run("ss", "--no-header", "-ltn"), /^LISTEN +\S+ +\S+ +\[fe80::9112\]%one:9112 +\S+ *\n$/);
  const { stderr } = await promtap.stop();
  assert.match(stderr, /msg=listening address=\[fe80::9112%one\]:9112\n/);
});
