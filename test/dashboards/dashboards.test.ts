import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { dashboardsText, rulesText } from "../../src/cli/monitoring.ts";
import { DASHBOARD_NAMES, makeDashboard } from "../../src/dashboards/dashboards.ts";
import type { Dashboard } from "../../src/dashboards/grafana.ts";

const manual = readFileSync(join(resolve(import.meta.dirname, "../.."), "src/dashboards/README.md"), "utf8");
const all = DASHBOARD_NAMES.map((name): [string, Dashboard] => [name, makeDashboard(name)]);

describe("the dashboards", () => {
  test("are those that the manual lists", () => {
    const [, rows = ""] = /\| Dashboard .*\n\|.*\n((?:\|.*\n)+)/.exec(manual) ?? [];
    assert.deepEqual(
      [...rows.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name),
      DASHBOARD_NAMES,
    );
  });

  for (const [name, { uid, panels = [], templating }] of all) {
    test(`${name} has its own lasting address, and panels that don't lie over each other`, () => {
      assert.equal(uid, `promtap-${name}`);
      const cells = new Set<string>();
      for (const { gridPos, title } of panels) {
        assert.ok(gridPos !== undefined && gridPos.x + gridPos.w <= 24, title);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.ok(!cells.has(`${x},${y}`), `${title} lies over another`);
            cells.add(`${x},${y}`);
          }
        }
      }
      assert.deepEqual(new Set(panels.map(({ id }) => id)).size, panels.length);
      const variables = (templating?.list ?? []).map((variable) => variable.name);
      assert.deepEqual(variables.slice(0, 3), ["datasource", "job", "instance"]);
    });

    test(`${name} asks for nothing but its variables, Grafana's own, and what the viewer chose`, () => {
      const variables = new Set((templating?.list ?? []).map((variable) => variable.name));
      for (const own of ["__rate_interval", "__range"]) variables.add(own);
      const used = [...JSON.stringify(panels).matchAll(/\$\{?(\w+)\}?/g)].map(([, variable]) => variable!);
      assert.ok(used.includes("job") && used.includes("datasource"));
      assert.deepEqual(
        used.filter((each) => !variables.has(each)),
        [],
      );
    });
  }
});

describe("the commands", () => {
  test("print a list, one, or all", () => {
    assert.deepEqual(
      dashboardsText([])
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[0]),
      DASHBOARD_NAMES,
    );
    assert.deepEqual(JSON.parse(dashboardsText(["wialon"])), makeDashboard("wialon"));
    assert.deepEqual(JSON.parse(dashboardsText(["--all"])), Object.fromEntries(all));
    assert.match(rulesText(), /^# Rules for Prometheus/);
  });

  test("refuse what is no dashboard, and more than one", () => {
    assert.throws(() => dashboardsText(["toString"]), /no dashboard "toString": there are overview, /);
    assert.throws(() => dashboardsText(["flows", "wialon"]), /unexpected argument "wialon"/);
  });
});
