/** Options of GCC for code that reads what strangers send: what overflows ends the program in place of going on. */
export const HARDENING: readonly string[] = [
  "-fstack-protector-strong",
  "-fstack-clash-protection",
  "-U_FORTIFY_SOURCE",
  "-D_FORTIFY_SOURCE=2",
];

/** Its options for linking: every address of a function is looked up at once, and can't be changed from then on. */
export const HARDENING_LINKED: readonly string[] = ["-Wl,-z,relro,-z,now"];
