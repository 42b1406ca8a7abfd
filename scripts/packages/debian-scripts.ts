import { keepListening, OVERRIDES } from "./former-unit.ts";

/*
 * Scripts of the Debian package: policy 6 and 9.3, and as debhelper's dh_installsystemd writes them. The socket has no
 * state of its own: the service starts it.
 */

export const PREINST = `#!/bin/sh
set -e

if [ "$1" = upgrade ]; then
${keepListening("/lib/systemd/system", "  ")}
fi
`;

/** Enabled the first time; a service that was disabled since stays so. Started, or restarted if this is an upgrade. */
export const POSTINST = `#!/bin/sh
set -e

if [ "$1" = configure ] || [ "$1" = abort-upgrade ] || [ "$1" = abort-deconfigure ] || [ "$1" = abort-remove ]; then
  deb-systemd-helper unmask promtap.service >/dev/null || true
  if deb-systemd-helper --quiet was-enabled promtap.service; then
    deb-systemd-helper enable promtap.service >/dev/null || true
  else
    deb-systemd-helper update-state promtap.service >/dev/null || true
  fi
  if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    if [ -n "$2" ]; then
      deb-systemd-invoke restart promtap.service >/dev/null || true
    else
      deb-systemd-invoke start promtap.service >/dev/null || true
    fi
  fi
fi
`;

/** An upgrade goes on counting until the new program is there. */
export const PRERM = `#!/bin/sh
set -e

if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop promtap.service >/dev/null || true
fi
`;

/** With a purge goes what the service has stored: StateDirectory= of a user made for it is a link. */
export const POSTRM = `#!/bin/sh
set -e

if [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = remove ] && command -v deb-systemd-helper >/dev/null; then
  deb-systemd-helper mask promtap.service >/dev/null || true
fi
if [ "$1" = purge ]; then
  if command -v deb-systemd-helper >/dev/null; then
    deb-systemd-helper purge promtap.service >/dev/null || true
    deb-systemd-helper unmask promtap.service >/dev/null || true
  fi
  rm -rf /var/lib/private/promtap /var/lib/promtap
  rm -f ${OVERRIDES}/internet.conf ${OVERRIDES}/socket.conf
  rmdir --ignore-fail-on-non-empty ${OVERRIDES} 2>/dev/null || true
fi
`;
