import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Ingredients } from "../product.ts";
import { committed, run, version } from "../project.ts";
import { writeTree } from "../tree.ts";
import { DESCRIPTION, SUMMARY } from "./description.ts";
import { DEFAULTS, DOCUMENTS, installedEntries } from "./file-system.ts";
import { keepListening } from "./former-unit.ts";

/** rpm's names of architectures. */
const ARCHITECTURES = { x64: "x86_64", arm64: "aarch64" } as const;
const RELEASE = 1;

/** Debian's rpmbuild knows no Fedora: its completions, and its units, have other places here. */
const PLACES: Readonly<Record<string, string>> = {
  "usr/share/zsh/vendor-completions/_promtap": "usr/share/zsh/site-functions/_promtap",
};

export function rpmName({ target }: Ingredients): string {
  return `promtap-${version}-${RELEASE}.${ARCHITECTURES[target.architecture]}.rpm`;
}

/** Writes a package for RHEL 8 and newer, Fedora and SUSE: what they have to be told stands in the specification. */
export function writeRpm(ingredients: Ingredients, binary: string, path: string): void {
  const { cache, architecture } = ingredients.target;
  const work = join(cache, "rpm");
  rmSync(work, { recursive: true, force: true });
  const entries = installedEntries(ingredients, binary).map((entry) => ({
    ...entry,
    path: PLACES[entry.path] ?? entry.path.replace(/^lib\/systemd\//, "usr/lib/systemd/"),
  }));
  const tree = join(work, "tree");
  writeTree(tree, entries);
  const specification = join(work, "promtap.spec");
  writeFileSync(
    specification,
    specificationOf(
      tree,
      entries.map((entry) => entry.path),
    ),
  );
  const environment = { ...process.env, SOURCE_DATE_EPOCH: String(committed), LC_ALL: "C" };
  const defined = [`_topdir ${work}`, `_rpmdir ${work}/made`, `_tmppath ${work}`].flatMap((each) => ["--define", each]);
  const target = `${ARCHITECTURES[architecture]}-linux`;
  run("rpmbuild", ["-bb", "--target", target, ...defined, specification], work, environment);
  const made = join(work, "made", ARCHITECTURES[architecture]);
  const [name = ""] = readdirSync(made);
  renameSync(join(made, name), path);
}

/**
 * The files are as they shall be: nothing is to be stripped, compressed or looked into. What decides the bytes besides,
 * the host, the time and how it is packed, is given.
 */
function specificationOf(tree: string, paths: readonly string[]): string {
  const files = paths.map((path) => `${kindOf(path)}"/${path}"`);
  return `%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _binary_payload w2.xzdio
%global _binary_filedigest_algorithm 8

Name: promtap
Version: ${version}
Release: ${RELEASE}
Summary: ${SUMMARY[0]!.toUpperCase()}${SUMMARY.slice(1)}
License: MIT
Group: Applications/Internet
AutoReqProv: no
Requires: libc.so.6(GLIBC_2.28)(64bit), libstdc++.so.6(CXXABI_1.3.11)(64bit), libgcc_s.so.1()(64bit)

%description
${DESCRIPTION.join("\n")}

%install
mkdir -p %{buildroot}
cp -a "${tree}/." %{buildroot}

%pre
${keepListening("/usr/lib/systemd/system")}

%post
if [ $1 -eq 1 ] && [ -x /usr/bin/systemctl ]; then
  systemctl --no-reload preset promtap.service >/dev/null 2>&1 || :
fi

%preun
if [ $1 -eq 0 ] && [ -x /usr/bin/systemctl ]; then
  systemctl --no-reload disable --now promtap.service >/dev/null 2>&1 || :
fi

%postun
if [ -x /usr/bin/systemctl ]; then
  systemctl daemon-reload >/dev/null 2>&1 || :
  if [ $1 -ge 1 ]; then
    systemctl try-restart promtap.service >/dev/null 2>&1 || :
  fi
fi

%files
%defattr(-,root,root,-)
${[...ownFolders(paths), ...files].join("\n")}
`;
}

/** Folders that are of this package alone, and go with it. */
function ownFolders(paths: readonly string[]): string[] {
  const above = paths.flatMap((path) => {
    const parts = path.split("/").slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1));
  });
  const own = above.filter((parts) => parts.some((part) => /^promtap(\.service\.d)?$/.test(part)));
  return [...new Set(own.map((parts) => `%dir "/${parts.join("/")}"`))];
}

function kindOf(path: string): string {
  if (path === DEFAULTS) return "%config(noreplace) ";
  return path.startsWith(DOCUMENTS) ? "%doc " : "";
}
