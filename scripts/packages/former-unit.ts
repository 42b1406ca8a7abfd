/** Where an administrator's drop-ins stand before those of a package. */
export const OVERRIDES = "/etc/systemd/system/promtap.service.d";

/**
 * Shell, to be run before an upgrade: packages whose unit had promtap listen by itself become ones where it goes on to do
 * so, because flags may name addresses that promtap.socket knows nothing of. `units` is where the package has its units.
 */
export function keepListening(units: string, indent = ""): string {
  const former = `${units}/promtap.service.d/internet.conf`;
  const lines = [
    `if [ -e ${former} ]; then`,
    `  mkdir -p ${OVERRIDES}`,
    `  [ -e ${OVERRIDES}/internet.conf ] || cp ${former} ${OVERRIDES}`,
    `  [ -e ${OVERRIDES}/socket.conf ] || ln -s /dev/null ${OVERRIDES}/socket.conf`,
    "fi",
  ];
  return lines.map((line) => `${indent}${line}`).join("\n");
}
