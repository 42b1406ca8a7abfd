/*
 * Where things go that no package has: hier(7), file-hierarchy(7). /usr/local is the administrator's.
 */

/** One program for all services. */
export const BINARY = "/usr/local/bin/promtap";
/** The one before, kept by an upgrade. */
export const FORMER_BINARY = `${BINARY}.old`;
export const UNITS = "/etc/systemd/system";
export const MAN_PAGE = "/usr/local/share/man/man8/promtap.8";
export const COMPLETIONS = {
  bash: "/usr/local/share/bash-completion/completions/promtap",
  zsh: "/usr/local/share/zsh/site-functions/_promtap",
  fish: "/usr/local/share/fish/vendor_completions.d/promtap.fish",
} as const;
/** What was installed, with its sums: a file for each service. */
export const RECORDS = "/usr/local/lib/promtap";

/** The name by which the program takes another one's place. */
export const personalityPath = (name: string): string => `/usr/local/bin/${name}`;
export const defaultsPath = (name: string): string => `/etc/default/${name}`;
export const recordPath = (name: string): string => `${RECORDS}/${name}.sha256`;
export const statePaths = (name: string): string[] => [`/var/lib/private/${name}`, `/var/lib/${name}`];
/** What LoadCredential= shows to a service: systemd.exec(5). */
export const credentialsPath = (name: string): string => `/run/credentials/${name}.service`;
export const servicePath = (name: string): string => `${UNITS}/${name}.service`;
export const socketPath = (name: string): string => `${UNITS}/${name}.socket`;
export const dropInPath = (name: string, dropIn: string): string => `${UNITS}/${name}.service.d/${dropIn}.conf`;
/** Started with the machine by these: what `systemctl enable` would make. */
export const wantedService = (name: string): string => `${UNITS}/multi-user.target.wants/${name}.service`;
export const wantedSocket = (name: string): string => `${UNITS}/sockets.target.wants/${name}.socket`;

/** Whether a file says what the program does, and so is kept when it goes. */
export function isConfiguration(path: string): boolean {
  return path.startsWith("/etc/default/");
}
