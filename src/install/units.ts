import type { ListenAddress } from "../http/listener.ts";
import { readAsset } from "../native/asset.ts";
import { type DropInName, dropInText } from "./drop-ins.ts";

/** The unit of the service, for a program under `/usr/local`; `name`: of the service and of the program. */
export function serviceText(name: string): string {
  const asset = readAsset("promtap.service");
  if (asset === undefined) throw new Error("the binary lacks promtap.service");
  return named(new TextDecoder().decode(asset), name);
}

export function dropInTextFor(dropIn: DropInName, name: string): string {
  return named(dropInText(dropIn), name);
}

/** Files, folders and units that have the name of the service. */
function named(text: string, name: string): string {
  return text.replace(/(?<=[/= ])promtap(?=[./\s]|$)/gm, name);
}

/** The unit of a socket that systemd opens, and passes to the service: systemd.socket(5). */
export function socketText(name: string, streams: readonly string[]): string {
  return `# ${name}.socket: where the page is served; the service itself may open no socket of the internet

[Unit]
Description=Page of ${name}.service
# Stopped and started along with it.
PartOf=${name}.service
# As often as that is, in an upgrade that goes back.
StartLimitIntervalSec=0

[Socket]
${streams.map((stream) => `ListenStream=${stream}`).join("\n")}
NoDelay=yes
# An address that is not there yet may come later.
FreeBind=yes
# A service that can't start is not tried again with every connection that waits, but as its own unit says.
TriggerLimitIntervalSec=30s
TriggerLimitBurst=5

[Install]
WantedBy=sockets.target
`;
}

/** What the unit of a socket says of addresses; undefined if it can't: of names, paths and any free port. */
export function streamsOf(addresses: readonly ListenAddress[]): string[] | undefined {
  const streams = addresses.map((address) => {
    if (address.kind !== "tcp" || address.port === 0) return undefined;
    const { host, port } = address;
    if (host === undefined) return `${port}`;
    if (/^[\d.]+$/.test(host)) return `${host}:${port}`;
    return /^[\da-f:.]*:[\da-f:.]*$/i.test(host) ? `[${host}]:${port}` : undefined;
  });
  return streams.every((stream) => stream !== undefined) ? streams : undefined;
}
