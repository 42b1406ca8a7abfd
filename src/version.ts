/* Set by the build; sources run as they are have neither. */
declare const __PROMTAP_VERSION__: string | undefined;
declare const __PROMTAP_REVISION__: string | undefined;

export const VERSION = typeof __PROMTAP_VERSION__ === "string" ? __PROMTAP_VERSION__ : "dev";

/** The commit that the binary was built from. */
export const REVISION = typeof __PROMTAP_REVISION__ === "string" ? __PROMTAP_REVISION__ : "dev";
